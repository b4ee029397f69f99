/* SPDX-License-Identifier: Apache-2.0 */
/* S19: a new data key after so many days, restarts or not. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "gateway/rotation.h"
#include "store/store.h"

static const uint64_t day_ms = 86400000;

struct fixture {
	struct store *store;
	struct gw_rotation rotation;
	struct log log;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct store_error why;
	f.log = (struct log){
		.fd = memfd_create("log", MFD_CLOEXEC), .level = LOG_LEVEL_INFO, .name = "t"
	};
	const struct store_settings memory = { .log = &f.log };
	f.store = store_open(&memory, &why);
	assert_non_null(f.store);
	f.rotation = (struct gw_rotation){
		.store = f.store, .reader = store_reader_new(f.store), .log = &f.log, .days = 90
	};
	assert_non_null(f.rotation.reader);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	store_reader_free(f->rotation.reader);
	store_close(f->store);
	return close(f->log.fd);
}

static size_t rotations(const struct fixture *f)
{
	char text[4096];
	const ssize_t n = pread(f->log.fd, text, sizeof(text) - 1, 0);
	size_t count = 0;
	assert_true(n >= 0);
	text[n] = '\0';
	for (const char *at = strstr(text, "a new data key"); at;
		at = strstr(at + 1, "a new data key"))
		count++;
	return count;
}

static void test_S19_a_key_lives_so_many_days(void **state)
{
	struct fixture *f = *state;
	const uint64_t begin_ms = 5 * day_ms;
	gw_rotation_look(&f->rotation, begin_ms); /* a new store: from now on */
	gw_rotation_look(&f->rotation, begin_ms + 90 * day_ms - 1);
	assert_int_equal(rotations(f), 0);
	gw_rotation_look(&f->rotation, begin_ms + 90 * day_ms);
	assert_int_equal(rotations(f), 1);
	gw_rotation_look(&f->rotation, begin_ms + 91 * day_ms);
	assert_int_equal(rotations(f), 1);
	gw_rotation_look(&f->rotation, begin_ms + 180 * day_ms);
	assert_int_equal(rotations(f), 2);
}

static void test_S19_a_clock_that_went_back_does_no_harm(void **state)
{
	struct fixture *f = *state;
	gw_rotation_look(&f->rotation, 100 * day_ms);
	gw_rotation_look(&f->rotation, day_ms);
	assert_int_equal(rotations(f), 0);
}

static void test_S19_never_by_itself_where_that_is_asked_for(void **state)
{
	struct fixture *f = *state;
	f->rotation.days = 0;
	gw_rotation_look(&f->rotation, day_ms);
	gw_rotation_look(&f->rotation, 5000 * day_ms);
	assert_int_equal(rotations(f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_S19_a_key_lives_so_many_days, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_S19_a_clock_that_went_back_does_no_harm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_S19_never_by_itself_where_that_is_asked_for, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("gateway/rotation", tests, NULL, NULL);
}
