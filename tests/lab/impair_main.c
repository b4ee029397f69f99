/* SPDX-License-Identifier: Apache-2.0 */
/* impair: a bad network on one machine: a UDP relay that loses, doubles, reorders, delays,
   re-addresses, replays. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/lab/impair_relay.h"
#include "tests/lab/loop.h"
#include "tests/lab/memory.h"
#include "tests/lab/pcap.h"
#include "tests/lab/spots.h"
#include "tests/lab/udp.h"

enum { LOOPBACK = 127 };
enum option_id {
	LISTEN = 1,
	TO,
	SEED,
	LOSS,
	DUP,
	REORDER,
	REORDER_MS,
	DELAY_MS,
	READDRESS,
	REPLAY,
	REPLAY_MS,
	REMEMBER,
	ROAM,
	ROAM_IDLE_MS,
	NAT_POOL,
	ELSEWHERE,
	RECORD,
	RECORD_SIDE,
	HELP
};

static const struct option options[] = {
	{ "listen", required_argument, NULL, LISTEN },
	{ "to", required_argument, NULL, TO },
	{ "seed", required_argument, NULL, SEED },
	{ "loss", required_argument, NULL, LOSS },
	{ "dup", required_argument, NULL, DUP },
	{ "reorder", required_argument, NULL, REORDER },
	{ "reorder-ms", required_argument, NULL, REORDER_MS },
	{ "delay-ms", required_argument, NULL, DELAY_MS },
	{ "readdress", required_argument, NULL, READDRESS },
	{ "replay", required_argument, NULL, REPLAY },
	{ "replay-ms", required_argument, NULL, REPLAY_MS },
	{ "remember", required_argument, NULL, REMEMBER },
	{ "roam", required_argument, NULL, ROAM },
	{ "roam-idle-ms", required_argument, NULL, ROAM_IDLE_MS },
	{ "nat-pool", required_argument, NULL, NAT_POOL },
	{ "replay-from-elsewhere", required_argument, NULL, ELSEWHERE },
	{ "record", required_argument, NULL, RECORD },
	{ "record-side", required_argument, NULL, RECORD_SIDE },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"usage: impair --listen ADDR:PORT --to ADDR:PORT [option ...]\n"
	"Relays UDP between clients and one server; prints {\"event\":\"listening\",...} first, "
	"and what happened at the\n"
	"end (SIGTERM, or the line \"quit\" on stdin) and at the line \"status\". Percentages are "
	"of "
	"each way.\n"
	"  --seed N           the same seed brings the same bad luck (1)\n"
	"  --loss P --dup P --reorder P --replay P\n"
	"  --delay-ms A-B     each datagram waits between A and B (0-0)\n"
	"  --reorder-ms N     one out of order is held back for N/2 to N (60)\n"
	"  --replay-ms N      one replayed comes again after N/2 to N (2000)\n"
	"  --remember N       of each flow and way the last N datagrams, and N of those before; "
	"orders on stdin:\n"
	"                     repeat (send them all again; {\"event\":\"repeated\"} when done), "
	"forget, withhold (what\n"
	"                     clients send is remembered only), pass (0)\n"
	"  --readdress N      a client gets a new source port after each N datagrams, as at a NAT "
	"(0: never)\n"
	"  --roam P           from the order \"roam\" on (to \"stay\"): before each datagram up, "
	"with this chance, a client\n"
	"                     gets another address 127.x.y.z and port; what still comes to the old "
	"one is lost, and counted as\n"
	"                     late. The order \"move\": each one moves before its next datagram; "
	"\"where\": says where they are\n"
	"  --roam-idle-ms N   only after so long a silence of the client and to it (0)\n"
	"  --nat-pool N       there are only so many addresses and ports: whoever speaks gets one, "
	"who had it is nowhere\n"
	"  --replay-from-elsewhere P   with this chance each datagram up makes a stranger "
	"(127.200.x.y) send again one that\n"
	"                     he has seen, withheld ones too, from \"roam\" to \"stay\"; the order "
	"\"elsewhere\": "
	"all that he has seen\n"
	"                     ({\"event\":\"elsewhere\"} when done)\n"
	"  --record FILE      a capture (pcap) with the true addresses\n"
	"  --record-side S    clients, server or both (both)\n";

struct plan {
	struct impair_settings set;
	struct impair_place place;
	const char *record;
};

static void refuse(const char *what)
{
	(void)fprintf(stderr, "impair: %s\n%s", what, usage);
	exit(2);
}

static void address(const char *name, const char *text, struct net_addr *out)
{
	if (!udp_parse(text, out)) {
		(void)fprintf(
			stderr, "impair: --%s %s: must be ADDR:PORT or [ADDR]:PORT\n", name, text);
		exit(2);
	}
}

static void delay(const char *text, struct impair_settings *set)
{
	char low[16];
	const char *dash = strchr(text, '-');
	const size_t len = dash ? (size_t)(dash - text) : sizeof(low);
	if (len >= sizeof(low))
		refuse("--delay-ms must be MIN-MAX");
	memcpy(low, text, len);
	low[len] = 0;
	set->delay_min_ms = option_number("delay-ms", low, 0, 60000);
	set->delay_max_ms = option_number("delay-ms", dash + 1, 0, 60000);
}

static unsigned side(const char *text)
{
	if (strcmp(text, "clients") == 0)
		return IMPAIR_SIDE_CLIENTS;
	if (strcmp(text, "server") == 0)
		return IMPAIR_SIDE_SERVER;
	if (strcmp(text, "both") != 0)
		refuse("--record-side must be clients, server or both");
	return IMPAIR_SIDE_CLIENTS | IMPAIR_SIDE_SERVER;
}

static void take_setting(struct impair_settings *s, int id, const char *text)
{
	switch (id) {
	case SEED:
		s->seed = option_number("seed", text, 0, UINT32_MAX);
		break;
	case LOSS:
		s->loss = option_percent("loss", text);
		break;
	case DUP:
		s->dup = option_percent("dup", text);
		break;
	case REORDER:
		s->reorder = option_percent("reorder", text);
		break;
	case REORDER_MS:
		s->reorder_ms = option_number("reorder-ms", text, 0, 60000);
		break;
	case DELAY_MS:
		delay(text, s);
		break;
	case READDRESS:
		s->readdress = option_number("readdress", text, 0, UINT32_MAX);
		break;
	case REPLAY:
		s->replay = option_percent("replay", text);
		break;
	case ROAM:
		s->roam = option_percent("roam", text);
		break;
	case ROAM_IDLE_MS:
		s->roam_idle_ms = option_number("roam-idle-ms", text, 0, 3600000);
		break;
	case ELSEWHERE:
		s->elsewhere = option_percent("replay-from-elsewhere", text);
		break;
	case REPLAY_MS:
		s->replay_ms = option_number("replay-ms", text, 0, 3600000);
		break;
	default:
		refuse("see --help");
	}
}

static void take_option(struct plan *p, int id)
{
	switch (id) {
	case LISTEN:
		address("listen", optarg, &p->place.listen);
		break;
	case TO:
		address("to", optarg, &p->place.to);
		break;
	case REMEMBER:
		p->place.remember = option_number("remember", optarg, 0, MEMORY_EACH_MAX);
		break;
	case NAT_POOL:
		p->place.pool = option_number("nat-pool", optarg, 1, SPOTS_POOL_MAX);
		break;
	case ROAM:
		p->place.loopback = true;
		take_setting(&p->set, id, optarg);
		break;
	case ELSEWHERE:
		p->place.stranger = true;
		take_setting(&p->set, id, optarg);
		break;
	case RECORD:
		p->record = optarg;
		break;
	case RECORD_SIDE:
		p->place.record_sides = side(optarg);
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
	struct plan p = { .set = { .seed = 1, .reorder_ms = 60, .replay_ms = 2000 },
		.place = { .record_sides = IMPAIR_SIDE_CLIENTS | IMPAIR_SIDE_SERVER } };
	for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;)
		take_option(&p, id);
	const char *wrong = impair_check(&p.set);
	if (wrong)
		refuse(wrong);
	if (p.place.listen.family == 0 || p.place.to.family == 0)
		refuse("--listen and --to are needed");
	if ((p.place.loopback || p.place.stranger) &&
		(p.place.to.family != NET_IPV4 || p.place.to.ip[0] != LOOPBACK))
		refuse("addresses are to be had on 127.0.0.0/8 only");
	return p;
}

static void print_way(const struct impair_counts *c, enum impair_way way)
{
	(void)printf("{\"received\":%llu,\"sent\":%llu,\"lost\":%llu,\"duplicated\":%llu,"
		     "\"reordered\":%llu,"
		     "\"replayed\":%llu,\"repeated\":%llu,\"refused\":%llu}",
		(unsigned long long)c->received[way], (unsigned long long)c->sent[way],
		(unsigned long long)c->lost[way], (unsigned long long)c->duplicated[way],
		(unsigned long long)c->reordered[way], (unsigned long long)c->replayed[way],
		(unsigned long long)c->repeated[way], (unsigned long long)c->refused[way]);
}

static void print_counts(const char *event, const struct impair_counts *c, uint64_t seed)
{
	(void)printf("{\"event\":\"%s\",\"seed\":%llu,\"flows\":%llu,\"readdressed\":%llu,"
		     "\"moves_least\":%llu,\"moves_most\":%llu,\"late\":%llu,\"elsewhere\":%llu,"
		     "\"answers\":%llu,\"withheld\":%llu,\"up\":",
		event, (unsigned long long)seed, (unsigned long long)c->flows,
		(unsigned long long)c->readdressed, (unsigned long long)c->moves_least,
		(unsigned long long)c->moves_most, (unsigned long long)c->late,
		(unsigned long long)c->elsewhere, (unsigned long long)c->answers,
		(unsigned long long)c->withheld);
	print_way(c, IMPAIR_UP);
	(void)printf(",\"down\":");
	print_way(c, IMPAIR_DOWN);
	(void)printf("}\n");
	(void)fflush(stdout);
}

struct telling {
	const char *comma;
};

static void tell_where(void *ctx, const struct net_addr *client, const struct net_addr *spot)
{
	struct telling *t = ctx;
	char who[NET_TEXT_MAX], where[NET_TEXT_MAX];
	if (spot->family == 0)
		return;
	(void)net_addr_text(client, who);
	(void)printf("%s\"%.*s\":\"%s\"", t->comma, (int)(strrchr(who, ':') - who), who,
		net_addr_text(spot, where));
	t->comma = ",";
}

/* By the clients' addresses: those of the fleet have one each. */
static void say_where(const struct impair_relay *r)
{
	struct telling t = { "" };
	(void)printf("{\"event\":\"where\",\"clients\":{");
	impair_relay_where(r, tell_where, &t);
	(void)printf("}}\n");
	(void)fflush(stdout);
}

static void say_status(const struct impair_relay *r)
{
	const struct impair_counts c = impair_relay_counts(r);
	print_counts("status", &c, impair_relay_seed(r));
}

/* False: the end. */
static bool obey(struct impair_relay *r, const char *order)
{
	if (strcmp(order, "repeat") == 0)
		impair_relay_repeat(r, loop_now_ms());
	else if (strcmp(order, "forget") == 0)
		impair_relay_forget(r);
	else if (strcmp(order, "withhold") == 0)
		impair_relay_withhold(r, true);
	else if (strcmp(order, "pass") == 0)
		impair_relay_withhold(r, false);
	else if (strcmp(order, "roam") == 0)
		impair_relay_roam(r, true);
	else if (strcmp(order, "stay") == 0)
		impair_relay_roam(r, false);
	else if (strcmp(order, "move") == 0)
		impair_relay_move(r);
	else if (strcmp(order, "elsewhere") == 0)
		impair_relay_elsewhere(r, loop_now_ms());
	else if (strcmp(order, "where") == 0)
		say_where(r);
	else if (strcmp(order, "status") == 0)
		say_status(r);
	return strcmp(order, "quit") != 0;
}

struct told {
	uint64_t repeats, elsewheres;
};

static void tell_elsewheres(const struct impair_relay *r, struct told *told)
{
	const uint64_t times = impair_relay_elsewheres(r);
	if (times == told->elsewheres)
		return;
	told->elsewheres = times;
	(void)printf("{\"event\":\"elsewhere\",\"times\":%llu,\"sent\":%llu}\n",
		(unsigned long long)times, (unsigned long long)impair_relay_counts(r).elsewhere);
	(void)fflush(stdout);
}

static void tell_repeats(const struct impair_relay *r, struct told *told)
{
	const struct impair_counts c = impair_relay_counts(r);
	if (c.repeats == told->repeats)
		return;
	told->repeats = c.repeats;
	(void)printf("{\"event\":\"repeated\",\"times\":%llu,\"up\":%llu,\"down\":%llu}\n",
		(unsigned long long)c.repeats, (unsigned long long)c.repeated[IMPAIR_UP],
		(unsigned long long)c.repeated[IMPAIR_DOWN]);
	(void)fflush(stdout);
}

static void run(struct impair_relay *r, struct orders *orders)
{
	struct pollfd fds[] = { { .fd = impair_relay_fd(r), .events = POLLIN },
		{ .fd = orders->fd, .events = POLLIN } };
	char order[ORDER_MAX];
	struct told told = { 0, 0 };
	for (;;) {
		const uint64_t now = loop_now_ms();
		const uint64_t next = impair_relay_next_ms(r);
		const uint64_t wait = next <= now ? 0 : next - now;
		(void)poll(fds, 2, wait > 60000 ? 60000 : (int)wait);
		while (orders_next(orders, order)) {
			if (!obey(r, order))
				return;
		}
		impair_relay_run(r, loop_now_ms());
		tell_repeats(r, &told);
		tell_elsewheres(r, &told);
	}
}

/* Each client is a socket, and so is each spot that was left. */
static void want_sockets(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* as many as go; what fails later, is lost */
}

int main(int argc, char **argv)
{
	struct plan p = read_options(argc, argv);
	struct orders orders;
	char text[NET_TEXT_MAX];
	want_sockets();
	if (p.record && !(p.place.record = pcap_open(p.record))) {
		(void)fprintf(stderr, "impair: %s: %s\n", p.record, strerror(errno));
		return 1;
	}
	struct impair_relay *r = impair_relay_new(&p.place, &p.set, loop_now_ms());
	if (!r || !orders_open(&orders)) {
		(void)fprintf(stderr, "impair: cannot listen: %s\n", strerror(errno));
		return 1;
	}
	(void)printf("{\"event\":\"listening\",\"address\":\"%s\",\"port\":%u}\n",
		net_addr_text(&p.place.listen, text), p.place.listen.port);
	(void)fflush(stdout);
	run(r, &orders);
	const struct impair_counts counts = impair_relay_counts(r);
	print_counts("summary", &counts, p.set.seed);
	impair_relay_free(r);
	orders_close(&orders);
	if (p.place.record && !pcap_close(p.place.record)) {
		(void)fprintf(stderr, "impair: %s: could not be written whole\n", p.record);
		return 1;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
