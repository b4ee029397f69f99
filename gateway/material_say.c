/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "conf/spki.h"
#include "gateway/material_parts.h"

#include <openssl/asn1.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DATE = 24, DAY_S = 86400 };

struct validity {
	int64_t from_s, until_s;
	char until[DATE];
};

static int64_t seconds(const ASN1_TIME *t)
{
	struct tm parts;
	return t && ASN1_TIME_to_tm(t, &parts) == 1 ? (int64_t)timegm(&parts) : -1;
}

static struct validity validity_of(const X509 *x)
{
	struct validity v = { .from_s = seconds(X509_get0_notBefore(x)),
		.until_s = seconds(X509_get0_notAfter(x)) };
	struct tm parts;
	const time_t until = (time_t)v.until_s;
	if (!gmtime_r(&until, &parts) ||
		strftime(v.until, sizeof(v.until), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		v.until[0] = '\0';
	return v;
}

static void say_expiry(const struct gw_part *p, const struct log *log, int64_t now_s)
{
	const struct validity v = validity_of(p->settings.certificate);
	const int64_t days = (v.until_s - now_s) / DAY_S;
	if (now_s < v.from_s)
		log_say(log, LOG_LEVEL_ERROR, "certificate-not-yet-valid",
			"%s: %s is not valid yet: %s will refuse it; remedy: correct the clock, or "
			"wait",
			p->name, p->certificate_file, p->is_upstream ? "the server" : "devices");
	else if (now_s > v.until_s)
		log_say(log, LOG_LEVEL_ERROR, "certificate-expired",
			"%s: %s has expired at %s: %s will refuse it; remedy: put a new one in its "
			"place, then lwgatectl reload",
			p->name, p->certificate_file, v.until,
			p->is_upstream ? "the server" : "devices");
	else if (days < GW_WARN_DAYS)
		log_say(log, LOG_LEVEL_WARN, "certificate-expires",
			"%s: %s expires at %s, in %lld days; remedy: put a new one in its place, "
			"then lwgatectl reload",
			p->name, p->certificate_file, v.until, (long long)days);
}

static void say_part(const struct gw_part *p, const struct log *log)
{
	uint8_t digest[DTLS_DIGEST_LEN];
	char text[CONF_SPKI_TEXT];
	if (!dtls_key_digest(p->settings.key, digest))
		return;
	conf_spki_text(digest, text);
	if (!p->settings.certificate) {
		log_say(log, LOG_LEVEL_INFO, "raw-public-key", "%s: key=%s", p->name, text);
		return;
	}
	const struct validity v = validity_of(p->settings.certificate);
	log_say(log, LOG_LEVEL_INFO, "certificate", "%s: %s until=%s key=%s%s", p->name,
		p->certificate_file, v.until, text,
		p->settings.raw_public_key ? " also as raw public key" : "");
}

static bool needs_clock(const struct gw_material *m)
{
	for (size_t i = 0; i < GW_PARTS; i++) {
		if (m->parts[i].settings.anchors)
			return true;
	}
	return false;
}

/* What is less than the default gives, and is chosen: R-153 (c), and S27 against R-203. */
static void say_waivers(const struct gw_material *m, const struct log *log)
{
	for (size_t i = 0; i < m->listeners_len; i++) {
		if (m->parts[i].move != CONF_MOVE_TRUST)
			continue;
		log_say(log, LOG_LEVEL_WARN, "address-check",
			"%s: address_check = \"trust\": whoever on the way sends on a device's "
			"newest "
			"record from elsewhere first gets what is meant for it, still encrypted, "
			"until "
			"it speaks again; right only where nobody can; remedy: address_check = "
			"\"check\"",
			m->parts[i].name);
	}
	if (m->told.len > 0)
		log_say(log, LOG_LEVEL_WARN, "tell",
			"connection_ids.tell: who sends from %zu prefixes is told by an alert when "
			"his "
			"session is not known, so that a sender there, right or forged, learns "
			"that; "
			"right only where no address is forged; remedy: connection_ids.tell = [ ]",
			m->told.len);
}

void gw_material_say(const struct gw_material *m, const struct log *log, int64_t now_s,
	enum gw_material_say what)
{
	for (size_t i = 0; i < GW_PARTS; i++) {
		const struct gw_part *const p = &m->parts[i];
		if (p->settings.key && what == GW_SAY_ALL)
			say_part(p, log);
		if (p->settings.certificate && now_s >= 0)
			say_expiry(p, log, now_s);
	}
	if (what == GW_SAY_ALL)
		say_waivers(m, log);
	if (now_s < 0 && needs_clock(m))
		log_say(log, LOG_LEVEL_WARN, "clock",
			"the machine's clock is before the day on which lwgated was built and is "
			"not trusted: the dates of certificates are not looked at, or no "
			"certificate is taken, as untrusted_clock says; remedy: set the clock");
}
