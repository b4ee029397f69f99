/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/tpm_object: the file form of what a TPM has sealed: TPM2B_PUBLIC, then TPM2B_PRIVATE, as
 *                   tpm2_create(1) writes them with -u and -r.
 *
 * Promise: what is let through has the very form that tpm_seal() makes: sealed data with the
 *          attributes of ours, without a policy. So a file that somebody exchanged for an object of
 *          another kind does not reach the TPM. The private part is the TPM's to check.
 * Errors:  false. Clock, I/O, allocation: none; *out borrows from data.
 * Threads: any.
 * Source:  TPM 2.0 Library, part 2, 12.2.4 (TPMT_PUBLIC), 12.3.7 (TPM2B_PRIVATE), 8.3.
 */
#ifndef LWG_STORE_TPM_OBJECT_H
#define LWG_STORE_TPM_OBJECT_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TPM_OBJECT_KEYEDHASH = 0x0008, /* part 2, 6.3 */
	TPM_OBJECT_SHA256 = 0x000b,
	TPM_OBJECT_NO_SCHEME = 0x0010,
	/* fixedTPM, fixedParent, userWithAuth, noDA; no decrypt, sign or restricted: sealed data */
	TPM_OBJECT_ATTRIBUTES = 0x0452,
	TPM_OBJECT_NAME = 32, /* octets of a SHA-256 */
};

struct tpm_object { /* each with its size in front */
	const uint8_t *public_part;
	size_t public_len;
	const uint8_t *private_part;
	size_t private_len;
};

MUST_USE bool tpm_object_parse(const uint8_t *data, size_t len, struct tpm_object *out);

#endif
