/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/fleet_sms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"
#include "conf/hex.h"

enum { AGAIN_MS = 2000, PLAIN_MAX = DEVICE_TX_MAX + DEVICE_ANSWER_MAX, LINE = 512, LIMIT_MIB = 64 };

/* --- going ------------------------------------------------------------------------------------ */

static bool send_segment(struct fleet_sms *f, const struct fleet_sms_device *d, const uint8_t *data,
	size_t len, bool header)
{
	struct fleet_sms_message *const m = calloc(1, sizeof(*m));
	if (!m)
		return false;
	m->device = d->number;
	m->header = header;
	m->len = (uint8_t)len;
	memcpy(m->data, data, len);
	f->counts.mo_segments++;
	fleet_sms_queue(f, m);
	return true;
}

static void send_packet(
	struct fleet_sms *f, struct fleet_sms_device *d, const uint8_t *packet, size_t len)
{
	const struct wire_text t = { .marker = UDH_COMMAND, .data = packet, .len = len };
	const size_t count = segments_count(&t);
	uint8_t data[UDH_SPACE];
	bool header;
	d->reference++;
	for (size_t i = 0; i < count; i++) {
		const size_t n = segments_cut(&t, d->reference, count, i, data, &header);
		if (!send_segment(f, d, data, n, header))
			return;
	}
	f->counts.mo += count > 0;
}

static void model_send(void *ctx, struct device *m, const uint8_t *msg, size_t len)
{
	struct fleet_sms *const f = ctx;
	struct fleet_sms_device *const d = CONTAINER_OF(m, struct fleet_sms_device, model);
	uint8_t plain[PLAIN_MAX + SMS_ENVELOPE_MAX],
		packet[PLAIN_MAX + SMS_HEAD + SMS_OVERHEAD_MAX];
	if (len > PLAIN_MAX)
		return;
	const size_t head = sms_wrap(SMS_TAG, len, plain);
	memcpy(plain + head, msg, len);
	const size_t n = sms_seal(
		f->cipher, &d->settings, ++d->out, plain, head + len, packet, sizeof(packet), NULL);
	if (n > 0)
		send_packet(f, d, packet, n);
}

/* --- the model -------------------------------------------------------------------------------- */

static void settle(struct fleet_sms *f, struct fleet_sms_device *d, bool before)
{
	const bool after = d->model.state == DEVICE_REGISTERED;
	uint64_t next = device_next_ms(&d->model);
	f->registered += (uint32_t)after - (uint32_t)before;
	if (d->model.state == DEVICE_GONE && d->begun) {
		d->begun = false;
		f->done++;
		next = UINT64_MAX;
	} else if (d->model.state == DEVICE_LOST && !d->waits) {
		device_link_lost(&d->model);
		f->counts.again++;
		d->waits = true;
		next = f->now_ms + AGAIN_MS;
	}
	if (next == UINT64_MAX)
		wheel_cancel(&f->wheel, &d->timer);
	else
		wheel_arm(&f->wheel, &d->timer, next);
}

static void fired(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	struct fleet_sms *const f = ctx;
	struct fleet_sms_device *const d = CONTAINER_OF(t, struct fleet_sms_device, timer);
	const bool before = d->model.state == DEVICE_REGISTERED;
	if (d->waits) {
		d->waits = false;
		device_start(&d->model, now_ms);
	} else {
		device_tick(&d->model, now_ms);
	}
	settle(f, d, before);
}

void fleet_sms_begin(struct fleet_sms *f, struct fleet_sms_device *d)
{
	d->begun = true;
	device_start(&d->model, f->now_ms);
	settle(f, d, false);
}

void fleet_sms_leave(struct fleet_sms *f, struct fleet_sms_device *d)
{
	const bool before = d->model.state == DEVICE_REGISTERED;
	if (!d->begun || d->waits) {
		wheel_cancel(&f->wheel, &d->timer);
		d->begun = d->waits = false;
		f->done++;
		return;
	}
	device_stop(&d->model, f->now_ms);
	settle(f, d, before);
}

/* --- coming ----------------------------------------------------------------------------------- */

static struct fleet_sms_device *device_of(struct fleet_sms *f, const char *digits)
{
	/* They are one after the other: see fleet_sms_generate(). */
	const uint64_t first = strtoull(f->devices[0].peer.digits, NULL, 10);
	const uint64_t n = strtoull(digits[0] == '+' ? digits + 1 : digits, NULL, 10);
	return n >= first && n - first < f->len ? &f->devices[n - first] : NULL;
}

static void opened(struct fleet_sms *f, struct fleet_sms_device *d, const struct sms_opened *o)
{
	const bool before = d->model.state == DEVICE_REGISTERED;
	const uint8_t *coap;
	size_t len;
	if (o->counter <= d->in) {
		f->counts.replayed++;
		return;
	}
	d->in = o->counter;
	if (!sms_unwrap(SMS_TAG, o->data, o->len, &coap, &len)) {
		f->counts.unwrapped++;
		return;
	}
	f->counts.mt++;
	device_input(&d->model, coap, len, f->now_ms);
	settle(f, d, before);
}

static void whole(struct fleet_sms *f, struct fleet_sms_device *d, const struct wire_text *t)
{
	static uint8_t packet[SMS_PACKET_MAX];
	struct sms_opened o;
	if (t->marker != UDH_COMMAND || t->len > sizeof(packet)) {
		f->counts.broken++;
		return;
	}
	memcpy(packet, t->data, t->len);
	if (sms_open(f->cipher, &d->settings, packet, t->len, &o) == SMS_GOOD)
		opened(f, d, &o);
	else
		f->counts.forged++;
}

void fleet_sms_heard(struct fleet_sms *f, const struct smpp_sm *m)
{
	struct fleet_sms_device *const d = device_of(f, m->destination.digits);
	struct segments_part p = { .text = { .pid = m->pid, .dcs = m->dcs } };
	struct wire_text t;
	size_t head = 0;
	f->counts.mt_segments++;
	if (!d) {
		f->counts.unknown++;
		return;
	}
	if ((m->esm_class & SMPP_ESM_HEADER) == 0 ||
		!udh_read(m->text, m->text_len, &p.udh, &head)) {
		f->counts.broken++;
		return;
	}
	p.text.peer = d->peer; /* whose parts they are */
	p.text.marker = p.udh.marker;
	p.text.data = m->text + head;
	p.text.len = m->text_len - head;
	if (segments_add(f->segments, &p, f->now_ms, &t) == SEGMENTS_WHOLE) {
		whole(f, d, &t);
		segments_forget(f->segments, &p);
	}
}

/* --- reading them ----------------------------------------------------------------------------- */

static bool take_line(struct fleet_sms *f, struct fleet_sms_device *d, char *line)
{
	enum { WORDS = 4 };
	char *words[WORDS], *rest = NULL;
	enum sms_profile profile;
	const char *why;
	for (size_t i = 0; i < WORDS; i++) {
		words[i] = strtok_r(i == 0 ? line : NULL, " \n", &rest);
		if (!words[i])
			return false;
	}
	if (strlen(words[0]) >= sizeof(d->endpoint) || !wire_number_from_text(words[1], &d->peer) ||
		!sms_profile_named(words[2], &profile) ||
		strlen(words[3]) != (size_t)2 * FLEET_SMS_KEYS)
		return false;
	struct sms_agreed a = sms_agreed_default(profile);
	a.key_len = FLEET_SMS_KEYS;
	const bool good = conf_hex_read(words[3], strlen(words[3]), a.key) &&
			  sms_profile_settings(&a, false, &d->settings, &why);
	wipe(&a, sizeof(a));
	memcpy(d->endpoint, words[0], strlen(words[0]));
	d->around = sms_profile_around(profile);
	d->number = f->len;
	d->timer.fire = fired;
	device_init(&d->model, &f->owner, d->endpoint, f->set->seed * 0x100000000 + d->number);
	return good;
}

static bool read_devices(struct fleet_sms *f, FILE *file)
{
	char line[LINE];
	size_t cap = 0;
	while (fgets(line, sizeof(line), file) &&
		(f->set->devices == 0 || f->len < f->set->devices)) {
		if (f->len == cap) {
			cap = cap == 0 ? (size_t)LINE : 2 * cap;
			struct fleet_sms_device *const more =
				realloc(f->devices, cap * sizeof(*more));
			if (!more)
				return false;
			f->devices = more;
			memset(more + f->len, 0, (cap - f->len) * sizeof(*more));
		}
		if (!take_line(f, &f->devices[f->len], line))
			return false;
		f->len++;
	}
	/* They have moved. */
	for (uint32_t i = 0; i < f->len; i++)
		f->devices[i].model.endpoint = f->devices[i].endpoint;
	return f->len > 0;
}

bool fleet_sms_load(struct fleet_sms *f)
{
	struct segments_limits limits = segments_limits_default();
	FILE *const file = fopen(f->set->devices_file, "r");
	limits.octets = (size_t)LIMIT_MIB << 20;
	f->owner = (struct device_owner){ .ctx = f,
		.send = model_send,
		.settings = &f->set->device,
		.counts = &f->model_counts };
	f->cipher = sms_cipher_new();
	f->segments = segments_new(&limits);
	const bool good = file && f->cipher && f->segments && read_devices(f, file);
	if (file)
		(void)fclose(file);
	if (!good)
		(void)fprintf(stderr,
			"lwgate-fleet: %s: no devices by short messages can be read\n",
			f->set->devices_file);
	return good;
}
