/* SPDX-License-Identifier: Apache-2.0 */
/* What an import would do is said of each credential, and nothing of it is done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "conf/hex.h"
#include "ctl/tried.h"
#include "gateway/credentials_ops.h"
#include "store/store.h"

/* Random keys of this test; nobody else's. */
static const char key_a[] = "e3a94c07d15b8f26a07bd34c81f95e62";
static const char key_b[] = "70d1fb2e94c6385a1be7402d9cf8a563";
static const char key_c[] = "b58e07cf13da4962f76e20a84bd19c35";

enum { ROWS = 8 };

struct world {
	struct store *store;
	struct gw_credentials *ops;
	struct ctl_store_source source;
	struct log log;
	struct ctl_said said;
	size_t changed, len;
	struct ctl_tried rows[ROWS];
};

static void changed(void *ctx, uint32_t number)
{
	(void)number;
	((struct world *)ctx)->changed++;
}

static int make_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct store_error error;
	assert_non_null(w);
	w->log = (struct log){ .fd = -1, .level = LOG_LEVEL_ERROR, .name = "test" };
	const struct store_settings s = {
		.boot_ms = 1000, .wall_ms = UINT64_C(1790000000000), .log = &w->log
	};
	w->store = store_open(&s, &error);
	if (w->store == NULL)
		fail_msg("%s", error.text);
	const struct gw_credentials_settings set = {
		.store = w->store, .log = &w->log, .derives = true, .changed = changed, .ctx = w
	};
	w->ops = gw_credentials_new(&set);
	assert_non_null(w->ops);
	w->source = gw_credentials_source(w->ops);
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;
	gw_credentials_free(w->ops);
	store_close(w->store);
	free(w);
	return 0;
}

static struct ctl_cred cred_of(const char *endpoint, const char *key)
{
	struct ctl_cred c = { .has_keys = true };
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "%s", endpoint);
	c.key_len = (uint8_t)(strlen(key) / 2);
	assert_true(conf_hex_read(key, strlen(key), c.key));
	return c;
}

static void *begin(struct world *w, bool replaces, size_t len, struct ctl_cred *creds)
{
	const struct ctl_store_source *s = &w->source;
	void *const import = s->import_begin(s->ctx, "f.csv", replaces, &w->said);
	assert_non_null(import);
	s->import_dry(s->ctx, import);
	for (size_t i = 0; i < len; i++) {
		creds[i].line = (uint32_t)i + 2;
		assert_int_equal(s->import_stage(s->ctx, import, &creds[i], &w->said), CTL_DONE);
	}
	return import;
}

static void try_all(struct world *w, bool replaces, size_t len, struct ctl_cred *creds)
{
	const struct ctl_store_source *s = &w->source;
	struct ctl_out out = { 0 };
	void *const import = begin(w, replaces, len, creds);
	assert_int_equal(s->import_try(s->ctx, import, &out, &w->said), CTL_DONE);
	struct rd r = rd_from((const uint8_t *)out.data, out.len);
	for (w->len = 0; r.left > 0; w->len++) {
		assert_in_range(w->len, 0, ROWS - 1);
		assert_true(ctl_tried_read(&r, &w->rows[w->len]));
	}
	ctl_out_fini(&out);
}

static void row_is(const struct world *w, size_t at, enum ctl_tried_what what, uint32_t line,
	const char *endpoint, const char *why)
{
	assert_in_range(at, 0, w->len - 1);
	assert_int_equal(w->rows[at].what, what);
	assert_int_equal(w->rows[at].line, line);
	assert_string_equal(w->rows[at].endpoint, endpoint);
	if (strncmp(w->rows[at].why, why, strlen(why)) != 0 ||
		(why[0] == '\0') != (w->rows[at].why[0] == '\0'))
		fail_msg("%s, not %s", w->rows[at].why, why);
}

static size_t count(struct world *w)
{
	struct ctl_cred c;
	size_t n = 0;
	for (uint32_t number = 1;; n++) {
		assert_int_equal(
			w->source.next(w->source.ctx, &number, false, &c, &w->said), CTL_DONE);
		if (number == 0)
			return n;
	}
}

static void test_of_each_what_would_become_of_it(void **state)
{
	struct world *w = *state;
	struct ctl_cred creds[] = { cred_of("same", key_a), cred_of("other", key_c),
		cred_of("new", "51c8e0a7462f9d3b84e6f01a7bc2d395") };
	struct ctl_cred now = cred_of("same", key_a);
	assert_int_equal(w->source.add(w->source.ctx, &now, &w->said), CTL_DONE);
	now = cred_of("other", key_b);
	assert_int_equal(w->source.add(w->source.ctx, &now, &w->said), CTL_DONE);
	try_all(w, false, 3, creds);
	assert_int_equal(w->len, 3);
	row_is(w, 0, CTL_TRIED_SAME, 2, "same", "");
	row_is(w, 1, CTL_TRIED_REFUSE, 3, "other", "other is in the store with another key");
	row_is(w, 2, CTL_TRIED_ADD, 4, "new", "");
	try_all(w, true, 3, creds);
	row_is(w, 1, CTL_TRIED_REPLACE, 3, "other", "");
	assert_int_equal(count(w), 2);
	assert_int_equal(w->changed, 0);
}

static void test_all_that_is_refused_is_said(void **state)
{
	struct world *w = *state;
	struct ctl_cred creds[] = { cred_of("short", "0102"), cred_of("good", key_a),
		cred_of("thief", key_b) };
	struct ctl_cred now = cred_of("owner", key_b);
	assert_int_equal(w->source.add(w->source.ctx, &now, &w->said), CTL_DONE);
	try_all(w, false, 3, creds);
	assert_int_equal(w->len, 3);
	row_is(w, 0, CTL_TRIED_REFUSE, 2, "short", "key: is 2 octets long");
	row_is(w, 1, CTL_TRIED_ADD, 3, "good", "");
	row_is(w, 2, CTL_TRIED_REFUSE, 4, "thief", "the key is also that of owner in the store");
	creds[0] = cred_of("zero", "00000000000000000000000000000000");
	try_all(w, false, 3, creds);
	row_is(w, 0, CTL_TRIED_REFUSE, 2, "zero", "key: ");
	row_is(w, 2, CTL_TRIED_REFUSE, 4, "thief", "the key is also that of owner in the store");
	assert_int_equal(count(w), 1);
}

static void test_two_of_the_file_that_share_a_key(void **state)
{
	struct world *w = *state;
	struct ctl_cred creds[] = { cred_of("a", key_a), cred_of("b", key_a) };
	try_all(w, false, 2, creds);
	assert_int_equal(w->len, 1);
	assert_int_equal(w->rows[0].what, CTL_TRIED_REFUSE);
	assert_non_null(strstr(w->rows[0].why, "f.csv:3: "));
	assert_int_equal(count(w), 0);
}

static void test_a_dry_run_is_never_committed(void **state)
{
	struct world *w = *state;
	struct ctl_cred creds[] = { cred_of("a", key_a), cred_of("b", "01") };
	void *const import = begin(w, false, 2, creds);
	assert_int_equal(w->source.import_commit(w->source.ctx, import, &w->said), CTL_FAILED);
	assert_int_equal(count(w), 0);
	w->source.import_abort(w->source.ctx, begin(w, false, 2, creds));
	assert_int_equal(count(w), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_of_each_what_would_become_of_it),
		TEST(test_all_that_is_refused_is_said),
		TEST(test_two_of_the_file_that_share_a_key),
		TEST(test_a_dry_run_is_never_committed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
