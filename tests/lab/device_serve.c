/* SPDX-License-Identifier: Apache-2.0 */
/* The objects of a simulated device: Server (1) and Device (3), as far as the lab's operations
   go. */
#include "tests/lab/device.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 200, LIFETIME_DIGITS = 10 };

struct body { /* of an answer */
	uint8_t code;
	uint32_t format; /* LAB_ABSENT: no payload */
	bool observed;   /* carries an Observe number */
	struct wr w;
};

static const char device_links[] =
	"</3/0>,</3/0/0>,</3/0/1>,</3/0/2>,</3/0/4>,</3/0/9>,</3/0/13>,</3/0/16>";

size_t device_value(const struct device *d, char *out, size_t cap, uint64_t now_ms)
{
	(void)d;
	const int len = snprintf(out, cap, "%" PRIu64, now_ms / 1000);
	return len > 0 && (size_t)len < cap ? (size_t)len : 0;
}

/* LwM2M Core 1.0 section 6.4.3.1: resource with value, 8-bit id, length in the type byte or
   behind it. */
static void tlv(struct wr *w, uint8_t id, const void *value, size_t len)
{
	wr_u8(w, (uint8_t)(0xc0 | (len < 8 ? len : 0x08)));
	wr_u8(w, id);
	if (len >= 8)
		wr_u8(w, (uint8_t)len);
	wr_bytes(w, value, len);
}

static void tlv_text(struct wr *w, uint8_t id, const char *text)
{
	tlv(w, id, text, strlen(text));
}

static void device_object_tlv(const struct device *d, struct wr *w, uint64_t now_ms)
{
	const uint64_t s = now_ms / 1000;
	const uint8_t time[4] = { (uint8_t)(s >> 24), (uint8_t)(s >> 16), (uint8_t)(s >> 8),
		(uint8_t)s };
	const uint8_t battery = 87;
	tlv_text(w, 0, "lwgate lab");
	tlv_text(w, 1, "simulated device");
	tlv_text(w, 2, d->endpoint);
	tlv(w, 9, &battery, sizeof(battery));
	tlv(w, 13, time, sizeof(time));
	tlv_text(w, 16, "U");
}

static void device_object_json(const struct device *d, struct wr *w, uint64_t now_ms)
{
	char text[BODY_MAX];
	const int len = snprintf(text, sizeof(text),
		"{\"bn\":\"/3/0/\",\"e\":[{\"n\":\"0\",\"sv\":\"lwgate "
		"lab\"},{\"n\":\"2\",\"sv\":\"%s\"},"
		"{\"n\":\"9\",\"v\":87},{\"n\":\"13\",\"v\":%" PRIu64 "}]}",
		d->endpoint, now_ms / 1000);
	if (len <= 0 || (size_t)len >= sizeof(text)) {
		w->bad = true;
		return;
	}
	wr_bytes(w, text, (size_t)len);
}

static enum device_served read_object(
	struct device *d, const struct lab_msg *q, struct body *b, uint64_t now_ms)
{
	if (q->accept == LAB_LINKS) {
		b->code = LAB_CONTENT;
		b->format = LAB_LINKS;
		wr_bytes(&b->w, device_links, sizeof(device_links) - 1);
		return DEVICE_DISCOVER;
	}
	if (strcmp(q->path, "3/0") != 0)
		return DEVICE_OTHER;
	b->code = LAB_CONTENT;
	b->format = q->accept == LAB_JSON ? LAB_JSON : LAB_TLV;
	if (b->format == LAB_JSON)
		device_object_json(d, &b->w, now_ms);
	else
		device_object_tlv(d, &b->w, now_ms);
	return DEVICE_READ;
}

static enum device_served read_time(
	struct device *d, const struct lab_msg *q, struct body *b, uint64_t now_ms)
{
	char value[24];
	const size_t len = device_value(d, value, sizeof(value), now_ms);
	b->code = LAB_CONTENT;
	b->format = LAB_TEXT;
	wr_bytes(&b->w, value, len);
	if (q->observe == 0) {
		d->observed = b->observed = true;
		d->observer = q->head;
		d->notify_ms = now_ms + d->owner->settings->notify_ms;
		d->note_len = 0;
		return DEVICE_OBSERVE;
	}
	if (q->observe != 1)
		return DEVICE_READ;
	if (d->observed && lab_token_same(&d->observer, &q->head))
		d->observed = false;
	return DEVICE_CANCEL;
}

static enum device_served write_lifetime(
	struct device *d, const struct lab_msg *q, struct body *b, uint64_t now_ms)
{
	char text[LIFETIME_DIGITS + 1] = "";
	char *end = text;
	if (q->payload_len > 0 && q->payload_len <= LIFETIME_DIGITS)
		memcpy(text, q->payload, q->payload_len);
	const unsigned long value = strtoul(text, &end, 10);
	if (end == text || *end != 0 || value == 0 || value > UINT32_MAX) {
		b->code = LAB_BAD_REQUEST;
		return DEVICE_OTHER;
	}
	b->code = LAB_CHANGED;
	if ((uint32_t)value != d->lifetime_s && d->state == DEVICE_REGISTERED)
		d->update_ms =
			now_ms; /* LwM2M Core 6.2.2: a changed lifetime is told by an Update */
	d->lifetime_s = (uint32_t)value;
	return DEVICE_WRITE;
}

static enum device_served execute(struct body *b)
{
	b->code = LAB_CHANGED;
	return DEVICE_EXECUTE;
}

static enum device_served route(
	struct device *d, const struct lab_msg *q, struct body *b, uint64_t now_ms)
{
	const bool object = strcmp(q->path, "3") == 0 || strcmp(q->path, "3/0") == 0;
	const bool time = strcmp(q->path, "3/0/13") == 0;
	const bool lifetime = strcmp(q->path, "1/0/1") == 0;
	const bool reboot = strcmp(q->path, "3/0/4") == 0;
	b->code = object || time || lifetime || reboot ? LAB_NOT_ALLOWED : LAB_NOT_FOUND;
	if (object && q->head.code == LAB_GET)
		return read_object(d, q, b, now_ms);
	if (time && q->head.code == LAB_GET)
		return read_time(d, q, b, now_ms);
	if (lifetime && q->head.code == LAB_PUT)
		return write_lifetime(d, q, b, now_ms);
	if (reboot && q->head.code == LAB_POST)
		return execute(b);
	return DEVICE_OTHER;
}

size_t device_serve(struct device *d, const struct lab_msg *q, uint64_t now_ms)
{
	uint8_t bytes[BODY_MAX];
	struct body b = { .format = LAB_ABSENT, .w = wr_into(bytes, sizeof(bytes)) };
	const enum device_served what = route(d, q, &b, now_ms);
	struct lab_head head = q->head;
	head.type = q->head.type == LAB_CON ? LAB_ACK : LAB_NON;
	head.code = b.code;
	if (head.type == LAB_NON)
		head.id = d->next_id++;
	d->owner->counts->served[what]++;
	struct lab_out o;
	lab_out_begin(&o, d->answer, sizeof(d->answer), &head);
	if (b.observed)
		lab_out_uint(&o, LAB_OPT_OBSERVE, ++d->observe_number & 0xffffff);
	if (b.format != LAB_ABSENT) {
		lab_out_uint(&o, LAB_OPT_FORMAT, b.format);
		lab_out_payload(&o, b.w.data, wr_ok(&b.w) ? b.w.len : 0);
	}
	return lab_out_end(&o);
}
