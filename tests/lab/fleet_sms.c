/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/fleet_sms.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEP_MS = 20, SAY_MS = 1000, PATIENCE_MS = 60000, MS = 1000 };

/* --- options ---------------------------------------------------------------------------------- */

static const char usage[] =
	"usage: lwgate-fleet --channel sms --smsc-port PORT --sms-devices FILE [option ...]\n"
	"       lwgate-fleet --channel sms --devices N --gen-credentials FILE --gen-keys FILE\n"
	"           --gen-sms-devices FILE [--sms-profile lwm2m-1.0|cr-004]\n"
	"Devices by short messages, and the SMSC to which lwgate-smsd binds (any name and "
	"password). "
	"Prints a JSON\n"
	"object a line each second, and a summary. Order on stdin: quit (they de-register; a "
	"second "
	"one ends at once).\n"
	"  --devices N --rate N --duration S --ack-ms N --notify-ms N --con-every K --update-s S\n"
	"  --lifetime-s S --seed N    as without --channel; --ack-ms 30000, --notify-ms 0\n"
	"  --own DIGITS               the gateway's number (447700900002)\n";

enum option_id {
	CHANNEL = 1,
	PORT,
	DEVICES_FILE,
	DEVICES,
	RATE,
	DURATION,
	ACK_MS,
	NOTIFY_MS,
	CON_EVERY,
	UPDATE_S,
	LIFETIME_S,
	SEED,
	OWN,
	PROFILE,
	GEN_CREDENTIALS,
	GEN_KEYS,
	GEN_DEVICES,
	HELP,
};
static const struct option options[] = {
	{ "channel", required_argument, NULL, CHANNEL },
	{ "smsc-port", required_argument, NULL, PORT },
	{ "sms-devices", required_argument, NULL, DEVICES_FILE },
	{ "devices", required_argument, NULL, DEVICES },
	{ "rate", required_argument, NULL, RATE },
	{ "duration", required_argument, NULL, DURATION },
	{ "ack-ms", required_argument, NULL, ACK_MS },
	{ "notify-ms", required_argument, NULL, NOTIFY_MS },
	{ "con-every", required_argument, NULL, CON_EVERY },
	{ "update-s", required_argument, NULL, UPDATE_S },
	{ "lifetime-s", required_argument, NULL, LIFETIME_S },
	{ "seed", required_argument, NULL, SEED },
	{ "own", required_argument, NULL, OWN },
	{ "sms-profile", required_argument, NULL, PROFILE },
	{ "gen-credentials", required_argument, NULL, GEN_CREDENTIALS },
	{ "gen-keys", required_argument, NULL, GEN_KEYS },
	{ "gen-sms-devices", required_argument, NULL, GEN_DEVICES },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

struct plan {
	struct fleet_sms_settings set;
	struct fleet_sms_gen gen;
};

static void take_number(struct fleet_sms_settings *s, int id, const char *text)
{
	switch (id) {
	case PORT:
		s->port = (uint16_t)option_number("smsc-port", text, 1, UINT16_MAX);
		break;
	case DEVICES:
		s->devices = option_number("devices", text, 1, 1000000);
		break;
	case RATE:
		s->rate = option_number("rate", text, 1, 1000000);
		break;
	case DURATION:
		s->duration_s = option_number("duration", text, 0, 86400);
		break;
	case ACK_MS:
		s->device.ack_timeout_ms = option_number("ack-ms", text, 10, 600000);
		break;
	case NOTIFY_MS:
		s->device.notify_ms = option_number("notify-ms", text, 0, 86400000);
		break;
	case CON_EVERY:
		s->device.con_every = option_number("con-every", text, 0, UINT32_MAX);
		break;
	case UPDATE_S:
		s->device.update_ms = MS * option_number("update-s", text, 0, 86400);
		break;
	case LIFETIME_S:
		s->device.lifetime_s = option_number("lifetime-s", text, 1, UINT32_MAX);
		break;
	case SEED:
		s->seed = option_number("seed", text, 0, UINT32_MAX);
		break;
	default:
		(void)fputs(usage, stderr);
		exit(2);
	}
}

static void take_option(struct plan *p, int id, const char *text)
{
	struct wire_number number;
	switch (id) {
	case CHANNEL:
		return;
	case DEVICES_FILE:
		p->set.devices_file = text;
		return;
	case GEN_CREDENTIALS:
		p->gen.credentials = text;
		return;
	case GEN_KEYS:
		p->gen.keys = text;
		return;
	case GEN_DEVICES:
		p->gen.devices_file = text;
		return;
	case OWN:
		if (wire_number_from_text(text, &number)) {
			memcpy(p->set.own, number.digits, sizeof(p->set.own));
			return;
		}
		break;
	case PROFILE:
		if (sms_profile_named(text, &p->gen.profile))
			return;
		break;
	case HELP:
		(void)fputs(usage, stdout);
		exit(0);
	default:
		take_number(&p->set, id, text);
		return;
	}
	(void)fputs(usage, stderr);
	exit(2);
}

bool fleet_sms_is_wanted(int argc, char *const argv[])
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--channel=sms") == 0 ||
			(i + 1 < argc && strcmp(argv[i], "--channel") == 0 &&
				strcmp(argv[i + 1], "sms") == 0))
			return true;
	}
	return false;
}

/* --- the loop --------------------------------------------------------------------------------- */

static uint64_t allowance(const struct fleet_sms *f, uint64_t since_ms)
{
	return (f->now_ms - since_ms) * f->set->rate / MS + 1;
}

static void begin_stop(struct fleet_sms *f)
{
	if (f->stop_ms != 0)
		return;
	f->stop_ms = f->now_ms;
	fleet_sms_say(f, "leaving");
}

static void step(struct fleet_sms *f)
{
	const uint64_t to = allowance(f, f->stop_ms ? f->stop_ms : f->begun_ms);
	while (f->stop_ms == 0 && f->started < f->len && f->started < to)
		fleet_sms_begin(f, &f->devices[f->started++]);
	while (f->stop_ms != 0 && f->stopped < f->len && f->stopped < to)
		fleet_sms_leave(f, &f->devices[f->stopped++]);
	if (f->all_ms == 0 && f->registered == f->len) {
		f->all_ms = f->now_ms;
		fleet_sms_say(f, "all_registered");
	}
	if (f->all_ms != 0 && f->set->duration_s != 0 &&
		f->now_ms >= f->all_ms + (uint64_t)f->set->duration_s * MS)
		begin_stop(f);
	if (f->now_ms >= f->said_ms + SAY_MS) {
		f->said_ms = f->now_ms;
		fleet_sms_say_all(f, "progress", false);
	}
}

/* False: the end at once. */
static bool obey(struct fleet_sms *f)
{
	char order[ORDER_MAX];
	while (orders_next(&f->orders, order)) {
		if (strcmp(order, "quit") != 0)
			continue;
		if (f->stop_ms != 0)
			return false;
		begin_stop(f);
	}
	return true;
}

static bool is_over(const struct fleet_sms *f)
{
	if (f->stop_ms == 0)
		return false;
	return (f->done == f->len && f->waiting.len + f->under_way.len == 0) ||
	       f->now_ms >= f->stop_ms + PATIENCE_MS + (uint64_t)f->len * MS / f->set->rate;
}

static void run(struct fleet_sms *f)
{
	for (;;) {
		const short out = f->line.out_len > 0 ? POLLOUT : 0;
		struct pollfd all[] = { { .fd = f->line.listener, .events = POLLIN },
			{ .fd = f->line.fd, .events = (short)(POLLIN | out) },
			{ .fd = f->orders.fd, .events = POLLIN } };
		(void)poll(all, COUNT_OF(all), STEP_MS);
		f->now_ms = loop_now_ms();
		fleet_sms_serve(f);
		wheel_run(&f->wheel, f->now_ms, f);
		(void)segments_expire(f->segments, f->now_ms);
		step(f);
		fleet_sms_serve(f);
		if (!obey(f) || is_over(f))
			return;
	}
}

static int serve(const struct fleet_sms_settings *set)
{
	struct fleet_sms *const f = calloc(1, sizeof(*f));
	if (!f)
		return 1;
	f->set = set;
	f->now_ms = f->begun_ms = f->said_ms = loop_now_ms();
	f->line.fd = f->line.listener = -1;
	wheel_init(&f->wheel, f->now_ms);
	const bool good = fleet_sms_load(f) && fleet_sms_listen(f) && orders_open(&f->orders);
	if (good) {
		fleet_sms_say(f, "listening");
		run(f);
		fleet_sms_say_all(f, "summary", true);
		orders_close(&f->orders);
	}
	fleet_sms_hang_up(f);
	fleet_sms_forget(f);
	if (f->line.listener >= 0)
		(void)close(f->line.listener);
	segments_free(f->segments);
	sms_cipher_free(f->cipher);
	free(f->devices);
	free(f);
	return good && fflush(stdout) == 0 ? 0 : 1;
}

int fleet_sms_run(int argc, char *argv[])
{
	struct plan p = { .set = { .rate = 50,
				  .seed = 1,
				  .own = "447700900002",
				  .device = { .ack_timeout_ms = 30000,
					  .con_every = 5,
					  .lifetime_s = 86400,
					  .load_bytes = 100,
					  .load_wait_ms = 2000 } } };
	for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;)
		take_option(&p, id, optarg);
	p.gen.devices = p.set.devices;
	const bool generate = p.gen.credentials && p.gen.keys && p.gen.devices_file;
	if (generate && p.gen.devices > 0)
		return fleet_sms_generate(&p.gen) ? 0 : 1;
	if (generate || !p.set.devices_file || p.set.port == 0) {
		(void)fputs(usage, stderr);
		return 2;
	}
	return serve(&p.set);
}
