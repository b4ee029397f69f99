/* SPDX-License-Identifier: Apache-2.0 */
/* What comes of questions to a BSF, in words. */
#include "gateway/bsf_parts.h"

#include <stdio.h>
#include <time.h>

struct words {
	const char *cause;
	const char *sentence; /* with its remedy */
};

static const struct words all[GW_BSF_RESULTS] = {
	[GW_BSF_OK] = { "bsf-ok", "" },
	[GW_BSF_DOWN] = { "bsf-down",
		"it cannot be reached, or hangs up; remedy: check that it runs, its name, the "
		"network, and whether it wants another certificate than bsf.certificate_file" },
	[GW_BSF_SLOW] = { "bsf-slow",
		"no answer within bsf.timeout_s; remedy: see why it is slow, or raise that" },
	[GW_BSF_CERTIFICATE] = { "bsf-certificate",
		"its certificate is not believed; remedy: the CA that issued it into bsf.ca_file, "
		"or the right host into the URL, or have it renewed" },
	[GW_BSF_OURS] = { "bsf-own-certificate",
		"it does not take our certificate; remedy: bsf.certificate_file and bsf.key_file "
		"that it knows" },
	[GW_BSF_NO_HTTP2] = { "bsf-http-1",
		"it has no HTTP/2, as TS 29.500 wants it; remedy: enable that there" },
	[GW_BSF_NO_TOKEN] = { "bsf-no-token",
		"the token endpoint gives no token; remedy: check bsf.token_url, bsf.client_id and "
		"bsf.client_secret_file" },
	[GW_BSF_UNAUTHORIZED] = { "bsf-unauthorized",
		"it does not take our token, nor a new one; remedy: have scope nbsp-gba allowed "
		"for bsf.client_id" },
	[GW_BSF_FORBIDDEN] = { "bsf-forbidden",
		"it does not allow it; remedy: have bsf.naf_fqdn and bsf.ua_id allowed there" },
	[GW_BSF_NO_SUBSCRIBER] = { "bsf-no-subscriber",
		"it does not know the subscriber; remedy: check the credential's subscriber" },
	[GW_BSF_BUSY] = { "bsf-busy", "it has too much to do; it is asked again later" },
	[GW_BSF_BROKEN] = { "bsf-broken", "it has failed; remedy: see its log" },
	[GW_BSF_REFUSED] = { "bsf-refused", "it refuses; remedy: check bsf.url, and see its log" },
	[GW_BSF_TOO_LONG] = { "bsf-too-long",
		"it answers more than 65536 octets; remedy: check bsf.url" },
	[GW_BSF_BAD_ANSWER] = { "bsf-bad-answer",
		"its answer is none of TS 29.309; remedy: check its version, and its log" },
	[GW_BSF_EXPIRED] = { "bsf-expired",
		"the keys that it gives are over their time; remedy: compare the clocks" },
	[GW_BSF_WEAK_KEYS] = { "bsf-weak-keys",
		"its key leads to keys that may not be used; remedy: see what makes keys there" },
	[GW_BSF_CROWDED] = { "bsf-crowded",
		"too many questions wait; remedy: raise bsf.under_way, if it is fast enough" },
	[GW_BSF_SHORT] = { "bsf-short", "memory is short, or libcurl cannot" },
	[GW_BSF_STOPPING] = { "bsf-stopping", "the gateway ends" },
};

const char *gw_bsf_cause(enum gw_bsf_result r)
{
	return (unsigned)r < GW_BSF_RESULTS ? all[r].cause : "bsf-unknown";
}

static const char *url_of(const struct gw_bsf_setup *s, enum gw_bsf_result result)
{
	if (!s)
		return "";
	return result == GW_BSF_NO_TOKEN && s->token_url ? s->token_url : s->url;
}

static const char *file_of(const struct gw_bsf_setup *s, enum gw_bsf_result result)
{
	if (!s)
		return "";
	if (result == GW_BSF_CERTIFICATE)
		return s->ca_name;
	return result == GW_BSF_OURS ? s->certificate_name : "";
}

static uint64_t clock_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The subscriber is not in the log: it is a person's, or leads to one. */
void gw_bsf_say(struct gw_bsf *b, const struct gw_bsf_setup *setup, const struct gw_bsf_job *job,
	enum gw_bsf_result result, unsigned status, const char *why)
{
	char number[sizeof(" status=65535")] = "";
	const char *const file = file_of(setup, result);
	b->counts.results[result]++;
	if (result == GW_BSF_OK || result == GW_BSF_STOPPING)
		return;
	if (status != 0)
		(void)snprintf(number, sizeof(number), " status=%u", status & 0xffff);
	log_limited(b->log, &b->limits[result], clock_ms(), LOG_LEVEL_WARN, gw_bsf_cause(result),
		"url=%s%s%s%s cred=%u %s%s%.200s%s", url_of(setup, result),
		file[0] != '\0' ? " file=" : "", file, number, job->ask.cred, all[result].sentence,
		why[0] != '\0' ? " (" : "", why, why[0] != '\0' ? ")" : "");
}
