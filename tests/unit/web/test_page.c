/* SPDX-License-Identifier: Apache-2.0 */
/* The policy of the page names the digests of its own style and script, and nothing else. */
#include "web/page.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *find(const char *text, size_t len, const char *part)
{
	return memmem(text, len, part, strlen(part));
}

/* "style-src 'sha256-...'" of what is between the tags. */
static void digest_of(const char *name, char out[128])
{
	char begin[32], end[32], text[64];
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned sum_len = 0;
	size_t len;
	const char *const page = web_page(&len);
	(void)snprintf(begin, sizeof(begin), "<%s>", name);
	(void)snprintf(end, sizeof(end), "</%s>", name);
	const char *from = find(page, len, begin);
	assert_non_null(from);
	from += strlen(begin);
	const char *const to = find(from, len - (size_t)(from - page), end);
	assert_non_null(to);
	assert_true(EVP_Digest(from, (size_t)(to - from), sum, &sum_len, EVP_sha256(), NULL));
	(void)EVP_EncodeBlock((unsigned char *)text, sum, (int)sum_len);
	(void)snprintf(out, 128, "%s-src 'sha256-%s'", name, text);
}

static void test_the_policy_names_what_is_in_the_page(void **state)
{
	static const char *const names[] = { "style", "script" };
	char wanted[128];
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		digest_of(names[i], wanted);
		if (!strstr(web_page_csp(), wanted))
			fail_msg("put this into web_page_csp(): %s", wanted);
	}
}

static void test_nothing_else_may_run_or_be_loaded(void **state)
{
	(void)state;
	assert_ptr_equal(strstr(web_page_csp(), "default-src 'none'; "), web_page_csp());
	assert_null(strstr(web_page_csp(), "unsafe"));
	assert_null(strstr(web_page_csp(), "http"));
	assert_null(strstr(web_page_csp(), "*"));
}

static void test_the_page_names_nothing_of_elsewhere(void **state)
{
	static const char *const never[] = { "http:", "https:", "//cdn", "innerHTML", "eval(",
		"onclick=", "style=" };
	size_t len;
	(void)state;
	const char *const page = web_page(&len);
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		assert_null(find(page, len, never[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_policy_names_what_is_in_the_page),
		cmocka_unit_test(test_nothing_else_may_run_or_be_loaded),
		cmocka_unit_test(test_the_page_names_nothing_of_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
