/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway_parts.h"
#include "gateway/inherit.h"
#include "io/steer.h"
#include "io/udp.h"

#include <errno.h>
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

bool gw_bind_all(struct gw_gateway *g, struct conf_error *error)
{
	for (size_t l = 0; l < g->shared.conf->listeners_len; l++) {
		if (g->shared.conf->listeners[l].family == NET_SMS)
			continue; /* the bridge comes to the desk */
		if (gw_inherit_listener(g->inherited, g->shared.conf, l, g->fds))
			continue; /* with what has arrived in between */
		if (!bind_one(g, l, error))
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
