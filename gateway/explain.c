/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/explain.h"

#include "base/log.h"
#include "base/net.h"
#include "base/suite.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "conf/spki.h"
#include "gateway/routes.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SUITES_SHOWN = 12, IDENTITY_SHOWN = 32 };

struct text {
	char *out;
	size_t len; /* < GW_EXPLAIN_MAX */
};

static void add(struct text *t, const char *form, ...) PRINTF_LIKE(2, 3);
static void add(struct text *t, const char *form, ...)
{
	const size_t room = GW_EXPLAIN_MAX - t->len;
	va_list args;
	va_start(args, form);
	const int n = vsnprintf(t->out + t->len, room, form, args);
	va_end(args);
	if (n > 0)
		t->len += (size_t)n < room ? (size_t)n : room - 1;
}

static const char *device_remedy(enum dtls_cause cause)
{
	switch (cause) {
	case DTLS_FAIL_TIMEOUT:
		return "the device fell silent: is the way back to it open? A slower network may "
		       "need a "
		       "larger handshake.lifetime_s";
	case DTLS_FAIL_IDENTITY:
		return "add it: lwgatectl credential add, or the credentials file and a restart";
	case DTLS_FAIL_KEY:
		return "the device's key and the key of its credential differ: correct one "
		       "(lwgatectl credential replace)";
	case DTLS_FAIL_RAW_KEY:
		return "no credential has this public key: lwgatectl credential add ENDPOINT "
		       "--public-key FILE, where FILE has what is shown here as key=, or the key";
	case DTLS_FAIL_CERTIFICATE:
		return "see detail: a new certificate for the device, or its authority in the file "
		       "of listeners.anchors_file, then lwgatectl reload";
	case DTLS_FAIL_NAME:
		return "no credential has this name (which log.level = \"debug\" shows), or it has "
		       "another key pinned: lwgatectl credential add ENDPOINT --certificate-name "
		       "NAME; listeners.name_from says where the name stands";
	case DTLS_FAIL_SUITE:
		return "none of ours is in the offer: enable one of these in the device, or one of "
		       "its in listeners.suites; those of ECDHE_ECDSA also need "
		       "listeners.private_key_file";
	case DTLS_FAIL_VERSION:
		return "DTLS 1.2 (fefd) is missing from the offer: enable it in the device";
	case DTLS_FAIL_ALERT:
		return "the device gave up: its own log knows more";
	case DTLS_FAIL_PROTOCOL:
		return "what the device sent is no good DTLS 1.2 handshake";
	case DTLS_FAIL_FULL:
		return "too many handshakes at once: raise handshake.count or handshake.bytes";
	case DTLS_FAIL_UNREACHABLE:
		return "the network says that the device cannot be reached";
	case DTLS_FAIL_ANEW:
		return "none: the device's next handshake goes on";
	}
	return "";
}

static const char *link_remedy(enum dtls_cause cause)
{
	switch (cause) {
	case DTLS_FAIL_TIMEOUT:
		return "the server did not answer: check upstream.address, upstream.port, and the "
		       "firewalls "
		       "between";
	case DTLS_FAIL_IDENTITY:
	case DTLS_FAIL_KEY:
		return "the server has another key for this identity: compare upstream_key, or "
		       "upstream.master_secret_file, with the server";
	case DTLS_FAIL_RAW_KEY:
		return "the server has another public key than upstream.server_public_key says: if "
		       "it has a new one, put what is shown here as key= there, then lwgatectl "
		       "reload";
	case DTLS_FAIL_CERTIFICATE:
		return "see detail: a new certificate for the server, or its authority in the file "
		       "of upstream.anchors_file, then lwgatectl reload";
	case DTLS_FAIL_NAME:
		return "the server's certificate has another name than upstream.server_name (or "
		       "upstream.address), or another key than upstream.server_public_key says: "
		       "correct one, then lwgatectl reload";
	case DTLS_FAIL_SUITE:
		return "the server takes none of ours: enable one there, or one of its in "
		       "upstream.suites";
	case DTLS_FAIL_VERSION:
		return "the server does not speak DTLS 1.2: enable it there";
	case DTLS_FAIL_ALERT:
		return "the server refused: does it know the upstream_identity with this "
		       "upstream_key or upstream.master_secret_file, or the key or certificate of "
		       "upstream.credential? Its own log knows more";
	case DTLS_FAIL_PROTOCOL:
		return "what the server sent is no good DTLS 1.2 handshake: is upstream.port its "
		       "CoAPS port?";
	case DTLS_FAIL_FULL:
		return "too many handshakes at once: raise handshake.count or handshake.bytes";
	case DTLS_FAIL_UNREACHABLE:
		return "nobody listens there: check upstream.address and upstream.port, and that "
		       "the server runs";
	case DTLS_FAIL_ANEW:
		return "none: only devices begin anew";
	}
	return "";
}

/* Of a public key the operator needs the digest to let it in, and it tells nothing else. */
static void add_public_key(struct text *t, const struct dtls_failure *f)
{
	char text[CONF_SPKI_TEXT];
	if (f->identity_len != CONF_SPKI_DIGEST)
		return;
	conf_spki_text(f->identity, text);
	add(t, " key=%s", text);
}

static void add_identity(struct text *t, const struct gw_worker *w, const struct dtls_failure *f)
{
	if (!f->identity)
		return;
	if (f->cause == DTLS_FAIL_RAW_KEY) {
		add_public_key(t, f);
		return;
	}
	add(t, " identity=#%016" PRIx64,
		sip_hash(&w->shared->identity_key, f->identity, f->identity_len));
	if (w->log.level < LOG_LEVEL_DEBUG)
		return;
	add(t, " identity_text=\"");
	for (size_t i = 0; i < f->identity_len && i < IDENTITY_SHOWN; i++) {
		const uint8_t c = f->identity[i];
		const bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
		add(t, plain ? "%c" : "\\x%02x", c);
	}
	add(t, "%s\"", f->identity_len > IDENTITY_SHOWN ? "..." : "");
}

static void add_suites(struct text *t, const struct dtls_failure *f)
{
	if (!f->suites)
		return;
	const size_t n = f->suites_len / 2;
	add(t, " suites=%zu:", n);
	for (size_t i = 0; i < n && i < SUITES_SHOWN; i++)
		add(t, "%s%02x%02x", i > 0 ? "," : "", f->suites[2 * i], f->suites[2 * i + 1]);
	add(t, "%s", n > SUITES_SHOWN ? ",..." : "");
}

static uint8_t upstream_of(const struct dtls_failure *f)
{
	return f->role == DTLS_CLIENT ? ((const struct gw_session *)f->user)->upstream
				      : (uint8_t)GW_NO_UPSTREAM;
}

/* Ours that are missing from the offer say more than a list of numbers. */
static void add_ours(struct text *t, const struct gw_worker *w, const struct dtls_failure *f)
{
	const struct conf_gateway *const conf = w->shared->conf;
	const bool device = f->role == DTLS_SERVER;
	if (f->cause != DTLS_FAIL_SUITE || !conf ||
		(device && f->path->sock >= conf->listeners_len))
		return;
	const uint8_t upstream = upstream_of(f);
	if (!device && upstream >= conf->upstreams_len)
		return;
	const struct conf_dtls *const c =
		device ? &conf->listener_dtls[f->path->sock] : &conf->upstreams[upstream].dtls;
	for (size_t i = 0; i < c->suites_len; i++)
		add(t, "%s%04x", i > 0 ? "," : " ours=", c->suites[i]);
}

/* out is used where no session has the name. */
static const char *endpoint_of(
	const struct gw_worker *w, const struct dtls_failure *f, struct store_cred *out)
{
	if (f->role == DTLS_CLIENT)
		return ((const struct gw_session *)f->user)->endpoint;
	if (f->cred == DTLS_NO_CRED || store_read_cred(w->reader, f->cred, out) != STORE_OK)
		return NULL;
	return out->endpoint;
}

const char *gw_explain_text(
	const struct gw_worker *w, const struct dtls_failure *f, char out[GW_EXPLAIN_MAX])
{
	struct text t = { .len = 0 };
	t.out = out;
	char peer[NET_TEXT_MAX], words[GW_UPSTREAM_WORDS];
	struct store_cred c;
	const char *endpoint = endpoint_of(w, f, &c);
	const bool device = f->role == DTLS_SERVER;
	add(&t, "with=%s%s peer=%s", device ? "device" : "upstream",
		w->shared->conf ? gw_worker_upstream_words(w, upstream_of(f), words) : "",
		net_addr_text(&f->path->peer, peer));
	if (endpoint)
		add(&t, " endpoint=%s", endpoint);
	wipe(&c, sizeof(c));
	add_identity(&t, w, f);
	add_suites(&t, f);
	add_ours(&t, w, f);
	if (f->alert != 0)
		add(&t, " alert=%s(%u)", dtls_alert_text(f->alert), f->alert);
	add(&t, " why=\"%s\"", dtls_cause_text(f->cause));
	if (f->detail)
		add(&t, " detail=\"%s\"", f->detail);
	add(&t, " remedy=\"%s\"", device ? device_remedy(f->cause) : link_remedy(f->cause));
	return out;
}

const char *gw_explain_no_slot(int error, char out[GW_EXPLAIN_MAX])
{
	const char *why = error == 0 ? "every source address and port has a link" : strerror(error);
	const char *remedy = "more memory, or fewer devices";
	if (error == 0)
		remedy = "upstream.sources, upstream.sockets";
	if (error == EMFILE)
		remedy = "LimitNOFILE= of the service, ulimit -n, or upstream.sources: then links "
			 "share sockets";
	if (error == ENFILE)
		remedy = "sysctl fs.file-max";
	(void)snprintf(out, GW_EXPLAIN_MAX, "why=\"%s\" remedy=\"%s\"", why, remedy);
	return out;
}

void gw_explain(struct gw_worker *w, const struct dtls_failure *f)
{
	char text[GW_EXPLAIN_MAX];
	if (f->cause == DTLS_FAIL_ANEW) {
		log_limited(&w->log, &w->limits.device_anew, w->now_ms, LOG_LEVEL_DEBUG,
			"handshake-anew", "%s", gw_explain_text(w, f, text));
		return;
	}
	struct log_limit *limit =
		f->role == DTLS_SERVER ? &w->limits.device_handshake : &w->limits.link_handshake;
	log_limited(&w->log, limit, w->now_ms, LOG_LEVEL_WARN, "handshake-failed", "%s",
		gw_explain_text(w, f, text));
}
