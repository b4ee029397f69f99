/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/base/man_page.h"

static const char end[] = ".\\\" The table ends.\n";

char *read_all(const char *path)
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

static char *printed(void (*print)(FILE *to))
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	assert_non_null(to);
	print(to);
	assert_int_equal(fclose(to), 0);
	return text;
}

void man_page_has(const char *page, const char *printer, void (*print)(FILE *to), const char *test)
{
	char begin[120];
	(void)snprintf(
		begin, sizeof(begin), ".\\\" The table begins; it is printed by %s().\n", printer);
	char *const text = read_all(page), *const table = printed(print);
	char *from = strstr(text, begin);
	assert_non_null(from);
	from += strlen(begin);
	char *const to = strstr(from, end);
	assert_non_null(to);
	*to = '\0';
	if (strcmp(from, table) != 0)
		fail_msg("%s differs from the code: put what `%s print` prints between its marks",
			page, test);
	free(table);
	free(text);
}
