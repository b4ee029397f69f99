/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tpm.h"

/* The libraries of tpm2-tss decide, as the Makefile found them: nothing in base/ knows them. */
#ifndef LWG_TPM

#include <stdio.h>

static bool refuse(struct store_error *error)
{
	(void)snprintf(error->text, sizeof(error->text),
		"this lwgate was built without TPM support (tpm2-tss was not found); install "
		"libtss2-dev and build anew, or keep the key in a file");
	return false;
}

bool tpm_seal(const char *tcti, const uint8_t secret[TPM_SECRET], uint8_t object[TPM_OBJECT_MAX],
	size_t *len, struct store_error *error)
{
	(void)tcti;
	(void)secret;
	(void)object;
	*len = 0;
	return refuse(error);
}

bool tpm_unseal(const char *tcti, const uint8_t *object, size_t len, uint8_t secret[TPM_SECRET],
	struct store_error *error)
{
	(void)tcti;
	(void)object;
	(void)len;
	(void)secret;
	return refuse(error);
}

bool tpm_counter_read(const char *tcti, uint32_t index, uint64_t *value, struct store_error *error)
{
	(void)tcti;
	(void)index;
	*value = 0;
	return refuse(error);
}

bool tpm_counter_increment(
	const char *tcti, uint32_t index, uint64_t *value, struct store_error *error)
{
	(void)tcti;
	(void)index;
	*value = 0;
	return refuse(error);
}

#endif
