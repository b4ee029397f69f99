/* SPDX-License-Identifier: Apache-2.0 */
/* What lwgated reads before it does anything: the configuration, credentials, the policy, keys. */
#include "doctor/doctor.h"

#include "conf/credentials.h"
#include "doctor/lines.h"
#include "gateway/material.h"
#include "gateway/rules.h"

#include <errno.h>
#include <unistd.h>

void doctor_check_configuration(struct doctor *d)
{
	static const struct doctor_kind kind = { .id = "configuration",
		.severity = DOCTOR_PROBLEM,
		.why = "lwgated does not start, and a reload is refused" };
	struct conf_error error;
	d->has_conf = conf_load(d->file, &d->conf, &error);
	if (!d->has_conf && access(d->file, R_OK) != 0 && errno == EACCES) {
		doctor_say(d, &kind,
			"sudo lwgatectl doctor, or be the user that lwgated is: nothing more can "
			"be "
			"looked at",
			"%s: permission denied", d->file);
		return;
	}
	if (!d->has_conf) {
		doctor_say_error(d, &kind, error.text);
		return;
	}
	d->lines = doctor_lines_new(d->file);
	doctor_good(d, kind.id, "%s: every setting is known and in its range", d->file);
}

/* --- credentials ------------------------------------------------------------------------------ */

static const struct doctor_kind credentials = { .id = "credentials",
	.severity = DOCTOR_PROBLEM,
	.setting = "credentials",
	.why = "lwgated does not start, and a reload is refused" };

static bool try_masters(struct doctor *d)
{
	struct conf_error error;
	bool ok = true;
	for (size_t i = 0; i < d->conf.upstreams_len; i++) {
		const char *const file = d->conf.upstreams[i].master_secret_file;
		struct cred_set *const s = file == NULL ? NULL : cred_load(NULL, file, &error);
		if (file != NULL && s == NULL) {
			struct doctor_kind kind = credentials;
			kind.setting = "upstream.master_secret_file";
			doctor_say_error(d, &kind, error.text);
			ok = false;
		}
		cred_free(s);
	}
	return ok;
}

/* As lwgated does: whoever has a master secret, or a key of its own, needs none of each device. */
static struct cred_set *load(const struct conf_gateway *c, struct conf_error *error)
{
	bool import = false;
	for (size_t i = 0; i < c->upstreams_len; i++)
		import = import || c->upstreams[i].dtls.proof != CONF_BY_PSK ||
			 (c->upstreams_len > 1 && c->upstreams[i].master_secret_file != NULL);
	if (import && c->credentials != NULL)
		return cred_load_import(c->credentials, error);
	return cred_load(c->credentials,
		c->upstreams_len == 1 ? c->upstreams[0].master_secret_file : NULL, error);
}

static void check_credentials(struct doctor *d)
{
	struct conf_error error;
	if (!try_masters(d))
		return;
	struct cred_set *const s = load(&d->conf, &error);
	if (s == NULL)
		doctor_say_error(d, &credentials, error.text);
	else if (d->conf.credentials != NULL)
		doctor_good(d, credentials.id, "%s: %zu credentials", d->conf.credentials,
			cred_count(s));
	cred_free(s);
}

/* --- the rest --------------------------------------------------------------------------------- */

static void check_policy(struct doctor *d)
{
	static const struct doctor_kind kind = { .id = "policy",
		.severity = DOCTOR_PROBLEM,
		.setting = "policy.file",
		.why = "lwgated does not start, and a reload is refused" };
	struct conf_error error;
	struct gw_rules *const rules = gw_rules_new(d->conf.policy_file, &error);
	if (rules == NULL)
		doctor_say_error(d, &kind, error.text);
	else
		doctor_good(d, kind.id, "%s", gw_rules_name(rules));
	gw_rules_unref(rules);
}

static void check_material(struct doctor *d)
{
	static const struct doctor_kind kind = { .id = "keys",
		.severity = DOCTOR_PROBLEM,
		.why = "lwgated does not start, and a reload is refused" };
	struct conf_error error;
	struct gw_material *const m = gw_material_new(&d->conf, &error);
	if (m == NULL)
		doctor_say_error(d, &kind, error.text);
	else
		doctor_good(d, kind.id,
			"keys, certificates and anchors of %zu listeners and %zu upstreams fit",
			gw_material_listeners(m), gw_material_upstreams(m));
	gw_material_unref(m);
}

void doctor_check_keys(struct doctor *d)
{
	check_credentials(d);
	check_policy(d);
	check_material(d);
}
