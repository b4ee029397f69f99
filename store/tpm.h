/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/tpm: what lwgate needs of a TPM 2.0: 32 octets sealed under the storage root key, and a
 *            counter in non-volatile memory that only grows.
 *
 * Built where tpm2-tss was found; otherwise each function answers false and says so.
 *
 * Threads: one call at a time.
 * Source:  TCG TSS 2.0 ESAPI; TPM 2.0 Library, part 3.
 */
#ifndef LWG_STORE_TPM_H
#define LWG_STORE_TPM_H

#include "base/attr.h"
#include "store/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TPM_SECRET = 32, TPM_OBJECT_MAX = 1024 };

/* object: what only this TPM can open again; *len of it. */
MUST_USE bool tpm_seal(const char *tcti, const uint8_t secret[TPM_SECRET],
	uint8_t object[TPM_OBJECT_MAX], size_t *len, struct store_error *error);
MUST_USE bool tpm_unseal(const char *tcti, const uint8_t *object, size_t len,
	uint8_t secret[TPM_SECRET], struct store_error *error);
/* A counter at an NV index (0x01500000 ..), which is made when it is not there. */
MUST_USE bool tpm_counter_read(
	const char *tcti, uint32_t index, uint64_t *value, struct store_error *error);
MUST_USE bool tpm_counter_increment(
	const char *tcti, uint32_t index, uint64_t *value, struct store_error *error);

#endif
