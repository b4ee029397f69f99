/* SPDX-License-Identifier: Apache-2.0 */
/* What a store gives back as a context, damaged or not: read, written, woken with. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dtls/context.h"
#include "dtls/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t room[DTLS_RECORD_HEADER + DTLS_CID_MAX + DTLS_GUARD_OVERHEAD_MAX + 64];

static uint8_t *no_room(void *ctx, const struct net_path *path, size_t cap)
{
	(void)ctx;
	(void)path;
	return cap <= sizeof(room) ? room : NULL;
}

static void sent(void *ctx, size_t len)
{
	(void)ctx;
	assert(len <= sizeof(room));
}

static void zeros(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	memset(out, 0, len);
}

/* What decodes, encodes to the same bytes. */
static bool read_and_write(const uint8_t *data, size_t size)
{
	uint8_t *const copy = malloc(size ? size : 1);
	assert(copy);
	if (size > 0)
		memcpy(copy, data, size);
	struct dtls_context k;
	const bool good = dtls_context_decode(copy, size, &k);
	free(copy);
	if (!good) {
		static const struct dtls_key nothing;
		assert(memcmp(&k.in, &nothing, sizeof(k.in)) == 0);
		assert(memcmp(&k.out, &nothing, sizeof(k.out)) == 0);
		return false;
	}
	uint8_t again[DTLS_CONTEXT_MAX];
	const size_t len = dtls_context_encode(&k, again);
	assert(len == size && memcmp(again, data, size) == 0);
	return true;
}

static struct dtls_engine *engine(void)
{
	const struct dtls_settings set = dtls_settings_default();
	const struct dtls_owner owner = { .room = no_room, .sent = sent, .random = zeros };
	struct dtls_engine *const e = dtls_engine_new(&set, &owner, 1000);
	assert(e);
	return e;
}

/* Whoever wakes goes back to sleep as he was. */
static void wake_and_sleep(struct dtls_engine *e, const uint8_t *data, size_t size, bool good)
{
	struct dtls_sleeper s = {
		.path = { .peer = { .family = NET_IPV4 } },
		.role = DTLS_SERVER,
		.context_len = size,
		.numbers = { .write_end = 2, .read_end = UINT64_MAX },
	};
	memcpy(s.context, data, size < sizeof(s.context) ? size : sizeof(s.context));
	struct dtls_conn *const c = dtls_wake(e, &s, 1000);
	assert((c != NULL) == good);
	if (!c)
		return;
	uint8_t again[DTLS_CONTEXT_MAX];
	assert(dtls_context_write(c, again) == size && memcmp(again, data, size) == 0);
	const enum dtls_result r = dtls_send(e, c, data, 32);
	assert(r == DTLS_OK);
	dtls_sleep(e, c);
	assert(dtls_stats(e).conns == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dtls_engine *e; /* one for all inputs, as in a worker */
	if (!e)
		e = engine();
	const bool good = read_and_write(data, size);
	wake_and_sleep(e, data, size, good);
	return 0;
}
