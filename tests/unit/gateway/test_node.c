/* SPDX-License-Identifier: Apache-2.0 */
/* S25: a store is one machine's. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/log.h"
#include "gateway/node.h"
#include "gateway/store_wait.h"
#include "store/store.h"

enum { NODE = 3, OTHER_NODE = 4 };

static const uint8_t machine[GW_MACHINE_LEN] = { 1, 2, 3 };
static const uint8_t other[GW_MACHINE_LEN] = { 1, 2, 4 };

struct fixture {
	struct store *store;
	struct log log;
	char error[512];
};

static int set_up(void **state)
{
	static struct fixture f;
	struct store_error why;
	f.error[0] = '\0';
	f.log = (struct log){ .fd = STDERR_FILENO, .level = LOG_LEVEL_ERROR, .name = "node" };
	const struct store_settings memory = { .log = &f.log };
	f.store = store_open(&memory, &why);
	assert_non_null(f.store);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *const f = *state;
	store_close(f->store);
	return 0;
}

static bool claim(struct fixture *f, uint8_t node, const uint8_t *who)
{
	return gw_node_claim(f->store, node, who, false, f->error, sizeof(f->error));
}

static bool claim_anew(struct fixture *f, const uint8_t *who)
{
	return gw_node_claim(f->store, NODE, who, true, f->error, sizeof(f->error));
}

static uint64_t commits(const struct fixture *f)
{
	return store_stats(f->store).commits;
}

static void test_S25_a_store_is_refused_on_another_machine(void **state)
{
	struct fixture *const f = *state;
	assert_true(claim(f, NODE, machine));
	assert_true(claim(f, NODE, machine));
	assert_false(claim(f, NODE, other));
	assert_non_null(strstr(f->error, "works on another machine"));
	assert_non_null(strstr(f->error, "lwgated --claim-store"));
	assert_true(claim(f, NODE, machine)); /* who was refused has changed nothing */
}

static void test_S25_a_store_that_has_moved_is_claimed_once(void **state)
{
	struct fixture *const f = *state;
	assert_true(claim(f, NODE, machine));
	assert_true(claim_anew(f, other));
	assert_true(claim(f, NODE, other));
	assert_false(claim(f, NODE, machine)); /* the copy that stayed behind */
}

static void test_S25_the_same_machine_may_change_its_number(void **state)
{
	struct fixture *const f = *state;
	assert_true(claim(f, NODE, machine));
	const uint64_t before = commits(f);
	assert_true(claim(f, NODE, machine));
	assert_int_equal(commits(f), before); /* nothing to write */
	assert_true(claim(f, OTHER_NODE, machine));
	assert_int_equal(commits(f), before + 1);
	assert_false(claim(f, OTHER_NODE, other));
	assert_true(claim(f, OTHER_NODE, machine));
	assert_int_equal(commits(f), before + 1);
}

static void test_S25_a_machine_that_cannot_be_told_apart_is_taken_for_the_right_one(void **state)
{
	struct fixture *const f = *state;
	assert_true(claim(f, NODE, NULL));
	assert_true(claim(f, NODE, machine)); /* which it is, from now on */
	assert_false(claim(f, NODE, other));
	assert_true(claim(f, OTHER_NODE, NULL)); /* for this start */
	assert_false(claim(f, NODE, other));
	assert_true(claim(f, NODE, machine));
	assert_true(claim_anew(f, NULL)); /* whoever comes first */
	assert_true(claim(f, NODE, other));
	assert_false(claim(f, NODE, machine));
}

/* --- notes of another kind -------------------------------------------------------------------- */

struct put {
	const uint8_t *data;
	size_t len;
};

static enum store_result put(struct store_txn *t, void *what)
{
	const struct put *const p = what;
	return store_note_put(t, "node", p->data, p->len);
}

static void test_S25_a_note_that_cannot_be_read_is_no_licence(void **state)
{
	struct fixture *const f = *state;
	static const uint8_t ours[2 + GW_MACHINE_LEN + 1] = { 1, NODE, 1, 2, 3 };
	static const uint8_t later[2 + GW_MACHINE_LEN] = { 2, NODE, 1, 2, 3 };
	const struct put notes[] = { { later, sizeof(later) }, { ours, 0 }, { ours, 1 },
		{ ours, 2 }, { ours, sizeof(ours) - 2 }, { ours, sizeof(ours) } };
	for (size_t i = 0; i < COUNT_OF(notes); i++) {
		struct put p = notes[i];
		assert_int_equal(gw_store_do(f->store, put, &p, false), STORE_OK);
		assert_false(claim(f, NODE, machine));
		assert_non_null(strstr(f->error, "--claim-store"));
		assert_true(claim_anew(f, machine));
		assert_true(claim(f, NODE, machine));
	}
}

/* --- the machine ------------------------------------------------------------------------------ */

static bool machine_of(const char *text, size_t len, uint8_t out[GW_MACHINE_LEN])
{
	char file[] = "/tmp/lwgate-machine-XXXXXX";
	const int fd = mkstemp(file);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	(void)close(fd);
	const bool is_told = gw_machine(file, out);
	(void)unlink(file);
	return is_told;
}

#define OF(text, out) machine_of((text), sizeof(text) - 1, (out))

static void test_S25_a_machine_is_told_by_its_id(void **state)
{
	uint8_t a[GW_MACHINE_LEN] = { 0 }, b[GW_MACHINE_LEN] = { 0 }, c[GW_MACHINE_LEN] = { 0 };
	static const uint8_t zero[GW_MACHINE_LEN];
	(void)state;
	assert_true(OF("4c0a1f2e93b84d0f8a77c5e1d2036b94\n", a));
	assert_true(OF("4c0a1f2e93b84d0f8a77c5e1d2036b94", b));
	assert_true(OF("4c0a1f2e93b84d0f8a77c5e1d2036b95\n", c));
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, c, sizeof(a));
	assert_memory_not_equal(a, zero, sizeof(a));
	/* It is not the id itself (machine-id(5)). */
	assert_int_not_equal(a[0], 0x4c);
}

static void test_S25_what_is_no_id_tells_nothing(void **state)
{
	uint8_t out[GW_MACHINE_LEN];
	(void)state;
	assert_false(OF("", out));
	assert_false(OF("\n", out));
	assert_false(OF("uninitialized\n", out));
	assert_false(OF("00000000000000000000000000000000\n", out));
	assert_false(OF("4c0a1f2e93b84d0f8a77c5e1d2036b9\n", out));
	assert_false(OF("4c0a1f2e93b84d0f8a77c5e1d2036b944\n", out));
	assert_false(OF("4c0a1f2e93b84d0f8a77c5e1d2036b94\n\n", out));
	assert_false(OF("4c0a1f2e93b84d0f8a77c5e1d2036b9g\n", out));
	assert_false(OF("4C0A1F2E93B84D0F8A77C5E1D2036B94\n", out));
	assert_false(OF("4c0a1f2e\0003b84d0f8a77c5e1d2036b94\n", out));
	assert_false(gw_machine("/nonexistent/machine-id", out));
	assert_false(gw_machine("/", out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_S25_a_store_is_refused_on_another_machine, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_S25_a_store_that_has_moved_is_claimed_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_S25_the_same_machine_may_change_its_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_S25_a_machine_that_cannot_be_told_apart_is_taken_for_the_right_one,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_S25_a_note_that_cannot_be_read_is_no_licence, set_up, tear_down),
		cmocka_unit_test(test_S25_a_machine_is_told_by_its_id),
		cmocka_unit_test(test_S25_what_is_no_id_tells_nothing),
	};
	return cmocka_run_group_tests_name("gateway/node", tests, NULL, NULL);
}
