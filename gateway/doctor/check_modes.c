/* SPDX-License-Identifier: Apache-2.0 */
/* Who else can read what is secret, and write what is believed. */
#include "doctor/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SETTING_MAX = 64 };

static void forbid(struct doctor *d, const char *setting, const char *file, mode_t mode, bool reads)
{
	const struct doctor_kind kind = { .id = "mode",
		.severity = DOCTOR_PROBLEM,
		.setting = setting,
		.why = reads ? "what stands there is no secret any more: who has read it can be a "
			       "device, or the gateway"
			     : "who can write it decides who comes in" };
	char remedy[DOCTOR_REMEDY_MAX];
	/* It may be by its group that lwgated reads it. */
	const char *const kept = (mode & S_IRGRP) != 0 ? "0640" : "0600";
	(void)snprintf(remedy, sizeof(remedy), "chmod %s '%.200s'%s", reads ? kept : "go-w", file,
		reads ? ", and think whether somebody has read it: then other keys" : "");
	doctor_say(d, &kind, remedy, "%s: mode %04o lets %s", file, (unsigned)(mode & 07777),
		reads ? "others at the keys in it" : "others change it");
}

static void not_there(struct doctor *d, const char *setting, const char *file, int error)
{
	const struct doctor_kind kind = { .id = "file",
		.severity = DOCTOR_PROBLEM,
		.setting = setting,
		.why = "lwgated cannot read it either, unless another user starts it" };
	char remedy[DOCTOR_REMEDY_MAX];
	if (error == EACCES)
		(void)snprintf(remedy, sizeof(remedy),
			"as root: lwgatectl doctor; or look with: namei -l '%.200s'", file);
	else
		(void)snprintf(remedy, sizeof(remedy), "put it there, or name another one");
	doctor_say(d, &kind, remedy, "%s: %s", file, strerror(error));
}

/* A group may read a secret: it has been given to it. What lwgated reads at its start has been
   tried by another check, which says so when it is not there. */
static bool look(struct doctor *d, const char *setting, const char *file, bool secret, bool tried)
{
	struct stat st;
	if (file == NULL)
		return true;
	if (stat(file, &st) != 0) {
		if (!tried)
			not_there(d, setting, file, errno);
		return tried;
	}
	const bool reads = secret && (st.st_mode & S_IRWXO) != 0;
	const bool writes = (st.st_mode & (S_IWGRP | S_IWOTH)) != 0;
	if (reads || writes)
		forbid(d, setting, file, st.st_mode, reads);
	return !reads && !writes;
}

static bool look_at_dtls(struct doctor *d, const char *above, const struct conf_dtls *c)
{
	const struct {
		const char *name, *file;
		bool secret;
	} files[] = {
		{ "private_key_file", c->private_key_file, true },
		{ "certificate_file", c->certificate_file, false },
		{ "anchors_file", c->anchors_file, false },
		{ "crl_file", c->crl_file, false },
	};
	bool ok = true;
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		char setting[SETTING_MAX];
		(void)snprintf(setting, sizeof(setting), "%s.%s", above, files[i].name);
		ok = look(d, setting, files[i].file, files[i].secret, true) && ok;
	}
	return ok;
}

static bool look_at_upstream(struct doctor *d, size_t i)
{
	const struct conf_upstream *const u = &d->conf.upstreams[i];
	char above[SETTING_MAX], setting[SETTING_MAX + 24];
	if (d->conf.routes_len > 0)
		(void)snprintf(above, sizeof(above), "upstreams.[%zu]", i);
	else
		(void)snprintf(above, sizeof(above), "upstream");
	(void)snprintf(setting, sizeof(setting), "%s.master_secret_file", above);
	const bool master = look(d, setting, u->master_secret_file, true, true);
	return look_at_dtls(d, above, &u->dtls) && master;
}

void doctor_check_modes(struct doctor *d)
{
	const struct conf_gateway *const c = &d->conf;
	const struct {
		const char *setting, *file;
		bool secret, tried;
	} files[] = {
		{ "", d->file, false, true },
		{ "credentials", c->credentials, true, true },
		{ "policy.file", c->policy_file, false, true },
		{ "repository.key_file", c->repository.key_file, true, false },
		{ "sms_keys.card_file", c->sms_keys.card_file, true, false },
		{ "bsf.client_secret_file", c->bsf.client_secret_file, true, false },
		{ "bsf.key_file", c->bsf.key_file, true, false },
		{ "bsf.ca_file", c->bsf.ca_file, false, false },
		{ "bsf.certificate_file", c->bsf.certificate_file, false, false },
	};
	bool ok = true;
	for (size_t i = 0; i < COUNT_OF(files); i++)
		ok = look(d, files[i].setting, files[i].file, files[i].secret, files[i].tried) &&
		     ok;
	for (size_t i = 0; i < c->listeners_len; i++) {
		char above[SETTING_MAX];
		(void)snprintf(above, sizeof(above), "listeners.[%zu]", i);
		ok = look_at_dtls(d, above, &c->listener_dtls[i]) && ok;
	}
	for (size_t i = 0; i < c->upstreams_len; i++)
		ok = look_at_upstream(d, i) && ok;
	if (ok)
		doctor_good(d, "mode", "nobody else can read what is secret");
}
