/* SPDX-License-Identifier: Apache-2.0 */
/* Read ceilings: after a power loss nothing below them is let in (S11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/core.h"
#include "unit/store/depot.h"

static struct store_assoc make(struct depot *d)
{
	const struct store_cred c = depot_cred(d, "meter");
	return depot_assoc(d, &c, 1);
}

static void read_ok(struct depot *d, uint32_t slot, struct store_assoc *out)
{
	assert_int_equal(depot_read(d, slot, out), STORE_OK);
}

static void anchored(struct depot *d)
{
	depot_stop(d);
	depot_anchor(d);
	depot_start(d);
}

static void test_S11_read_ceilings_are_leased_ahead(void **state)
{
	struct depot *const d = *state;
	depot_stop(d);
	d->settings.read_ceilings = true;
	depot_start(d);
	struct store_assoc a = make(d);
	assert_int_equal(a.read_end, STORE_READ_LEASE);
	a.state.sent = 5;
	assert_int_equal(depot_lease(d, &a, 20), STORE_OK);
	assert_int_equal(a.read_end, 20 + STORE_READ_LEASE);
	assert_int_equal(a.write_end, STORE_LEASE); /* it has enough to write */
	a.state.sent = STORE_LEASE / 2;
	assert_int_equal(depot_lease(d, &a, 20), STORE_OK);
	assert_int_equal(a.write_end, 2 * STORE_LEASE);
	assert_int_equal(depot_lease(d, &a, 10), STORE_OK); /* never back */
	assert_int_equal(a.read_end, 20 + STORE_READ_LEASE);
}

/* R unknown: only `resume` (S11). No lease may make one up. */
static void test_S11_after_a_power_loss_an_unbounded_one_stays_unknown(void **state)
{
	struct depot *const d = *state;
	anchored(d);
	struct store_assoc a = make(d), b;
	depot_mark(d, &a, 99);
	depot_power_loss(d);
	d->settings.read_ceilings = true;
	depot_start(d);
	read_ok(d, a.slot, &b);
	assert_int_equal(b.trust, STORE_LAPSED);
	assert_int_equal(b.read_end, UINT64_MAX);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	assert_int_equal(a.read_end, UINT64_MAX);
	read_ok(d, a.slot, &b);
	assert_int_equal(b.read_end, UINT64_MAX);
}

static void test_S11_after_a_power_loss_the_ceiling_is_what_was_leased(void **state)
{
	struct depot *const d = *state;
	anchored(d);
	depot_stop(d);
	d->settings.read_ceilings = true;
	depot_start(d);
	struct store_assoc a = make(d), b;
	assert_int_equal(depot_lease(d, &a, 40), STORE_OK);
	depot_power_loss(d);
	depot_start(d);
	read_ok(d, a.slot, &b);
	assert_int_equal(b.trust, STORE_LAPSED);
	assert_int_equal(b.read_end, 40 + STORE_READ_LEASE);
	assert_int_equal(depot_lease(d, &b, b.read_end), STORE_OK);
	assert_int_equal(b.read_end, 40 + 2 * STORE_READ_LEASE);
}

static void test_S11_an_association_from_before_ceilings_is_bounded_by_what_it_saw(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d), b;
	depot_mark(d, &a, 9);
	depot_stop(d);
	d->settings.read_ceilings = true;
	depot_start(d);
	read_ok(d, a.slot, &b);
	assert_int_equal(b.read_end, 10);
	assert_int_equal(depot_lease(d, &b, 0), STORE_OK); /* the slot knows better */
	assert_int_equal(b.read_end, 10 + STORE_READ_LEASE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, depot_begin, depot_end)
		T(test_S11_read_ceilings_are_leased_ahead),
		T(test_S11_after_a_power_loss_an_unbounded_one_stays_unknown),
		T(test_S11_after_a_power_loss_the_ceiling_is_what_was_leased),
		T(test_S11_an_association_from_before_ceilings_is_bounded_by_what_it_saw),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
