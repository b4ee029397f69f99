/* SPDX-License-Identifier: Apache-2.0 */
/* Labels, end and overlap on their way into the store, and what becomes of them there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/log.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "conf/hex.h"
#include "gateway/credentials_ops.h"
#include "gateway/store_wait.h"
#include "store/store.h"

static const char key_a[] = "8f1d2c6be0a94f7735d8c1be90e4537a";
static const char key_b[] = "1b7ce94a03f85d62aa901fd64be73c58";
static const char key_c[] = "c6037ab9e15f4d28907be31ac45d6f82";
#define KEY_D "54d1e2790bc638fa1d84b7e3026f9c5b"
#define UP    " key = \"" KEY_D "\";"

static const uint64_t hour_ms = UINT64_C(3600000);

struct world {
	struct store *store;
	struct store_reader *reader;
	struct gw_credentials *ops;
	struct ctl_store_source source;
	struct log log;
	uint64_t now_ms; /* the wall clock at the beginning */
	size_t changed;
	struct store_cred found;
	struct ctl_said said;
	struct conf_error error;
};

static void changed(void *ctx, uint32_t number)
{
	struct world *w = ctx;
	assert_true(number > 0);
	w->changed++;
}

static void begin(struct world *w, uint32_t overlap_s)
{
	const struct gw_credentials_settings set = { .store = w->store,
		.log = &w->log,
		.derives = true,
		.overlap_s = overlap_s,
		.changed = changed,
		.ctx = w };
	gw_credentials_free(w->ops);
	w->ops = gw_credentials_new(&set);
	assert_non_null(w->ops);
	w->source = gw_credentials_source(w->ops);
}

static int make_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct store_error error;
	assert_non_null(w);
	w->log = (struct log){ .fd = -1, .level = LOG_LEVEL_ERROR, .name = "test" };
	w->now_ms = (uint64_t)time(NULL) * 1000;
	const struct store_settings s = { .boot_ms = 1000, .wall_ms = w->now_ms, .log = &w->log };
	w->store = store_open(&s, &error);
	assert_non_null(w->store);
	begin(w, 0);
	w->reader = store_reader_new(w->store);
	assert_non_null(w->reader);
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;
	store_reader_free(w->reader);
	gw_credentials_free(w->ops);
	store_close(w->store);
	free(w);
	return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static struct ctl_cred psk(const char *identity, const char *key)
{
	struct ctl_cred c = { .endpoint = "a", .has_keys = true };
	c.identity_len = (uint8_t)strlen(identity);
	memcpy(c.identity, identity, c.identity_len);
	c.key_len = (uint8_t)(strlen(key) / 2);
	assert_true(conf_hex_read(key, strlen(key), c.key));
	return c;
}

static void done(struct world *w, enum ctl_status status, const char *part)
{
	if (status != CTL_DONE || strstr(w->said.text, part) == NULL)
		fail_msg("%d \"%s\" does not say \"%s\"", (int)status, w->said.text, part);
}

static void put(struct world *w, const struct ctl_cred *c, const char *part)
{
	w->changed = 0;
	done(w, w->source.replace(w->source.ctx, c, &w->said), part);
}

/* As the store has it. */
static const struct store_cred *stored(struct world *w, const char *endpoint)
{
	store_reader_rest(w->reader);
	assert_int_equal(
		store_find_endpoint(w->reader, endpoint, STORE_FOR_ANY, &w->found), STORE_OK);
	return &w->found;
}

static struct store_cred_mark mark(struct world *w)
{
	struct store_cred_mark m;
	const uint32_t number = stored(w, "a")->number;
	assert_int_equal(store_read_cred_mark(w->reader, number, &m), STORE_OK);
	return m;
}

static void labels_are(struct world *w, const char *expected)
{
	static struct ctl_cred c;
	done(w, w->source.show(w->source.ctx, "a", CTL_FOR_UNSAID, &c, &w->said), "");
	assert_string_equal(c.labels, expected);
}

static bool sync_file(struct world *w, const char *text)
{
	static const uint8_t master[32] = { 1, 2, 3 };
	struct cred_set *set = cred_parse(text, "F", master, sizeof(master), &w->error);
	if (set == NULL)
		fail_msg("%s", w->error.text);
	w->changed = 0;
	const bool ok = gw_credentials_sync(w->ops, set, "F", &w->error);
	cred_free(set);
	return ok;
}

/* Has "a" proved something until now that is taken for about so many hours yet? */
static void overlap_is(struct world *w, uint64_t hours)
{
	const uint64_t ms = hours * hour_ms, slack = 60000;
	const struct store_cred_mark m = mark(w);
	if (hours == 0) {
		assert_true(m.before == 0);
		return;
	}
	assert_true(m.before != 0);
	assert_in_range(m.before_until_ms, w->now_ms + ms, w->now_ms + ms + slack);
}

/* --- labels and end --------------------------------------------------------------------------- */

static void test_R207_labels_and_end_are_kept_and_what_is_not_said_stays(void **state)
{
	struct world *w = *state;
	struct ctl_cred c = psk("i", key_a);
	c.says_labels = c.says_until = true;
	(void)snprintf(c.labels, sizeof(c.labels), "meter,north");
	c.until_ms = w->now_ms + 24 * hour_ms;
	done(w, w->source.add(w->source.ctx, &c, &w->said), "added");
	assert_int_equal(stored(w, "a")->labels_len, 2);
	assert_string_equal(stored(w, "a")->labels[1], "north");
	assert_true(stored(w, "a")->until_ms == c.until_ms);
	/* A new key alone. */
	const struct ctl_cred other = psk("i", key_b);
	put(w, &other, "replaced");
	labels_are(w, "meter,north");
	assert_true(stored(w, "a")->until_ms == c.until_ms);
	/* Labels alone: the key stays, and what was proved by it. */
	const struct store_cred_mark before = mark(w);
	struct ctl_cred only = { .endpoint = "a", .has_keys = true, .says_labels = true };
	(void)snprintf(only.labels, sizeof(only.labels), "south");
	put(w, &only, "replaced");
	assert_int_equal(w->changed, 1);
	labels_are(w, "south");
	assert_true(mark(w).generation > before.generation);
	assert_true(mark(w).proved == before.proved);
	put(w, &only, "is as it was");
	assert_int_equal(w->changed, 0);
	(void)snprintf(only.labels, sizeof(only.labels), "west");
	put(w, &only, "replaced");
	labels_are(w, "west");
	only.labels[0] = '\0';
	put(w, &only, "replaced");
	labels_are(w, "");
	assert_true(stored(w, "a")->until_ms == c.until_ms);
	only.says_labels = false;
	only.says_until = true;
	put(w, &only, "replaced");
	assert_true(stored(w, "a")->until_ms == 0);
}

static void test_who_has_expired_is_shown_so(void **state)
{
	struct world *w = *state;
	static struct ctl_cred shown;
	struct ctl_cred c = psk("i", key_a);
	c.says_until = true;
	c.until_ms = w->now_ms - 1000;
	done(w, w->source.add(w->source.ctx, &c, &w->said), "added");
	done(w, w->source.show(w->source.ctx, "a", CTL_FOR_UNSAID, &shown, &w->said), "");
	assert_int_equal(shown.state, CTL_CRED_EXPIRED);
	assert_true(shown.until_ms == c.until_ms);
	c.until_ms = w->now_ms + hour_ms;
	put(w, &c, "replaced");
	done(w, w->source.show(w->source.ctx, "a", CTL_FOR_UNSAID, &shown, &w->said), "");
	assert_int_equal(shown.state, CTL_CRED_ACTIVE);
}

static void test_R207_a_file_says_all_that_there_is_of_its_credentials(void **state)
{
	struct world *w = *state;
	assert_true(sync_file(w, "credentials = ( { endpoint = \"a\"; identity = \"i\";" UP
				 " labels = [ \"y\", \"x\" ];"
				 " valid_until = \"2999-01-01T00:00:00Z\"; } );"));
	labels_are(w, "x,y");
	assert_true(stored(w, "a")->until_ms > w->now_ms);
	/* The order is none. */
	assert_true(sync_file(w, "credentials = ( { endpoint = \"a\"; identity = \"i\";" UP
				 " labels = [ \"x\", \"y\" ];"
				 " valid_until = \"2999-01-01T00:00:00Z\"; } );"));
	assert_int_equal(w->changed, 0);
	/* What it says no more is no more. */
	assert_true(
		sync_file(w, "credentials = ( { endpoint = \"a\"; identity = \"i\";" UP " } );"));
	assert_int_equal(w->changed, 1);
	labels_are(w, "");
	assert_true(stored(w, "a")->until_ms == 0);
}

static void test_an_import_leaves_what_it_has_no_column_for(void **state)
{
	struct world *w = *state;
	const struct ctl_store_source *s = &w->source;
	struct ctl_cred c = psk("i", key_a);
	c.says_labels = true;
	(void)snprintf(c.labels, sizeof(c.labels), "x");
	done(w, s->add(s->ctx, &c, &w->said), "added");
	c = psk("i", key_b);
	void *import = s->import_begin(s->ctx, "x.csv", true, &w->said);
	assert_non_null(import);
	assert_int_equal(s->import_stage(s->ctx, import, &c, &w->said), CTL_DONE);
	done(w, s->import_commit(s->ctx, import, &w->said), "0 added, 1 replaced");
	labels_are(w, "x");
	/* And to add the same again is no difference. */
	done(w, s->add(s->ctx, &c, &w->said), "is as it was");
	c.says_labels = true;
	assert_int_equal(s->add(s->ctx, &c, &w->said), CTL_FAILED);
	/* Labels that no rule could have. */
	(void)snprintf(c.labels, sizeof(c.labels), "x,x");
	assert_int_equal(s->replace(s->ctx, &c, &w->said), CTL_FAILED);
	assert_non_null(strstr(w->said.text, "labels: a label stands there twice"));
}

/* --- overlap ---------------------------------------------------------------------------------- */

static void test_R216_without_an_overlap_nothing_of_before_is_kept(void **state)
{
	struct world *w = *state;
	struct ctl_cred c = psk("i", key_a);
	done(w, w->source.add(w->source.ctx, &c, &w->said), "added");
	c = psk("i", key_b);
	put(w, &c, "a: replaced");
	assert_null(strstr(w->said.text, "until now"));
	overlap_is(w, 0);
}

static void test_R216_what_was_proved_before_is_kept_for_the_overlap(void **state)
{
	struct world *w = *state;
	struct ctl_cred c = psk("i", key_a);
	uint8_t key[16];
	done(w, w->source.add(w->source.ctx, &c, &w->said), "added");
	const uint64_t first = mark(w).generation;
	c = psk("i", key_b);
	c.says_overlap = true;
	c.overlap_s = 24 * 3600;
	put(w, &c, "replaced; what it has proved until now is taken for a while yet");
	overlap_is(w, 24);
	assert_true(mark(w).before == first);
	assert_true(conf_hex_read(key_a, 32, key));
	assert_memory_equal(stored(w, "a")->before.key, key, 16);
	assert_true(store_cred_stands(&(struct store_cred_mark){ 0 }, first, w->now_ms) == false);
	const struct store_cred_mark m = mark(w);
	assert_true(store_cred_stands(&m, first, w->now_ms));
	assert_false(store_cred_stands(&m, first, m.before_until_ms));
	/* Labels alone, and the same again, leave it. */
	struct ctl_cred only = { .endpoint = "a", .has_keys = true, .says_labels = true };
	(void)snprintf(only.labels, sizeof(only.labels), "x");
	put(w, &only, "replaced");
	overlap_is(w, 24);
	c.overlap_s = 48 * 3600;
	put(w, &c, "is as it was");
	overlap_is(w, 24);
	/* The same key, and no overlap: it ends. */
	c.overlap_s = 0;
	put(w, &c, "replaced");
	assert_int_equal(w->changed, 1);
	overlap_is(w, 0);
	assert_true(mark(w).generation == m.generation || mark(w).generation > m.generation);
	labels_are(w, "x");
}

static void test_R216_the_setting_is_for_those_who_do_not_say(void **state)
{
	struct world *w = *state;
	begin(w, 2 * 3600);
	struct ctl_cred c = psk("i", key_a);
	done(w, w->source.add(w->source.ctx, &c, &w->said), "added");
	c = psk("i", key_b);
	put(w, &c, "replaced");
	overlap_is(w, 2);
	c = psk("i", key_c);
	c.says_overlap = true;
	put(w, &c, "replaced");
	overlap_is(w, 0);
}

static void test_R216_another_identity_keeps_the_number_and_overlaps(void **state)
{
	struct world *w = *state;
	struct ctl_cred c = psk("old", key_a);
	done(w, w->source.add(w->source.ctx, &c, &w->said), "added");
	const uint32_t number = stored(w, "a")->number;
	c = psk("new", key_b);
	c.says_overlap = true;
	c.overlap_s = 3600;
	put(w, &c, "replaced");
	assert_int_equal(stored(w, "a")->number, number);
	overlap_is(w, 1);
	store_reader_rest(w->reader);
	assert_int_equal(store_find_identity(
				 w->reader, STORE_CRED_PSK, (const uint8_t *)"old", 3, &w->found),
		STORE_OK);
	assert_int_equal(w->found.number, number);
	/* it is nobody else's for that time. */
	c = psk("old", key_c);
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "b");
	assert_int_equal(w->source.add(w->source.ctx, &c, &w->said), CTL_FAILED);
	assert_non_null(strstr(w->said.text, "the identity is also that of a in the store"));
	c = psk("other", key_a);
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "b");
	assert_int_equal(w->source.add(w->source.ctx, &c, &w->said), CTL_FAILED);
	assert_non_null(strstr(w->said.text, "the key is also that of a in the store"));
	/* Nor of a file. */
	assert_false(
		sync_file(w, "credentials = ( { endpoint = \"b\"; identity = \"old\";" UP " } );"));
	assert_non_null(strstr(w->error.text, "the identity is also that of a in the store"));
}

static void test_R216_another_kind_does_not_overlap(void **state)
{
	struct world *w = *state;
	begin(w, 3600);
	struct ctl_cred c = psk("i", key_a);
	done(w, w->source.add(w->source.ctx, &c, &w->said), "added");
	c = psk("name", key_a);
	c.kind = CTL_CRED_CERTIFICATE;
	c.key_len = 0;
	put(w, &c, "replaced");
	overlap_is(w, 0);
	assert_int_equal(stored(w, "a")->kind, STORE_CRED_CERTIFICATE);
}

static void test_R216_an_overlap_is_not_longer_than_the_end(void **state)
{
	struct world *w = *state;
	struct ctl_cred c = psk("i", key_a);
	c.says_until = true;
	c.until_ms = w->now_ms + 2 * hour_ms;
	done(w, w->source.add(w->source.ctx, &c, &w->said), "added");
	c = psk("i", key_b);
	c.says_until = c.says_overlap = true; /* from now on without an end */
	c.overlap_s = 24 * 3600;
	put(w, &c, "replaced");
	overlap_is(w, 2);
	/* And what is over has nothing to overlap. */
	c.until_ms = w->now_ms - 1000;
	put(w, &c, "replaced");
	c = psk("i", key_c);
	c.says_until = c.says_overlap = true;
	c.overlap_s = 24 * 3600;
	put(w, &c, "replaced");
	overlap_is(w, 0);
}

static enum store_result run_put(struct store_txn *t, void *ctx)
{
	return store_cred_put(t, ctx);
}

static void test_R216_an_overlap_is_shown_as_long_as_it_lasts(void **state)
{
	struct world *w = *state;
	static struct ctl_cred shown;
	static struct store_cred s;
	struct ctl_cred c = psk("i", key_a);
	done(w, w->source.add(w->source.ctx, &c, &w->said), "added");
	for (int i = 0; i < 2; i++) {
		s = *stored(w, "a");
		s.before = (struct store_cred_before){
			.generation = s.generation,
			.until_ms = i == 0 ? w->now_ms + hour_ms : w->now_ms - 1000,
			.identity_len = s.identity_len,
			.key_len = s.key_len,
		};
		memcpy(s.before.identity, s.identity, sizeof(s.identity));
		memcpy(s.before.key, s.key, sizeof(s.key));
		s.key[0]++;
		assert_int_equal(gw_store_do(w->store, run_put, &s, true), STORE_OK);
		done(w, w->source.show(w->source.ctx, "a", CTL_FOR_UNSAID, &shown, &w->said), "");
		assert_true((shown.before_generation != 0) == (i == 0));
		assert_true(shown.before_until_ms == (i == 0 ? s.before.until_ms : 0));
	}
}

/* Devices that change places in one file: then each is the other's at once. */
static void test_R216_what_goes_to_another_does_not_overlap(void **state)
{
	struct world *w = *state;
	static const char form[] =
		"credentials = ( { endpoint = \"a\"; identity = \"%s\"; key = "
		"\"%s\"; }, { endpoint = \"b\"; identity = \"%s\"; key = \"%s\"; "
		"} );";
	char text[512];
	begin(w, 3600);
	(void)snprintf(text, sizeof(text), form, "x", key_a, "y", key_b);
	assert_true(sync_file(w, text));
	(void)snprintf(text, sizeof(text), form, "y", key_b, "x", key_a);
	if (!sync_file(w, text))
		fail_msg("%s", w->error.text);
	overlap_is(w, 0);
	assert_int_equal(stored(w, "a")->identity[0], 'y');
	/* A key alone goes to the other. */
	(void)snprintf(text, sizeof(text), form, "y", key_c, "x", key_b);
	if (!sync_file(w, text))
		fail_msg("%s", w->error.text);
	overlap_is(w, 0);
	/* What nobody else gets, does: b's key of before is nobody's yet. */
	(void)snprintf(text, sizeof(text), form, "y", key_a, "x", key_b);
	assert_false(sync_file(w, text));
	assert_non_null(strstr(w->error.text, "the key is also that of b in the store"));
	(void)snprintf(text, sizeof(text), form, "y", KEY_D, "x", key_b);
	if (!sync_file(w, text))
		fail_msg("%s", w->error.text);
	overlap_is(w, 1);
}

static void test_R216_a_start_with_the_same_file_does_not_prolong_it(void **state)
{
	struct world *w = *state;
	static const char form[] = "credentials = ( { endpoint = \"a\"; identity = \"i\"; key = "
				   "\"%s\"; overlap_s = 3600; labels = [ \"%s\" ]; } );";
	char text[512];
	(void)snprintf(text, sizeof(text), form, key_a, "x");
	assert_true(sync_file(w, text));
	(void)snprintf(text, sizeof(text), form, key_b, "x");
	assert_true(sync_file(w, text));
	overlap_is(w, 1);
	const uint64_t end = mark(w).before_until_ms;
	(void)snprintf(text, sizeof(text), form, key_b, "y");
	assert_true(sync_file(w, text));
	assert_true(mark(w).before_until_ms == end);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_R207_labels_and_end_are_kept_and_what_is_not_said_stays),
		TEST(test_who_has_expired_is_shown_so),
		TEST(test_R207_a_file_says_all_that_there_is_of_its_credentials),
		TEST(test_an_import_leaves_what_it_has_no_column_for),
		TEST(test_R216_without_an_overlap_nothing_of_before_is_kept),
		TEST(test_R216_what_was_proved_before_is_kept_for_the_overlap),
		TEST(test_R216_the_setting_is_for_those_who_do_not_say),
		TEST(test_R216_another_identity_keeps_the_number_and_overlaps),
		TEST(test_R216_another_kind_does_not_overlap),
		TEST(test_R216_an_overlap_is_not_longer_than_the_end),
		TEST(test_R216_an_overlap_is_shown_as_long_as_it_lasts),
		TEST(test_R216_what_goes_to_another_does_not_overlap),
		TEST(test_R216_a_start_with_the_same_file_does_not_prolong_it),
	};
	return cmocka_run_group_tests_name("gateway/credentials_terms", tests, NULL, NULL);
}
