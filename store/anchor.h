/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/anchor: a watermark that is kept elsewhere than the database, so that an older copy of the
 *               database is known for one (S5).
 *
 * Promise: the watermark only grows. anchor_raise() returns true when it is durable. A file anchor
 *          that is missing or damaged is not taken for 0: anchor_open() fails unless fresh is set.
 * Errors:  *error names the file or the TPM index, and the remedy.
 * Threads: one at a time.
 */
#ifndef LWG_STORE_ANCHOR_H
#define LWG_STORE_ANCHOR_H

#include "base/attr.h"
#include "store/error.h"

#include <stdbool.h>
#include <stdint.h>

struct anchor;

struct anchor_chip { /* as in store/tpm.h */
	bool (*read)(const char *tcti, uint32_t index, uint64_t *value, struct store_error *error);
	bool (*increment)(
		const char *tcti, uint32_t index, uint64_t *value, struct store_error *error);
};

struct anchor_settings {
	const char *name; /* "/path/of/file", or "tpm:0x01500001"; "" or NULL: there is none */
	const char *tcti; /* for a TPM */
	const struct anchor_chip *chip; /* NULL: the TPM; tests play one */
	uint8_t uuid[16]; /* of the store that it belongs to; a file anchor of another is refused */
	bool fresh;       /* the store is new: the anchor may be made */
};

/* NULL: error. Without a name: an anchor that anchors nothing (anchor_is_real() false). */
MUST_USE struct anchor *anchor_open(const struct anchor_settings *s, struct store_error *error);
void anchor_close(struct anchor *a);
bool anchor_is_real(const struct anchor *a);
uint64_t anchor_value(const struct anchor *a);
/* Raises it to at least value. A TPM's counter grows by steps of one, at most 64 in a call, and its
   first value is arbitrary: a new store begins its watermark at anchor_value(). */
MUST_USE bool anchor_raise(struct anchor *a, uint64_t value, struct store_error *error);

#endif
