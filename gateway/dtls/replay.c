/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/replay.h"

#include <assert.h>

bool dtls_replay_check(const struct dtls_replay *r, uint64_t seq)
{
	if (seq >= r->next)
		return true;
	const uint64_t age = r->next - 1 - seq;
	return age < DTLS_REPLAY_WINDOW && (r->seen >> age & 1) == 0;
}

void dtls_replay_mark(struct dtls_replay *r, uint64_t seq)
{
	assert(dtls_replay_check(r, seq));
	if (seq < r->next) {
		r->seen |= UINT64_C(1) << (r->next - 1 - seq);
		return;
	}
	const uint64_t ahead = seq + 1 - r->next;
	r->seen = ahead < DTLS_REPLAY_WINDOW ? r->seen << ahead : 0;
	r->seen |= 1;
	r->next = seq + 1;
}
