/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/sip.h"
#include "base/wr.h"
#include "store/anchor.h"
#include "unit/store/box.h"

enum { COPY = 64, BLOCK = 4096 };

struct place {
	struct box *box;
	struct anchor_settings s;
	struct store_error error;
};

static int begin(void **state)
{
	static struct place p;
	p = (struct place){ .box = box_new("/tmp"), .s.uuid = { 1, 2, 3 }, .s.fresh = true };
	p.s.name = box_path(p.box, "anchor");
	*state = &p;
	return 0;
}

static int end(void **state)
{
	box_free(((const struct place *)*state)->box);
	return 0;
}

static struct anchor *opened(struct place *p)
{
	struct anchor *const a = anchor_open(&p->s, &p->error);
	if (!a)
		print_error("%s\n", p->error.text);
	assert_non_null(a);
	return a;
}

static void expect_error(struct place *p, const char *why)
{
	p->error.text[0] = '\0';
	assert_null(anchor_open(&p->s, &p->error));
	assert_non_null(strstr(p->error.text, p->s.name));
	assert_non_null(strstr(p->error.text, why));
}

/* Made, and raised to value in as many steps. */
static void make(struct place *p, uint64_t value)
{
	struct anchor *const a = opened(p);
	for (uint64_t i = 1; i <= value; i++)
		assert_true(anchor_raise(a, i, &p->error));
	anchor_close(a);
	p->s.fresh = false;
}

static uint64_t value_of(struct place *p)
{
	struct anchor *const a = opened(p);
	const uint64_t v = anchor_value(a);
	anchor_close(a);
	return v;
}

/* --- a file ------------------------------------------------------------------------------- */

static void test_S5_the_watermark_stays_and_only_grows(void **state)
{
	struct place *const p = *state;
	struct anchor *const a = opened(p);
	assert_true(anchor_is_real(a));
	assert_int_equal(anchor_value(a), 0);
	p->s.fresh = false;
	static const uint64_t values[] = { 1, 2, 7, 7, 3, 8, UINT64_C(1) << 40 };
	uint64_t most = 0;
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		assert_true(anchor_raise(a, values[i], &p->error));
		most = values[i] > most ? values[i] : most;
		assert_true(anchor_value(a) == most);
		assert_true(value_of(p) == most);
	}
	anchor_close(a);
	struct stat st;
	assert_int_equal(stat(p->s.name, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_S5_no_anchor_anchors_nothing(void **state)
{
	struct place *const p = *state;
	static const char *const none[] = { NULL, "" };
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		p->s.name = none[i];
		p->s.fresh = false;
		struct anchor *const a = opened(p);
		assert_false(anchor_is_real(a));
		assert_int_equal(anchor_value(a), 0);
		assert_true(anchor_raise(a, 5, &p->error));
		anchor_close(a);
	}
}

static void test_S5_a_missing_anchor_is_not_taken_for_zero(void **state)
{
	struct place *const p = *state;
	make(p, 3);
	assert_int_equal(unlink(p->s.name), 0);
	expect_error(p, "is missing; mount its medium");
	assert_int_equal(box_size(p->s.name), -1);
}

static void test_S5_an_anchor_of_another_store_is_refused(void **state)
{
	struct place *const p = *state;
	make(p, 3);
	p->s.uuid[15] ^= 1;
	expect_error(p, "is of another store");
	p->s.fresh = true; /* a new store does not take it over, either */
	expect_error(p, "is of another store");
	p->s.uuid[15] ^= 1;
	assert_int_equal(value_of(p), 3);
}

static void test_S5_a_torn_write_leaves_the_copy_before(void **state)
{
	struct place *const p = *state;
	make(p, 4); /* one copy has 3, one 4 */
	uint8_t copies[2][COPY];
	for (long i = 0; i < 2; i++)
		box_read(p->s.name, i * BLOCK, copies[i], COPY);
	unsigned threes = 0, fours = 0;
	for (long i = 0; i < 2; i++) {
		for (size_t torn = 0; torn < COPY; torn++) {
			uint8_t copy[COPY];
			memcpy(copy, copies[i], COPY);
			copy[torn] ^= 0x10;
			box_write(p->s.name, i * BLOCK, copy, COPY);
			const uint64_t v = value_of(p);
			threes += v == 3;
			fours += v == 4;
		}
		box_write(p->s.name, i * BLOCK, copies[i], COPY);
	}
	assert_int_equal(threes, COPY);
	assert_int_equal(fours, COPY);
	assert_int_equal(value_of(p), 4);
	/* The next write goes over the spoilt one. */
	for (long i = 0; i < 2; i++) {
		box_write(p->s.name, i * BLOCK, copies[1], COPY - 1);
		box_write(p->s.name, (1 - i) * BLOCK, copies[0], COPY);
		box_write(p->s.name, i * BLOCK, "torn", 4);
		struct anchor *const a = opened(p);
		const uint64_t next = anchor_value(a) + 5;
		assert_true(anchor_raise(a, next, &p->error));
		anchor_close(a);
		box_write(p->s.name, (1 - i) * BLOCK, "torn", 4);
		assert_int_equal(value_of(p), next);
	}
}

static void test_S5_a_damaged_anchor_is_not_taken_for_zero(void **state)
{
	struct place *const p = *state;
	make(p, 4);
	box_write(p->s.name, 0, "torn", 4);
	box_write(p->s.name, BLOCK + COPY - 1, "", 1);
	box_write(p->s.name, BLOCK + 20, "torn", 4);
	expect_error(p, "is damaged");
	p->s.fresh = true;
	expect_error(p, "is damaged");
	assert_int_equal(truncate(p->s.name, 0), 0);
	expect_error(p, "is damaged");
}

static void test_S5_another_format_is_not_guessed_at(void **state)
{
	struct place *const p = *state;
	make(p, 4);
	for (long i = 0; i < 2; i++) {
		uint8_t copy[COPY];
		box_read(p->s.name, i * BLOCK, copy, COPY);
		copy[7]++; /* the version, with a checksum that fits */
		struct wr w = wr_into(copy + COPY - 8, 8);
		wr_u64(&w, sip_hash(&(const struct sip_key){ 0, 0 }, copy, COPY - 8));
		box_write(p->s.name, i * BLOCK, copy, COPY);
	}
	expect_error(p, "is damaged");
}

static void test_S5_half_a_file_is_read_as_what_it_holds(void **state)
{
	struct place *const p = *state;
	make(p, 4);
	uint8_t copy[COPY];
	box_read(p->s.name, 0, copy, COPY);
	assert_int_equal(truncate(p->s.name, COPY), 0);
	const uint64_t v = value_of(p);
	assert_true(v == 3 || v == 4);
	assert_int_equal(truncate(p->s.name, COPY - 1), 0);
	expect_error(p, "is damaged");
}

static void test_S4_after_a_failed_write_nothing_is_promised_any_more(void **state)
{
	struct place *const p = *state;
	struct anchor *const a = opened(p);
	p->s.fresh = false;
	assert_true(anchor_raise(a, 1, &p->error));
	struct rlimit was;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	const struct rlimit little = { 30, was.rlim_max }; /* tears a write at octet 30 */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_false(anchor_raise(a, 2, &p->error));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_non_null(strstr(p->error.text, p->s.name));
	assert_int_equal(anchor_value(a), 1);
	assert_true(anchor_raise(a, 1, &p->error));
	assert_false(anchor_raise(a, 2, &p->error)); /* no retry */
	anchor_close(a);
	assert_int_equal(value_of(p), 1);
}

static void test_S5_what_is_no_file_is_refused(void **state)
{
	struct place *const p = *state;
	const char *const file = p->s.name;
	assert_int_equal(mkdir(file, 0700), 0);
	expect_error(p, "cannot be opened");
	assert_int_equal(rmdir(file), 0);
	assert_int_equal(symlink("elsewhere", file), 0);
	expect_error(p, "cannot be opened");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	expect_error(p, "not a regular file");
	p->s.name = "/nowhere/at/all/anchor";
	expect_error(p, "its folder must be there");
}

/* --- a TPM, played ------------------------------------------------------------------------ */

static struct {
	uint64_t value;
	unsigned increments;
	bool stuck, dead;
} chip;

static bool chip_read(const char *tcti, uint32_t index, uint64_t *value, struct store_error *error)
{
	assert_string_equal(tcti, "swtpm:port=1");
	assert_int_equal(index, 0x01500001);
	*value = chip.value;
	return !chip.dead || store_fail(error, "no TPM");
}

static bool chip_increment(
	const char *tcti, uint32_t index, uint64_t *value, struct store_error *error)
{
	chip.increments++;
	chip.value += chip.stuck ? 0 : 1;
	return chip_read(tcti, index, value, error);
}

static const struct anchor_chip played = { chip_read, chip_increment };

static void play(struct place *p, uint64_t value)
{
	memset(&chip, 0, sizeof(chip));
	chip.value = value;
	p->s.name = "tpm:0x01500001";
	p->s.tcti = "swtpm:port=1";
	p->s.chip = &played;
}

static void test_S5_a_tpm_counts_step_by_step(void **state)
{
	struct place *const p = *state;
	play(p, 1000);
	struct anchor *const a = opened(p);
	assert_true(anchor_is_real(a));
	assert_int_equal(anchor_value(a), 1000);
	assert_true(anchor_raise(a, 1000, &p->error));
	assert_int_equal(chip.increments, 0);
	assert_true(anchor_raise(a, 1001, &p->error));
	assert_int_equal(chip.increments, 1);
	assert_true(anchor_raise(a, 1065, &p->error));
	assert_int_equal(chip.increments, 65);
	assert_int_equal(anchor_value(a), 1065);
	assert_false(anchor_raise(a, 1065 + 65, &p->error));
	assert_non_null(strstr(p->error.text, "not the counter of this store"));
	assert_int_equal(chip.increments, 65);
	anchor_close(a);
}

static void test_S5_a_tpm_that_fails_raises_nothing(void **state)
{
	struct place *const p = *state;
	play(p, 5);
	struct anchor *const a = opened(p);
	chip.stuck = true;
	assert_false(anchor_raise(a, 6, &p->error));
	assert_non_null(strstr(p->error.text, "does not grow"));
	chip.dead = true;
	assert_false(anchor_raise(a, 6, &p->error));
	assert_non_null(strstr(p->error.text, "no TPM"));
	assert_int_equal(anchor_value(a), 5);
	anchor_close(a);
	assert_null(anchor_open(&p->s, &p->error));
	assert_non_null(strstr(p->error.text, "no TPM"));
}

static void test_S5_an_index_that_is_none_is_refused(void **state)
{
	struct place *const p = *state;
	static const char *const names[] = { "tpm:", "tpm:0x", "tpm:0x01500001x", "tpm:0x81000001",
		"tpm:0x00ffffff", "tpm:0x02000000", "tpm:-1", "tpm:0x10000000001500001" };
	play(p, 5);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		p->s.name = names[i];
		expect_error(p, "no index of a TPM");
	}
	p->s.name = "tpm:01500001";
	assert_int_equal(value_of(p), 5);
}

#define IN_BOX(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOX(test_S5_the_watermark_stays_and_only_grows),
		IN_BOX(test_S5_no_anchor_anchors_nothing),
		IN_BOX(test_S5_a_missing_anchor_is_not_taken_for_zero),
		IN_BOX(test_S5_an_anchor_of_another_store_is_refused),
		IN_BOX(test_S5_a_torn_write_leaves_the_copy_before),
		IN_BOX(test_S5_a_damaged_anchor_is_not_taken_for_zero),
		IN_BOX(test_S5_another_format_is_not_guessed_at),
		IN_BOX(test_S5_half_a_file_is_read_as_what_it_holds),
		IN_BOX(test_S4_after_a_failed_write_nothing_is_promised_any_more),
		IN_BOX(test_S5_what_is_no_file_is_refused),
		IN_BOX(test_S5_a_tpm_counts_step_by_step),
		IN_BOX(test_S5_a_tpm_that_fails_raises_nothing),
		IN_BOX(test_S5_an_index_that_is_none_is_refused),
	};
	return cmocka_run_group_tests_name("store/anchor", tests, NULL, NULL);
}
