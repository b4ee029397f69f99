/* SPDX-License-Identifier: Apache-2.0 */
/* What makes no sense is refused: an operator who wrote it thinks that it does something. */
#include "policy/rule.h"

#include "policy/world.h"

#define BIT(n) (UINT64_C(1) << (n))

/* After these, what the session was authenticated with is not what it would be with today. */
#define OF_CREDENTIALS                                                                             \
	(BIT(POLICY_CRED_REPLACED) | BIT(POLICY_CRED_REVOKED) | BIT(POLICY_CRED_EXPIRED) |         \
		BIT(POLICY_CERT_REVOKED) | BIT(POLICY_ANCHOR_REMOVED) |                            \
		BIT(POLICY_MAPPING_CHANGED) | BIT(POLICY_OWN_CHANGED) | BIT(POLICY_SMS_KEY_STALE))

struct sense {
	struct policy_reader *r;
	const struct policy_box *when;
	const struct policy_leg_read *device, *upstream;
	const struct policy_value *values;
};

/* --- bounds ----------------------------------------------------------------------------------- */

static bool bounds_fit(const struct sense *s, const struct policy_leg_read *l, const char *leg)
{
	const enum policy_action a = l->leg.action;
	const char *word = policy_action_word(a);
	const bool within = a == POLICY_DRAIN || a == POLICY_REKEY_ON_WAKE;
	if (l->has_within && !within)
		return policy_fail(s->r, l->line,
			"%s: within_s is of drain and rekey-on-wake, not of %s; remove it", leg,
			word);
	if (l->has_for && a != POLICY_KEEP && a != POLICY_QUARANTINE)
		return policy_fail(s->r, l->line,
			"%s: for_s is of keep and quarantine, not of %s; remove it", leg, word);
	if (l->has_until && a != POLICY_KEEP)
		return policy_fail(s->r, l->line,
			"%s: until_registration is of keep, not of %s; remove it", leg, word);
	if (a == POLICY_DRAIN && !l->has_within)
		return policy_fail(s->r, l->line,
			"%s: drain has no bound; write %s = { action = \"drain\"; within_s = 30; }",
			leg, leg);
	if (a == POLICY_QUARANTINE && !l->has_for)
		return policy_fail(s->r, l->line,
			"%s: quarantine has no bound; write %s = { action = \"quarantine\"; for_s "
			"= "
			"3600; }",
			leg, leg);
	return true;
}

/* Who has no registration has no end of it, and would be kept for ever or not at all. */
static bool until_fits(const struct sense *s, const struct policy_leg_read *l, const char *leg)
{
	const uint64_t ended = policy_dim_bit(DIM_EVENT, POLICY_REGISTRATION_EXPIRED) |
			       policy_dim_bit(DIM_EVENT, POLICY_DEREGISTERED);
	if (!l->leg.until_registration)
		return true;
	if ((s->when->word & policy_dim_mask(DIM_EVENT) & ~ended) == 0)
		return policy_fail(s->r, l->line,
			"%s: until_registration: the event is the registration's end; use for_s, "
			"or "
			"teardown",
			leg);
	if ((s->when->word & policy_dim_bit(DIM_REGISTERED, false)) != 0)
		return policy_fail(s->r, l->line,
			"%s: until_registration needs a registration; add the condition registered "
			"= true, and another rule for those without",
			leg);
	return true;
}

/* --- the device's leg ------------------------------------------------------------------------- */

static bool only_value(const struct sense *s, enum policy_dim d, size_t value)
{
	return (s->when->word & policy_dim_mask(d)) == policy_dim_bit(d, value);
}

/* Is there DTLS in what the conditions let in? */
static bool some_dtls(const struct policy_box *when)
{
	const uint64_t on_dtls = policy_dim_bit(DIM_CHANNEL, POLICY_UDP_DTLS) |
				 policy_dim_bit(DIM_CHANNEL, POLICY_SMS_DTLS);
	const uint64_t with_dtls = policy_dim_bit(DIM_KIND, POLICY_PSK) |
				   policy_dim_bit(DIM_KIND, POLICY_RAW_KEY) |
				   policy_dim_bit(DIM_KIND, POLICY_CERTIFICATE);
	const uint64_t never = policy_dim_bit(DIM_EVENT, POLICY_NOSEC);
	return (when->word & on_dtls) != 0 && (when->word & with_dtls) != 0 &&
	       (when->word & policy_dim_mask(DIM_EVENT) & ~never) != 0;
}

static bool device_fits(const struct sense *s)
{
	const enum policy_action a = s->device->leg.action;
	const unsigned line = s->device->line;
	if (a == POLICY_REKEY_ON_WAKE && !some_dtls(s->when))
		return policy_fail(s->r, line,
			"device: rekey-on-wake needs DTLS, which nothing that meets the conditions "
			"has; use teardown");
	if (a == POLICY_REKEY_ON_WAKE && only_value(s, DIM_STATE, true))
		return policy_fail(s->r, line,
			"device: rekey-on-wake is for sessions that sleep, the rule is for those "
			"awake; use drain");
	if (a == POLICY_DRAIN && only_value(s, DIM_STATE, false))
		return policy_fail(s->r, line,
			"device: a session that is asleep has nothing to drain; use teardown or "
			"rekey-on-wake");
	return true;
}

/* --- the upstream leg, and both --------------------------------------------------------------- */

static bool upstream_fits(const struct sense *s)
{
	const enum policy_action a = s->upstream->leg.action;
	const unsigned line = s->upstream->line;
	if (a == POLICY_REKEY_ON_WAKE)
		return policy_fail(s->r, line,
			"upstream: rekey-on-wake is of devices, a server does not sleep; use drain "
			"or teardown");
	if (a == POLICY_QUARANTINE)
		return policy_fail(s->r, line,
			"upstream: quarantine is of the device's leg; write device = { action = "
			"\"quarantine\"; for_s = 3600; } and upstream = \"teardown\"");
	if (a == POLICY_DRAIN && only_value(s, DIM_UPSTREAM, false))
		return policy_fail(s->r, line,
			"upstream: a leg that is down has nothing to drain; use teardown or keep");
	if (s->device->leg.action == POLICY_QUARANTINE && a != POLICY_TEARDOWN)
		return policy_fail(s->r, line,
			"upstream: a device in quarantine has no upstream leg; write upstream = "
			"\"teardown\"");
	if ((a == POLICY_ALERT_ONLY) != (s->device->leg.action == POLICY_ALERT_ONLY))
		return policy_fail(s->r, line,
			"alert-only is of both legs, as it does nothing but alert; write keep for "
			"the one that stays");
	return true;
}

static bool alert_fits(const struct sense *s)
{
	const struct policy_value *alert = &s->values[PKEY_ALERT];
	const struct policy_value *resumption = &s->values[PKEY_RESUMPTION];
	if (s->device->leg.action != POLICY_ALERT_ONLY)
		return true;
	if (alert->node != NULL && alert->number == 0)
		return policy_fail(s->r, alert->line,
			"alert: is false, but alert-only does nothing else; use keep");
	if (resumption->node != NULL && resumption->number != 0)
		return policy_fail(s->r, resumption->line,
			"resumption: is refused, but alert-only changes nothing; use keep");
	return true;
}

/* R-211; and S29: a resumed session is as old as its full handshake, so that it would meet the
   same rule again at once. */
static bool resumption_fits(const struct sense *s)
{
	const struct policy_value *v = &s->values[PKEY_RESUMPTION];
	const enum policy_action a = s->device->leg.action;
	const uint64_t events = policy_dim_set(DIM_EVENT, s->when->word);
	if (v->node == NULL || v->number != 0 || a == POLICY_KEEP || a == POLICY_ALERT_ONLY)
		return true;
	if ((events & OF_CREDENTIALS) != 0)
		return policy_fail(s->r, v->line,
			"resumption: cannot be kept after %s where the device's leg is not: it "
			"would come back under the old credential; write refuse, or a rule for "
			"other events",
			policy_event_word(
				(enum policy_event)__builtin_ctzll(events & OF_CREDENTIALS)));
	if ((events & BIT(POLICY_AGE)) != 0)
		return policy_fail(s->r, v->line,
			"resumption: cannot be kept after the event age where the device's leg is "
			"not: a resumed session is as old as before; write refuse");
	return true;
}

bool policy_sense(struct policy_reader *r, const struct policy_box *when,
	const struct policy_leg_read legs[2], const struct policy_value *values)
{
	const struct sense s = { r, when, &legs[0], &legs[1], values };
	return upstream_fits(&s) && bounds_fit(&s, &legs[0], "device") &&
	       bounds_fit(&s, &legs[1], "upstream") && until_fits(&s, &legs[0], "device") &&
	       until_fits(&s, &legs[1], "upstream") && device_fits(&s) && alert_fits(&s) &&
	       resumption_fits(&s);
}
