/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/passage.h"

#include <stdlib.h>

#include "proxy/answer.h"
#include "proxy/device.h"
#include "proxy/options.h"
#include "proxy/rewrite.h"

void relay_device_set_purpose(struct relay_device *d, enum relay_purpose purpose)
{
	d->purpose = (uint8_t)purpose;
}

struct registration_verdict passage_judge(const struct relay_device *d, const struct pdu *request)
{
	const struct relay_settings *const s = &d->relay->settings;
	const struct registration_rules rules = {
		.endpoint = d->endpoint,
		.wrong_endpoint = s->wrong_endpoint_403 ? PDU_FORBIDDEN : PDU_BAD_REQUEST,
		.purpose = (enum relay_purpose)d->purpose,
		.update = s->update_after_handshake,
		.kept = s->registrations_kept,
	};
	return registration_judge(&rules, &d->reg, request);
}

static bool write_anew(struct passage *p, const struct rewrite *how, const struct pdu *request)
{
	const size_t room = rewrite_room(how, request);
	p->copy = malloc(room);
	if (!p->copy)
		return false;
	const size_t len = rewrite_write(p->copy, room, how, request);
	if (len > 0 && pdu_parse(p->copy, len, &p->m) == PDU_OK)
		return true;
	passage_close(p);
	return false;
}

bool passage_open(struct passage *p, struct relay_device *d, enum side to,
	const struct pdu *request, bool unnamed)
{
	const struct options_found found = options_of_request(request, to == SIDE_SERVER);
	const struct rewrite how = {
		.endpoint = unnamed ? d->endpoint : NULL,
		.without_host = found.host,
		.one_hop_less = found.hop,
	};
	struct answer a = { .code = found.code, .why = found.why };
	*p = (struct passage){ .m = *request };
	if (found.reject && request->type == PDU_NON) {
		d->relay->stats.dropped++;
		return false;
	}
	if (found.code == 0 && rewrite_changes(&how) && !write_anew(p, &how, request))
		a = (struct answer){ PDU_UNAVAILABLE, "no memory", 1, false, 0 };
	if (a.code == 0)
		return true;
	answer_request(d, other_side(to), request, &a);
	return false;
}

void passage_close(struct passage *p)
{
	free(p->copy);
	p->copy = NULL;
}
