/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/advice.h"

#include "base/log.h"
#include "conf/config.h"
#include "conf/config_air.h"
#include "conf/credentials.h"
#include "io/sources.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	PATHS = 128,
	INITIAL_MS = 9000,   /* RFC 7925 section 11 */
	FILES_OF_WORKER = 4, /* its loop, its inbox */
	FILES_OF_ALL = 64,   /* the log, the control socket and its clients, and a reserve */
	LOCKED_ENOUGH = 64 << 20,
};

static bool any_listener(const struct conf_gateway *conf)
{
	for (size_t i = 0; i < conf->listeners_len; i++) {
		const uint32_t ms = conf->listener_dtls[i].initial_ms;
		if (ms != conf->device_initial_ms && ms > 0 && ms < INITIAL_MS)
			return true;
	}
	return false;
}

/* less is the operator's to choose, but not unawares. */
void gw_advise_timers(const struct log *log, const struct conf_gateway *conf)
{
	const struct {
		bool below;
		const char *path;
	} timers[] = {
		{ conf->device_initial_ms < INITIAL_MS, "handshake.device_initial_ms" },
		{ any_listener(conf), "listeners.initial_ms" },
		{ conf->upstream_initial_ms < INITIAL_MS, "handshake.upstream_initial_ms" },
	};
	char paths[PATHS] = "";
	size_t len = 0;
	for (size_t i = 0; i < COUNT_OF(timers); i++) {
		if (timers[i].below)
			len += (size_t)snprintf(paths + len, sizeof(paths) - len, "%s%s",
				len > 0 ? " and " : "", timers[i].path);
	}
	if (len > 0)
		log_say(log, LOG_LEVEL_INFO, "timers",
			"%s below 9000: RFC 7925, section 11, has 9 s, because a network that is "
			"slow (sleepy nodes, low power) is congested further by copies of what is "
			"still on its way; less is right only where the way there is fast",
			paths);
}

/* Without upstream.sources every link has a socket of its own. */
static void advise_files(const struct log *log, const struct conf_gateway *conf, uint64_t files)
{
	uint32_t sockets = 0;
	bool alone = false;
	for (size_t i = 0; i < conf->upstreams_len; i++) {
		sockets += conf->upstreams[i].sockets;
		alone = alone || conf->upstreams[i].sources_len == 0;
	}
	const uint64_t worker = sockets + conf->listeners_len + FILES_OF_WORKER;
	const uint64_t needed = conf->workers * worker + FILES_OF_ALL;
	if (!alone || needed <= files)
		return;
	log_say(log, LOG_LEVEL_WARN, "descriptors",
		"at most %" PRIu64 " are allowed, %" PRIu64
		" may be needed (upstream.sockets=%u in all for each of %u workers): devices "
		"without a "
		"link would get 5.03; remedy: LimitNOFILE= of the service or ulimit -n, or "
		"upstream.sources (links share sockets), or a smaller upstream.sockets",
		files, needed, sockets, conf->workers);
}

void gw_say_ceilings(const struct log *log, const struct conf_gateway *conf)
{
	for (size_t i = 0; i < conf->upstreams_len; i++) {
		const struct conf_upstream *const u = &conf->upstreams[i];
		uint64_t addresses = u->sources_len > 0 ? 0 : 1;
		for (size_t k = 0; k < u->sources_len; k++)
			addresses += sources_prefix_len(&(struct sources_prefix){
				.base = u->sources[k].base, .bits = u->sources[k].bits });
		log_say(log, LOG_LEVEL_INFO, "links",
			"upstream=%s at most %" PRIu64 " at once: workers (%u) times "
			"upstream.sockets (%u) times source addresses (%" PRIu64 ")",
			u->name ? u->name : "", addresses * u->sockets * conf->workers,
			conf->workers, u->sockets, addresses);
	}
}

/* keys that are in use. Each 64 KiB hold some 130 of both legs' associations. */
static void advise_locked(const struct log *log, uint64_t locked)
{
	if (locked < LOCKED_ENOUGH)
		log_say(log, LOG_LEVEL_INFO, "memlock",
			"at most %" PRIu64 " bytes may be locked: where more sessions are awake "
			"than fit, their keys may "
			"get into swap; remedy: LimitMEMLOCK=infinity of the service, ulimit -l, "
			"or "
			"no swap",
			locked);
}

static bool taken(const struct conf_gateway *conf, enum cred_kind kind)
{
	bool any = kind == CRED_PSK;
	for (size_t i = 0; i < conf->listeners_len; i++) {
		const struct conf_dtls *const d = &conf->listener_dtls[i];
		any = any || (kind == CRED_RAW_KEY && d->raw_public_key) ||
		      (kind == CRED_CERTIFICATE && d->anchors_file);
	}
	return any;
}

/* Who is to give keys, and is not there: devices would go on till theirs end, and no longer. */
static void advise_renewal(
	const struct log *log, const struct conf_gateway *conf, const struct cred_set *creds)
{
	size_t pushed = 0, written = 0, bootstrapped = 0;
	for (uint32_t i = 0; i < cred_count(creds); i++) {
		if (cred_kind(creds, i) != CRED_SMS)
			continue;
		const uint8_t how = cred_sms_of(creds, i).renew.how;
		pushed += how == CRED_RENEW_GBA_PUSH;
		written += how == CRED_RENEW_SMARTCARD;
		bootstrapped += how == CRED_RENEW_UDP;
	}
	if (pushed > 0 && !conf->bsf.url)
		log_say(log, LOG_LEVEL_WARN, "credentials",
			"keys of %zu devices by short messages are to come by GBA Push, and there "
			"is nobody to ask for them; remedy: bsf.url, or renew = \"never\"",
			pushed);
	if (written > 0 && !conf->sms_keys.card_file)
		log_say(log, LOG_LEVEL_WARN, "credentials",
			"keys of %zu devices by short messages are to be written into their cards, "
			"and nobody has said what these have; remedy: sms_keys.card_file, or renew "
			"= \"never\"",
			written);
	if (bootstrapped > 0 && conf->learn_uris_len == 0)
		log_say(log, LOG_LEVEL_WARN, "credentials",
			"keys of %zu devices by short messages are to come from their bootstrap "
			"server, and nothing is learned from bootstrap; remedy: "
			"learn.server_uris, or renew = \"never\"",
			bootstrapped);
}

void gw_advise_kinds(
	const struct log *log, const struct conf_gateway *conf, const struct cred_set *creds)
{
	size_t raw = 0, certificates = 0, nosec = 0, sms = 0;
	for (uint32_t i = 0; i < cred_count(creds); i++) {
		raw += cred_kind(creds, i) == CRED_RAW_KEY;
		nosec += cred_kind(creds, i) == CRED_NOSEC;
		sms += cred_kind(creds, i) == CRED_SMS;
		certificates += cred_kind(creds, i) == CRED_CERTIFICATE;
	}
	if (nosec > 0 && !conf->airs)
		log_say(log, LOG_LEVEL_WARN, "credentials",
			"%zu devices are to come without DTLS, and no listener takes them; remedy: "
			"one with security = \"nosec\"",
			nosec);
	if (sms > 0 && !conf->sms.socket)
		log_say(log, LOG_LEVEL_WARN, "credentials",
			"%zu devices are to come by short messages, and nothing brings these; "
			"remedy: sms.socket, and lwgate-smsd",
			sms);
	advise_renewal(log, conf, creds);
	if (raw > 0 && !taken(conf, CRED_RAW_KEY))
		log_say(log, LOG_LEVEL_WARN, "credentials",
			"raw public keys of %zu devices are taken by no listener; remedy: "
			"listeners.raw_public_key = true, with listeners.private_key_file",
			raw);
	if (certificates > 0 && !taken(conf, CRED_CERTIFICATE))
		log_say(log, LOG_LEVEL_WARN, "credentials",
			"certificates of %zu devices are taken by no listener; remedy: "
			"listeners.anchors_file, with the authorities that have issued them",
			certificates);
}

/* each time, with both ends of what nothing protects. */
static void advise_air(const struct log *log, const struct conf_gateway *conf)
{
	char text[NET_TEXT_MAX];
	for (size_t i = 0; i < conf->listeners_len; i++) {
		const struct conf_air *const air = conf_air(conf, i);
		if (air)
			log_say(log, LOG_LEVEL_WARN, "nosec",
				"listener=%s takes devices without DTLS: their link is protected "
				"by "
				"\"%s\", which ends at \"%s\"; from there to this gateway nothing "
				"protects what is said, but what the network between them does; "
				"threat analysis: \"%s\"",
				net_addr_text(&conf->listeners[i], text), air->link, air->ends,
				air->analysis);
	}
}

void gw_advise(const struct log *log, const struct conf_gateway *conf,
	const struct gw_allowance *allowance)
{
	gw_advise_timers(log, conf);
	advise_air(log, conf);
	advise_files(log, conf, allowance->files);
	advise_locked(log, allowance->locked);
	for (size_t i = 0; conf_caveat(conf, i); i++)
		log_say(log, LOG_LEVEL_WARN, "store", "%s", conf_caveat(conf, i));
}
