/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/slot.h"
#include "unit/store/slots.h"
#include "unit/store/step.h"

enum { KILLS = 300, MARKS_BETWEEN_KILLS = 3000 };

struct scene { /* shared with the child that is stepped or killed */
	struct slot slot;
	struct slot_state before, then;
	uint64_t number;
	struct slot left[16]; /* what was seen on the way */
	size_t left_len;
	bool went_back;
	bool torn;
	_Atomic uint64_t returned; /* marks that are over */
};

static void run_mark(void *arg)
{
	struct scene *const c = arg;
	slot_mark(&c->slot, &slots_key, SLOTS_PLACE, c->number, c->then.edge, c->then.seen);
}

static bool same_octets(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct slot)) == 0;
}

static void look_at(void *arg)
{
	struct scene *const c = arg;
	if (c->left_len > 0 && same_octets(&c->left[c->left_len - 1], &c->slot))
		return;
	struct slot_state got;
	if (!slot_load(&c->slot, &slots_key, SLOTS_PLACE, slots_id, &got) ||
		!(slots_same(&got, &c->before) || slots_same(&got, &c->then))) {
		c->torn = true;
		return;
	}
	if (c->left_len > 0) {
		struct slot_state last;
		const bool good = slot_load(
			&c->left[c->left_len - 1], &slots_key, SLOTS_PLACE, slots_id, &last);
		c->went_back |= good && slots_same(&last, &c->then) && !slots_same(&got, &c->then);
	}
	assert_true(c->left_len < COUNT_OF(c->left));
	memcpy(&c->left[c->left_len++], &c->slot, sizeof(c->slot));
}

/* Kills slot_mark() after each instruction. False: nobody may be traced here. */
static bool step_mark(
	struct scene *c, const struct slot *from, struct slot_state before, uint64_t number)
{
	memset(c, 0, sizeof(*c));
	memcpy(&c->slot, from, sizeof(c->slot));
	c->before = before;
	c->then = slots_after(before, number);
	c->number = number;
	if (step_through(run_mark, look_at, c) == 0)
		return false;
	assert_false(c->torn);
	assert_false(c->went_back);
	const struct slot_state got = slots_loaded(&c->slot);
	assert_true(slots_same(&got, &c->then));
	assert_true(c->slot.pending == 0);
	return true;
}

static const struct { /* marks of all kinds: within the window, ahead, far ahead, the first */
	struct slot_state before;
	uint64_t number;
} kinds[] = {
	{ { .edge = 0, .seen = 0 }, 0 },
	{ { .edge = 0, .seen = 0 }, 40 },
	{ { .edge = 10, .seen = 0x3ff }, 10 },
	{ { .edge = 10, .seen = 0x2ff }, 1 },
	{ { .edge = 100, .seen = UINT64_C(0x7fffffffffffffff) }, 36 },
	{ { .edge = 100, .seen = UINT64_MAX }, 105 },
	{ { .edge = 100, .seen = UINT64_MAX }, 162 },
	{ { .edge = 100, .seen = UINT64_MAX }, 163 },
	{ { .edge = 100, .seen = UINT64_MAX }, 164 },
	{ { .edge = 100, .seen = 1 }, UINT64_C(1) << 40 },
};

static void test_S13_killed_after_each_instruction_of_a_mark(void **state)
{
	(void)state;
	struct scene *const c = step_shared(sizeof(*c));
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct slot s;
		slot_init(&s, &slots_key, SLOTS_PLACE, slots_id, &kinds[i].before);
		if (!step_mark(c, &s, kinds[i].before, kinds[i].number))
			skip();
		/* Each of the five stores was seen, or four where the edge or the bits stay. */
		assert_in_range(c->left_len, 5, 6);
	}
}

/* What a dead owner left is ended by the next mark, and killed in that, too. */
static void test_S13_killed_twice_between_two_marks(void **state)
{
	(void)state;
	struct scene *const c = step_shared(sizeof(*c));
	struct scene *const d = step_shared(sizeof(*d));
	for (size_t i = 2; i < COUNT_OF(kinds); i += 3) {
		struct slot s;
		slot_init(&s, &slots_key, SLOTS_PLACE, slots_id, &kinds[i].before);
		if (!step_mark(c, &s, kinds[i].before, kinds[i].number))
			skip();
		for (size_t k = 1; k + 1 < c->left_len; k++) {
			const struct slot_state now = slots_loaded(&c->left[k]);
			assert_true(step_mark(d, &c->left[k], now, now.edge + k));
			assert_true(step_mark(d, &c->left[k], now, now.edge - 2));
		}
	}
}

static bool has(const struct slot_state *s, uint64_t number)
{
	return number < s->edge &&
	       (s->edge - 1 - number >= 64 || (s->seen >> (s->edge - 1 - number) & 1) != 0);
}

/* All that was seen is, and nothing that never was. */
static void look_between(void *arg)
{
	struct scene *const c = arg;
	struct slot_state got;
	if (!slot_load(&c->slot, &slots_key, SLOTS_PLACE, slots_id, &got)) {
		c->torn = true;
		return;
	}
	for (uint64_t n = 0; n < 400; n++) {
		c->torn |= has(&c->before, n) && !has(&got, n);
		c->torn |= has(&got, n) && !has(&c->then, n);
	}
}

static void test_S13_killed_within_a_mark_of_several_numbers(void **state)
{
	(void)state;
	struct scene *const c = step_shared(sizeof(*c));
	static const uint64_t numbers[][4] = { { 1, 2, 3, 4 }, { 120, 101, 99, 100 },
		{ 40, 98, 103, 130 }, { 150, 160, 170, 180 } };
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		memset(c, 0, sizeof(*c));
		c->before = (struct slot_state){ .edge = i ? 100 : 1, .seen = 1 };
		slot_init(&c->slot, &slots_key, SLOTS_PLACE, slots_id, &c->before);
		c->then = c->before;
		for (size_t k = 0; k < 4; k++)
			c->then = slots_after(c->then, numbers[i][k]);
		c->number = c->then.edge - 1;
		if (step_through(run_mark, look_between, c) == 0)
			skip();
		assert_false(c->torn);
		const struct slot_state got = slots_loaded(&c->slot);
		assert_true(slots_same(&got, &c->then));
	}
}

static void look_back(void *arg)
{
	struct scene *const c = arg;
	struct slot_state got;
	if (!slot_load(&c->slot, &slots_key, SLOTS_PLACE, slots_id, &got))
		return;
	for (uint64_t n = 0; n < 10; n++)
		c->torn |= has(&c->before, n) && !has(&got, n);
}

/* Below the first number there is none: such bits take nothing back. */
static void test_S13_killed_within_a_mark_that_claims_too_much(void **state)
{
	(void)state;
	struct scene *const c = step_shared(sizeof(*c));
	c->before = (struct slot_state){ .edge = 5, .seen = 0x15 };
	c->then = (struct slot_state){ .edge = 10, .seen = UINT64_MAX };
	c->number = 9;
	slot_init(&c->slot, &slots_key, SLOTS_PLACE, slots_id, &c->before);
	if (step_through(run_mark, look_back, c) == 0)
		skip();
	assert_false(c->torn);
	const struct slot_state got = slots_loaded(&c->slot);
	assert_true(slots_same(&got, &c->then));
}

/* What does not load must not come to do so on the way. */
static void look_unsound(void *arg)
{
	struct scene *const c = arg;
	struct slot_state got;
	if (slot_load(&c->slot, &slots_key, SLOTS_PLACE, slots_id, &got))
		c->torn |= !slots_same(&got, &c->then);
}

static void test_S13_a_mark_makes_no_unsound_window_sound(void **state)
{
	(void)state;
	struct scene *const c = step_shared(sizeof(*c));
	c->then = (struct slot_state){ .edge = 100, .seen = 0xff };
	slot_init(&c->slot, &slots_key, SLOTS_PLACE, slots_id, &c->then);
	c->slot.edge = 95;
	c->slot.seen = 0;
	c->number = 99;
	if (step_through(run_mark, look_unsound, c) == 0)
		skip();
	assert_false(c->torn);
	const struct slot_state got = slots_loaded(&c->slot);
	assert_true(slots_same(&got, &c->then));
}

_Noreturn static void mark_for_ever(struct scene *c, struct slot_state now)
{
	for (uint64_t n = c->returned;; n++) {
		slots_mark(&c->slot, &now, slots_number(&now, n));
		atomic_store(&c->returned, n + 1);
	}
}

static void kill_at(struct scene *c, const struct slot_state *now, uint64_t returned)
{
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		mark_for_ever(c, *now);
	while (atomic_load(&c->returned) < returned)
		(void)sched_yield();
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Each mark that returned is there, and at most the next one. */
static void test_S13_killed_at_any_moment_hundreds_of_times(void **state)
{
	(void)state;
	struct scene *const c = step_shared(sizeof(*c));
	struct slot_state model = { .edge = 0 }, now = { .edge = 0 };
	uint64_t marks = 0;
	slot_init(&c->slot, &slots_key, SLOTS_PLACE, slots_id, &now);
	for (uint64_t i = 0; i < KILLS; i++) {
		const uint64_t more = sip_hash(&slots_key, &i, sizeof(i)) % MARKS_BETWEEN_KILLS;
		kill_at(c, &now, marks + more);
		for (; marks < c->returned; marks++)
			model = slots_after(model, slots_number(&model, marks));
		now = slots_loaded(&c->slot);
		if (slots_same(&now, &model))
			continue;
		model = slots_after(model, slots_number(&model, marks++));
		assert_true(slots_same(&now, &model));
		c->returned = marks;
	}
	assert_true(marks > KILLS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S13_killed_after_each_instruction_of_a_mark),
		cmocka_unit_test(test_S13_killed_twice_between_two_marks),
		cmocka_unit_test(test_S13_killed_within_a_mark_of_several_numbers),
		cmocka_unit_test(test_S13_killed_within_a_mark_that_claims_too_much),
		cmocka_unit_test(test_S13_a_mark_makes_no_unsound_window_sound),
		cmocka_unit_test(test_S13_killed_at_any_moment_hundreds_of_times),
	};
	return cmocka_run_group_tests_name("store/slot, killed", tests, NULL, NULL);
}
