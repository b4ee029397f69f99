/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of the store's rows: the first octet says of which kind, the rest is the value. What
 * is read must be written again octet by octet.
 */
#include <assert.h>
#include <string.h>

#include "store/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sip_key mac = { 1, 2 };
enum { SLOT = 7, CRED = 9, OUT = VALUE_PLAIN_MAX };

static void same(struct kv_slice v, const uint8_t *out, size_t len)
{
	assert(len == v.len);
	assert(memcmp(out, v.data, len) == 0);
}

static void macs(struct kv_slice v, uint8_t out[OUT])
{
	struct value_meta meta;
	struct value_lease lease;
	struct store_verdict verdict;
	if (value_meta_read(v, &mac, &meta))
		same(v, out, value_meta_write(&meta, &mac, out, OUT));
	if (value_lease_read(v, &mac, SLOT, &lease))
		same(v, out, value_lease_write(&lease, &mac, SLOT, out, OUT));
	if (value_verdict_read(v, &mac, CRED, &verdict))
		same(v, out, value_verdict_write(&verdict, &mac, out, OUT));
}

static void heads(unsigned kind, struct kv_slice v, uint8_t out[OUT])
{
	struct value_assoc_head assoc;
	struct store_cred_mark cred;
	struct value_session_head session;
	struct value_resume_head resume;
	struct kv_slice rest = { "", 0 };
	size_t len = 0;
	bool good = false;
	if (kind == 0) {
		good = value_assoc_head_read(v, &assoc, &rest);
		len = value_assoc_head_write(&assoc, out, OUT);
	} else if (kind == 1) {
		good = value_cred_head_read(v, &mac, CRED, &cred, &rest);
		len = value_cred_head_write(&cred, &mac, CRED, out, OUT);
	} else if (kind == 2) {
		good = value_session_head_read(v, &session, &rest);
		len = value_session_head_write(&session, out, OUT);
	} else {
		good = value_resume_head_read(v, &resume, &rest);
		len = value_resume_head_write(&resume, out, OUT);
	}
	if (!good)
		return;
	assert(rest.len <= v.len && len + rest.len == v.len);
	same((struct kv_slice){ v.data, len }, out, len);
}

static void plain(unsigned kind, struct kv_slice v, uint8_t out[OUT])
{
	union {
		struct store_assoc assoc;
		struct store_cred cred;
		struct store_session session;
		struct store_resume resume;
	} x;
	memset(&x, 0, sizeof(x));
	if (kind == 0 && value_assoc_read(v, &x.assoc))
		same(v, out, value_assoc_write(&x.assoc, out, OUT));
	else if (kind == 1 && value_cred_read(v, &x.cred))
		same(v, out, value_cred_write(&x.cred, out, OUT));
	else if (kind == 2 && value_session_read(v, &x.session))
		same(v, out, value_session_write(&x.session, out, OUT));
	else if (kind == 3 && value_resume_read(v, &x.resume))
		same(v, out, value_resume_write(&x.resume, x.resume.born, out, OUT));
}

static void staged(unsigned kind, struct kv_slice v, uint8_t out[OUT])
{
	struct value_staged_head h;
	struct store_staged x = { 0 };
	struct kv_slice rest;
	if (kind > 0) {
		if (value_staged_read(v, &x))
			same(v, out, value_staged_write(&x, out, OUT));
		return;
	}
	if (!value_staged_head_read(v, &mac, CRED, &h, &rest))
		return;
	const size_t len = value_staged_head_write(&h, &mac, CRED, out, OUT);
	assert(len + rest.len == v.len);
	same((struct kv_slice){ v.data, len }, out, len);
}

static void messages(unsigned kind, struct kv_slice v, uint8_t out[OUT])
{
	struct value_sms box;
	struct value_sms_count count;
	struct store_sms_message m = { 0 };
	struct kv_slice rest;
	uint64_t proved = 0;
	if (kind == 0 && value_sms_read(v, &mac, CRED, &box))
		same(v, out, value_sms_write(&box, &mac, CRED, out, OUT));
	else if (kind == 1 && value_sms_count_read(v, &mac, CRED, &count))
		same(v, out, value_sms_count_write(&count, &mac, CRED, out, OUT));
	else if (kind == 2 && value_message_read(v, &m))
		same(v, out, value_message_write(&m, out, OUT));
	if (kind != 3 || !value_sms_head_read(v, &proved, &rest))
		return;
	const size_t len = value_sms_head_write(proved, out, OUT);
	assert(len + rest.len == v.len);
	same((struct kv_slice){ v.data, len }, out, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[OUT]; /* not on the stack: what is called has much there, too */
	if (size == 0)
		return 0;
	const struct kv_slice v = { data + 1, size - 1 };
	const unsigned kind = data[0] % 4;
	if (data[0] < 4)
		macs(v, out);
	else if (data[0] < 8)
		heads(kind, v, out);
	else if (data[0] < 16)
		plain(kind, v, out);
	else if (data[0] < 32)
		staged(kind, v, out);
	else
		messages(kind, v, out);
	return 0;
}
