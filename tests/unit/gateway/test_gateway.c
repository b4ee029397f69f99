/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "gateway/gateway.h"
#include "gateway/worker.h"
#include "io/inbox.h"
#include "io/udp.h"
#include "store/store.h"

static const char credentials[] =
	"credentials = ( { endpoint = \"e\"; identity = \"i\"; "
	"key = \"8f1d2c6be0a94f7735d8c1be90e4537a\"; upstream_identity = \"u\"; "
	"upstream_key = \"1b7ce94a03f85d62aa901fd64be73c58\"; } );";

static size_t closed_twice; /* how often what is not open was closed */

/* The program's own, for all of it: the library's close() does not tell. */
int close(int fd)
{
	const long r = syscall(SYS_close, fd);
	closed_twice += r != 0 && errno == EBADF;
	return (int)r;
}

/* The pool's family is not the server's: conf/ would refuse it, and no worker can be made. */
static struct conf_gateway unfit(uint32_t workers)
{
	static char name[] = "upstream";
	static struct conf_upstream upstream = {
		.name = name,
		.addresses = { { .ip = { 127, 0, 0, 1 }, .port = 45685, .family = NET_IPV4 } },
		.addresses_len = 1,
		.sources = { { .base = { .family = NET_IPV6 }, .bits = 64 } },
		.sources_len = 1,
		.sockets = 4,
	};
	struct conf_gateway conf = {
		.workers = workers,
		.listeners = { { .ip = { 127, 0, 0, 1 }, .port = 45684, .family = NET_IPV4 } },
		.listeners_len = 1,
		.upstreams = &upstream,
		.upstreams_len = 1,
		.device_initial_ms = 9000,
		.upstream_initial_ms = 9000,
		.handshake_max_ms = 60000,
		.handshake_lifetime_s = 180,
		.handshakes_max = 64,
		.handshake_bytes_max = 64 << 20,
		.relay_queue_messages = 4,
		.relay_queue_bytes = 1 << 20,
		.relay_answer_s = 93,
		.relay_message_max = 1280,
		.log_level = LOG_LEVEL_ERROR,
		.store_evict_after_s = 60,
	};
	return conf;
}

static size_t open_descriptors(void)
{
	size_t n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_a_gateway_that_cannot_be_made_closes_each_socket_once(void **state)
{
	(void)state;
	struct conf_error error = { .text = "" };
	struct cred_set *creds = cred_parse(credentials, "F", NULL, 0, &error);
	assert_non_null(creds);
	const struct log log = { .fd = STDERR_FILENO, .level = LOG_LEVEL_ERROR, .name = "lwgated" };
	const struct conf_gateway conf = unfit(2);
	const size_t before = open_descriptors();
	closed_twice = 0;
	const struct gw_settings settings = {
		.conf = &conf, .creds = creds, .log = &log, .keylog_fd = -1
	};
	struct gw_gateway *const g = gw_open(&settings, &error);
	assert_non_null(g);
	assert_false(gw_start(g, &error));
	gw_free(g);
	assert_string_not_equal(error.text, "");
	assert_int_equal(closed_twice, 0);
	assert_int_equal(open_descriptors(), before);
	cred_free(creds);
}

static void test_a_worker_that_cannot_be_made_has_closed_its_sockets(void **state)
{
	(void)state;
	const struct conf_gateway conf = unfit(1);
	struct inbox *inbox = inbox_new();
	struct inbox *const inboxes[] = { inbox };
	const struct log quiet = { .fd = STDERR_FILENO, .level = LOG_LEVEL_ERROR, .name = "t" };
	const struct store_settings memory = { .log = &quiet };
	struct store_error why;
	struct store *const store = store_open(&memory, &why);
	assert_non_null(store);
	const struct gw_shared shared = {
		.conf = &conf, .store = store, .inboxes = inboxes, .keylog_fd = -1
	};
	const struct udp_options o = { .bind = { .ip = { 127, 0, 0, 1 }, .family = NET_IPV4 } };
	const int fd = udp_open(&o);
	assert_non_null(inbox);
	assert_true(fd >= 0);
	closed_twice = 0;
	const struct gw_sockets sockets = { .listeners = &fd, .listeners_len = 1 };
	assert_null(gw_worker_new(&shared, 0, &sockets));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(closed_twice, 0);
	store_close(store);
	inbox_free(inbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_gateway_that_cannot_be_made_closes_each_socket_once),
		cmocka_unit_test(test_a_worker_that_cannot_be_made_has_closed_its_sockets),
	};
	return cmocka_run_group_tests_name("gateway/gateway", tests, NULL, NULL);
}
