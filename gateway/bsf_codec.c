/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/bsf_codec.h"

#include "base/wipe.h"
#include "conf/hex.h"
#include "learn/json.h"

#include <stdio.h>
#include <string.h>

enum { MEMBER_MAX = 40, DATE_TEXT = 48, HEX_OF_KEY = 2 * GBA_KEY, DAY_S = 86400 };

/* --- writing ---------------------------------------------------------------------------------- */

struct text {
	char *at;
	size_t cap, len;
	bool bad;
};

static void put(struct text *t, char c)
{
	if (t->len + 1 >= t->cap)
		t->bad = true;
	else
		t->at[t->len++] = c;
}

static void put_text(struct text *t, const char *s)
{
	for (; *s != '\0'; s++)
		put(t, *s);
}

static void put_hex(struct text *t, const uint8_t *octets, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		put(t, digits[octets[i] >> 4]);
		put(t, digits[octets[i] & 15]);
	}
}

static size_t ended(struct text *t)
{
	if (t->cap > 0)
		t->at[t->bad ? 0 : t->len] = '\0';
	return t->bad ? 0 : t->len;
}

/* What JSON does not allow as it is, RFC 8259 7. UTF-8 goes as it stands. */
static void put_string(struct text *t, const char *s)
{
	put(t, '"');
	for (; *s != '\0'; s++) {
		const uint8_t c = (uint8_t)*s;
		if (c < 0x20) {
			put_text(t, "\\u00");
			put_hex(t, &c, 1);
			continue;
		}
		if (c == '"' || c == '\\')
			put(t, '\\');
		put(t, *s);
	}
	put(t, '"');
}

static void member(struct text *t, const char *name, const char *value)
{
	if (t->len > 0 && t->at[t->len - 1] != '{')
		put(t, ',');
	put_string(t, name);
	put(t, ':');
	put_string(t, value);
}

static void member_hex(struct text *t, const char *name, const uint8_t *octets, size_t len)
{
	put(t, ',');
	put_string(t, name);
	put_text(t, ":\"");
	put_hex(t, octets, len);
	put(t, '"');
}

/* Public identities are URIs. */
static const char *kind_of(const char *subscriber)
{
	const bool public = strncmp(subscriber, "sip:", 4) == 0 ||
			    strncmp(subscriber, "tel:", 4) == 0 ||
			    strncmp(subscriber, "sips:", 5) == 0;
	return public ? "PUBLIC" : "PRIVATE";
}

size_t bsf_request_write(const struct bsf_request *r, char *out, size_t cap)
{
	const struct gw_bsf_ask *const a = r->ask;
	struct text t = { .cap = cap };
	char date[BSF_DATE];
	t.at = out;
	bsf_date_write(r->until_ms, date);
	put(&t, '{');
	member(&t, "ueId", a->subscriber);
	member(&t, "ueIdType", kind_of(a->subscriber));
	member(&t, "uiccAppLabel", r->uicc_application);
	put_text(&t, ",\"nafId\":{");
	member(&t, "nafFqdn", r->naf_fqdn);
	member_hex(&t, "uaSecProtId", r->ua, GBA_UA);
	put(&t, '}');
	member(&t, "ptId", r->p_tid);
	member(&t, "uiccOrMe", a->uicc ? "GBA_U" : "GBA_ME");
	member(&t, "requestedLifeTime", date);
	put_text(&t, a->uicc ? ",\"gbaUAware\":true" : ",\"gbaUAware\":false");
	if (a->resync) {
		member_hex(&t, "auts", a->auts, sizeof(a->auts));
		member_hex(&t, "rand", a->rand, sizeof(a->rand));
	}
	put(&t, '}');
	return ended(&t);
}

static void put_form(struct text *t, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._";
	for (; *s != '\0'; s++) {
		const uint8_t c = (uint8_t)*s;
		if (strchr(plain, *s) != NULL) {
			put(t, *s);
		} else {
			put(t, '%');
			put_hex(t, &c, 1);
		}
	}
}

size_t bsf_token_request_write(const char *client_id, const char *secret, char *out, size_t cap)
{
	struct text t = { .cap = cap };
	t.at = out;
	put_text(&t, "grant_type=client_credentials&client_id=");
	put_form(&t, client_id);
	put_text(&t, "&client_secret=");
	put_form(&t, secret);
	put_text(&t, "&scope=nbsp-gba");
	return ended(&t);
}

/* --- dates ------------------------------------------------------------------------------------ */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool number(const char **at, unsigned digits, unsigned least, unsigned most, unsigned *out)
{
	*out = 0;
	for (; digits > 0; digits--) {
		if (!is_digit(**at))
			return false;
		*out = *out * 10 + (unsigned)(*(*at)++ - '0');
	}
	return *out >= least && *out <= most;
}

static bool mark(const char **at, const char *any)
{
	if (**at == '\0' || strchr(any, **at) == NULL)
		return false;
	(*at)++;
	return true;
}

/* Days from 1970-01-01 of the Gregorian calendar; years from March on, so that the odd day is the
   last. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
	const int64_t y = (int64_t)year - (month <= 2);
	const int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return 365 * y + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

static bool day_is_good(unsigned year, unsigned month, unsigned day)
{
	static const uint8_t lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return day <= lengths[month - 1] + (unsigned)(month == 2 && leap);
}

/* The fraction is passed over, the offset is taken: minutes. */
static bool tail(const char **at, int64_t *offset)
{
	unsigned hours, minutes;
	*offset = 0;
	if (mark(at, ".")) {
		if (!is_digit(**at))
			return false;
		while (is_digit(**at))
			(*at)++;
	}
	if (mark(at, "Zz"))
		return **at == '\0';
	const bool west = **at == '-';
	if (!mark(at, "+-") || !number(at, 2, 0, 23, &hours) || !mark(at, ":") ||
		!number(at, 2, 0, 59, &minutes))
		return false;
	*offset = (int64_t)hours * 60 + minutes;
	*offset = west ? -*offset : *offset;
	return **at == '\0';
}

bool bsf_date_read(const char *text, uint64_t *ms)
{
	unsigned year, month, day, hour, minute, second;
	int64_t offset;
	const char *at = text;
	*ms = 0;
	if (!number(&at, 4, 1970, 9999, &year) || !mark(&at, "-") ||
		!number(&at, 2, 1, 12, &month) || !mark(&at, "-") || !number(&at, 2, 1, 31, &day) ||
		!mark(&at, "Tt ") || !number(&at, 2, 0, 23, &hour) || !mark(&at, ":") ||
		!number(&at, 2, 0, 59, &minute) || !mark(&at, ":") ||
		!number(&at, 2, 0, 60, &second) || !tail(&at, &offset) ||
		!day_is_good(year, month, day))
		return false;
	const int64_t s = days_of(year, month, day) * DAY_S +
			  ((int64_t)hour * 60 + minute - offset) * 60 + second;
	if (s < 0)
		return false;
	*ms = (uint64_t)s * 1000;
	return true;
}

void bsf_date_write(uint64_t ms, char out[BSF_DATE])
{
	static const uint64_t last_s = UINT64_C(253402300799); /* of the year 9999 */
	const uint64_t s = ms / 1000 < last_s ? ms / 1000 : last_s;
	unsigned year = 1970 + (unsigned)(s / DAY_S / 366), month = 1;
	const int64_t day = (int64_t)(s / DAY_S);
	const unsigned of_day = (unsigned)(s % DAY_S);
	while (days_of(year + 1, 1, 1) <= day)
		year++;
	while (month < 12 && days_of(year, month + 1, 1) <= day)
		month++;
	(void)snprintf(out, BSF_DATE, "%04u-%02u-%02uT%02u:%02u:%02uZ", year % 10000, month % 100,
		(unsigned)(day - days_of(year, month, 1) + 1) % 100, of_day / 3600 % 100,
		of_day / 60 % 60, of_day % 60);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct field {
	const char *name;
	uint8_t *text; /* cap octets and a NUL */
	size_t cap, len;
	bool seen;
};

struct object {
	struct field *fields;
	size_t len;
	const char *number_name; /* of a number; NULL: none is wanted */
	int64_t number;
	bool twice;
};

static struct field *field_of(const struct object *o, const char *name)
{
	for (size_t i = 0; i < o->len; i++) {
		if (strcmp(o->fields[i].name, name) == 0)
			return &o->fields[i];
	}
	return NULL;
}

static void read_member(struct learn_json *j, struct object *o, const char *name)
{
	struct field *const f = field_of(o, name);
	struct learn_value v;
	if (f) {
		o->twice |= f->seen;
		f->seen = true;
		learn_json_string(j, f->text, f->cap, &f->len);
		f->text[f->len <= f->cap ? f->len : 0] = '\0';
	} else if (o->number_name && strcmp(name, o->number_name) == 0 &&
		   learn_json_next(j) == '0') {
		learn_json_number(j, &v);
		o->number = v.kind == LEARN_INTEGER ? v.integer : 0;
	} else {
		learn_json_pass(j, 0);
	}
}

/* NULL: it is well formed, and has each field at most once. */
static const char *read_object(const uint8_t *body, size_t len, struct object *o)
{
	struct learn_json j = { .at = body, .left = len };
	char name[MEMBER_MAX + 1];
	size_t name_len;
	bool first = true;
	learn_json_need(&j, '{');
	while (learn_json_more(&j, &first, '}')) {
		learn_json_string(&j, (uint8_t *)name, MEMBER_MAX, &name_len);
		name[name_len <= MEMBER_MAX ? name_len : 0] = '\0';
		learn_json_need(&j, ':');
		read_member(&j, o, name);
	}
	if (o->twice)
		return "a member of its object stands there twice";
	return learn_json_end(&j) ? NULL : "it is no JSON object, or a member is of another type";
}

static bool hex(const struct field *f, uint8_t *out, size_t most)
{
	return f->len <= f->cap && f->len / 2 <= most && f->len > 0 &&
	       conf_hex_read((const char *)f->text, f->len, out);
}

/* What hex fields hold, one after another. */
struct room {
	uint8_t me[HEX_OF_KEY + 1], uicc[HEX_OF_KEY + 1];
	uint8_t gpi[2 * GW_BSF_GPI_MAX + 1];
	uint8_t date[DATE_TEXT + 1];
};
enum { ME, UICC, GPI, DATE, FIELDS };

static const char *take(struct field f[FIELDS], bool uicc, struct bsf_keys *out)
{
	if (!f[ME].seen)
		return "meKeyMaterial is missing";
	if (f[ME].len != HEX_OF_KEY || !hex(&f[ME], out->me, GBA_KEY))
		return "meKeyMaterial is not 64 hexadecimal digits";
	if (uicc && !f[UICC].seen)
		return "uiccKeyMaterial is missing, though GBA_U was asked for";
	if (f[UICC].seen && (f[UICC].len != HEX_OF_KEY || !hex(&f[UICC], out->uicc, GBA_KEY)))
		return "uiccKeyMaterial is not 64 hexadecimal digits";
	out->has_uicc = f[UICC].seen;
	if (!f[GPI].seen)
		return "gbaPushInfo is missing";
	if (!hex(&f[GPI], out->gpi, GW_BSF_GPI_MAX))
		return "gbaPushInfo is not 1 to 1024 octets in hexadecimal digits";
	out->gpi_len = f[GPI].len / 2;
	if (f[DATE].seen &&
		(f[DATE].len > f[DATE].cap || strlen((char *)f[DATE].text) != f[DATE].len ||
			!bsf_date_read((char *)f[DATE].text, &out->until_ms) || out->until_ms == 0))
		return "keyExpiryTime is no date and time of RFC 3339";
	return NULL;
}

const char *bsf_answer_read(const uint8_t *body, size_t len, bool uicc, struct bsf_keys *out)
{
	struct room room;
	struct field fields[FIELDS] = {
		[ME] = { "meKeyMaterial", room.me, HEX_OF_KEY, 0, false },
		[UICC] = { "uiccKeyMaterial", room.uicc, HEX_OF_KEY, 0, false },
		[GPI] = { "gbaPushInfo", room.gpi, sizeof(room.gpi) - 1, 0, false },
		[DATE] = { "keyExpiryTime", room.date, DATE_TEXT, 0, false },
	};
	struct object o = { .fields = fields, .len = FIELDS };
	memset(out, 0, sizeof(*out));
	const char *why = read_object(body, len, &o);
	if (!why)
		why = take(fields, uicc, out);
	if (why)
		wipe(out, sizeof(*out));
	wipe(&room, sizeof(room));
	return why;
}

/* As TS 29.500 5.2.7.2 writes them: no digits of a key pass for one. */
void bsf_problem_read(const uint8_t *body, size_t len, char out[BSF_PROBLEM_MAX + 1])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	uint8_t text[BSF_PROBLEM_MAX + 1] = "";
	struct field f = { "cause", text, BSF_PROBLEM_MAX, 0, false };
	struct object o = { .fields = &f, .len = 1 };
	const bool good = read_object(body, len, &o) == NULL && f.seen &&
			  f.len <= BSF_PROBLEM_MAX && strspn((char *)text, letters) == f.len;
	memcpy(out, text, sizeof(text));
	if (!good)
		out[0] = '\0';
}

/* RFC 6750 2.1: what a token may be of; nothing that ends a line of a header. */
static bool token_is_good(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return len > 0;
}

static bool is_bearer(const char *type)
{
	static const char bearer[] = "bearer";
	size_t i = 0;
	for (; bearer[i] != '\0'; i++) {
		if ((type[i] | 0x20) != bearer[i])
			return false;
	}
	return type[i] == '\0';
}

const char *bsf_token_read(const uint8_t *body, size_t len, struct bsf_token *out)
{
	uint8_t type[16];
	struct field fields[] = {
		{ "access_token", (uint8_t *)out->text, BSF_TOKEN_MAX, 0, false },
		{ "token_type", type, sizeof(type) - 1, 0, false },
	};
	struct object o = { .fields = fields, .len = 2, .number_name = "expires_in" };
	memset(out, 0, sizeof(*out));
	const char *why = read_object(body, len, &o);
	if (!why && (!fields[0].seen || fields[0].len > BSF_TOKEN_MAX ||
			    !token_is_good(out->text, fields[0].len)))
		why = "access_token is missing, too long, or has what no header may have";
	if (!why && fields[1].seen && !is_bearer((char *)type))
		why = "token_type is not Bearer";
	if (!why && (o.number < 0 || o.number > INT32_MAX))
		why = "expires_in is no number of seconds";
	out->expires_s = why ? 0 : (uint32_t)o.number;
	if (why)
		wipe(out, sizeof(*out));
	return why;
}
