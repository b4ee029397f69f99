/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <netdb.h>
#include <poll.h>
#include <semaphore.h>

#include <cmocka.h>

enum { PORT = 2775, WAIT_MS = 10000 };

static sem_t answers, ended; /* the resolver may answer; it has */

static int slow(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **found)
{
	struct addrinfo numeric = *hints;
	while (sem_wait(&answers) != 0)
		continue;
	numeric.ai_flags = AI_NUMERICHOST;
	const int error = strcmp(host, "nobody") == 0
				  ? EAI_NONAME
				  : getaddrinfo("192.0.2.1", service, &numeric, found);
	(void)sem_post(&ended);
	return error;
}

static bool readable(const struct lookup *l, int ms)
{
	struct pollfd p = { .fd = lookup_fd(l), .events = POLLIN };
	return poll(&p, 1, ms) == 1;
}

static int setup(void **state)
{
	(void)state;
	return sem_init(&answers, 0, 0) + sem_init(&ended, 0, 0);
}

static void test_nobody_waits_for_the_resolver(void **state)
{
	(void)state;
	int error = -1;
	struct lookup *const l = lookup_start("smsc.example", PORT, slow);
	assert_non_null(l);
	assert_false(readable(l, 0));
	assert_false(lookup_is_done(l));
	(void)sem_post(&answers);
	assert_true(readable(l, WAIT_MS));
	assert_true(lookup_is_done(l));
	const struct addrinfo *const found = lookup_found(l, &error);
	assert_int_equal(error, 0);
	assert_non_null(found);
	assert_int_equal(found->ai_socktype, SOCK_STREAM);
	lookup_free(l);
}

static void test_what_is_not_found_has_its_cause(void **state)
{
	(void)state;
	int error = 0;
	struct lookup *const l = lookup_start("nobody", PORT, slow);
	assert_non_null(l);
	(void)sem_post(&answers);
	assert_true(readable(l, WAIT_MS));
	assert_null(lookup_found(l, &error));
	assert_int_equal(error, EAI_NONAME);
	lookup_free(l);
}

/* With the sanitizers: nothing of it is touched later, nothing stays. */
static void test_one_that_is_given_up_ends_by_itself(void **state)
{
	(void)state;
	struct lookup *const l = lookup_start("smsc.example", PORT, slow);
	assert_non_null(l);
	lookup_free(l);
	(void)sem_post(&answers);
	while (sem_wait(&ended) != 0)
		continue;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nobody_waits_for_the_resolver, setup),
		cmocka_unit_test_setup(test_what_is_not_found_has_its_cause, setup),
		cmocka_unit_test_setup(test_one_that_is_given_up_ends_by_itself, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
