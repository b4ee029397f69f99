/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tpm_object.h"

#include "base/rd.h"
#include "store/tpm.h"

enum { SIZE = 2 }; /* of a size field, part 2, 10.4.2 */

static bool is_ours(struct rd *r)
{
	const uint16_t kind = rd_u16(r);
	const uint16_t hash = rd_u16(r);
	const uint32_t attributes = rd_u32(r);
	const uint16_t policy_len = rd_u16(r);
	const uint16_t scheme = rd_u16(r);
	const uint16_t name_len = rd_u16(r);
	rd_skip(r, TPM_OBJECT_NAME);
	return rd_end(r) && kind == TPM_OBJECT_KEYEDHASH && hash == TPM_OBJECT_SHA256 &&
	       attributes == TPM_OBJECT_ATTRIBUTES && policy_len == 0 &&
	       scheme == TPM_OBJECT_NO_SCHEME && name_len == TPM_OBJECT_NAME;
}

bool tpm_object_parse(const uint8_t *data, size_t len, struct tpm_object *out)
{
	if (len > TPM_OBJECT_MAX)
		return false;
	struct rd r = rd_from(data, len);
	struct rd open = rd_sub(&r, rd_u16(&r));
	const size_t public_len = len - r.left;
	const struct rd hidden = rd_sub(&r, rd_u16(&r));
	if (!rd_end(&r) || hidden.left == 0 || !is_ours(&open))
		return false;
	*out = (struct tpm_object){
		.public_part = data,
		.public_len = public_len,
		.private_part = data + public_len,
		.private_len = SIZE + hidden.left,
	};
	return true;
}
