/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/sp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct octets {
	const uint8_t *data;
	size_t size;
};

static size_t workers(void *ctx)
{
	const struct octets *o = ctx;
	return o->size % 4;
}

static bool worker(void *ctx, size_t number, struct ctl_worker *out)
{
	const struct octets *o = ctx;
	*out = (struct ctl_worker){ .datagrams_in = UINT64_MAX / 4 };
	return number != o->size % 8;
}

/* Sessions whose every text and number is the input's. */
static bool sessions(void *ctx, const char *endpoint, struct ctl_session **out, size_t *len)
{
	const struct octets *o = ctx;
	*len = endpoint == NULL ? o->size / 32 % 4 : 1;
	*out = calloc(*len + 1, sizeof(**out));
	if (*out == NULL)
		return false;
	for (size_t i = 0; i < *len; i++) {
		struct ctl_session *s = *out + i;
		const size_t skip = i * 7 % (o->size + 1), left = o->size - skip;
		if (left > 0)
			memcpy(s, o->data + skip, left < sizeof(*s) ? left : sizeof(*s));
		s->endpoint[sizeof(s->endpoint) - 1] = s->location[sizeof(s->location) - 1] = '\0';
		s->registered = o->size % 2 == 0;
		s->device.family = (uint8_t)(o->size % 7);
		s->link_peer.family = s->link_local.family = (uint8_t)(o->size % 5 + 2);
	}
	return true;
}

static bool close_it(void *ctx, const char *endpoint)
{
	(void)ctx;
	return endpoint[0] == 'a';
}

static uint64_t uptime_s(void *ctx)
{
	const struct octets *o = ctx;
	return o->size;
}

/* JSON is one line of ASCII; text for people has no controls but newlines. */
static void check(const struct ctl_out *o, bool json)
{
	if (o->len < 3 || o->data[o->len - 1] != '\n' || o->data[1] > CTL_FAILED)
		abort();
	for (size_t i = 2; i + 1 < o->len; i++) {
		const unsigned char c = (unsigned char)o->data[i];
		if (c == 0x7f || (c < 0x20 && (json || c != '\n')) || (json && c > 0x7f))
			abort();
	}
}

/* What is parsed lies within, and goes back as an answer's beginning. */
static void check_sp(const uint8_t *data, size_t size)
{
	struct ctl_sp_request q;
	uint8_t head[CTL_SP_HEAD_MAX];
	(void)(ctl_sp_greeted(data, size) == CTL_SP_GOOD);
	if (ctl_sp_parse(data, size, &q) != CTL_SP_GOOD)
		return;
	if (q.len > size || q.len > CTL_SP_REQUEST_MAX || q.body_len > size || q.stack_len < 4 ||
		q.stack + q.stack_len != q.body || q.body + q.body_len != data + q.len)
		abort();
	const size_t len = ctl_sp_head(&q, q.body_len, head);
	if (len + q.body_len != q.len || memcmp(head, data, len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t request_len = size < CTL_REQUEST_MAX ? size : CTL_REQUEST_MAX;
	struct octets rest = { .data = data, .size = size };
	const struct ctl_source source = {
		.ctx = &rest,
		.workers = workers,
		.worker = worker,
		.sessions = sessions,
		.close = close_it,
		.uptime_s = uptime_s,
	};
	struct ctl_out out = { 0 };
	struct ctl_request q;
	uint8_t wire[CTL_REQUEST_MAX];
	check_sp(data, size);
	if (!ctl_answer(&source, data, request_len, &out))
		abort();
	const bool good = ctl_request_parse(data, request_len, &q);
	check(&out, good && q.form == CTL_JSON);
	if (good && (ctl_request_write(&q, wire, sizeof(wire)) != request_len ||
			    memcmp(wire, data, request_len) != 0))
		abort();
	ctl_out_fini(&out);
	return 0;
}
