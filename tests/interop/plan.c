/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/interop/plan.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/hex.h"
#include "tests/lab/loop.h"
#include "tests/lab/udp.h"

enum option_id {
	ADDRESS = 1,
	SUITES_ID,
	IDENTITY,
	PSK,
	KEY,
	CERTIFICATE,
	ANCHORS,
	RAW,
	SERVER_NAME,
	PEER_NAME,
	PEER_KEY,
	FRAGMENT,
	MTU,
	MAC_THEN_ENCRYPT,
	CID,
	BUCKET,
	INITIAL_MS,
	HEX,
	ROUNDS,
	EXCHANGES,
	RESUME,
	AWAIT_CLOSE,
	COAP,
	HUSH,
	CLOSE_AFTER,
	GIVE_UP_MS
};

static const struct option options[] = {
	{ "address", required_argument, NULL, ADDRESS },
	{ "suites", required_argument, NULL, SUITES_ID },
	{ "identity", required_argument, NULL, IDENTITY },
	{ "psk", required_argument, NULL, PSK },
	{ "key", required_argument, NULL, KEY },
	{ "certificate", required_argument, NULL, CERTIFICATE },
	{ "anchors", required_argument, NULL, ANCHORS },
	{ "raw", no_argument, NULL, RAW },
	{ "server-name", required_argument, NULL, SERVER_NAME },
	{ "peer-name", required_argument, NULL, PEER_NAME },
	{ "peer-key", required_argument, NULL, PEER_KEY },
	{ "fragment", required_argument, NULL, FRAGMENT },
	{ "mtu", required_argument, NULL, MTU },
	{ "mac-then-encrypt", no_argument, NULL, MAC_THEN_ENCRYPT },
	{ "cid", required_argument, NULL, CID },
	{ "bucket", required_argument, NULL, BUCKET },
	{ "initial-ms", required_argument, NULL, INITIAL_MS },
	{ "hex", required_argument, NULL, HEX },
	{ "rounds", required_argument, NULL, ROUNDS },
	{ "exchanges", required_argument, NULL, EXCHANGES },
	{ "resume", no_argument, NULL, RESUME },
	{ "await-close", no_argument, NULL, AWAIT_CLOSE },
	{ "coap", no_argument, NULL, COAP },
	{ "hush", no_argument, NULL, HUSH },
	{ "close-after", required_argument, NULL, CLOSE_AFTER },
	{ "give-up-ms", required_argument, NULL, GIVE_UP_MS },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"usage: dtls-peer server|client --address ADDR:PORT --suites NAME,... [option ...]\n"
	"  --identity TEXT --psk HEX\n"
	"  --key PEM [--certificate PEM | --raw]   ours\n"
	"  --anchors PEM --server-name NAME        whose certificates a client takes\n"
	"  --anchors PEM --peer-name CN            whose certificate a server takes\n"
	"  --peer-key DER                          whose raw public key either takes\n"
	"  --fragment CODE --mtu N --mac-then-encrypt --initial-ms N (1000)\n"
	"  --cid both|send          connection ids, and the return routability check\n"
	"  --bucket N               pads records with a CID to a multiple of N octets\n"
	"client:\n"
	"  --hex OCTETS (\"ping\")    what is sent\n"
	"  --exchanges N (1)        times that it is; the last answer ends the session\n"
	"  --rounds N (1) --resume  sessions one after the other, resumed\n"
	"  --await-close            the server closes\n"
	"  --give-up-ms N (20000)   of each round\n"
	"server: echoes what comes\n"
	"  --coap                   answers CoAP requests instead\n"
	"  --hush                   answers nothing\n"
	"  --resume                 lets sessions be resumed\n"
	"  --close-after N          closes after so many messages\n";

static _Noreturn void refuse(const char *what)
{
	(void)fprintf(stderr, "dtls-peer: %s\n%s", what, usage);
	exit(2);
}

static void take_text(struct plan *plan, const char *digits)
{
	const size_t len = strlen(digits);
	if (len > 2 * sizeof(plan->text) || !conf_hex_read(digits, len, plan->text))
		refuse("--hex");
	plan->text_len = len / 2;
}

static void take_identity(struct identity *who, int id, const char *text)
{
	switch (id) {
	case SUITES_ID:
		who->suites = text;
		break;
	case IDENTITY:
		who->identity = text;
		break;
	case PSK:
		identity_psk(who, text);
		break;
	case KEY:
		who->key = text;
		break;
	case CERTIFICATE:
		who->certificate = text;
		break;
	case ANCHORS:
		who->anchors = text;
		break;
	case RAW:
		who->raw = true;
		break;
	case SERVER_NAME:
		who->server_name = text;
		break;
	case PEER_NAME:
		who->peer_name = text;
		break;
	case PEER_KEY:
		identity_peer_key(who, text);
		break;
	case FRAGMENT:
		who->fragment_code = (uint8_t)option_number("fragment", text, 0, 4);
		break;
	case MTU:
		who->mtu = (uint16_t)option_number("mtu", text, 100, 2048);
		break;
	case MAC_THEN_ENCRYPT:
		who->mac_then_encrypt = true;
		break;
	case CID:
		who->cid = strcmp(text, "send") == 0 ? IDENTITY_CID_SEND : IDENTITY_CID_BOTH;
		break;
	case INITIAL_MS:
		who->initial_ms = option_number("initial-ms", text, 10, 60000);
		break;
	default:
		refuse("what is that?");
	}
}

static void take_option(struct plan *plan, int id)
{
	switch (id) {
	case ADDRESS:
		if (!udp_parse(optarg, &plan->address))
			refuse("--address must be ADDR:PORT");
		break;
	case HEX:
		take_text(plan, optarg);
		break;
	case ROUNDS:
		plan->rounds = option_number("rounds", optarg, 1, PLAN_ROUNDS_MAX);
		break;
	case EXCHANGES:
		plan->exchanges = option_number("exchanges", optarg, 1, 1000);
		break;
	case RESUME:
		plan->resume = true;
		break;
	case AWAIT_CLOSE:
		plan->await_close = true;
		break;
	case COAP:
		plan->coap = true;
		break;
	case HUSH:
		plan->hush = true;
		break;
	case BUCKET:
		plan->bucket = (uint16_t)option_number("bucket", optarg, 0, 1024);
		break;
	case CLOSE_AFTER:
		plan->close_after = option_number("close-after", optarg, 0, 1000);
		break;
	case GIVE_UP_MS:
		plan->give_up_ms = option_number("give-up-ms", optarg, 10, 600000);
		break;
	default:
		take_identity(&plan->who, id, optarg);
	}
}

void plan_read(struct plan *plan, int argc, char **argv)
{
	*plan = (struct plan){
		.who.initial_ms = 1000, .rounds = 1, .exchanges = 1, .give_up_ms = 20000
	};
	take_text(plan, "70696e67");
	if (argc < 2)
		refuse("server or client?");
	plan->server = strcmp(argv[1], "server") == 0;
	for (int id; (id = getopt_long(argc - 1, argv + 1, "", options, NULL)) != -1;)
		take_option(plan, id);
	if (plan->address.family == 0 || !plan->who.suites)
		refuse("--address and --suites are needed");
}
