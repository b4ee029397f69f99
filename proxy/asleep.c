/* SPDX-License-Identifier: Apache-2.0 */
/* Queue mode: who sleeps, and what becomes of what the server asks meanwhile. What waits is the
   governor's. */
#include "proxy/answer.h"
#include "proxy/device.h"

#include <string.h>

bool relay_awake(struct relay_device *d)
{
	struct relay *const r = d->relay;
	const bool slept = device_is_asleep(d);
	d->awake_until_ms = r->now_ms + r->settings.awake_ms;
	d->wanted = false;
	return slept;
}

/* Register or Update, as far as one can tell before it is judged. */
static bool is_registration(const struct pdu *m)
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	return m->code == PDU_POST && pdu_next_of(&it, PDU_URI_PATH, &o) && o.len == 2 &&
	       memcmp(o.value, "rd", 2) == 0;
}

bool relay_awake_by(struct relay_device *d, const struct pdu *m)
{
	const bool by_any = !d->relay->settings.awake_by_update;
	return (by_any || (m && is_registration(m))) && relay_awake(d);
}

struct answer relay_asleep_answer(const struct relay *r)
{
	return (struct answer){ .code = PDU_UNAVAILABLE,
		.why = "the device sleeps",
		.max_age_s = r->settings.asleep_retry_s };
}

/* It could be woken by other means. */
static void tell(struct relay_device *d)
{
	struct relay *const r = d->relay;
	if (d->wanted || !r->owner.wanted)
		return;
	d->wanted = true;
	r->owner.wanted(r->owner.ctx, d);
}

bool relay_asleep_refuses(struct relay_device *d, const struct pdu *m)
{
	struct relay *const r = d->relay;
	if (!r->settings.asleep_refused || !device_is_asleep(d))
		return false;
	const struct answer a = relay_asleep_answer(r);
	r->stats.asleep_refused++;
	answer_request(d, SIDE_SERVER, m, &a);
	tell(d);
	return true;
}

void relay_asleep_holds(struct relay_device *d)
{
	if (!device_is_asleep(d))
		return;
	d->relay->stats.asleep_held++;
	tell(d);
}

struct relay_rest relay_device_rest(const struct relay_device *d, uint64_t now_ms)
{
	const bool queues = d->reg.active && d->reg.attributes.queue;
	return (struct relay_rest){
		.queues = queues,
		.asleep = queues && d->awake_until_ms <= now_ms && d->bootstrap_until_ms <= now_ms,
		.awake_until_ms = d->awake_until_ms,
		.waiting = queues ? governor_pending(d->governor, SIDE_SERVER) : 0,
	};
}
