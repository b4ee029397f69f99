/* SPDX-License-Identifier: Apache-2.0 */
/* The credentials file and what devices have learned from their bootstraps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "conf/hex.h"
#include "gateway/credentials_ops.h"
#include "gateway/store_wait.h"
#include "store/slot.h"
#include "store/staging.h"
#include "store/store.h"

/* Random keys of this test; nobody else's. */
#define KEY_A "8f1d2c6be0a94f7735d8c1be90e4537a"
#define KEY_B "1b7ce94a03f85d62aa901fd64be73c58"
#define KEY_E "3e0b97d1c5824fa6b1907cd3e86f25a4"
#define KEY_C "c6037ab9e15f4d28907be31ac45d6f82"
static const char key_c[] = KEY_C;
static const char key_d[] = "54d1e2790bc638fa1d84b7e3026f9c5b";

#define ENTRY(e, i, k) "{ endpoint = \"" e "\"; identity = \"" i "\"; key = \"" k "\"; }"
#define A              ENTRY("a", "ia", KEY_A)
#define B              ENTRY("b", "ib", KEY_B)
#define C              ENTRY("c", "ic", "90ab17c2d5e84f6b3a0c91e7f2d4b586")

static const uint64_t wall_ms = UINT64_C(1790000000000);

struct world {
	struct store *store;
	struct gw_credentials *ops;
	struct ctl_store_source source;
	struct log log;
	struct ctl_said said;
	struct conf_error error;
};

static int make_world(void **state)
{
	struct world *const w = calloc(1, sizeof(*w));
	struct store_error error;
	assert_non_null(w);
	w->log = (struct log){
		.fd = memfd_create("log", MFD_CLOEXEC), .level = LOG_LEVEL_DEBUG, .name = "test"
	};
	const struct store_settings s = { .boot_ms = 1000, .wall_ms = wall_ms, .log = &w->log };
	w->store = store_open(&s, &error);
	if (!w->store)
		fail_msg("%s", error.text);
	const struct gw_credentials_settings set = {
		.store = w->store, .log = &w->log, .derives = true, .owner = w
	};
	w->ops = gw_credentials_new(&set);
	assert_non_null(w->ops);
	w->source = gw_credentials_source(w->ops);
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *const w = *state;
	gw_credentials_free(w->ops);
	store_close(w->store);
	(void)close(w->log.fd);
	free(w);
	return 0;
}

static bool sync_file(struct world *w, const char *text)
{
	static const uint8_t master[32] = { 1, 2, 3 };
	struct cred_set *const set = cred_parse(text, "F", master, sizeof(master), &w->error);
	if (!set)
		fail_msg("%s", w->error.text);
	const bool ok = gw_credentials_sync(w->ops, set, "F", &w->error);
	cred_free(set);
	return ok;
}

static void follows(struct world *w, const char *text)
{
	if (!sync_file(w, text))
		fail_msg("%s", w->error.text);
}

static uint8_t octets(const char *hex, uint8_t *out)
{
	const size_t len = strlen(hex) / 2;
	assert_true(conf_hex_read(hex, 2 * len, out));
	return (uint8_t)len;
}

/* Good until the next call. */
static const struct ctl_cred *show(struct world *w, const char *endpoint)
{
	static struct ctl_cred c;
	c = (struct ctl_cred){ 0 };
	if (w->source.show(w->source.ctx, endpoint, CTL_FOR_UNSAID, &c, &w->said) != CTL_DONE)
		fail_msg("%s", w->said.text);
	return &c;
}

static bool comes_in(struct world *w, const char *identity, const char *key)
{
	struct store_reader *const r = store_reader_new(w->store);
	struct store_cred c;
	uint8_t k[STORE_KEY_MAX];
	const uint8_t len = octets(key, k);
	assert_non_null(r);
	const enum store_result found = store_find_identity(
		r, STORE_CRED_PSK, (const uint8_t *)identity, strlen(identity), &c);
	store_reader_free(r);
	return found == STORE_OK && c.state == STORE_CRED_ACTIVE && c.key_len == len &&
	       memcmp(c.key, k, len) == 0;
}

/* What was logged since the last call. */
static const char *logged(struct world *w)
{
	static char text[4096];
	(void)lseek(w->log.fd, 0, SEEK_SET);
	const ssize_t len = read(w->log.fd, text, sizeof(text) - 1);
	assert_in_range(len, 0, sizeof(text) - 2);
	text[len] = '\0';
	assert_int_equal(ftruncate(w->log.fd, 0), 0);
	(void)lseek(w->log.fd, 0, SEEK_SET);
	return text;
}

/* --- learning --------------------------------------------------------------------------------- */

static enum store_result stage(struct store_txn *t, void *ctx)
{
	return store_stage(t, ctx);
}

static enum store_result arm(struct store_txn *t, void *ctx)
{
	const struct store_staged *const s = ctx;
	return store_stage_arm(t, s->cred, s->generation);
}

static enum store_result prove(struct store_txn *t, void *ctx)
{
	const struct store_staged *const s = ctx;
	struct store_assoc a = { .cred = s->cred,
		.generation = s->generation,
		.path = { .role = STORE_DEVICE, .local.port = 1, .peer.port = (uint16_t)s->cred } };
	return store_assoc_put(t, &a, slot_owner(1, 0));
}

/* Its bootstrap server has given it this, it has said that it has it, and proves it. */
static void learns(struct world *w, const char *endpoint, const char *identity, const char *key)
{
	struct store_staged s = { .cred = show(w, endpoint)->number,
		.until_ms = wall_ms + 1000000 };
	s.identity_len = (uint8_t)strlen(identity);
	memcpy(s.identity, identity, s.identity_len);
	s.key_len = octets(key, s.key);
	assert_int_equal(gw_store_do(w->store, stage, &s, true), STORE_OK);
	assert_int_equal(gw_store_do(w->store, arm, &s, true), STORE_OK);
	assert_int_equal(gw_store_do(w->store, prove, &s, true), STORE_OK);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_S31_what_was_learned_does_not_make_the_file_unusable(void **state)
{
	struct world *const w = *state;
	follows(w, "credentials = (" A ", " B ");");
	learns(w, "b", "new-b", key_c);
	learns(w, "a", "ib", key_d); /* which is nobody's by now, but in the file */
	/* The operator adds a device. */
	follows(w, "credentials = (" A ", " B ", " C ");");
	assert_true(comes_in(w, "ib", key_d));
	assert_true(comes_in(w, "new-b", key_c));
	/* But no new entry takes what was learned. */
	const char *const d = "credentials = (" A ", " B ", " ENTRY("d", "new-b", KEY_E) ");";
	assert_false(sync_file(w, d));
	assert_non_null(strstr(w->error.text, "is also that of b in the store"));
	assert_true(comes_in(w, "new-b", key_c));
}

static void test_R026_what_was_learned_is_of_bootstrap_and_stands_over_the_file(void **state)
{
	struct world *const w = *state;
	follows(w, "credentials = (" A ", " B ");");
	learns(w, "b", "new-b", key_c);
	assert_int_equal(show(w, "a")->origin, CTL_CRED_BY_FILE);
	assert_int_equal(show(w, "b")->origin, CTL_CRED_BY_BOOTSTRAP);
	follows(w, "credentials = (" B ");");
	assert_int_equal(show(w, "a")->state, CTL_CRED_REVOKED);
	assert_true(comes_in(w, "new-b", key_c));
	/* Nor does a file that has it no more take it away. */
	follows(w, "credentials = (" A ");");
	assert_true(comes_in(w, "new-b", key_c));
	assert_int_equal(show(w, "b")->origin, CTL_CRED_BY_BOOTSTRAP);
	/* What an operator says is his word, and a revocation, too. */
	assert_int_equal(w->source.revoke(w->source.ctx, "b", CTL_FOR_UNSAID, &w->said), CTL_DONE);
	assert_int_equal(show(w, "b")->origin, CTL_CRED_BY_CONTROL);
	follows(w, "credentials = (" A ", " B ");");
	assert_int_equal(show(w, "b")->state, CTL_CRED_REVOKED);
}

/* The file has not changed, but it says otherwise than the store by now. */
static void test_R026_the_next_start_tells_that_the_file_says_otherwise(void **state)
{
	struct world *const w = *state;
	static const char file[] = "credentials = (" A ", " B ");";
	follows(w, file);
	(void)logged(w);
	learns(w, "b", "new-b", key_c);
	for (int starts = 0; starts < 2; starts++) {
		follows(w, file);
		const char *const text = logged(w);
		if (!strstr(text, "F:1: b was learned from bootstrap, which stands; 0 more differ"))
			fail_msg("%s", text);
	}
	/* It is followed: there is nothing to tell, and it need not be compared. */
	follows(w, "credentials = (" A ", " ENTRY("b", "new-b", KEY_C) ");");
	assert_null(strstr(logged(w), "which stands"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_S31_what_was_learned_does_not_make_the_file_unusable),
		TEST(test_R026_what_was_learned_is_of_bootstrap_and_stands_over_the_file),
		TEST(test_R026_the_next_start_tells_that_the_file_says_otherwise),
	};
	return cmocka_run_group_tests_name("gateway/credentials_learned", tests, NULL, NULL);
}
