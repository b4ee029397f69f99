/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/image.h"

#include "base/wr.h"

#include <string.h>

enum {
	GET = 0x01,
	VALID = 0x43,
	CONTENT = 0x45,
	METHOD_NOT_ALLOWED = 0x85,
	NOT_ACCEPTABLE = 0x86,
	ETAG = 4,
	FORMAT = 12,
	ACCEPT = 17,
	SIZE2 = 28,
	SZX_MAX = 6,
	/* Header, token, ETag, Content-Format, Max-Age, Block2, Size2, marker. */
	OVERHEAD = 4 + PDU_TOKEN_MAX + 9 + 3 + 5 + 4 + 6 + 1,
};

static size_t size_of(uint8_t szx)
{
	return (size_t)16 << szx;
}

/* --- what is asked --------------------------------------------------------------------------- */

struct refusal {
	uint8_t code; /* 0: none */
	const char *why;
};

static struct refusal no(uint8_t code, const char *why)
{
	return (struct refusal){ .code = code, .why = why };
}

static bool segment_is_good(const uint8_t *s, size_t len)
{
	if (len == 0 || (s[0] == '.' && (len == 1 || (len == 2 && s[1] == '.'))))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] <= ' ' || s[i] > '~' || strchr("%/\"\\", s[i]))
			return false;
	}
	return true;
}

/* Does the path begin with the prefix, segment by segment? */
static bool is_below(const struct pdu *m, const char *prefix)
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	while (pdu_next_of(&it, PDU_URI_PATH, &o)) {
		const size_t len = strcspn(prefix, "/");
		if (o.len != len || memcmp(o.value, prefix, len) != 0)
			return false;
		if (prefix[len] == '\0')
			return true;
		prefix += len + 1;
	}
	return false;
}

static struct refusal read_segment(const struct pdu_option *o, struct image_request *out)
{
	const size_t at = strlen(out->path);
	const size_t slash = at > 0;
	if (!segment_is_good(o->value, o->len))
		return no(PDU_FORBIDDEN, "no path of an image");
	if (at + slash + o->len > PULL_PATH_MAX)
		return no(PDU_FORBIDDEN, "the path is too long");
	if (slash)
		out->path[at] = '/';
	memcpy(out->path + at + slash, o->value, o->len); /* the rest is zero */
	return no(0, NULL);
}

static bool read_number(const struct pdu_option *o, size_t max, uint32_t *out)
{
	uint32_t v = 0;
	for (size_t i = 0; o->len <= max && i < o->len; i++)
		v = v << 8 | o->value[i];
	*out = v;
	return o->len <= max;
}

static struct refusal read_block(const struct pdu_option *o, struct image_request *out)
{
	uint32_t v;
	if (!read_number(o, 3, &v) || out->has_block)
		return no(PDU_BAD_OPTION, "a Block2 that is none");
	if ((v & 7) > SZX_MAX)
		return no(PDU_BAD_REQUEST, "blocks of a reserved size");
	out->has_block = true;
	out->num = v >> 4;
	out->szx = v & 7;
	return no(0, NULL);
}

static void read_etag(const struct pdu_option *o, struct image_request *out)
{
	if (o->len == 0 || o->len > PULL_ETAG_MAX || out->etags_len >= IMAGE_ETAGS_MAX)
		return;
	out->etag_len[out->etags_len] = (uint8_t)o->len;
	memcpy(out->etags[out->etags_len++], o->value, o->len);
}

/* Critical options have odd numbers (RFC 7252 5.4.6); what is elective and not known is passed
   over, Observe among it: an image is not observed. */
static struct refusal read_option(const struct pdu_option *o, struct image_request *out)
{
	switch (o->number) {
	case PDU_URI_HOST:
	case PDU_URI_PORT:
		return no(0, NULL); /* they name us */
	case PDU_URI_PATH:
		return read_segment(o, out);
	case PDU_BLOCK2:
		return read_block(o, out);
	case ETAG:
		read_etag(o, out);
		return no(0, NULL);
	case SIZE2:
		out->wants_size = true;
		return no(0, NULL);
	case ACCEPT:
		return out->accept == PULL_NO_FORMAT && read_number(o, 2, &out->accept)
			       ? no(0, NULL)
			       : no(PDU_BAD_OPTION, "an Accept that is none");
	default:
		return (o->number & 1) != 0 ? no(PDU_BAD_OPTION, "no option for an image")
					    : no(0, NULL);
	}
}

static struct refusal read_options(
	const struct pdu *m, const char *prefix, struct image_request *out)
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	if (m->code != GET)
		return no(METHOD_NOT_ALLOWED, "an image can be fetched, nothing else");
	while (pdu_next(&it, &o)) {
		const struct refusal one = read_option(&o, out);
		if (one.code != 0)
			return one;
	}
	return strlen(out->path) > strlen(prefix) ? no(0, NULL)
						  : no(PDU_FORBIDDEN, "no path of an image");
}

enum image_verdict image_read(const struct pdu *m, const char *prefix, struct image_request *out,
	uint8_t *code, const char **why)
{
	*out = (struct image_request){
		.mid = m->mid,
		.confirmable = m->type == PDU_CON,
		.token_len = m->token_len,
		.szx = SZX_MAX,
		.accept = PULL_NO_FORMAT,
	};
	if (!pdu_is_request(m) || m->type > PDU_NON || m->proxying || !is_below(m, prefix))
		return IMAGE_NOT_OURS;
	if (m->token_len > 0)
		memcpy(out->token, m->token, m->token_len);
	const struct refusal r = read_options(m, prefix, out);
	*code = r.code;
	*why = r.why;
	return r.code != 0 ? IMAGE_REFUSED : IMAGE_ASKED;
}

/* --- what is answered ------------------------------------------------------------------------ */

static bool has_it(const struct pull_entity *e, const struct image_request *r)
{
	for (size_t i = 0; e->etag_len > 0 && i < r->etags_len; i++) {
		if (r->etag_len[i] == e->etag_len && memcmp(r->etags[i], e->etag, e->etag_len) == 0)
			return true;
	}
	return false;
}

static bool says(struct image_part *out, uint8_t code, const char *why)
{
	*out = (struct image_part){ .code = code, .why = why };
	return true;
}

bool image_part(const struct image *image, const struct image_request *r, size_t room,
	struct image_part *out)
{
	const struct pull_entity *const e = image->entity;
	const uint64_t offset = (uint64_t)r->num * size_of(r->szx);
	uint8_t szx = r->szx;
	while (szx > 0 && room < OVERHEAD + size_of(szx))
		szx--;
	if (image->have == 0 && !image->whole)
		return false;
	if (r->accept != PULL_NO_FORMAT && e->format != PULL_NO_FORMAT && r->accept != e->format)
		return says(out, NOT_ACCEPTABLE, "the image is of another format");
	if (r->num == 0 && has_it(e, r))
		return says(out, VALID, NULL);
	if (image->whole && offset > 0 && offset >= image->have)
		return says(out, PDU_BAD_REQUEST, "the image ends before this block");
	/* Whether more follows is known when one octet of it is there. */
	if (!image->whole && image->have <= offset + size_of(szx))
		return false;
	const uint64_t left = image->have - offset;
	*out = (struct image_part){
		.code = CONTENT,
		.offset = offset,
		.len = left < size_of(szx) ? (size_t)left : size_of(szx),
		.szx = szx,
		.more = left > size_of(szx),
	};
	return true;
}

static void write_number(struct wr *w, uint16_t *last, uint16_t number, uint64_t v)
{
	uint8_t all[4];
	size_t skip = 0;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)(v >> 8 * (sizeof(all) - 1 - i));
	while (skip < sizeof(all) && all[skip] == 0)
		skip++;
	pdu_write_option(w, last,
		&(struct pdu_option){
			.value = all + skip, .len = sizeof(all) - skip, .number = number });
}

static void write_head(struct wr *w, const struct image_request *r, uint8_t code)
{
	const unsigned type = r->confirmable ? PDU_ACK : PDU_NON;
	wr_u8(w, (uint8_t)(1 << 6 | type << 4 | r->token_len));
	wr_u8(w, code);
	wr_u16(w, r->mid);
	if (r->token_len > 0)
		wr_bytes(w, r->token, r->token_len);
}

size_t image_write(const struct image *image, const struct image_request *r,
	const struct image_part *part, const uint8_t *data, uint8_t out[IMAGE_MESSAGE_MAX])
{
	const struct pull_entity *const e = image->entity;
	struct wr w = wr_into(out, IMAGE_MESSAGE_MAX);
	uint16_t last = 0;
	write_head(&w, r, part->code);
	if (e->etag_len > 0)
		pdu_write_option(&w, &last,
			&(struct pdu_option){
				.value = e->etag, .len = e->etag_len, .number = ETAG });
	if (part->code == CONTENT && e->format != PULL_NO_FORMAT)
		write_number(&w, &last, FORMAT, e->format);
	write_number(&w, &last, PDU_MAX_AGE, image->max_age_s);
	if (part->code == CONTENT && (r->has_block || part->more))
		write_number(&w, &last, PDU_BLOCK2,
			part->offset / size_of(part->szx) << 4 | (uint64_t)part->more << 3 |
				part->szx);
	const uint64_t size = image->whole ? image->have : e->size;
	if (part->code == CONTENT && size > 0 && (r->wants_size || r->num == 0))
		write_number(&w, &last, SIZE2, size);
	if (part->code == CONTENT && part->len > 0) {
		wr_u8(&w, 0xff);
		wr_bytes(&w, data, part->len);
	}
	return wr_ok(&w) ? w.len : 0;
}

size_t image_refuse(const struct image_request *r, uint8_t code, const char *why,
	uint32_t max_age_s, uint8_t out[IMAGE_MESSAGE_MAX])
{
	const struct pdu_answer a = {
		.type = r->confirmable ? PDU_ACK : PDU_NON,
		.code = code,
		.mid = r->mid,
		.token_len = r->token_len,
		.token = r->token,
		.max_age_s = max_age_s,
		.diagnostic = why,
	};
	/* It is for a CON: RFC 7252 5.4.1. */
	return r->confirmable || code != PDU_BAD_OPTION ? pdu_write(out, PDU_OWN_MAX, &a) : 0;
}
