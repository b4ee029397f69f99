/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/watch.h"

#include "base/uri.h"
#include "base/vault.h"
#include "base/wipe.h"
#include "learn/read.h"
#include "proxy/coap.h"
#include "proxy/registration.h"

#include <string.h>

enum {
	/* RFC 7252 section 12.1.1, RFC 8132: of what the relay does not name. */
	GET = 0x01,
	PUT = 0x03,
	FETCH = 0x05,
	CONTENT_FORMAT = 12, /* RFC 7252 section 5.10 */
	NO_FORMAT = 0xffff,
	/* RFC 7959 section 2.2. */
	SZX = 7,
	SZX_RESERVED = 7,
	MORE = 1 << 3,
	NUMBER_SHIFT = 4,
	SMALLEST_SHIFT = 4, /* of a block: 16 octets */
	SUCCESS = 2,        /* classes of answers */
	CLIENT_ERROR = 4,
	SEEN = 8,
};

struct name { /* by which a request and its answer know each other */
	uint16_t mid;
	bool confirmable;
	uint8_t token_len;
	uint8_t token[PDU_TOKEN_MAX];
};

struct block {
	bool there;
	bool more;
	uint32_t number;
	size_t size;
};

struct learn_watch {
	const char *const *uris;
	size_t uris_len;
	const char *lost; /* why it cannot be followed; NULL: it could be until now */

	/* The latest changes that were asked for, to tell copies. */
	struct name seen[SEEN];
	uint32_t seen_count;

	/* A change that waits for the device's answer. */
	bool asked, deletes;
	struct name asked_by;
	struct learn_path path;
	uint16_t format;
	struct block block;
	/* What was written of it, which goes on with the next block if continued. */
	bool continued;
	size_t len;
	uint8_t content[LEARN_CONTENT_MAX];

	bool finishing;
	struct name finish;

	struct learn_object object; /* what the device has, as far as it was written here */
	struct learn_object read;   /* of one Write */
};

struct learn_watch *learn_watch_new(const char *const *uris, size_t uris_len)
{
	struct learn_watch *const w = vault_alloc(sizeof(*w));
	if (!w)
		return NULL;
	w->uris = uris;
	w->uris_len = uris_len;
	return w;
}

void learn_watch_free(struct learn_watch *w)
{
	if (!w)
		return;
	wipe(w, sizeof(*w));
	vault_release(w);
}

/* What is held is of no use from then on. */
static void lose(struct learn_watch *w, const char *why)
{
	w->lost = why;
	w->asked = w->continued = false;
	wipe(w->content, sizeof(w->content));
	wipe(&w->object, sizeof(w->object));
}

/* --- messages --------------------------------------------------------------------------------- */

static struct name name_of(const struct pdu *m)
{
	struct name n = { .mid = m->mid, .confirmable = m->type == PDU_CON };
	n.token_len = m->token_len;
	if (m->token_len > 0)
		memcpy(n.token, m->token, m->token_len);
	return n;
}

static bool is_named(const struct name *n, const struct pdu *m)
{
	return n->mid == m->mid && n->confirmable == (m->type == PDU_CON) &&
	       pdu_same_token(m, n->token, n->token_len);
}

/* RFC 7252 section 5.3.2. */
static bool answers(const struct name *n, const struct pdu *m)
{
	if (!pdu_same_token(m, n->token, n->token_len))
		return false;
	return m->type != PDU_ACK || (n->confirmable && n->mid == m->mid);
}

static bool is_copy(struct learn_watch *w, const struct pdu *m)
{
	for (size_t i = 0; i < SEEN && i < w->seen_count; i++) {
		if (is_named(&w->seen[i], m))
			return true;
	}
	w->seen[w->seen_count++ % SEEN] = name_of(m);
	return false;
}

/* The first option of that number, none of which is longer than three octets, else UINT32_MAX;
   false: there is none. */
static bool number_of(const struct pdu *m, uint16_t option, uint32_t *out)
{
	enum { OCTETS = 3 };
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	*out = 0;
	if (!pdu_next_of(&it, option, &o))
		return false;
	if (o.len > OCTETS)
		*out = UINT32_MAX;
	for (size_t i = 0; o.len <= OCTETS && i < o.len; i++)
		*out = *out << 8 | o.value[i];
	return true;
}

static struct block block_of(const struct pdu *m)
{
	uint32_t v = 0;
	struct block b = { .there = number_of(m, PDU_BLOCK1, &v) };
	b.more = (v & MORE) != 0;
	b.number = v >> NUMBER_SHIFT;
	b.size = (v & SZX) == SZX_RESERVED ? 0 : (size_t)1 << ((v & SZX) + SMALLEST_SHIFT);
	return b;
}

static uint16_t format_of(const struct pdu *m)
{
	uint32_t v = 0;
	return number_of(m, CONTENT_FORMAT, &v) && v < NO_FORMAT ? (uint16_t)v : NO_FORMAT;
}

enum aim { AIM_ELSEWHERE, AIM_SECURITY, AIM_UNCLEAR };

/* Where a request would change something. Not clear is also what a device might read in a way of
   its own. */
static enum aim aim_of(const struct pdu *m, struct learn_path *path)
{
	char text[RELAY_LOCATION_MAX];
	if (m->code == GET || m->code == FETCH)
		return AIM_ELSEWHERE;
	const bool plain = registration_path(m, text);
	if (plain && learn_path_read(text, path)) {
		const bool all = path->object == LEARN_NONE;
		if (all && m->code != PDU_DELETE)
			return AIM_UNCLEAR;
		return all || path->object == 0 ? AIM_SECURITY : AIM_ELSEWHERE;
	}
	/* The segments before the one that is not plain. */
	const size_t zeros = strspn(text, "0");
	const bool ends = text[zeros] == '\0' || text[zeros] == '/';
	return ends && (zeros > 0 || !plain) ? AIM_UNCLEAR : AIM_ELSEWHERE;
}

static bool is_finish(const struct pdu *m)
{
	char path[RELAY_LOCATION_MAX];
	return m->code == PDU_POST && registration_path(m, path) && strcmp(path, "bs") == 0;
}

/* --- what the server asks --------------------------------------------------------------------- */

static bool same_path(const struct learn_path *a, const struct learn_path *b)
{
	return a->object == b->object && a->instance == b->instance && a->resource == b->resource &&
	       a->deeper == b->deeper;
}

/* The next part of what is written; false: it does not go on where the last one ended. */
static bool goes_on(const struct learn_watch *w, const struct pdu *m, const struct block *b,
	const struct learn_path *path)
{
	if (b->size == 0 || (b->more ? m->payload_len != b->size : m->payload_len > b->size))
		return false;
	return b->number == 0 ||
	       (w->continued && same_path(&w->path, path) && w->format == format_of(m) &&
		       b->number * b->size == w->len);
}

static void write_asked(struct learn_watch *w, const struct pdu *m, const struct learn_path *path)
{
	const struct block b = block_of(m);
	if (b.there && !goes_on(w, m, &b, path)) {
		lose(w, "the blocks of a Write are out of order");
		return;
	}
	if (!b.there || b.number == 0)
		w->len = 0;
	if (m->payload_len > sizeof(w->content) - w->len) {
		lose(w, "a Write is too long");
		return;
	}
	if (m->payload_len > 0)
		memcpy(w->content + w->len, m->payload, m->payload_len);
	w->len += m->payload_len;
	w->path = *path;
	w->format = format_of(m);
	w->block = b;
	w->deletes = false;
}

static void change_asked(
	struct learn_watch *w, const struct pdu *m, enum aim aim, const struct learn_path *path)
{
	/* What the device says to a Finish before this does not speak for what it will have. */
	w->finishing = false;
	if (w->asked) {
		lose(w, "a Write came before the last was answered");
		return;
	}
	if (aim == AIM_UNCLEAR || (m->code != PUT && m->code != PDU_DELETE)) {
		lose(w, "a request was no Write to an account");
		return;
	}
	w->asked = true;
	w->asked_by = name_of(m);
	if (m->code == PUT) {
		write_asked(w, m, path);
		return;
	}
	w->deletes = true;
	w->path = *path;
}

static enum learn_event finish_asked(struct learn_watch *w, const struct pdu *m)
{
	if (w->asked)
		lose(w, "the last Write was not answered");
	w->finishing = true;
	w->finish = name_of(m);
	return LEARN_FINISHES;
}

enum learn_event learn_watch_asked(struct learn_watch *w, const struct pdu *m)
{
	struct learn_path path;
	if (!pdu_is_request(m))
		return LEARN_PASSES;
	if (is_finish(m))
		return finish_asked(w, m);
	const enum aim aim = aim_of(m, &path);
	if (aim != AIM_ELSEWHERE && !is_copy(w, m)) {
		if (!w->lost)
			change_asked(w, m, aim, &path);
	} else if (w->asked && pdu_same_token(m, w->asked_by.token, w->asked_by.token_len) &&
		   !is_named(&w->asked_by, m)) {
		lose(w, "an answer might be to either of two requests");
	}
	return LEARN_PASSES;
}

/* --- what the device answers ------------------------------------------------------------------ */

static void put_sms(struct learn_account *to, const struct learn_account *from)
{
	struct learn_sms *const t = &to->sms;
	const struct learn_sms *const f = &from->sms;
	if ((from->has & 1U << LEARN_SMS_MODE) != 0)
		t->mode = f->mode;
	if ((from->has & 1U << LEARN_SMS_PARAMS) != 0) {
		t->params_len = f->params_len;
		memcpy(t->params, f->params, sizeof(t->params));
	}
	if ((from->has & 1U << LEARN_SMS_KEYS) != 0) {
		t->key_len = f->key_len;
		memcpy(t->key, f->key, sizeof(t->key));
	}
	if ((from->has & 1U << LEARN_SMS_NUMBER) != 0)
		memcpy(t->number, f->number, sizeof(t->number));
}

static void put_resources(struct learn_account *to, const struct learn_account *from)
{
	if ((from->has & 1U << LEARN_SERVER_URI) != 0)
		memcpy(to->uri, from->uri, sizeof(to->uri));
	if ((from->has & 1U << LEARN_BOOTSTRAP) != 0)
		to->bootstrap = from->bootstrap;
	if ((from->has & 1U << LEARN_MODE) != 0)
		to->mode = from->mode;
	if ((from->has & 1U << LEARN_IDENTITY) != 0)
		to->identity = from->identity;
	if ((from->has & 1U << LEARN_SECRET) != 0)
		to->secret = from->secret;
	if ((from->has & 1U << LEARN_SHORT_ID) != 0)
		to->short_id = from->short_id;
	put_sms(to, from);
	to->has |= from->has;
}

/* Whether resources that a Write of an instance has not are gone or stay, clients take in different
   ways. Of those of short messages nothing is known then; the rest of the account is. */
static const char *merge(struct learn_watch *w)
{
	static const uint16_t of_sms = 1U << LEARN_SMS_MODE | 1U << LEARN_SMS_PARAMS |
				       1U << LEARN_SMS_KEYS | 1U << LEARN_SMS_NUMBER;
	for (size_t i = 0; i < w->read.len; i++) {
		const struct learn_account *const from = &w->read.accounts[i];
		struct learn_account *const to = learn_account_of(&w->object, from->instance);
		if (!to)
			return "there are too many accounts";
		const unsigned less =
			w->path.resource == LEARN_NONE ? to->has & ~(unsigned)from->has : 0;
		if ((less & ~(unsigned)of_sms) != 0)
			return "an account was written again with less in it";
		put_resources(to, from);
		if (less != 0)
			wipe(&to->sms, sizeof(to->sms));
	}
	return NULL;
}

static void written(struct learn_watch *w)
{
	const struct learn_write write = { w->format, w->path, w->content, w->len };
	const char *const why =
		learn_read(&write, &w->read) ? merge(w) : "a Write could not be read";
	wipe(&w->read, sizeof(w->read));
	wipe(w->content, sizeof(w->content));
	if (why)
		lose(w, why);
}

static void deleted(struct learn_watch *w)
{
	struct learn_object *const o = &w->object;
	if (w->path.instance == LEARN_NONE) {
		wipe(o, sizeof(*o));
		return;
	}
	if (w->path.resource != LEARN_NONE) {
		lose(w, "a part of an account was deleted");
		return;
	}
	for (size_t i = 0; i < o->len; i++) {
		if (o->accounts[i].instance != w->path.instance)
			continue;
		struct learn_account *const last = &o->accounts[--o->len];
		if (last != &o->accounts[i])
			memcpy(&o->accounts[i], last, sizeof(*last));
		wipe(last, sizeof(*last));
		return;
	}
}

/* Of a Write in blocks with one token, the answer to this one. Of a failure the option is a hint
   (RFC 7959 2.9.3). */
static bool is_of_block(const struct learn_watch *w, const struct pdu *m)
{
	const struct block said = block_of(m);
	if (m->code >> 5 != SUCCESS)
		return true;
	return said.there ? said.number == w->block.number : m->code != PDU_CONTINUE;
}

static void change_answered(struct learn_watch *w, const struct pdu *m)
{
	const bool last = !w->block.there || !w->block.more;
	w->asked = w->continued = false;
	if (m->code >> 5 == CLIENT_ERROR)
		return; /* it was not done */
	if (w->deletes && m->code == PDU_DELETED)
		deleted(w);
	else if (!w->deletes && last && m->code == PDU_CHANGED)
		written(w);
	else if (!w->deletes && !last && m->code == PDU_CONTINUE)
		w->continued = true;
	else
		lose(w, "the device's answer does not say what it did");
}

enum learn_event learn_watch_answered(struct learn_watch *w, const struct pdu *m)
{
	if (!pdu_is_response(m))
		return LEARN_PASSES;
	if (w->asked && answers(&w->asked_by, m) && is_of_block(w, m)) {
		change_answered(w, m);
		return LEARN_PASSES;
	}
	if (!w->finishing || !answers(&w->finish, m))
		return LEARN_PASSES;
	w->finishing = false;
	return m->code == PDU_CHANGED ? LEARN_FINISHED : LEARN_BREAKS;
}

/* --- what is to be learned -------------------------------------------------------------------- */

static bool is_ours(const struct learn_watch *w, const struct learn_account *a)
{
	char uri[URI_MAX];
	if ((a->has & 1U << LEARN_SERVER_URI) == 0 || a->bootstrap ||
		!uri_coaps(a->uri, uri, sizeof(uri)))
		return false;
	for (size_t i = 0; i < w->uris_len; i++) {
		if (strcmp(uri, w->uris[i]) == 0)
			return true;
	}
	return false;
}

/* Why the account says not what the device is to prove; NULL: it does. */
static const char *lack_of(const struct learn_account *a)
{
	static const unsigned always = 1U << LEARN_BOOTSTRAP | 1U << LEARN_MODE;
	enum { WITHOUT_SECURITY = 3 };
	if ((a->has & always) != always)
		return "the account of this gateway is not whole";
	if (a->mode == WITHOUT_SECURITY)
		return "the account of this gateway has no security";
	if (a->mode > LEARN_CERTIFICATE)
		return "the account of this gateway gets its certificate elsewhere";
	const bool whole = (a->has & 1U << LEARN_IDENTITY) != 0 && a->identity.len > 0;
	const bool has_key = (a->has & 1U << LEARN_SECRET) != 0 && a->secret.len > 0;
	if (!whole || (a->mode == LEARN_PSK && !has_key))
		return "the account of this gateway has no credential";
	return NULL;
}

/* Both NULL: nothing was written that concerns us. */
static const char *account_of(const struct learn_watch *w, const struct learn_account **out)
{
	const struct learn_account *ours = NULL;
	const char *why = NULL;
	*out = NULL;
	if (w->lost)
		return w->lost;
	if (w->asked)
		return "the last Write was not answered";
	for (size_t i = 0; i < w->object.len; i++) {
		const struct learn_account *const a = &w->object.accounts[i];
		if (a->has != 0 && (a->has & 1U << LEARN_SERVER_URI) == 0)
			why = "an account was written without its server's URI";
		if (!is_ours(w, a))
			continue;
		if (ours)
			return "two accounts are of this gateway";
		ours = a;
	}
	if (!ours)
		return why;
	why = lack_of(ours);
	*out = why ? NULL : ours;
	return why;
}

bool learn_watch_found(const struct learn_watch *w, struct learn_found *out)
{
	const struct learn_account *a = NULL;
	memset(out, 0, sizeof(*out));
	if (account_of(w, &a) != NULL || !a)
		return false;
	out->mode = (enum learn_mode)a->mode;
	out->identity = a->identity;
	out->sms = a->sms;
	if (out->mode == LEARN_PSK)
		out->key = a->secret;
	return true;
}

const char *learn_watch_why(const struct learn_watch *w)
{
	const struct learn_account *a = NULL;
	return account_of(w, &a);
}
