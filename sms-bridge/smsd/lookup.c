/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/lookup.h"

#include "sms-bridge/smsd/settings.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PORT_TEXT = 8 };

struct lookup {
	char host[SETTINGS_HOST_MAX], service[PORT_TEXT];
	lookup_resolver *resolve;
	struct addrinfo *found;
	int error;
	int fd;
	atomic_bool done;
	atomic_int owners; /* the caller and the thread; the last one frees */
};

static void let_go(struct lookup *l)
{
	if (atomic_fetch_sub(&l->owners, 1) > 1)
		return;
	if (l->found)
		freeaddrinfo(l->found);
	(void)close(l->fd);
	free(l);
}

static void *run(void *ctx)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct lookup *const l = ctx;
	const uint64_t one = 1;
	l->error = l->resolve(l->host, l->service, &hints, &l->found);
	if (l->error != 0)
		l->found = NULL;
	atomic_store(&l->done, true);
	/* It cannot be full: this is all that is ever written. */
	const ssize_t written = write(l->fd, &one, sizeof(one));
	(void)written;
	let_go(l);
	return NULL;
}

/* With no signal: they are the loop's. */
static bool spawn(struct lookup *l)
{
	pthread_attr_t how;
	pthread_t thread;
	sigset_t all, before;
	if (pthread_attr_init(&how) != 0)
		return false;
	(void)pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	const bool good = pthread_create(&thread, &how, run, l) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&how);
	return good;
}

struct lookup *lookup_start(const char *host, uint16_t port, lookup_resolver *resolve)
{
	struct lookup *const l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	(void)snprintf(l->host, sizeof(l->host), "%s", host);
	(void)snprintf(l->service, sizeof(l->service), "%u", port);
	l->resolve = resolve;
	atomic_init(&l->done, false);
	atomic_init(&l->owners, 2);
	l->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->fd >= 0 && spawn(l))
		return l;
	if (l->fd >= 0)
		(void)close(l->fd);
	free(l);
	return NULL;
}

int lookup_fd(const struct lookup *l)
{
	return l->fd;
}

bool lookup_is_done(const struct lookup *l)
{
	return atomic_load(&l->done);
}

const struct addrinfo *lookup_found(const struct lookup *l, int *error)
{
	*error = l->error;
	return l->found;
}

void lookup_free(struct lookup *l)
{
	if (l)
		let_go(l);
}
