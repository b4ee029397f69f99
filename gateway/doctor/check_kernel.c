/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel is set to, against what the gateway asks of it. */
#include "doctor/doctor.h"

#include "io/udp.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What one turn of a worker's loop takes: with less, a burst is lost before it looks. */
enum { LEAST = UDP_BATCH * UDP_DATAGRAM_MAX, DECIMAL = 10, FEW_PORTS = 4096 };

/* What a socket gets that asks for UDP_BUFFER: the kernel doubles it for itself. */
static int granted(int option)
{
	const int wanted = UDP_BUFFER;
	int got = 0;
	socklen_t len = sizeof(got);
	const int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -1;
	if (setsockopt(s, SOL_SOCKET, option, &wanted, sizeof(wanted)) != 0 ||
		getsockopt(s, SOL_SOCKET, option, &got, &len) != 0)
		got = -1;
	(void)close(s);
	return got / 2;
}

static void check_buffer(struct doctor *d, int option, const char *sysctl, const char *what)
{
	const int got = granted(option);
	const struct doctor_kind kind = { .id = option == SO_RCVBUF ? "receive-buffer"
								    : "send-buffer",
		.severity = got < LEAST ? DOCTOR_PROBLEM : DOCTOR_ADVICE,
		.why = "when many devices speak at once, as after a power loss, datagrams are lost "
		       "and each comes again seconds later" };
	char remedy[DOCTOR_REMEDY_MAX];
	if (got < 0 || got >= UDP_BUFFER) {
		doctor_good(d, kind.id, got < 0 ? "the kernel does not say" : "%d octets", got);
		return;
	}
	(void)snprintf(remedy, sizeof(remedy),
		"sysctl -w %s=%d, and the same line in /etc/sysctl.d/lwgate.conf", sysctl,
		UDP_BUFFER);
	doctor_say(d, &kind, remedy, "%s: a socket that asks for %d octets to %s in gets %d",
		sysctl, UDP_BUFFER, what, got);
}

/* Links to a server have a port each, or share it where they have sources. */
static void check_range(struct doctor *d)
{
	static const struct doctor_kind kind = { .id = "port-range",
		.severity = DOCTOR_ADVICE,
		.setting = "upstream",
		.why = "each socket to a server has a port: when there is none left, devices get "
		       "5.03" };
	char line[64] = "", *end = line;
	FILE *const f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	const bool read = f != NULL && fgets(line, sizeof(line), f) != NULL;
	if (f != NULL)
		(void)fclose(f);
	if (!read)
		return;
	const unsigned long first = strtoul(line, &end, DECIMAL);
	const unsigned long last = strtoul(end, NULL, DECIMAL);
	const unsigned long ports = last >= first ? last - first + 1 : 0;
	unsigned long wanted = FEW_PORTS;
	for (size_t i = 0; d->has_conf && i < d->conf.upstreams_len; i++) {
		const unsigned long sockets =
			(unsigned long)d->conf.upstreams[i].sockets * d->conf.workers;
		const bool alone = d->conf.upstreams[i].sources_len == 0;
		wanted = alone && sockets > wanted ? sockets : wanted;
	}
	wanted = wanted > CONF_PORTS ? CONF_PORTS : wanted;
	if (ports >= wanted || ports >= FEW_PORTS)
		doctor_good(d, kind.id, "%lu ports, %lu to %lu", ports, first, last);
	else
		doctor_say(d, &kind,
			"sysctl -w net.ipv4.ip_local_port_range='32768 60999', or upstream.sources",
			"net.ipv4.ip_local_port_range has %lu ports, and up to %lu sockets are to "
			"go "
			"to servers",
			ports, wanted);
}

void doctor_check_kernel(struct doctor *d)
{
	check_buffer(d, SO_RCVBUF, "net.core.rmem_max", "take");
	check_buffer(d, SO_SNDBUF, "net.core.wmem_max", "put");
	check_range(d);
}
