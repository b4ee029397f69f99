/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/proto.h"

#include <string.h>

#include "base/rd.h"
#include "base/wr.h"

size_t ctl_request_write(const struct ctl_request *q, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	const size_t len = strnlen(q->arg, sizeof(q->arg));
	if (len > CTL_ARG_MAX || q->body_len > CTL_BODY_MAX)
		return 0;
	wr_u8(&w, CTL_VERSION);
	wr_u8(&w, (uint8_t)q->form);
	wr_u8(&w, (uint8_t)q->verb);
	wr_u8(&w, (uint8_t)len);
	wr_bytes(&w, q->arg, len);
	wr_bytes(&w, q->body, q->body_len);
	return wr_ok(&w) ? w.len : 0;
}

bool ctl_request_parse(const uint8_t *data, size_t len, struct ctl_request *out)
{
	struct rd r = rd_from(data, len);
	const uint8_t version = rd_u8(&r), form = rd_u8(&r), verb = rd_u8(&r), arg_len = rd_u8(&r);
	const uint8_t *arg = rd_bytes(&r, arg_len);
	*out = (struct ctl_request){ 0 };
	if (!rd_ok(&r) || version != CTL_VERSION || form > CTL_JSON || verb >= CTL_VERBS ||
		r.left > CTL_BODY_MAX)
		return false;
	if (arg_len > 0) {
		if (memchr(arg, '\0', arg_len) != NULL)
			return false;
		memcpy(out->arg, arg, arg_len);
	}
	out->form = (enum ctl_form)form;
	out->verb = (enum ctl_verb)verb;
	out->body = r.at;
	out->body_len = r.left;
	return true;
}
