/* SPDX-License-Identifier: Apache-2.0 */
/* bench-wake: starts lwgated on the store of bench-fill, speaks for its sleepers, and is their
   server. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lab/loop.h"
#include "tests/lab/msg.h"
#include "tests/lab/sleeper.h"
#include "tests/lab/udp.h"

enum option_id { FIRST = 1, STEP, DEVICE_PORT, GATEWAY_PORT, LINK_PORT, SERVER_PORT };
enum { PAYLOAD = 100, MESSAGE_MAX = 160, PATIENCE_MS = 5000, TRY_MS = 1, WAKES_MAX = 100000 };

static const struct option options[] = {
	{ "first", required_argument, NULL, FIRST },
	{ "step", required_argument, NULL, STEP },
	{ "device-port", required_argument, NULL, DEVICE_PORT },
	{ "gateway-port", required_argument, NULL, GATEWAY_PORT },
	{ "link-port", required_argument, NULL, LINK_PORT },
	{ "server-port", required_argument, NULL, SERVER_PORT },
	{ NULL, 0, NULL, 0 },
};

struct bench {
	uint32_t next; /* the sleeper that is woken next */
	uint32_t step; /* how far it is to the one after */
	uint32_t from; /* the first of the last order "wake" */
	uint64_t seq;  /* the number of the records of this round */
	uint16_t device_port, link_port, server_port;
	struct net_addr gateway;
	int server; /* the server's socket */
	pid_t pid;  /* of lwgated */
	struct dtls_guards *guards;
};

static _Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "bench-wake: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void send_to(int fd, const struct net_addr *to, const uint8_t *data, size_t len)
{
	struct sockaddr_storage name;
	const socklen_t name_len = udp_to_sockaddr(to, &name);
	/* What is refused (nobody listens yet) is lost, as on any network. */
	(void)sendto(fd, data, len, 0, (const struct sockaddr *)&name, name_len);
}

static size_t request(uint32_t number, uint8_t out[MESSAGE_MAX])
{
	uint8_t payload[PAYLOAD];
	struct lab_head head = { .type = LAB_NON,
		.code = LAB_POST,
		.id = (uint16_t)number,
		.token_len = sizeof(number) };
	struct lab_out o;
	memcpy(head.token, &number, sizeof(number));
	memset(payload, 'u', sizeof(payload));
	lab_out_begin(&o, out, MESSAGE_MAX, &head);
	lab_out_parts(&o, LAB_OPT_PATH, "dp", '/');
	lab_out_uint(&o, LAB_OPT_FORMAT, LAB_OCTETS);
	lab_out_payload(&o, payload, sizeof(payload));
	return lab_out_end(&o);
}

static void device_speaks(const struct bench *b, int fd, uint32_t number, uint64_t seq)
{
	uint8_t msg[MESSAGE_MAX], record[MESSAGE_MAX + SLEEPER_RECORD_MORE];
	struct sleeper_keys keys;
	const size_t len = request(number, msg);
	if (len == 0 || !sleeper_keys(number, SLEEPER_DEVICE, &keys))
		die("a request");
	send_to(fd, &b->gateway, record, sleeper_seal(b->guards, &keys.in, seq, msg, len, record));
}

/* The server takes a datagram and answers it. True: it was the request of that device. */
static bool server_hears(const struct bench *b, uint32_t number)
{
	uint8_t datagram[UDP_DATAGRAM], record[MESSAGE_MAX + SLEEPER_RECORD_MORE];
	uint8_t answer[MESSAGE_MAX], *msg;
	struct sockaddr_storage name;
	socklen_t name_len = sizeof(name);
	struct net_addr from;
	struct sleeper_keys keys;
	struct lab_msg m;
	size_t len;
	const ssize_t n = recvfrom(b->server, datagram, sizeof(datagram), MSG_DONTWAIT,
		(struct sockaddr *)&name, &name_len);
	const struct net_addr wanted = sleeper_link(number, b->link_port);
	if (n <= 0 || !udp_from_sockaddr(&name, &from) || !net_addr_same(&from, &wanted) ||
		!sleeper_keys(number, SLEEPER_LINK, &keys) ||
		!sleeper_open(b->guards, &keys.out, datagram, (size_t)n, &msg, &len) ||
		!lab_msg_parse(&m, msg, len) || m.payload_len != PAYLOAD)
		return false;
	struct lab_head head = m.head;
	struct lab_out o;
	head.code = LAB_CHANGED;
	lab_out_begin(&o, answer, sizeof(answer), &head);
	const size_t answer_len = lab_out_end(&o);
	send_to(b->server, &from, record,
		sleeper_seal(b->guards, &keys.in, b->seq, answer, answer_len, record));
	return true;
}

static bool device_hears(const struct bench *b, int fd, uint32_t number)
{
	uint8_t datagram[UDP_DATAGRAM], *msg;
	struct sleeper_keys keys;
	struct lab_msg m;
	uint32_t token = 0;
	size_t len;
	const ssize_t n = recv(fd, datagram, sizeof(datagram), MSG_DONTWAIT);
	if (n <= 0 || !sleeper_keys(number, SLEEPER_DEVICE, &keys) ||
		!sleeper_open(b->guards, &keys.out, datagram, (size_t)n, &msg, &len) ||
		!lab_msg_parse(&m, msg, len))
		return false;
	memcpy(&token, m.head.token, sizeof(token));
	return m.head.code == LAB_CHANGED && token == number;
}

static void wait_for(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	(void)poll(&p, 1, ms);
}

static int device_socket(const struct bench *b, uint32_t number)
{
	struct net_addr local = sleeper_device(number, b->device_port);
	const int fd = udp_socket(&local);
	if (fd < 0)
		die("a device's socket");
	return fd;
}

/* Until the device has its answer; 0: it got none. */
static uint64_t await_answer(const struct bench *b, int fd, uint32_t number, uint64_t begun_us)
{
	while (loop_now_us() < begun_us + PATIENCE_MS * 1000ULL) {
		wait_for(fd, PATIENCE_MS);
		if (device_hears(b, fd, number))
			return loop_now_us() - begun_us;
	}
	return 0;
}

/* --- from exec to the first relayed record ---------------------------------------------------- */

static void run_gateway(struct bench *b, char **argv)
{
	b->pid = fork();
	if (b->pid < 0)
		die("fork");
	if (b->pid > 0)
		return;
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	(void)execv(argv[0], argv);
	die(argv[0]);
}

static void first(struct bench *b, char **argv)
{
	const uint32_t number = b->next;
	const int fd = device_socket(b, number);
	uint64_t seq = SLEEPER_NUMBER, tries = 0;
	const uint64_t begun_us = loop_now_us();
	b->next += b->step;
	run_gateway(b, argv);
	do {
		device_speaks(b, fd, number, seq++);
		tries++;
		wait_for(b->server, TRY_MS);
		if (waitpid(b->pid, NULL, WNOHANG) != 0)
			die("lwgated has ended");
	} while (!server_hears(b, number) && loop_now_us() < begun_us + 60000000);
	const uint64_t took = loop_now_us() - begun_us;
	(void)await_answer(b, fd, number, loop_now_us());
	(void)close(fd);
	(void)printf("{\"event\":\"first\",\"us\":%llu,\"tries\":%llu,\"pid\":%d}\n",
		(unsigned long long)took, (unsigned long long)tries, (int)b->pid);
	(void)fflush(stdout);
}

/* --- waking ----------------------------------------------------------------------------------- */

struct sample {
	uint64_t up_us, both_us; /* at the server; back at the device */
};

static struct sample wake(struct bench *b)
{
	const uint32_t number = b->next;
	const int fd = device_socket(b, number);
	struct sample s = { .up_us = 0 };
	const uint64_t begun_us = loop_now_us();
	b->next += b->step;
	device_speaks(b, fd, number, b->seq);
	while (s.up_us == 0 && loop_now_us() < begun_us + PATIENCE_MS * 1000ULL) {
		wait_for(b->server, PATIENCE_MS);
		if (server_hears(b, number))
			s.up_us = loop_now_us() - begun_us;
	}
	if (s.up_us != 0)
		s.both_us = await_answer(b, fd, number, begun_us);
	(void)close(fd);
	return s;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void wake_many(struct bench *b, size_t wanted)
{
	uint64_t *up = calloc(wanted, sizeof(*up)), *both = calloc(wanted, sizeof(*both));
	size_t len = 0;
	if (!up || !both)
		die("memory");
	for (size_t i = 0; i < wanted; i++) {
		const struct sample s = wake(b);
		if (s.up_us == 0 || s.both_us == 0)
			continue;
		up[len] = s.up_us;
		both[len++] = s.both_us;
	}
	qsort(up, len, sizeof(*up), by_value);
	qsort(both, len, sizeof(*both), by_value);
	(void)printf("{\"event\":\"woken\",\"wanted\":%zu,\"woken\":%zu", wanted, len);
	if (len > 0)
		(void)printf(",\"median_us\":%llu,\"p99_us\":%llu,\"max_us\":%llu,"
			     "\"round_trip_median_us\":%llu,\"round_trip_p99_us\":%llu",
			(unsigned long long)up[len / 2], (unsigned long long)up[len * 99 / 100],
			(unsigned long long)up[len - 1], (unsigned long long)both[len / 2],
			(unsigned long long)both[len * 99 / 100]);
	(void)puts("}");
	(void)fflush(stdout);
	free(up);
	free(both);
}

/* --- the program ------------------------------------------------------------------------------ */

static int end_gateway(const struct bench *b)
{
	int status = 0;
	(void)kill(b->pid, SIGTERM);
	if (waitpid(b->pid, &status, 0) != b->pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* "wake N"; "back": the next "wake" is of the same ones; "quit". */
static void obey(struct bench *b)
{
	char line[ORDER_MAX];
	while (fgets(line, sizeof(line), stdin)) {
		if (strncmp(line, "quit", 4) == 0)
			return;
		if (strncmp(line, "back", 4) == 0) {
			b->next = b->from;
			b->seq++;
			continue;
		}
		if (strncmp(line, "wake ", 5) != 0)
			continue;
		line[strcspn(line, "\n")] = 0;
		b->from = b->next;
		wake_many(b, option_number("wake", line + 5, 1, WAKES_MAX));
	}
}

static void take_option(struct bench *b, int id)
{
	const char *const name = options[id - 1].name;
	switch (id) {
	case FIRST:
		b->next = option_number(name, optarg, 0, SLEEPERS_MAX);
		return;
	case STEP:
		b->step = option_number(name, optarg, 1, SLEEPERS_MAX);
		return;
	case DEVICE_PORT:
		b->device_port = (uint16_t)option_number(name, optarg, 1, UINT16_MAX);
		return;
	case GATEWAY_PORT:
		b->gateway.port = (uint16_t)option_number(name, optarg, 1, UINT16_MAX);
		return;
	case LINK_PORT:
		b->link_port = (uint16_t)option_number(name, optarg, 1, UINT16_MAX);
		return;
	case SERVER_PORT:
		b->server_port = (uint16_t)option_number(name, optarg, 1, UINT16_MAX);
		return;
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct bench b = { .step = 1,
		.seq = SLEEPER_NUMBER,
		.gateway = { .ip = { 127, 0, 0, 1 }, .family = NET_IPV4 } };
	for (int id; (id = getopt_long(argc, argv, "+", options, NULL)) != -1;)
		take_option(&b, id);
	struct net_addr local = {
		.ip = { 127, 0, 0, 1 }, .port = b.server_port, .family = NET_IPV4
	};
	b.server = udp_socket(&local);
	b.guards = dtls_guards_new();
	if (optind == argc || b.server < 0 || !b.guards)
		die("cannot start (a command must follow the options)");
	first(&b, argv + optind);
	obey(&b);
	const int status = end_gateway(&b);
	dtls_guards_free(b.guards);
	return fflush(stdout) == 0 ? status : 1;
}
