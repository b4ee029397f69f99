/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of families, and the man page that is made of it. Run from the top of the tree. With
 * the argument `print`, prints what belongs between the page's two marks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/control.h"
#include "gateway/web_counts.h"
#include "gateway/web_facts.h"
#include "tests/unit/base/man_page.h"

static void test_man_page_has_the_families_of_the_code(void **state)
{
	(void)state;
	man_page_has("deploy/man/lwgate-metrics.7", "gw_web_metrics_table", gw_web_metrics_table,
		"test_web_metrics");
}

static bool ends_with(const char *text, const char *with)
{
	const size_t len = strlen(text), tail = strlen(with);
	return len > tail && strcmp(text + len - tail, with) == 0;
}

static void look_at_family(const struct om_family *f)
{
	assert_int_equal(strncmp(f->name, "lwgate_", 7), 0);
	assert_int_equal(strspn(f->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(f->name));
	assert_true(f->help && f->help[0] != '\0' && !strpbrk(f->help, "\\\n\""));
	assert_false(ends_with(f->name, "_total") || ends_with(f->name, "_count"));
	if (f->unit)
		assert_true(ends_with(f->name, f->unit));
	else
		assert_false(ends_with(f->name, "_bytes") || ends_with(f->name, "_seconds"));
}

static bool same_labels(const struct gw_web_count *a, const struct gw_web_count *b)
{
	for (size_t i = 0; i < GW_COUNT_LABELS; i++) {
		if (!a->labels[i].name || !b->labels[i].name)
			return a->labels[i].name == b->labels[i].name;
		if (strcmp(a->labels[i].name, b->labels[i].name) != 0 ||
			strcmp(a->labels[i].value, b->labels[i].value) != 0)
			return false;
	}
	return true;
}

static void test_every_row_is_whole_and_another(void **state)
{
	(void)state;
	size_t len, first = 0;
	const struct gw_web_count *const all = gw_web_counts(&len);
	for (size_t i = 0; i < len; i++) {
		if (all[i].family.name) {
			look_at_family(&all[i].family);
			for (size_t n = 0; n < i; n++)
				assert_false(all[n].family.name &&
					     strcmp(all[n].family.name, all[i].family.name) == 0);
			first = i;
		}
		assert_true(all[i].size == sizeof(uint32_t) || all[i].size == sizeof(uint64_t));
		assert_true(all[i].at + all[i].size <= sizeof(struct ctl_worker));
		for (size_t n = first; n < i; n++) {
			assert_false(same_labels(&all[n], &all[i]));
			assert_string_equal(all[n].labels[0].name, all[i].labels[0].name);
		}
	}
	assert_non_null(all[0].family.name);
}

/* Each number once, whatever shows it twice. */
static void test_workers_add_up(void **state)
{
	(void)state;
	size_t len;
	const struct gw_web_count *const all = gw_web_counts(&len);
	struct ctl_worker *const one = calloc(1, sizeof(*one)), *const sum =
									calloc(1, sizeof(*sum));
	assert_true(one && sum);
	for (size_t i = 0; i < len; i++)
		*((uint8_t *)one + all[i].at) = 3;
	gw_web_counts_sum(sum, one);
	gw_web_counts_sum(sum, one);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(*((uint8_t *)sum + all[i].at), 6);
	free(sum);
	free(one);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "print") == 0) {
		gw_web_metrics_table(stdout);
		return 0;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_man_page_has_the_families_of_the_code),
		cmocka_unit_test(test_every_row_is_whole_and_another),
		cmocka_unit_test(test_workers_add_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
