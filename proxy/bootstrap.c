/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bootstrap, from the server's 2.04 to the device's request until it has finished, or is no
 * longer talked about. Its end comes once, whichever of its ends comes first; what passes after a
 * Finish are copies.
 */
#include "proxy/device.h"

#include <string.h>

static struct relay_objection tell(
	struct relay_device *d, enum relay_bootstrap what, const struct pdu *m)
{
	const struct relay_owner *const o = &d->relay->owner;
	const struct relay_objection none = { .code = 0 };
	return o->bootstrap ? o->bootstrap(o->ctx, d, what, m) : none;
}

/* The owner need not watch it any more. */
static void unwatch(struct relay_device *d)
{
	if (!d->bootstrap_watched)
		return;
	d->bootstrap_watched = false;
	(void)tell(d, RELAY_BOOTSTRAP_ENDS, NULL);
}

static void goes_on(struct relay_device *d)
{
	d->bootstrap_until_ms = d->relay->now_ms + d->relay->settings.answer_ms;
	relay_schedule(d, d->bootstrap_until_ms);
}

void relay_bootstrap_begins(struct relay_device *d)
{
	relay_bootstrap_ends(d);
	goes_on(d);
	d->bootstrap_watched = true;
	(void)tell(d, RELAY_BOOTSTRAP_BEGINS, NULL);
}

void relay_bootstrap_ends(struct relay_device *d)
{
	d->bootstrap_until_ms = 0;
	d->bootstrap_finished = false;
	unwatch(d);
}

void relay_bootstrap_due(struct relay_device *d)
{
	if (d->bootstrap_until_ms == 0)
		return;
	if (d->bootstrap_until_ms <= d->relay->now_ms)
		relay_bootstrap_ends(d);
	else
		relay_schedule(d, d->bootstrap_until_ms);
}

bool relay_is_finish(const struct relay_device *d, const struct pdu *request)
{
	char path[RELAY_LOCATION_MAX];
	return d->bootstrap_until_ms != 0 && request->code == PDU_POST &&
	       registration_path(request, path) && strcmp(path, "bs") == 0;
}

struct relay_objection relay_bootstrap_asked(struct relay_device *d, const struct pdu *m)
{
	struct relay_objection no = { .code = 0 };
	relay_bootstrap_due(d);
	if (d->bootstrap_until_ms == 0)
		return no;
	if (!d->bootstrap_finished)
		goes_on(d);
	if (d->bootstrap_watched)
		no = tell(d, RELAY_BOOTSTRAP_ASKED, m);
	/* What is asked after a Finish begins anew: its answer does not end that. */
	if (no.code == 0)
		d->bootstrap_finished = relay_is_finish(d, m);
	return no;
}

void relay_bootstrap_answered(struct relay_device *d, const struct pdu *m)
{
	relay_bootstrap_due(d);
	if (d->bootstrap_watched)
		(void)tell(d, RELAY_BOOTSTRAP_ANSWERED, m);
}

void relay_finish_answered(struct relay_device *d, const struct pdu *answer)
{
	if (answer->code == PDU_CHANGED && d->bootstrap_finished)
		unwatch(d);
	else
		d->bootstrap_finished = false; /* the server may mend it, and finish again */
}
