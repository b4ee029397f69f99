/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sms_keys_say.h"

#include "base/log.h"
#include "gateway/chronicle.h"
#include "gateway/clock.h"
#include "gateway/sms_keys_run.h"
#include "gateway/worker.h"

#include <inttypes.h>
#include <string.h>

void gw_keys_say(const struct gw_shared *s, const struct log *log, const char *endpoint,
	const struct gw_keys_change *x)
{
	struct gw_entry e = {
		.wall_ms = gw_clock_shown_ms(),
		.kind = GW_ENTRY_SMS_KEYS,
		.was = x->was,
		.is = x->is,
		.new_generation = x->generation,
	};
	if (!s->chronicle || !x->moved) {
		log_say(log, LOG_LEVEL_DEBUG, "sms-keys",
			"endpoint=%s is=%s generation=%" PRIu32 " event=\"%s\" cause=%s", endpoint,
			keyset_state_name(x->is), x->generation,
			keyset_event_name((uint8_t)x->event), x->cause[0] ? x->cause : "none");
		return;
	}
	memcpy(e.endpoint, endpoint, strnlen(endpoint, sizeof(e.endpoint) - 1));
	memcpy(e.reason, x->cause, strnlen(x->cause, sizeof(x->cause)));
	(void)gw_chronicle_put(s->chronicle, &e); /* what is lost is counted there */
}
