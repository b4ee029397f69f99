/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/pin_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH = 64 };

static char folder[PATH];
static const struct log quiet = { .fd = -1, .level = LOG_LEVEL_ERROR, .name = "test" };
static struct pin_book book;

/* As after a start: of what was before, only the file is there. */
static struct modem_pin_book begin(void)
{
	pin_book_of(&book, folder, "sim/..", &quiet);
	return pin_book_for_modem(&book);
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/pin-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	(void)begin();
	(void)unlink(book.file);
	return rmdir(folder);
}

static void test_what_was_refused_is_never_entered_again(void **state)
{
	(void)state;
	struct modem_pin_book b = begin();
	assert_true(b.enter(b.ctx));
	b.entered(b.ctx, false);
	for (int starts = 0; starts < 3; starts++) {
		b = begin();
		assert_false(b.enter(b.ctx));
	}
	assert_int_equal(unlink(book.file), 0); /* the operator */
	assert_true(b.enter(b.ctx));
}

static void test_of_an_unknown_end_there_is_no_third_time(void **state)
{
	(void)state;
	for (int starts = 0; starts < 5; starts++) {
		const struct modem_pin_book b = begin();
		assert_int_equal(b.enter(b.ctx), starts < 2);
	}
}

static void test_an_open_card_forgets(void **state)
{
	(void)state;
	struct stat is;
	for (int starts = 0; starts < 5; starts++) {
		const struct modem_pin_book b = begin();
		assert_true(b.enter(b.ctx));
		assert_int_equal(stat(book.file, &is), 0);
		assert_int_equal(is.st_mode & 0777, 0600);
		b.entered(b.ctx, true);
		assert_int_equal(stat(book.file, &is), -1);
	}
}

static void test_what_cannot_be_written_down_is_not_entered(void **state)
{
	(void)state;
	const struct modem_pin_book b = begin();
	(void)snprintf(book.file, sizeof(book.file), "%s/none/pin", folder);
	assert_false(b.enter(b.ctx));
	(void)begin();
	assert_int_equal(symlink("elsewhere", book.file), 0);
	assert_false(b.enter(b.ctx));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_was_refused_is_never_entered_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_of_an_unknown_end_there_is_no_third_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_open_card_forgets, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_cannot_be_written_down_is_not_entered, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
