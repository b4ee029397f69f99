/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/pages: a look at the pages of an LMDB database before LMDB trusts them.
 *
 * LMDB's pages have no checksums, and it takes lengths, offsets and page numbers as they stand: a
 * wrong one in its list of free pages has it write beyond what it allocated. Here nothing is taken
 * as it stands. What is looked at: the newer of the two pages of facts; the tree of free pages and
 * that of tables, whole; of each table the branches, and up to PAGES_LEAVES leaves in all. So a
 * page beyond these, or one that goes bad later, is still met by LMDB first.
 *
 * Promise: total: no octet outside of the file is read, whatever it says, and each page is looked
 *          at once. Sound means: each page that was met is of the kind that its place asks for, its
 *          nodes fill it without overlap, and no page is in two places (in use, or free).
 * Errors:  false with *out filled.
 * Threads: pure; nobody changes the file meanwhile.
 * Source:  LMDB 0.9.24, mdb.c: MDB_page, MDB_node, MDB_db, MDB_meta (data format 1); midl.h.
 */
#ifndef LWG_STORE_PAGES_H
#define LWG_STORE_PAGES_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* LMDB may not have written free pages at the end: so many may lie behind the file's. */
enum { PAGES_LACKING = 65536, PAGES_LEAVES = 2048 };

struct pages_fault {
	uint64_t page;
	const char *what; /* NULL: no memory to look with */
	uint64_t need;    /* the file is cut off, and should have so many octets; 0: it is not */
};

MUST_USE bool pages_are_sound(const void *file, size_t len, struct pages_fault *out);

#endif
