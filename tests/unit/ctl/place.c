/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <nng/protocol/reqrep0/req.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

uint8_t place_status_request[PLACE_STATUS_LEN] = { CTL_VERSION, CTL_TEXT, CTL_STATUS, 0 };

static size_t no_workers(void *ctx)
{
	(void)ctx;
	return 0;
}

static uint64_t no_time(void *ctx)
{
	(void)ctx;
	return 0;
}

const struct ctl_source place_source = { .workers = no_workers, .uptime_s = no_time };

int place_make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	(void)snprintf(p->folder, sizeof(p->folder), "/tmp/lwgate-test-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	(void)snprintf(p->path, sizeof(p->path), "%s/run/control", p->folder);
	*state = p;
	return 0;
}

int place_remove(void **state)
{
	struct place *p = *state;
	char run[48];
	(void)unlink(p->path);
	(void)snprintf(run, sizeof(run), "%s/run", p->folder);
	(void)rmdir(run);
	(void)rmdir(p->folder);
	free(p);
	return 0;
}

struct ctl_control *place_open(struct place *p, const char *group)
{
	const struct ctl_door door = { .path = p->path, .group = group, .inherited = -1 };
	return ctl_open(&door, &place_source, p->error, sizeof(p->error));
}

void place_serve_until(struct ctl_control *c, nng_socket s)
{
	int answered = -1;
	assert_int_equal(nng_socket_get_int(s, NNG_OPT_RECVFD, &answered), 0);
	struct pollfd fds[] = { { .fd = ctl_fd(c), .events = POLLIN },
		{ .fd = answered, .events = POLLIN } };
	do {
		assert_true(poll(fds, 2, PATIENCE_MS) > 0);
		ctl_serve(c);
	} while ((fds[1].revents & POLLIN) == 0);
}

void place_connect(const struct place *p, nng_socket *s)
{
	char url[96];
	(void)snprintf(url, sizeof(url), "ipc://%s", p->path);
	assert_int_equal(nng_req0_open(s), 0);
	assert_int_equal(nng_socket_set_ms(*s, NNG_OPT_RECVTIMEO, PATIENCE_MS), 0);
	assert_int_equal(nng_socket_set_ms(*s, NNG_OPT_SENDTIMEO, PATIENCE_MS), 0);
	assert_int_equal(nng_dial(*s, url, NULL, NNG_FLAG_NONBLOCK), 0);
}

nng_aio *place_begin_send(nng_socket s, const uint8_t *request, size_t len)
{
	nng_aio *aio = NULL;
	nng_msg *m = NULL;
	assert_int_equal(nng_aio_alloc(&aio, NULL, NULL), 0);
	assert_int_equal(nng_msg_alloc(&m, 0), 0);
	assert_int_equal(nng_msg_append(m, request, len), 0);
	nng_aio_set_msg(aio, m);
	nng_send_aio(s, aio);
	return aio;
}
