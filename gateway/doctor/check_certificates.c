/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, anchors and revocation lists that end. What does not fit together is "keys". */
#include "doctor/doctor.h"

#include "dtls/certificate.h"
#include "gateway/clock.h"
#include "gateway/material.h"
#include "gateway/pem.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <time.h>

enum { DAY_S = 86400, SETTING_MAX = 64 };

struct looking {
	struct doctor *d;
	int64_t now_s;
	bool upstream;
	size_t good;
};

static int64_t seconds(const ASN1_TIME *t)
{
	struct tm parts;
	return t != NULL && ASN1_TIME_to_tm(t, &parts) == 1 ? (int64_t)timegm(&parts) : -1;
}

/* What is named in file is valid from .. until. */
static void judge(struct looking *l, const struct doctor_kind *k, const char *file, int64_t from_s,
	int64_t until_s)
{
	struct doctor_kind kind = *k;
	char text[DOCTOR_DATE_MAX];
	const int64_t days = (until_s - l->now_s) / DAY_S;
	if (l->now_s < from_s) {
		doctor_say(l->d, &kind, "date -u, and if that is right wait, or have another one",
			"%s: is not valid before %s", file, doctor_date(from_s, text));
	} else if (l->now_s > until_s) {
		doctor_say(l->d, &kind, "put a new one in its place; then: lwgatectl reload",
			"%s: has expired at %s", file, doctor_date(until_s, text));
	} else if (days < GW_WARN_DAYS) {
		kind.severity = DOCTOR_ADVICE;
		doctor_say(l->d, &kind, "put a new one in its place; then: lwgatectl reload",
			"%s: expires at %s, in %lld days", file, doctor_date(until_s, text),
			(long long)days);
	} else {
		l->good++;
	}
}

static void look_at_chain(struct looking *l, const char *setting, const char *file)
{
	const struct doctor_kind kind = { .id = "certificate",
		.severity = DOCTOR_PROBLEM,
		.setting = setting,
		.why = l->upstream ? "the server refuses it, and every device loses its link"
				   : "devices refuse it, and none comes in by a certificate" };
	struct conf_error unsaid;
	STACK_OF(X509) *const chain = gw_pem_certificates(file, &unsaid); /* else: "keys" */
	for (int i = 0; chain != NULL && i < sk_X509_num(chain); i++) {
		const X509 *const x = sk_X509_value(chain, i);
		judge(l, &kind, file, seconds(X509_get0_notBefore(x)),
			seconds(X509_get0_notAfter(x)));
	}
	sk_X509_pop_free(chain, X509_free);
}

static void look_at_crl(struct looking *l, const char *setting, const char *file, const X509_CRL *c)
{
	const struct doctor_kind kind = { .id = "crl",
		.severity = DOCTOR_PROBLEM,
		.setting = setting,
		.why = "who has been revoked since is not in it, and a list that is over its time "
		       "vouches for nobody" };
	char text[DOCTOR_DATE_MAX], last[DOCTOR_DATE_MAX];
	const int64_t from_s = seconds(X509_CRL_get0_lastUpdate(c));
	const int64_t until_s = seconds(X509_CRL_get0_nextUpdate(c));
	if (until_s >= 0 && l->now_s > until_s)
		doctor_say(l->d, &kind, "fetch the newest list; then: lwgatectl reload",
			"%s: is of %s, and the next one was due at %s", file,
			doctor_date(from_s, last), doctor_date(until_s, text));
	else
		l->good++;
}

static void look_at_anchors(struct looking *l, const char *above, const struct conf_dtls *c)
{
	char anchors[SETTING_MAX], lists[SETTING_MAX];
	struct conf_error unsaid;
	(void)snprintf(anchors, sizeof(anchors), "%s.anchors_file", above);
	(void)snprintf(lists, sizeof(lists), "%s.crl_file", above);
	X509_STORE *const s = gw_pem_anchors(c->anchors_file, c->crl_file, &unsaid);
	if (s == NULL) /* "keys" says why */
		return;
	const struct doctor_kind kind = { .id = "anchor",
		.severity = DOCTOR_PROBLEM,
		.setting = anchors,
		.why = "whoever has a certificate below it is refused" };
	const STACK_OF(X509_OBJECT) *const objects = X509_STORE_get0_objects(s);
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509_OBJECT *const o = sk_X509_OBJECT_value(objects, i);
		const X509 *const x = X509_OBJECT_get0_X509(o);
		const X509_CRL *const list = X509_OBJECT_get0_X509_CRL(o);
		if (x != NULL)
			judge(l, &kind, c->anchors_file, seconds(X509_get0_notBefore(x)),
				seconds(X509_get0_notAfter(x)));
		if (list != NULL)
			look_at_crl(l, lists, c->crl_file, list);
	}
	X509_STORE_free(s);
}

static void look(struct looking *l, const char *above, const struct conf_dtls *c)
{
	char setting[SETTING_MAX];
	(void)snprintf(setting, sizeof(setting), "%s.certificate_file", above);
	if (c->certificate_file != NULL)
		look_at_chain(l, setting, c->certificate_file);
	if (c->anchors_file != NULL)
		look_at_anchors(l, above, c);
}

void doctor_check_certificates(struct doctor *d)
{
	const struct conf_gateway *const c = &d->conf;
	struct looking l = { .d = d, .now_s = gw_clock_now_s(NULL) };
	char above[SETTING_MAX];
	if (l.now_s < 0) /* "clock" says so */
		return;
	for (size_t i = 0; i < c->listeners_len; i++) {
		(void)snprintf(above, sizeof(above), "listeners.[%zu]", i);
		look(&l, above, &c->listener_dtls[i]);
	}
	l.upstream = true;
	for (size_t i = 0; i < c->upstreams_len; i++) {
		(void)snprintf(above, sizeof(above), "upstream");
		if (c->routes_len > 0)
			(void)snprintf(above, sizeof(above), "upstreams.[%zu]", i);
		look(&l, above, &c->upstreams[i].dtls);
	}
	if (l.good > 0)
		doctor_good(d, "certificate",
			"%zu certificates, anchors and lists are in their time", l.good);
}
