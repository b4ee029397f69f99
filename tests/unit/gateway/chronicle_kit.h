/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the chronicle share: a folder, a log that can be read, an entry. */
#ifndef LWG_TESTS_UNIT_GATEWAY_CHRONICLE_KIT_H
#define LWG_TESTS_UNIT_GATEWAY_CHRONICLE_KIT_H

#include "base/log.h"
#include "gateway/chronicle.h"

enum { KIT_TEXT = 1 << 16, KIT_PATIENCE_MS = 10000 };

struct kit {
	char folder[32];
	char file[64], moved[64], path[64]; /* in it */
	char error[512];
	struct log log; /* into a file of its own */
	struct gw_chronicle *chronicle;
};

int kit_make(void **state);
int kit_remove(void **state);
/* with_file, with_path: NULL when false. Fails the test when it cannot. */
void kit_open(struct kit *k, bool with_file, bool with_path);
/* What the log says; until the next call. */
const char *kit_log(const struct kit *k);
/* What a file holds; until the next call. NULL: there is none. */
const char *kit_read(const char *path);
/* Everything filled in; n: the generation before. */
struct gw_entry kit_entry(uint64_t n);
/* Its line with a NUL; until the next call. */
const char *kit_line(uint64_t n);
void kit_put(const struct kit *k, uint64_t n);
struct gw_chronicle_facts kit_facts(const struct kit *k);
/* How many times what is in text. */
size_t kit_count(const char *text, const char *what);

#endif
