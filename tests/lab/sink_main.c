/* SPDX-License-Identifier: Apache-2.0 */
/* sink: an upstream LwM2M server for benchmarks, on our own engine. */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lab/loop.h"
#include "tests/lab/sink.h"

enum option_id { LISTEN = 1, PORT, KEYS, PAYLOAD, DRIVE, WINDOW, LOST_MS, MANY, CID, CHECK, HELP };

static const struct option options[] = {
	{ "listen", required_argument, NULL, LISTEN },
	{ "port", required_argument, NULL, PORT },
	{ "keys", required_argument, NULL, KEYS },
	{ "payload", required_argument, NULL, PAYLOAD },
	{ "drive", no_argument, NULL, DRIVE },
	{ "window", required_argument, NULL, WINDOW },
	{ "lost-ms", required_argument, NULL, LOST_MS },
	{ "many", no_argument, NULL, MANY },
	{ "cid", required_argument, NULL, CID },
	{ "check", no_argument, NULL, CHECK },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"usage: sink --keys FILE [option ...]\n"
	"An upstream LwM2M server for benchmarks; prints a JSON object a line each second, and a "
	"summary.\n"
	"Orders on stdin: drive, rest (stop driving), quit.\n"
	"  --listen ADDR   127.0.0.1\n"
	"  --port P        0: the system picks; it is printed\n"
	"  --keys FILE     lines: identity hexkey [endpoint]; mode 0600\n"
	"  --payload N     bytes of the answer to POST /dp (100)\n"
	"  --drive         send GET /3/0 to the registered devices, from the start\n"
	"  --window W      GETs under way (64)\n"
	"  --lost-ms N     a GET unanswered for so long is lost (2000)\n"
	"  --many          an identity may have several links (they are not driven)\n"
	"  --cid both|send|off   connection ids; who comes from another address, is there (off)\n"
	"  --check         he must answer there first, where RFC 9853 is agreed\n";

static void refuse(void)
{
	(void)fputs(usage, stderr);
	exit(2);
}

static void address(const char *text, struct net_addr *out)
{
	const uint16_t port = out->port;
	*out = (struct net_addr){ .family = strchr(text, ':') ? NET_IPV6 : NET_IPV4, .port = port };
	if (inet_pton(out->family == NET_IPV6 ? AF_INET6 : AF_INET, text, out->ip) != 1)
		refuse();
}

static void take_option(struct sink_settings *s, const char **keys, int id)
{
	switch (id) {
	case LISTEN:
		address(optarg, &s->listen);
		break;
	case PORT:
		s->listen.port = (uint16_t)option_number("port", optarg, 0, UINT16_MAX);
		break;
	case KEYS:
		*keys = optarg;
		break;
	case PAYLOAD:
		s->payload = option_number("payload", optarg, 0, SINK_PAYLOAD_MAX);
		break;
	case DRIVE:
		s->drive = true;
		break;
	case WINDOW:
		s->window = option_number("window", optarg, 1, 1000000);
		break;
	case LOST_MS:
		s->lost_ms = option_number("lost-ms", optarg, 10, 600000);
		break;
	case MANY:
		s->many = true;
		break;
	case CID:
		s->cid = cids_option(optarg);
		break;
	case CHECK:
		s->check = true;
		break;
	case HELP:
		(void)fputs(usage, stdout);
		exit(0);
	default:
		refuse();
	}
}

int main(int argc, char **argv)
{
	struct sink_settings set = {
		.payload = 100, .window = 64, .lost_ms = 2000, .handshakes_max = 4096
	};
	const char *keys = NULL;
	struct sink s;
	address("127.0.0.1", &set.listen);
	for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;)
		take_option(&set, &keys, id);
	if (!keys)
		refuse();
	const bool good = sink_open(&s, &set, keys);
	if (good)
		sink_run(&s);
	sink_close(&s);
	return good && fflush(stdout) == 0 ? 0 : 1;
}
