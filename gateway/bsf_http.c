/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 by libcurl, on a libev loop. */
#include "base/attr.h"
#include "base/vault.h"
#include "conf/config.h"
#include "gateway/bsf_parts.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { CONNECT_MS = 5000, BODY_FIRST = 4096, IDLE_S = 118, CONNECTIONS = 4 };

struct watch { /* of a socket of libcurl's */
	struct watch *next;
	struct gw_bsf_http *http;
	ev_io io;
};
struct transfer {
	struct transfer *next;
	struct gw_bsf_http *http;
	struct gw_bsf_setup *setup;
	struct gw_bsf_job *job;
	CURL *easy;
	struct curl_slist *headers;
	uint8_t *body; /* in the vault */
	size_t len, cap;
	bool too_long;
	char error[CURL_ERROR_SIZE];
};
struct gw_bsf_http {
	struct gw_bsf *b;
	struct ev_loop *loop;
	CURLM *multi;
	ev_timer due;
	struct transfer *transfers;
	struct watch *watches;
};

/* --- libcurl's memory ------------------------------------------------------------------------- */

static char *copy_text(const char *text)
{
	const size_t len = strlen(text) + 1;
	char *const out = vault_alloc(len);
	if (out)
		memcpy(out, text, len);
	return out;
}

/* libcurl counts on memory of no octets. */
static void *take(size_t size)
{
	return vault_alloc(size > 0 ? size : 1);
}

static void *take_many(size_t n, size_t size)
{
	return size != 0 && n > SIZE_MAX / size ? NULL : take(n * size);
}

static void *resize(void *p, size_t size)
{
	return vault_resize(p, size > 0 ? size : 1);
}

bool gw_bsf_http_prepare(struct conf_error *error)
{
	const curl_version_info_data *const v = curl_version_info(CURLVERSION_NOW);
	const char *why = NULL;
	if (curl_global_init_mem(
		    CURL_GLOBAL_DEFAULT, take, vault_release, resize, copy_text, take_many) != 0)
		why = "cannot begin";
	else if ((v->features & CURL_VERSION_HTTP2) == 0)
		why = "has no HTTP/2";
	else if ((v->features & CURL_VERSION_SSL) == 0)
		why = "has no TLS";
	if (why)
		(void)snprintf(error->text, sizeof(error->text),
			"bsf.url: this machine's libcurl (%s) %s; install one with OpenSSL and "
			"nghttp2",
			v->version, why);
	return !why;
}

/* --- a transfer ------------------------------------------------------------------------------- */

static bool grow(struct transfer *t, size_t wanted)
{
	size_t cap = t->cap > 0 ? t->cap : BODY_FIRST;
	while (cap < wanted)
		cap *= 2;
	if (cap == t->cap)
		return true;
	uint8_t *const body = vault_resize(t->body, cap);
	if (!body)
		return false;
	t->body = body;
	t->cap = cap;
	return true;
}

static size_t on_body(char *data, size_t one, size_t len, void *transfer)
{
	struct transfer *const t = transfer;
	(void)one; /* 1, always */
	t->too_long = len > (size_t)GW_BSF_BODY_MAX - t->len;
	if (t->too_long || !grow(t, t->len + len))
		return 0; /* breaks it off */
	if (len > 0)
		memcpy(t->body + t->len, data, len);
	t->len += len;
	return len;
}

static void transfer_free(struct transfer *t)
{
	struct transfer **at = &t->http->transfers;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (t->easy) {
		(void)curl_multi_remove_handle(t->http->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	curl_slist_free_all(t->headers);
	vault_release(t->body);
	gw_bsf_setup_unref(t->setup);
	free(t);
}

static bool add_header(struct transfer *t, const char *name, const char *value)
{
	const size_t size = strlen(name) + strlen(value) + 1;
	char *const line = vault_alloc(size);
	struct curl_slist *more = NULL;
	if (line) {
		(void)snprintf(line, size, "%s%s", name, value);
		more = curl_slist_append(t->headers, line);
		vault_release(line);
	}
	t->headers = more ? more : t->headers;
	return more != NULL;
}

static bool set_headers(struct transfer *t, const struct gw_bsf_post *p)
{
	return add_header(t, "Content-Type: ", p->type) &&
	       add_header(t, "Accept: ", "application/json, application/problem+json") &&
	       add_header(t, "Expect:", "") &&
	       (!p->bearer || add_header(t, "Authorization: Bearer ", p->bearer)) &&
	       curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
}

static bool set_blob(CURL *e, CURLoption option, const struct gw_bsf_blob *b)
{
	struct curl_blob blob = { .data = b->data, .len = b->len, .flags = CURL_BLOB_NOCOPY };
	return b->len == 0 || curl_easy_setopt(e, option, &blob) == CURLE_OK;
}

/* No program that we run has it. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	(void)ctx;
	(void)purpose;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* Nobody is believed but by ours: the machine's CAs are not looked at. */
static bool set_tls(CURL *e, const struct gw_bsf_setup *s)
{
	return curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_CAINFO, NULL) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_CAPATH, NULL) == CURLE_OK &&
	       set_blob(e, CURLOPT_CAINFO_BLOB, &s->ca) &&
	       set_blob(e, CURLOPT_SSLCERT_BLOB, &s->certificate) &&
	       set_blob(e, CURLOPT_SSLKEY_BLOB, &s->key);
}

static bool set_limits(CURL *e, uint64_t timeout_ms)
{
	const long whole = (long)timeout_ms;
	const long connect = whole < CONNECT_MS ? whole : (long)CONNECT_MS;
	return curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, whole) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, connect) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)IDLE_S) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L) == CURLE_OK;
}

static bool set_version(CURL *e, const struct gw_bsf_post *p)
{
	const bool plain = strncmp(p->url, "http:", 5) == 0;
	const long version =
		plain ? (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : (long)CURL_HTTP_VERSION_2TLS;
	return curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https") == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_HTTP_VERSION, version) == CURLE_OK;
}

static bool set_request(struct transfer *t, const struct gw_bsf_post *p)
{
	CURL *const e = t->easy;
	return curl_easy_setopt(e, CURLOPT_URL, p->url) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)p->len) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, p->body) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_WRITEDATA, t) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PRIVATE, t) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_USERAGENT, "lwgated") == CURLE_OK;
}

bool gw_bsf_http_post(struct gw_bsf_http *h, const struct gw_bsf_post *p)
{
	struct transfer *const t = calloc(1, sizeof(*t));
	if (!t)
		return false;
	t->http = h;
	t->job = p->job;
	t->setup = gw_bsf_setup_ref(p->setup);
	t->next = h->transfers;
	h->transfers = t;
	t->easy = curl_easy_init();
	if (t->easy && set_request(t, p) && set_version(t->easy, p) &&
		set_limits(t->easy, p->timeout_ms) && set_tls(t->easy, p->setup) &&
		set_headers(t, p) && curl_multi_add_handle(h->multi, t->easy) == CURLM_OK)
		return true;
	transfer_free(t);
	return false;
}

/* --- what comes of it ------------------------------------------------------------------------- */

/* A server that wants a certificate, or does not take ours, says so by an alert of TLS (RFC 8446
   6.2), which may come after the handshake is done here. */
static bool is_about_ours(const char *error)
{
	static const char *const alerts[] = { "alert certificate", "alert bad certificate",
		"alert unknown ca", "alert unsupported certificate", "alert access denied",
		"certificate required", "alert handshake failure", "alert decrypt error" };
	for (size_t i = 0; i < COUNT_OF(alerts); i++) {
		if (strstr(error, alerts[i]) != NULL)
			return true;
	}
	return false;
}

static enum gw_bsf_result result_of(const struct transfer *t, CURLcode code)
{
	switch ((int)code) {
	case CURLE_OK:
		return GW_BSF_OK;
	case CURLE_OPERATION_TIMEDOUT:
		return GW_BSF_SLOW;
	case CURLE_PEER_FAILED_VERIFICATION:
		return GW_BSF_CERTIFICATE;
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return GW_BSF_OURS;
	case CURLE_WRITE_ERROR:
		return t->too_long ? GW_BSF_TOO_LONG : GW_BSF_SHORT;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return GW_BSF_SHORT;
	default:
		return is_about_ours(t->error) ? GW_BSF_OURS : GW_BSF_DOWN;
	}
}

static void ended(struct transfer *t, CURLcode code)
{
	enum { AGAIN_MAX_S = 86400 };
	struct gw_bsf *const b = t->http->b;
	struct gw_bsf_reply reply = { .result = result_of(t, code), .why = "" };
	long status = 0, version = 0;
	curl_off_t again = 0;
	char why[CURL_ERROR_SIZE];
	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
	(void)curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &again);
	if (code == CURLE_OK && version != CURL_HTTP_VERSION_2_0)
		reply.result = GW_BSF_NO_HTTP2;
	if (again > 0)
		reply.retry_after_s = (uint32_t)(again < AGAIN_MAX_S ? again : AGAIN_MAX_S);
	reply.status = status > 0 && status <= UINT16_MAX ? (unsigned)status : 0;
	if (reply.result != GW_BSF_OK && code != CURLE_OK) {
		(void)snprintf(why, sizeof(why), "%s",
			t->error[0] != '\0' ? t->error : curl_easy_strerror(code));
		reply.why = why;
	}
	reply.body = t->body;
	reply.len = t->len;
	(void)curl_multi_remove_handle(t->http->multi, t->easy);
	gw_bsf_replied(b, t->setup, t->job, &reply);
	transfer_free(t);
}

static void look(struct gw_bsf_http *h)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		char *private = NULL;
		const CURLcode code = m->data.result;
		if (m->msg != CURLMSG_DONE ||
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private) != CURLE_OK)
			continue;
		ended((struct transfer *)(void *)private, code);
	}
}

/* --- the loop --------------------------------------------------------------------------------- */

static void act(struct gw_bsf_http *h, curl_socket_t socket, int how)
{
	int running;
	(void)curl_multi_socket_action(h->multi, socket, how, &running);
	look(h);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
	const struct watch *const w = io->data;
	const int how = ((events & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
			((events & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
	(void)loop;
	act(w->http, io->fd, how);
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int wants_timer(CURLM *multi, long ms, void *http)
{
	struct gw_bsf_http *const h = http;
	(void)multi;
	ev_timer_stop(h->loop, &h->due);
	if (ms >= 0) {
		ev_now_update(h->loop);
		ev_timer_set(&h->due, (double)ms / 1000.0, 0.0);
		ev_timer_start(h->loop, &h->due);
	}
	return 0;
}

static void unwatch(struct gw_bsf_http *h, struct watch *w)
{
	struct watch **at = &h->watches;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	ev_io_stop(h->loop, &w->io);
	free(w);
}

static int wants_socket(CURL *easy, curl_socket_t fd, int what, void *http, void *watch)
{
	struct gw_bsf_http *const h = http;
	struct watch *w = watch;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			unwatch(h, w);
		return 0;
	}
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return -1; /* ends what is under way */
		w->http = h;
		w->next = h->watches;
		h->watches = w;
		ev_init(&w->io, on_socket);
		w->io.data = w;
		(void)curl_multi_assign(h->multi, fd, w);
	}
	const int events = ((what & CURL_POLL_IN) != 0 ? EV_READ : 0) |
			   ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0);
	ev_io_stop(h->loop, &w->io);
	ev_io_set(&w->io, fd, events);
	ev_io_start(h->loop, &w->io);
	return 0;
}

struct gw_bsf_http *gw_bsf_http_new(struct gw_bsf *b, struct ev_loop *loop)
{
	struct gw_bsf_http *const h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->b = b;
	h->loop = loop;
	ev_init(&h->due, on_due);
	h->due.data = h;
	h->multi = curl_multi_init();
	if (h->multi &&
		curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, wants_socket) == CURLM_OK &&
		curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) == CURLM_OK &&
		curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, wants_timer) == CURLM_OK &&
		curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) == CURLM_OK &&
		curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS) ==
			CURLM_OK &&
		curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS) == CURLM_OK &&
		curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) == CURLM_OK)
		return h;
	gw_bsf_http_free(h);
	return NULL;
}

void gw_bsf_http_free(struct gw_bsf_http *h)
{
	if (!h)
		return;
	struct transfer *more;
	for (struct transfer *t = h->transfers; t; t = more) {
		more = t->next;
		transfer_free(t);
	}
	if (h->multi)
		(void)curl_multi_cleanup(h->multi);
	struct watch *next;
	for (struct watch *w = h->watches; w; w = next) {
		next = w->next;
		ev_io_stop(h->loop, &w->io);
		free(w);
	}
	ev_timer_stop(h->loop, &h->due);
	free(h);
}
