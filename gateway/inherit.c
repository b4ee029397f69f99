/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/inherit.h"

#include "base/net.h"
#include "base/wipe.h"
#include "gateway/listen_fds.h"
#include "io/udp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char variable[] = "LWGATE_INHERIT";

enum { VERSION = 1, LINKS_MAX = 1 << 20, UPSTREAM_SHIFT = 16 };
_Static_assert((int)CONF_WORKERS_MAX <= 1 << UPSTREAM_SHIFT, "no worker is taken for an upstream");

struct header {
	uint32_t version, size; /* of this struct */
	uint32_t workers, links_len;
	int32_t control; /* -1: none */
	uint32_t has_kek;
	uint8_t kek[KEK_LEN];
	int32_t listeners[CONF_WORKERS_MAX][CONF_LISTENERS_MAX]; /* -1: none */
};

struct link {
	/* Its number, and above that the upstream's; EVENTS: it is no link, but the socket of
	   gateway/chronicle. */
	uint32_t owner;
	int32_t fd;
};

/* A program that does not know of it closes it, as any link of a worker that there is not. */
#define EVENTS UINT32_MAX

struct gw_inherited {
	struct header h;
	struct link *links;
	int *taken; /* of all gw_inherit_links() */
	size_t taken_len;
	struct gw_listen_fds *manager; /* NULL: it has handed over nothing */
};

/* --- taking over ----------------------------------------------------------------------------- */

static bool read_all(int fd, void *out, size_t len, off_t at)
{
	return pread(fd, out, len, at) == (ssize_t)len;
}

static bool read_list(int fd, struct gw_inherited *in)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !read_all(fd, &in->h, sizeof(in->h), 0) ||
		in->h.version != VERSION || in->h.size != sizeof(in->h) ||
		in->h.workers > CONF_WORKERS_MAX || in->h.links_len > LINKS_MAX)
		return false;
	const size_t len = in->h.links_len * sizeof(*in->links);
	in->links = calloc((size_t)in->h.links_len + 1, sizeof(*in->links));
	in->taken = calloc((size_t)in->h.links_len + 1, sizeof(*in->taken));
	return in->links && in->taken && read_all(fd, in->links, len, sizeof(in->h));
}

static void wipe_list(int fd)
{
	const struct header nothing = { .version = 0 };
	ssize_t n;
	do
		n = pwrite(fd, &nothing, sizeof(nothing), 0);
	while (n < 0 && errno == EINTR);
}

/* They were inheritable for the exec alone. */
static void close_on_exec(const struct gw_inherited *in)
{
	for (size_t w = 0; w < CONF_WORKERS_MAX; w++) {
		for (size_t l = 0; l < CONF_LISTENERS_MAX; l++) {
			if (in->h.listeners[w][l] >= 0)
				(void)fcntl(in->h.listeners[w][l], F_SETFD, FD_CLOEXEC);
		}
	}
	for (size_t i = 0; i < in->h.links_len; i++)
		(void)fcntl(in->links[i].fd, F_SETFD, FD_CLOEXEC);
	if (in->h.control >= 0)
		(void)fcntl(in->h.control, F_SETFD, FD_CLOEXEC);
}

static struct gw_inherited *read_predecessor(void)
{
	const char *const text = getenv(variable);
	char *end = NULL;
	const long fd = text ? strtol(text, &end, 10) : -1;
	(void)unsetenv(variable);
	if (!text || *end != '\0' || fd < 3 || fd > INT32_MAX)
		return NULL;
	struct gw_inherited *in = calloc(1, sizeof(*in));
	const bool good = in && read_list((int)fd, in);
	wipe_list((int)fd);
	(void)close((int)fd);
	if (good) {
		close_on_exec(in);
		return in;
	}
	if (in) {
		free(in->links);
		free(in->taken);
	}
	free(in);
	return NULL;
}

/* The manager starts one who has no predecessor. */
static struct gw_inherited *read_manager(void)
{
	struct gw_listen_fds *const manager = gw_listen_fds_read();
	struct gw_inherited *const in = manager ? calloc(1, sizeof(*in)) : NULL;
	if (!in) {
		gw_listen_fds_free(manager);
		return NULL;
	}
	memset(in->h.listeners, 0xff, sizeof(in->h.listeners)); /* -1 */
	in->h.control = -1;
	in->manager = manager;
	return in;
}

struct gw_inherited *gw_inherit_read(void)
{
	struct gw_inherited *const in = read_predecessor();
	return in ? in : read_manager();
}

struct gw_listen_fds *gw_inherit_manager(struct gw_inherited *in)
{
	return in ? in->manager : NULL;
}

void gw_inherit_free(struct gw_inherited *in)
{
	if (!in)
		return;
	for (size_t w = 0; w < CONF_WORKERS_MAX; w++) {
		for (size_t l = 0; l < CONF_LISTENERS_MAX; l++) {
			if (in->h.listeners[w][l] >= 0)
				(void)close(in->h.listeners[w][l]);
		}
	}
	for (size_t i = 0; i < in->h.links_len; i++) {
		if (in->links[i].fd >= 0)
			(void)close(in->links[i].fd);
	}
	if (in->h.control >= 0)
		(void)close(in->h.control);
	gw_listen_fds_free(in->manager);
	free(in->links);
	free(in->taken);
	wipe(in, sizeof(*in));
	free(in);
}

static bool fits(int fd, const struct net_addr *want)
{
	struct net_addr bound;
	return fd >= 0 && udp_local(fd, &bound) && net_addr_same(&bound, want);
}

bool gw_inherit_listener(struct gw_inherited *in, const struct conf_gateway *conf, size_t listener,
	int fds[][CONF_LISTENERS_MAX])
{
	size_t from = CONF_LISTENERS_MAX;
	if (!in || in->h.workers != conf->workers)
		return false;
	for (size_t l = 0; l < CONF_LISTENERS_MAX && from == CONF_LISTENERS_MAX; l++) {
		if (fits(in->h.listeners[0][l], &conf->listeners[listener]))
			from = l;
	}
	for (size_t w = 0; w < conf->workers && from < CONF_LISTENERS_MAX; w++) {
		fds[w][listener] = in->h.listeners[w][from];
		in->h.listeners[w][from] = -1;
	}
	return from < CONF_LISTENERS_MAX;
}

static uint32_t owner_of(uint32_t worker, size_t upstream)
{
	return (uint32_t)upstream << UPSTREAM_SHIFT | worker;
}

const int *gw_inherit_links(struct gw_inherited *in, const struct conf_gateway *conf,
	uint32_t worker, size_t upstream, size_t *len)
{
	const struct conf_upstream *const u = &conf->upstreams[upstream];
	*len = 0;
	if (!in || in->h.workers != conf->workers)
		return NULL;
	int *const out = in->taken + in->taken_len;
	for (size_t i = 0; i < in->h.links_len && *len < u->sockets; i++) {
		struct net_addr self;
		if (in->links[i].owner != owner_of(worker, upstream) || in->links[i].fd < 0 ||
			!udp_local(in->links[i].fd, &self) || self.family != u->addresses[0].family)
			continue;
		out[(*len)++] = in->links[i].fd;
		in->links[i].fd = -1;
	}
	in->taken_len += *len;
	return out;
}

bool gw_inherit_kek(const struct gw_inherited *in, struct kek *out)
{
	if (!in || !in->h.has_kek)
		return false;
	memcpy(out->key, in->h.kek, sizeof(out->key));
	return true;
}

static bool listens_on(int fd, const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(name);
	return fd >= 0 && getsockname(fd, (struct sockaddr *)&name, &len) == 0 &&
	       name.sun_family == AF_UNIX && strcmp(name.sun_path, path) == 0;
}

int gw_inherit_control(struct gw_inherited *in, const char *path)
{
	if (!in || !listens_on(in->h.control, path))
		return gw_listen_fds_unix(gw_inherit_manager(in), path);
	const int fd = in->h.control;
	in->h.control = -1;
	return fd;
}

int gw_inherit_events(struct gw_inherited *in, const char *path)
{
	for (size_t i = 0; in && path && i < in->h.links_len; i++) {
		const int fd = in->links[i].fd;
		if (in->links[i].owner != EVENTS || !listens_on(fd, path))
			continue;
		in->links[i].fd = -1;
		return fd;
	}
	return gw_listen_fds_unix(gw_inherit_manager(in), path);
}

/* --- handing over ---------------------------------------------------------------------------- */

struct gw_legacy {
	struct header h;
	struct link *links;
	size_t cap;
};

struct gw_legacy *gw_legacy_new(const struct conf_gateway *conf, const struct kek *kek)
{
	struct gw_legacy *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	memset(l->h.listeners, 0xff, sizeof(l->h.listeners)); /* -1 */
	l->h.version = VERSION;
	l->h.size = sizeof(l->h);
	l->h.workers = conf->workers;
	l->h.control = -1;
	l->h.has_kek = kek != NULL;
	if (kek)
		memcpy(l->h.kek, kek->key, sizeof(l->h.kek));
	return l;
}

bool gw_legacy_listener(struct gw_legacy *l, uint32_t worker, size_t listener, int fd)
{
	const int copy = dup(fd); /* which exec does not close */
	l->h.listeners[worker][listener] = copy;
	return copy >= 0;
}

static bool widen(struct gw_legacy *l)
{
	const size_t cap = l->cap > 0 ? l->cap * 2 : 64;
	struct link *more =
		l->h.links_len < l->cap ? l->links : realloc(l->links, cap * sizeof(*more));
	if (!more)
		return false;
	l->cap = l->h.links_len < l->cap ? l->cap : cap;
	l->links = more;
	return true;
}

static bool put(struct gw_legacy *l, uint32_t owner, int fd)
{
	const int copy = l->h.links_len < LINKS_MAX && widen(l) ? dup(fd) : -1;
	if (copy < 0)
		return false;
	l->links[l->h.links_len++] = (struct link){ .owner = owner, .fd = copy };
	return true;
}

bool gw_legacy_link(struct gw_legacy *l, uint32_t worker, size_t upstream, int fd)
{
	return put(l, owner_of(worker, upstream), fd);
}

bool gw_legacy_control(struct gw_legacy *l, int fd)
{
	l->h.control = dup(fd);
	return l->h.control >= 0;
}

bool gw_legacy_events(struct gw_legacy *l, int fd)
{
	return put(l, EVENTS, fd);
}

bool gw_legacy_write(struct gw_legacy *l)
{
	char number[16];
	const size_t len = l->h.links_len * sizeof(*l->links);
	const int fd = memfd_create("lwgate", 0);
	if (fd < 0)
		return false;
	(void)snprintf(number, sizeof(number), "%d", fd);
	if (write(fd, &l->h, sizeof(l->h)) == (ssize_t)sizeof(l->h) &&
		(len == 0 || write(fd, l->links, len) == (ssize_t)len) &&
		setenv(variable, number, 1) == 0)
		return true;
	(void)close(fd);
	return false;
}

void gw_legacy_free(struct gw_legacy *l)
{
	if (!l)
		return;
	for (size_t w = 0; w < CONF_WORKERS_MAX; w++) {
		for (size_t i = 0; i < CONF_LISTENERS_MAX; i++) {
			if (l->h.listeners[w][i] >= 0)
				(void)close(l->h.listeners[w][i]);
		}
	}
	for (size_t i = 0; i < l->h.links_len; i++)
		(void)close(l->links[i].fd);
	if (l->h.control >= 0)
		(void)close(l->h.control);
	free(l->links);
	wipe(l, sizeof(*l));
	free(l);
}
