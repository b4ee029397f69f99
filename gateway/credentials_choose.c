/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/credentials_choose.h"

#include "base/wipe.h"
#include "conf/purpose.h"

#include <stdio.h>
#include <string.h>

/* One for short messages is meant where that is said, or where there is no other. */
static bool is_meant(const struct store_cred *c, enum ctl_purpose purpose)
{
	if (purpose == CTL_FOR_SMS || c->kind == STORE_CRED_SMS)
		return purpose == CTL_FOR_SMS && c->kind == STORE_CRED_SMS;
	return purpose == CTL_FOR_UNSAID || c->purpose == (int)purpose - 1;
}

/* One that is active is meant before those that are not. */
static void note(struct gw_choice *choice, const struct store_cred *c, bool *has_active)
{
	const bool active = c->state == STORE_CRED_ACTIVE;
	if (active && !*has_active)
		choice->len = 0;
	*has_active = *has_active || active;
	if (active != *has_active || choice->len == GW_CHOICES)
		return;
	choice->numbers[choice->len] = c->number;
	choice->purposes[choice->len++] = c->purpose;
}

static bool choose(struct store_reader *r, const char *endpoint, enum ctl_purpose purpose,
	struct gw_choice *choice, struct store_cred *out)
{
	uint32_t number = 0;
	bool has_active = false;
	*choice = (struct gw_choice){ .result = STORE_OK };
	while ((choice->result = store_next_of_endpoint(r, endpoint, &number, out)) == STORE_OK) {
		if (is_meant(out, purpose))
			note(choice, out, &has_active);
		else if (out->state == STORE_CRED_ACTIVE && out->kind != STORE_CRED_SMS)
			choice->others |= 1U << out->purpose;
		wipe(out, sizeof(*out));
	}
	if (choice->len == 1 && choice->result == STORE_NONE)
		choice->result = store_read_cred(r, choice->numbers[0], out);
	store_reader_rest(r);
	choice->is_active = has_active;
	return choice->len == 1 && choice->result == STORE_OK;
}

bool gw_choose(struct store_reader *r, const char *endpoint, enum ctl_purpose purpose,
	struct gw_choice *choice, struct store_cred *out)
{
	struct gw_choice sms;
	const bool found = choose(r, endpoint, purpose, choice, out);
	if (purpose != CTL_FOR_UNSAID || (choice->len > 0 && choice->is_active))
		return found;
	wipe(out, sizeof(*out));
	if (choose(r, endpoint, CTL_FOR_SMS, &sms, out) && (sms.is_active || choice->len == 0)) {
		*choice = sms;
		return true;
	}
	return choose(r, endpoint, purpose, choice, out);
}

static enum ctl_status none_of(const struct gw_choice *choice, const char *endpoint,
	enum ctl_purpose purpose, struct ctl_said *said)
{
	const bool two = choice->others == (1U << STORE_FOR_SERVER | 1U << STORE_FOR_BOOTSTRAP);
	const char *const other = choice->others == 1U << STORE_FOR_ANY      ? "any purpose"
				  : choice->others == 1U << STORE_FOR_SERVER ? "server"
				  : two ? "server, and one for bootstrap"
					: "bootstrap";
	if (choice->others == 0)
		(void)snprintf(said->text, sizeof(said->text),
			"%s: there is no such credential; `lwgatectl credential list` shows all",
			endpoint);
	else
		(void)snprintf(said->text, sizeof(said->text),
			"%s: has no credential for %s; it has one for %s", endpoint,
			ctl_purpose_word(purpose), other);
	return CTL_UNKNOWN_ENDPOINT;
}

enum ctl_status gw_choose_said(const struct gw_choice *choice, const char *endpoint,
	enum ctl_purpose purpose, struct ctl_said *said)
{
	if (choice->result != STORE_OK && choice->result != STORE_NONE) {
		(void)snprintf(said->text, sizeof(said->text),
			"%s: the store cannot be read there; look into the log", endpoint);
		return CTL_FAILED;
	}
	if (choice->len == 0)
		return none_of(choice, endpoint, purpose, said);
	(void)snprintf(said->text, sizeof(said->text),
		"%s: has a credential for %s and one for %s; say which: --purpose %s, or "
		"--purpose %s",
		endpoint, conf_purpose_word((enum conf_purpose)choice->purposes[0]),
		conf_purpose_word((enum conf_purpose)choice->purposes[1]),
		conf_purpose_word((enum conf_purpose)choice->purposes[0]),
		conf_purpose_word((enum conf_purpose)choice->purposes[1]));
	return CTL_FAILED;
}
