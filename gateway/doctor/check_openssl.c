/* SPDX-License-Identifier: Apache-2.0 */
/* What the OpenSSL here can do of what the configuration asks. */
#include "doctor/doctor.h"

#include "base/suite.h"
#include "dtls/profile.h"

#include <openssl/err.h>
#include <openssl/opensslv.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

static bool library_has(const struct suite *s)
{
	char list[64];
	SSL_CTX *const ctx = SSL_CTX_new(DTLS_method());
	(void)snprintf(list, sizeof(list), "%s:@SECLEVEL=0", s->openssl);
	const bool has = ctx != NULL && SSL_CTX_set_cipher_list(ctx, list) == 1;
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return has;
}

static bool has_all(struct doctor *d, const char *setting, const struct conf_dtls *c)
{
	const struct doctor_kind kind = { .id = "suite",
		.severity = DOCTOR_PROBLEM,
		.setting = setting,
		.why = "who offers nothing else cannot shake hands" };
	bool ok = true;
	for (size_t i = 0; i < c->suites_len; i++) {
		const struct suite *const s = suite_find(c->suites[i]);
		if (s == NULL || library_has(s))
			continue;
		ok = false;
		doctor_say(d, &kind,
			"leave it out of suites, or build lwgate without OPENSSL=system",
			"%s: %s does not have it", s->name, OpenSSL_version(OPENSSL_VERSION));
	}
	return ok;
}

static bool check_suites(struct doctor *d)
{
	bool ok = true;
	for (size_t i = 0; i < d->conf.listeners_len; i++)
		ok = has_all(d, "listeners", &d->conf.listener_dtls[i]) && ok;
	for (size_t i = 0; i < d->conf.upstreams_len; i++)
		ok = has_all(d, "upstream", &d->conf.upstreams[i].dtls) && ok;
	return ok;
}

void doctor_check_openssl(struct doctor *d)
{
	static const struct doctor_kind other = { .id = "openssl",
		.severity = DOCTOR_ADVICE,
		.why = "it has other gaps than the one that was tested" };
	const char *const version = OpenSSL_version(OPENSSL_VERSION);
	if (OpenSSL_version_num() >> 20 != OPENSSL_VERSION_NUMBER >> 20)
		doctor_say(d, &other, "ldd lwgated, then install the one that it was built with",
			"%s runs, and lwgate was built with %s", version, OPENSSL_VERSION_TEXT);
	else
		doctor_good(d, other.id, "%s, %s raw public keys", version,
			dtls_profile_can_raw() ? "with" : "without (they need 3.2)");
	if (d->has_conf && check_suites(d))
		doctor_good(d, "suite", "it has every suite that is configured");
}
