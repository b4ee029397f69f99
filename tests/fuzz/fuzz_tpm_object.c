/* SPDX-License-Identifier: Apache-2.0 */
/* A file that says it is what a TPM has sealed. */
#include <assert.h>
#include <string.h>

#include "base/wr.h"
#include "store/tpm.h"
#include "store/tpm_object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was let through differs from any other such file in its name and its private part only. */
static void check(const uint8_t *data, size_t size, const struct tpm_object *o)
{
	uint8_t again[TPM_OBJECT_MAX];
	struct wr w = wr_into(again, sizeof(again));
	wr_u16(&w, 2 + 2 + 4 + 2 + 2 + 2 + TPM_OBJECT_NAME);
	wr_u16(&w, TPM_OBJECT_KEYEDHASH);
	wr_u16(&w, TPM_OBJECT_SHA256);
	wr_u32(&w, TPM_OBJECT_ATTRIBUTES);
	wr_u16(&w, 0);
	wr_u16(&w, TPM_OBJECT_NO_SCHEME);
	wr_u16(&w, TPM_OBJECT_NAME);
	wr_bytes(&w, o->public_part + w.len, TPM_OBJECT_NAME);
	assert(wr_ok(&w) && w.len == o->public_len && o->private_len > 2);
	wr_bytes(&w, o->private_part, o->private_len);
	assert(wr_ok(&w) && w.len == size && memcmp(again, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tpm_object object;
	if (tpm_object_parse(data, size, &object))
		check(data, size, &object);
	return 0;
}
