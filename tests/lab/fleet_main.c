/* SPDX-License-Identifier: Apache-2.0 */
/* lwgate-fleet: simulated LwM2M devices over DTLS, for the lab and for benchmarks. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/credentials.h"
#include "tests/lab/fleet.h"
#include "tests/lab/fleet_gen.h"
#include "tests/lab/fleet_sms.h"
#include "tests/lab/loop.h"
#include "tests/lab/udp.h"

enum option_id {
	SERVER = 1,
	CREDENTIALS,
	DEVICES,
	RATE,
	HANDSHAKES,
	DURATION,
	INITIAL_MS,
	ACK_MS,
	NOTIFY_MS,
	CON_EVERY,
	UPDATE_S,
	LIFETIME_S,
	SEED,
	LOAD,
	WINDOW,
	PAYLOAD,
	CON,
	LOST_MS,
	GET,
	PROXY_URI,
	NO_REGISTER,
	LOAD_RATE,
	MIXED,
	SERIAL,
	ONCE,
	TOKENS_ONCE,
	ABRUPT,
	CID,
	NO_RRC,
	QUEUE,
	NOTES,
	GEN_CREDENTIALS,
	GEN_KEYS,
	GEN_DIRECT,
	HELP
};

static const struct option options[] = {
	{ "server", required_argument, NULL, SERVER },
	{ "credentials", required_argument, NULL, CREDENTIALS },
	{ "devices", required_argument, NULL, DEVICES },
	{ "rate", required_argument, NULL, RATE },
	{ "handshakes", required_argument, NULL, HANDSHAKES },
	{ "duration", required_argument, NULL, DURATION },
	{ "initial-ms", required_argument, NULL, INITIAL_MS },
	{ "ack-ms", required_argument, NULL, ACK_MS },
	{ "notify-ms", required_argument, NULL, NOTIFY_MS },
	{ "con-every", required_argument, NULL, CON_EVERY },
	{ "notes", required_argument, NULL, NOTES },
	{ "update-s", required_argument, NULL, UPDATE_S },
	{ "lifetime-s", required_argument, NULL, LIFETIME_S },
	{ "seed", required_argument, NULL, SEED },
	{ "load", no_argument, NULL, LOAD },
	{ "window", required_argument, NULL, WINDOW },
	{ "payload", required_argument, NULL, PAYLOAD },
	{ "con", no_argument, NULL, CON },
	{ "lost-ms", required_argument, NULL, LOST_MS },
	{ "get", required_argument, NULL, GET },
	{ "proxy-uri", required_argument, NULL, PROXY_URI },
	{ "no-register", no_argument, NULL, NO_REGISTER },
	{ "load-rate", required_argument, NULL, LOAD_RATE },
	{ "mixed", no_argument, NULL, MIXED },
	{ "serial", no_argument, NULL, SERIAL },
	{ "once", no_argument, NULL, ONCE },
	{ "tokens-once", no_argument, NULL, TOKENS_ONCE },
	{ "abrupt", no_argument, NULL, ABRUPT },
	{ "cid", required_argument, NULL, CID },
	{ "no-rrc", no_argument, NULL, NO_RRC },
	{ "queue", no_argument, NULL, QUEUE },
	{ "gen-credentials", required_argument, NULL, GEN_CREDENTIALS },
	{ "gen-keys", required_argument, NULL, GEN_KEYS },
	{ "gen-direct-keys", required_argument, NULL, GEN_DIRECT },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"usage: lwgate-fleet --server ADDR:PORT --credentials FILE [option ...]\n"
	"       lwgate-fleet --devices N --gen-credentials FILE [--gen-keys FILE] "
	"[--gen-direct-keys FILE]\n"
	"Simulates LwM2M devices; prints a JSON object a line each second, and a summary. Orders "
	"on stdin: quit (they\n"
	"de-register; a second quit ends at once); load N [RATE] (N requests, RATE a second at "
	"most, then one line\n"
	"that tells how they ended); rest (no more load); speak N (one request of the device with "
	"that number,\n"
	"from 0, and one line).\n"
	"  --devices N        the first N of the credentials (all)\n"
	"  --rate N           handshakes begun a second; De-registers too (200)\n"
	"  --handshakes N     under way at once (256)\n"
	"  --duration S       after all are registered; 0: until told (0)\n"
	"  --initial-ms N     DTLS retransmission timer (1000)\n"
	"  --ack-ms N         CoAP ACK_TIMEOUT (2000)\n"
	"  --notify-ms N      between notifications (1000)\n"
	"  --con-every K      each K-th notification is confirmable; 0: none (5)\n"
	"  --notes N          so many notifications of a device, and no more; 0: no bound (0)\n"
	"  --update-s S       between Updates; 0: none (0)\n"
	"  --lifetime-s S     of the registration (3600)\n"
	"  --seed N           of what is random here, keys excepted (1)\n"
	"  --load             after registration: POST /dp, at a window over all devices, for "
	"--duration\n"
	"  --window W         requests under way (64)\n"
	"  --payload N        bytes, at most 256 (100)\n"
	"  --con              the load is confirmable\n"
	"  --lost-ms N        a load request unanswered for so long is lost (2000)\n"
	"  --get PATH         the load is GET PATH\n"
	"  --proxy-uri URI    the load goes to that URI, through a forward proxy\n"
	"  --no-register      the association is enough: for servers and proxies that know no "
	"LwM2M\n"
	"  --load-rate N      load requests begun a second at most; 0: as many as go (0)\n"
	"  --mixed            every other load request is confirmable\n"
	"  --serial           each copy of each load request is unlike all others; labserver "
	"counts what comes twice\n"
	"  --once             a device that loses its association or registration stays away\n"
	"  --tokens-once      the server's NON requests have tokens of their own: count what "
	"comes twice\n"
	"  --cid both|send|off   connection ids; send: the server may have one, we have none "
	"(off)\n"
	"  --no-rrc           with CIDs, but without return routability checks (RFC 9853)\n"
	"  --queue            devices register in queue mode\n"
	"  --channel sms      devices by short messages; --channel sms --help tells the rest\n"
	"  --abrupt           at the end no De-register, no close_notify\n";

struct plan {
	struct fleet_settings set;
	struct fleet_gen gen;
	const char *credentials;
};

static void take_device_setting(struct device_settings *s, int id, const char *text)
{
	switch (id) {
	case ACK_MS:
		s->ack_timeout_ms = option_number("ack-ms", text, 10, 60000);
		break;
	case NOTIFY_MS:
		s->notify_ms = option_number("notify-ms", text, 0, 86400000);
		break;
	case NOTES:
		s->notes_most = option_number("notes", text, 0, UINT32_MAX);
		break;
	case CON_EVERY:
		s->con_every = option_number("con-every", text, 0, UINT32_MAX);
		break;
	case UPDATE_S:
		s->update_ms = 1000 * option_number("update-s", text, 0, 86400);
		break;
	case LIFETIME_S:
		s->lifetime_s = option_number("lifetime-s", text, 1, UINT32_MAX);
		break;
	case PAYLOAD:
		s->load_bytes = option_number("payload", text, 0, DEVICE_PAYLOAD_MAX);
		break;
	case LOST_MS:
		s->load_wait_ms = option_number("lost-ms", text, 10, 600000);
		break;
	case GET:
		s->load_get = text;
		break;
	case QUEUE:
		s->queue_mode = true;
		break;
	case PROXY_URI:
		s->load_proxy = text;
		break;
	case NO_REGISTER:
		s->no_register = true;
		break;
	case SERIAL:
		s->load_serial = true;
		break;
	default:
		(void)fputs(usage, stderr);
		exit(2);
	}
}

static void take_setting(struct fleet_settings *s, int id, const char *text)
{
	switch (id) {
	case DEVICES:
		s->devices = option_number("devices", text, 1, 1000000);
		break;
	case RATE:
		s->rate = option_number("rate", text, 1, 1000000);
		break;
	case HANDSHAKES:
		s->handshakes_max = option_number("handshakes", text, 1, 100000);
		break;
	case DURATION:
		s->duration_s = option_number("duration", text, 0, 86400);
		break;
	case INITIAL_MS:
		s->initial_ms = option_number("initial-ms", text, 50, 60000);
		break;
	case SEED:
		s->seed = option_number("seed", text, 0, UINT32_MAX);
		break;
	case WINDOW:
		s->window = option_number("window", text, 1, 1000000);
		break;
	case LOAD:
		s->load = true;
		break;
	case CON:
		s->load_con = true;
		break;
	case LOAD_RATE:
		s->load_rate = option_number("load-rate", text, 0, 1000000);
		break;
	case MIXED:
		s->mixed = true;
		break;
	case ONCE:
		s->once = true;
		break;
	case TOKENS_ONCE:
		s->tokens_once = true;
		break;
	case CID:
		s->cid = cids_option(text);
		break;
	case NO_RRC:
		s->no_rrc = true;
		break;
	case ABRUPT:
		s->abrupt = true;
		break;
	default:
		take_device_setting(&s->device, id, text);
	}
}

static void take_option(struct plan *p, int id)
{
	switch (id) {
	case SERVER:
		if (udp_parse(optarg, &p->set.server))
			break;
		(void)fprintf(stderr, "--server %s: must be ADDR:PORT or [ADDR]:PORT\n", optarg);
		exit(2);
	case CREDENTIALS:
		p->credentials = optarg;
		break;
	case GEN_CREDENTIALS:
		p->gen.credentials = optarg;
		break;
	case GEN_KEYS:
		p->gen.keys = optarg;
		break;
	case GEN_DIRECT:
		p->gen.direct_keys = optarg;
		break;
	case HELP:
		(void)fputs(usage, stdout);
		exit(0);
	default:
		take_setting(&p->set, id, optarg);
	}
}

static struct plan read_options(int argc, char **argv)
{
	struct plan p = { .set = { .rate = 200,
				  .handshakes_max = 256,
				  .initial_ms = 1000,
				  .window = 64,
				  .seed = 1,
				  .device = { .ack_timeout_ms = 2000,
					  .notify_ms = 1000,
					  .con_every = 5,
					  .lifetime_s = 3600,
					  .load_bytes = 100,
					  .load_wait_ms = 2000 } } };
	for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;)
		take_option(&p, id);
	p.gen.devices = p.set.devices;
	return p;
}

static int run(struct plan *p)
{
	struct conf_error error;
	struct cred_set *creds = cred_load(p->credentials, NULL, &error);
	if (!creds) {
		(void)fprintf(stderr, "lwgate-fleet: %s\n", error.text);
		return 1;
	}
	if (p->set.devices == 0 || p->set.devices > cred_count(creds))
		p->set.devices = (uint32_t)cred_count(creds);
	struct fleet f;
	const bool good = fleet_open(&f, &p->set, creds);
	if (good)
		fleet_run(&f);
	fleet_close(&f);
	cred_free(creds);
	return good && fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (fleet_sms_is_wanted(argc, argv))
		return fleet_sms_run(argc, argv);
	struct plan p = read_options(argc, argv);
	const bool generate = p.gen.credentials || p.gen.keys || p.gen.direct_keys;
	if (generate && p.gen.devices > 0)
		return fleet_generate(&p.gen) ? 0 : 1;
	if (generate || !p.credentials || p.set.server.family == 0) {
		(void)fputs(usage, stderr);
		return 2;
	}
	return run(&p);
}
