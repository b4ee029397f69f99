/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "gateway/gateway_parts.h"
#include "gateway/inherit.h"
#include "gateway/listen_fds.h"
#include "io/steer.h"
#include "io/udp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void fail_bind(struct conf_error *error, const struct net_addr *a, int why)
{
	char text[NET_TEXT_MAX];
	const char *remedy = why == EADDRINUSE
				     ? "another program has the port: stop it, or change listeners"
			     : why == EACCES ? "ports below 1024 need root, or CAP_NET_BIND_SERVICE"
					     : "an address of this machine is needed in listeners";
	(void)snprintf(error->text, sizeof(error->text), "cannot listen on %s: %s; %s",
		net_addr_text(a, text), strerror(why), remedy);
}

/* SO_REUSEPORT lets in whoever has the same user: the first socket asks without, so that a
   second gateway is told. */
static bool is_free(const struct net_addr *a, struct conf_error *error)
{
	const struct udp_options o = { .bind = *a };
	const int fd = udp_open(&o);
	if (fd < 0) {
		fail_bind(error, a, -fd);
		return false;
	}
	(void)close(fd);
	return true;
}

static bool bind_one(struct gw_gateway *g, size_t l, struct conf_error *error)
{
	const struct udp_options o = {
		.bind = g->shared.conf->listeners[l],
		.reuse_port = g->len > 1,
	};
	if (!is_free(&o.bind, error))
		return false;
	for (size_t w = 0; w < g->len; w++) {
		g->fds[w][l] = udp_open(&o);
		if (g->fds[w][l] < 0) {
			fail_bind(error, &o.bind, -g->fds[w][l]);
			return false;
		}
	}
	return true;
}

static bool fail_adopt(struct conf_error *error, const struct net_addr *a, int why)
{
	char text[NET_TEXT_MAX];
	(void)snprintf(error->text, sizeof(error->text),
		"the service manager's socket of %s cannot be used: %s; %s", net_addr_text(a, text),
		strerror(why),
		why == EAFNOSUPPORT ? "it takes IPv4, too: set BindIPv6Only=ipv6-only in its unit"
				    : "take it out of its unit");
	return false;
}

/* The manager keeps its sockets open, so one that nobody here reads would swallow datagrams. */
static bool fail_count(struct conf_error *error, const struct net_addr *a, size_t n, size_t workers)
{
	char text[NET_TEXT_MAX];
	(void)snprintf(error->text, sizeof(error->text),
		"the service manager hands over %zu sockets of %s for %zu workers; name it at most "
		"%zu times in its unit, or set workers = %zu",
		n, net_addr_text(a, text), workers, workers, n);
	return false;
}

/* The first workers have the manager's sockets. The others bind beside them, where the manager has
   set ReusePort= and was the user that we are; else they share, and hand strays to each other. */
static bool adopt(struct gw_gateway *g, size_t l, size_t n, struct conf_error *error)
{
	const struct udp_options o = {
		.bind = g->shared.conf->listeners[l],
		.reuse_port = g->len > 1,
	};
	bool shares = !udp_shares_port(g->fds[0][l]);
	for (size_t w = 0; w < n; w++) {
		const int failed = udp_adopt(g->fds[w][l], &o);
		if (failed != 0)
			return fail_adopt(error, &o.bind, -failed);
	}
	for (size_t w = n; w < g->len; w++) {
		if (!shares)
			g->fds[w][l] = udp_open(&o);
		shares = g->fds[w][l] < 0;
		if (shares)
			g->fds[w][l] = fcntl(g->fds[w % n][l], F_DUPFD_CLOEXEC, 0);
		if (g->fds[w][l] < 0)
			return fail_adopt(error, &o.bind, errno);
	}
	if (shares && g->len > 1)
		log_say(g->log, LOG_LEVEL_INFO, "listen-fds",
			"port=%u sockets=%zu workers=%zu: some share one; with ReusePort=yes and "
			"the address %zu times in the unit each has its own",
			o.bind.port, n, g->len, g->len);
	return true;
}

/* False: failed. *taken: there were some. */
static bool take_managed(struct gw_gateway *g, size_t l, bool *taken, struct conf_error *error)
{
	const struct net_addr *const a = &g->shared.conf->listeners[l];
	int fds[CONF_WORKERS_MAX];
	const size_t n = gw_listen_fds_udp(gw_inherit_manager(g->inherited), a, fds, g->len);
	for (size_t w = 0; w < n && w < g->len; w++)
		g->fds[w][l] = fds[w];
	*taken = n > 0;
	if (n > g->len)
		return fail_count(error, a, n, g->len);
	return n == 0 || adopt(g, l, n, error);
}

bool gw_bind_all(struct gw_gateway *g, struct conf_error *error)
{
	for (size_t l = 0; l < g->shared.conf->listeners_len; l++) {
		if (g->shared.conf->listeners[l].family == NET_SMS)
			continue; /* the bridge comes to the desk */
		if (gw_inherit_listener(g->inherited, g->shared.conf, l, g->fds))
			continue; /* with what has arrived in between */
		bool taken;
		if (!take_managed(g, l, &taken, error) || (!taken && !bind_one(g, l, error)))
			return false;
	}
	return true;
}

void gw_close_all(gw_socket_table fds)
{
	for (size_t i = 0; i < CONF_WORKERS_MAX; i++) {
		for (size_t l = 0; l < CONF_LISTENERS_MAX; l++) {
			if (fds[i][l] >= 0)
				(void)close(fds[i][l]);
			fds[i][l] = -1;
		}
	}
}
