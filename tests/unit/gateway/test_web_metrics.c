/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of families, and the man page that is made of it. Run from the top of the tree. With the
 * argument `print`, prints what belongs between the page's two marks.
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

static const char page[] = "deploy/man/lwgate-metrics.7";
static const char begin[] = ".\\\" The table begins; it is printed by gw_web_metrics_table().\n";
static const char end[] = ".\\\" The table ends.\n";

/* The caller frees it. */
static char *read_all(const char *path)
{
	FILE *f = fopen(path, "r");
	if (f == NULL)
		fail_msg("%s cannot be read: run the tests from the top of the tree", path);
	char *text = NULL;
	size_t size = 0;
	const ssize_t len = getdelim(&text, &size, '\0', f);
	(void)fclose(f);
	assert_true(len > 0);
	return text;
}

static char *printed_table(void)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	assert_non_null(to);
	(void)fputs(begin, to);
	gw_web_metrics_table(to);
	(void)fputs(end, to);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void test_man_page_has_the_families_of_the_code(void **state)
{
	(void)state;
	char *text = read_all(page), *table = printed_table();
	if (strstr(text, table) == NULL)
		fail_msg("%s differs from the code: put what `test_web_metrics print` prints "
			 "between its marks",
			page);
	free(table);
	free(text);
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
