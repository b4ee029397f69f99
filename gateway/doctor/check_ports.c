/* SPDX-License-Identifier: Apache-2.0 */
/* Can the gateway have the addresses that it is to listen on? They are tried, and given back. */
#include "doctor/doctor.h"

#include "base/net.h"
#include "doctor/holder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SETTING_MAX = 48, DECIMAL = 10, UNPRIVILEGED = 1024 };

/* Without SO_REUSEPORT, by which two of one user share a port unawares. 0, or errno. */
static int try_address(const struct net_addr *a, bool tcp)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };
	const bool six = a->family == NET_IPV6;
	const int on = 1;
	const int kind = tcp ? SOCK_STREAM : SOCK_DGRAM;
	const int s = socket(six ? AF_INET6 : AF_INET, kind | SOCK_CLOEXEC, 0);
	if (s < 0)
		return errno;
	memcpy(&v4.sin_addr, a->ip, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, a->ip, sizeof(v6.sin6_addr));
	if (six)
		(void)setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	/* What is left of connections that have ended keeps nobody out. */
	if (tcp)
		(void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	const struct sockaddr *const at =
		six ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
	const int error = bind(s, at, six ? sizeof(v6) : sizeof(v4)) == 0 ? 0 : errno;
	(void)close(s);
	return error;
}

/* Where the gateway is to listen. */
struct spot {
	const struct net_addr *at;
	bool tcp;
	const char *setting; /* of the port */
	struct doctor_kind kind;
};

static void say_taken(struct doctor *d, const struct spot *p, const struct holder *h)
{
	char text[NET_TEXT_MAX], remedy[DOCTOR_REMEDY_MAX];
	(void)net_addr_text(p->at, text);
	if (h->pid != 0) {
		(void)snprintf(remedy, sizeof(remedy), "kill %ld, or another %s", (long)h->pid,
			p->setting);
		doctor_say(d, &p->kind, remedy, "%s: process %ld (%s) has that port", text,
			(long)h->pid, h->name);
		return;
	}
	(void)snprintf(remedy, sizeof(remedy),
		"as root: ss -lnp%c 'sport = :%u' says which process", p->tcp ? 't' : 'u',
		p->at->port);
	doctor_say(d, &p->kind, remedy, "%s: a process of user %u has that port", text,
		(unsigned)h->uid);
}

static void judge_taken(struct doctor *d, const struct spot *p)
{
	struct holder h;
	char text[NET_TEXT_MAX];
	struct holder_port port = { .tcp = p->tcp,
		.ipv6 = p->at->family == NET_IPV6,
		.port = p->at->port,
		.first = d->gateway };
	bool found = holder_find(&port, &h);
	if (!found && !port.ipv6) { /* one socket for both, as of many servers */
		port.ipv6 = true;
		port.first = 0;
		found = holder_find(&port, &h);
	}
	/* Whose process may not be seen: then by its user. */
	if (d->gateway != 0 && found &&
		(h.pid == d->gateway || (h.pid == 0 && h.uid == d->gateway_uid)))
		doctor_good(d, p->kind.id, "%s: the gateway has it", net_addr_text(p->at, text));
	else if (found && strcmp(h.name, "systemd") == 0)
		doctor_good(d, p->kind.id, "%s: the service manager holds it for whom it starts",
			net_addr_text(p->at, text));
	else if (found)
		say_taken(d, p, &h);
	else
		doctor_say(d, &p->kind, "ss -lnptu", "%s: is in use", net_addr_text(p->at, text));
}

static void say_privileged(struct doctor *d, const struct spot *p)
{
	char text[NET_TEXT_MAX], line[16] = "", remedy[DOCTOR_REMEDY_MAX];
	unsigned long least = UNPRIVILEGED;
	FILE *const f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
	if (f != NULL && fgets(line, sizeof(line), f) != NULL)
		least = strtoul(line, NULL, DECIMAL);
	if (f != NULL)
		(void)fclose(f);
	struct doctor_kind kind = p->kind;
	kind.severity = DOCTOR_ADVICE;
	(void)snprintf(remedy, sizeof(remedy),
		"start lwgated as root, or with AmbientCapabilities=CAP_NET_BIND_SERVICE, or "
		"another %s",
		p->setting);
	doctor_say(d, &kind, remedy, "%s: ports below %lu are for root, who this is not",
		net_addr_text(p->at, text), least);
}

/* A kernel without IPv6, or with all of it switched off. */
static bool has_ipv6(void)
{
	char line[16] = "";
	FILE *const f = fopen("/proc/sys/net/ipv6/conf/all/disable_ipv6", "re");
	const bool read = f != NULL && fgets(line, sizeof(line), f) != NULL;
	if (f != NULL)
		(void)fclose(f);
	return read && line[0] == '0';
}

static void check(struct doctor *d, const struct spot *p)
{
	char text[NET_TEXT_MAX];
	const int error = try_address(p->at, p->tcp);
	(void)net_addr_text(p->at, text);
	if (p->at->family == NET_IPV6 && (error == EADDRNOTAVAIL || error == EAFNOSUPPORT) &&
		!has_ipv6()) {
		doctor_say(d, &p->kind,
			"leave that address out of lwgate.conf (and of lwgated.socket), or: "
			"sysctl -w net.ipv6.conf.all.disable_ipv6=0; not with ipv6.disable=1 on "
			"the kernel's command line",
			"%s: IPv6 is switched off on this machine", text);
		return;
	}
	switch (error) {
	case 0:
		doctor_good(d, p->kind.id, "%s: is free", text);
		break;
	case EADDRINUSE:
		judge_taken(d, p);
		break;
	case EACCES:
		say_privileged(d, p);
		break;
	case EADDRNOTAVAIL:
		doctor_say(d, &p->kind, "ip -brief address shows those that there are",
			"%s: no interface has that address", text);
		break;
	default:
		doctor_say(d, &p->kind, "another address", "%s: %s", text, strerror(error));
	}
}

void doctor_check_ports(struct doctor *d)
{
	for (size_t i = 0; i < d->conf.listeners_len; i++) {
		char setting[SETTING_MAX];
		struct spot p = { .at = &d->conf.listeners[i], .setting = "listeners.port" };
		(void)snprintf(setting, sizeof(setting), "listeners.[%zu].port", i);
		p.kind = (struct doctor_kind){ .id = "port",
			.severity = DOCTOR_PROBLEM,
			.setting = setting,
			.why = "lwgated does not start: no device could reach it there" };
		if (p.at->family == NET_IPV4 || p.at->family == NET_IPV6)
			check(d, &p);
	}
	const struct spot web = { .at = &d->conf.web,
		.tcp = true,
		.setting = "web.port",
		.kind = { .id = "web-port",
			.severity = DOCTOR_PROBLEM,
			.setting = "web.port",
			.why = "the status page and the metrics cannot be served there" } };
	if (web.at->family != 0)
		check(d, &web);
}
