/* SPDX-License-Identifier: Apache-2.0 */
/* Databases that are not as they were left: cut off, with a wrong bit, or of a killed process. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/kv.h"
#include "unit/store/rows.h"

enum { CHILD_BAD = 1 };

static void test_a_file_that_is_cut_off_is_told(void **state)
{
	struct rows *const w = *state;
	rows_make(w, 2000);
	size_t len;
	uint8_t *const whole = folder_read(rows_file(w), &len);
	static const size_t cuts[] = { 1, 100, 4096, 8191, 8192, 20000, 500000, 1500000 };
	for (size_t i = 0; i < COUNT_OF(cuts); i++) {
		assert_true(cuts[i] < len);
		folder_write(rows_file(w), whole, cuts[i]);
		rows_refused(w, cuts[i] <= 4096 ? "is damaged" : "is cut off");
		assert_int_equal(folder_size(rows_file(w)), cuts[i]); /* nothing has touched it */
	}
	folder_write(rows_file(w), whole, len);
	struct kv *const kv = rows_must_open(w);
	assert_int_equal(rows_good(kv), 2000);
	kv_close(kv);
	free(whole);
}

static struct kv *watched;
static struct {
	size_t at;
	uint8_t bit; /* 0: the file had it before */
} later;
enum { USED = 2805760 };
enum { STATUS_DAMAGED = 74, STATUS_WRONG = 75, STATUS_REFUSED = 76 };

static void on_fault(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	_exit(watched != NULL && kv_owns_address(watched, info->si_addr) ? STATUS_DAMAGED
									 : CHILD_BAD);
}

static void read_all(struct kv *kv)
{
	struct kv_txn *t = NULL;
	if (kv_begin(kv, KV_READ, &t) != STORE_OK)
		_exit(STATUS_DAMAGED);
	uint8_t at[KV_KEY_MAX];
	struct kv_slice from = { 0 };
	struct kv_slice key, value;
	enum store_result r;
	uint64_t sum = 0;
	unsigned n = 0;
	while ((r = kv_seek(t, 0, from, &key, &value)) == STORE_OK && n++ < 100000) {
		for (size_t i = 0; i < value.len; i++)
			sum += ((const uint8_t *)value.data)[i];
		if (key.len == 0 || key.len >= KV_KEY_MAX)
			_exit(STATUS_WRONG);
		memcpy(at, key.data, key.len);
		at[key.len] = 0;
		from = slice(at, key.len + 1);
	}
	kv_abort(t);
	if (r == STORE_DAMAGED || r == STORE_BROKEN)
		_exit(STATUS_DAMAGED);
	if (n != 2000 || sum == 0)
		_exit(STATUS_WRONG);
}

static void spoil(const char *file, size_t at, uint8_t bit)
{
	uint8_t octet;
	const int fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pread(fd, &octet, 1, (off_t)at) != 1)
		_exit(CHILD_BAD);
	octet ^= bit;
	if (pwrite(fd, &octet, 1, (off_t)at) != 1 || close(fd) != 0)
		_exit(CHILD_BAD);
}

/* What lwgated does with a database that has a wrong bit, or gets one while it is open. */
static void live_with_damage(struct rows *w)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	(void)sigaction(SIGBUS, &action, NULL);
	(void)sigaction(SIGSEGV, &action, NULL);
	if (freopen("/dev/null", "w", stderr) == NULL)
		_exit(CHILD_BAD);
	(void)alarm(20);
	watched = rows_open(w, false);
	if (w->fresh)
		_exit(CHILD_BAD);
	if (watched == NULL)
		_exit(strstr(w->error.text, "data.mdb") != NULL ? STATUS_REFUSED : CHILD_BAD);
	if (later.bit != 0)
		spoil(rows_file(w), later.at, later.bit);
	read_all(watched);
	if (rows_good(watched) != 2000)
		_exit(STATUS_WRONG);
	if (rows_put(watched, KV_WRITE, 500, 20) != STORE_OK)
		_exit(kv_facts(watched).is_damaged ? STATUS_DAMAGED : CHILD_BAD);
}

static void test_no_wrong_bit_makes_an_empty_start_or_a_hang(void **state)
{
	struct rows *const w = *state;
	rows_make(w, 2000);
	size_t len;
	uint8_t *const whole = folder_read(rows_file(w), &len);
	assert_true(len > USED);
	len = USED; /* what lies behind it was allocated ahead */
	unsigned outcomes[4] = { 0 };
	uint64_t x = 88172645463325252U;
	for (unsigned i = 0; i < 200; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		/* The two pages of facts; the heads of other pages; anywhere in the file. */
		size_t at = (size_t)(x >> 8) % USED;
		if (i % 4 == 0)
			at = (size_t)(x >> 8) % 2 * 4096 + (size_t)(x >> 9) % 168;
		else if (i % 4 == 1)
			at = at / 4096 * 4096 + at % 32;
		const uint8_t bit = (uint8_t)(1U << x % 8);
		later.at = at;
		later.bit = i % 8 < 4 ? 0 : bit;
		whole[at] ^= (uint8_t)(bit ^ later.bit);
		folder_write(rows_file(w), whole, len);
		const int status = rows_run_child(live_with_damage, w);
		whole[at] ^= (uint8_t)(bit ^ later.bit);
		const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
		if (code == 0)
			outcomes[0]++; /* in free space, or in the older page of facts */
		else if (code >= STATUS_DAMAGED && code <= STATUS_REFUSED)
			outcomes[code - STATUS_DAMAGED + 1]++;
		else
			fail_msg("bit %02x at %zu: ended with %d", bit, at, code);
	}
	print_message("# unharmed %u, damage met %u, values wrong %u, refused %u\n", outcomes[0],
		outcomes[1], outcomes[2], outcomes[3]);
	assert_true(outcomes[1] > 0 && outcomes[2] > 0 && outcomes[3] > 0);
	free(whole);
}

/* --- keys out of order ------------------------------------------------------------------------ */

enum { FEW = 20 };

/* The key of a row becomes that of row 0, in whatever versions of its page there are. */
static void misname(uint8_t *data, size_t len, unsigned row)
{
	const uint8_t number = (uint8_t)row;
	const uint8_t was[] = { 0, 0, 0, number, (uint8_t)(number * 31), (uint8_t)(number * 31 + 7),
		(uint8_t)(number * 31 + 14) };
	for (uint8_t *at = data; at != NULL;) {
		at = memmem(at, len - (size_t)(at - data), was, sizeof(was));
		if (at != NULL)
			at[3] = 0;
	}
}

/* From key to key, as all do who look at a whole table. */
static enum store_result walk(struct kv *kv, unsigned *n)
{
	struct kv_txn *t = NULL;
	uint8_t at[KV_KEY_MAX + 1];
	struct kv_slice key = slice("", 0), value;
	enum store_result r = kv_begin(kv, KV_READ, &t);
	for (*n = 0; r == STORE_OK && *n <= 2 * FEW; ++*n) {
		r = kv_seek(t, 0, key, &key, &value);
		if (r != STORE_OK)
			break;
		memcpy(at, key.data, key.len);
		at[key.len] = 0;
		key = slice(at, key.len + 1);
	}
	kv_abort(t);
	return r;
}

static void test_keys_out_of_order_lead_nobody_in_a_circle(void **state)
{
	struct rows *const w = *state;
	rows_make(w, FEW);
	size_t len;
	uint8_t *const whole = folder_read(rows_file(w), &len);
	uint8_t *const spoilt = malloc(len);
	assert_non_null(spoilt);
	unsigned met = 0;
	for (unsigned i = 1; i < FEW; i++) {
		unsigned n;
		memcpy(spoilt, whole, len);
		misname(spoilt, len, i);
		assert_memory_not_equal(spoilt, whole, len);
		folder_write(rows_file(w), spoilt, len);
		struct kv *const kv = rows_must_open(w);
		const enum store_result r = walk(kv, &n);
		assert_true(r == STORE_NONE || r == STORE_DAMAGED);
		assert_true(n <= FEW);
		met += r == STORE_DAMAGED;
		kv_close(kv);
	}
	assert_true(met > 0); /* the first of a page */
	free(spoilt);
	free(whole);
}

/* --- a kill ----------------------------------------------------------------------------------- */

static void write_until_killed(struct rows *w, int tell)
{
	struct kv *const kv = rows_open(w, false);
	if (kv == NULL)
		_exit(CHILD_BAD);
	uint32_t n = (uint32_t)rows_good(kv);
	for (;; n++) {
		if (rows_put(kv, KV_WRITE, n, 1) != STORE_OK)
			_exit(CHILD_BAD);
		const uint32_t have = n + 1;
		if (write(tell, &have, sizeof(have)) != (ssize_t)sizeof(have))
			_exit(CHILD_BAD);
	}
}

static void test_S4_what_was_committed_outlives_a_kill(void **state)
{
	struct rows *const w = *state;
	uint32_t told = 0;
	for (unsigned i = 0; i < 15; i++) {
		int ends[2];
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		const pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			write_until_killed(w, ends[1]);
		(void)close(ends[1]);
		const uint32_t until = told + 1 + i % 4;
		while (told < until && read(ends[0], &told, sizeof(told)) == (ssize_t)sizeof(told))
			;
		assert_int_equal(kill(pid, SIGKILL), 0);
		while (read(ends[0], &told, sizeof(told)) == (ssize_t)sizeof(told))
			;
		(void)close(ends[0]);
		int status = 0;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		struct kv *const kv = rows_must_open(w);
		const int have = rows_good(kv);
		assert_true(have >= (int)told && have <= (int)told + 1);
		told = (uint32_t)have;
		kv_close(kv);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_file_that_is_cut_off_is_told, rows_begin, rows_end),
		cmocka_unit_test_setup_teardown(
			test_no_wrong_bit_makes_an_empty_start_or_a_hang, rows_begin, rows_end),
		cmocka_unit_test_setup_teardown(
			test_keys_out_of_order_lead_nobody_in_a_circle, rows_begin, rows_end),
		cmocka_unit_test_setup_teardown(
			test_S4_what_was_committed_outlives_a_kill, rows_begin, rows_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
