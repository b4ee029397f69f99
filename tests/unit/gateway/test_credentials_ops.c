/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
#include "store/store.h"

enum { CHANGES_MAX = 64 };

/* Random keys of this test; nobody else's. */
static const char key_a[] = "8f1d2c6be0a94f7735d8c1be90e4537a";
static const char key_b[] = "1b7ce94a03f85d62aa901fd64be73c58";
static const char key_c[] = "c6037ab9e15f4d28907be31ac45d6f82";
static const char key_d[] = "54d1e2790bc638fa1d84b7e3026f9c5b";

struct world {
	struct store *store;
	struct gw_credentials *ops;
	struct ctl_store_source source;
	struct log log;
	uint32_t changed[CHANGES_MAX];
	size_t changed_len;
	struct ctl_said said;
	struct conf_error error;
};

static void changed(void *ctx, uint32_t number)
{
	struct world *w = ctx;
	assert_in_range(w->changed_len, 0, CHANGES_MAX - 1);
	w->changed[w->changed_len++] = number;
}

static int make_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct store_error error;
	assert_non_null(w);
	w->log = (struct log){
		.fd = memfd_create("log", MFD_CLOEXEC), .level = LOG_LEVEL_DEBUG, .name = "test"
	};
	const struct store_settings s = {
		.boot_ms = 1000, .wall_ms = UINT64_C(1790000000000), .log = &w->log
	};
	w->store = store_open(&s, &error);
	if (w->store == NULL)
		fail_msg("%s", error.text);
	const struct gw_credentials_settings set = {
		.store = w->store,
		.log = &w->log,
		.derives = true,
		.changed = changed,
		.ctx = w,
		.owner = w,
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
	(void)close(w->log.fd);
	free(w);
	return 0;
}

/* --- as the file says ------------------------------------------------------------------------- */

static bool sync_file(struct world *w, const char *text)
{
	static const uint8_t master[32] = { 1, 2, 3 };
	struct cred_set *set = cred_parse(text, "F", master, sizeof(master), &w->error);
	if (set == NULL)
		fail_msg("%s", w->error.text);
	w->changed_len = 0;
	const bool ok = gw_credentials_sync(w->ops, set, "F", &w->error);
	cred_free(set);
	return ok;
}

/* A file of lines; each is ENDPOINT IDENTITY KEY. */
static const char *file_of(size_t len, const char *const rows[][3])
{
	static char text[4096];
	size_t at = (size_t)snprintf(text, sizeof(text), "credentials = (");
	for (size_t i = 0; i < len; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
			"%s\n{ endpoint = \"%s\"; identity = \"%s\"; key = \"%s\"; }",
			i == 0 ? "" : ",", rows[i][0], rows[i][1], rows[i][2]);
	(void)snprintf(text + at, sizeof(text) - at, ");");
	return text;
}

#define FILE_OF(...)                                                                               \
	file_of(sizeof((const char *const[][3]){ __VA_ARGS__ }) / sizeof(const char *[3]),         \
		(const char *const[][3]){ __VA_ARGS__ })

/* --- as lwgatectl says ------------------------------------------------------------------------ */

static uint8_t octets(const char *hex, uint8_t *out)
{
	const size_t len = strlen(hex) / 2;
	assert_true(conf_hex_read(hex, 2 * len, out));
	return (uint8_t)len;
}

static struct ctl_cred cred_of(const char *endpoint, const char *identity, const char *key)
{
	struct ctl_cred c = { .has_keys = true };
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "%s", endpoint);
	c.identity_len = (uint8_t)strlen(identity);
	memcpy(c.identity, identity, c.identity_len);
	c.key_len = octets(key, c.key);
	return c;
}

static enum ctl_status add(
	struct world *w, const char *endpoint, const char *identity, const char *key)
{
	const struct ctl_cred c = cred_of(endpoint, identity, key);
	w->changed_len = 0;
	return w->source.add(w->source.ctx, &c, &w->said);
}

static enum ctl_status end_cred(struct world *w, const char *endpoint)
{
	w->changed_len = 0;
	return w->source.revoke(w->source.ctx, endpoint, CTL_FOR_UNSAID, &w->said);
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

static void said(const struct world *w, const char *part)
{
	if (strstr(w->said.text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", w->said.text, part);
}

/* What a handshake would find. */
static bool comes_in(struct world *w, const char *identity, const char *key)
{
	struct store_reader *r = store_reader_new(w->store);
	struct store_cred c;
	uint8_t k[64];
	const uint8_t len = octets(key, k);
	assert_non_null(r);
	const enum store_result found = store_find_identity(
		r, STORE_CRED_PSK, (const uint8_t *)identity, strlen(identity), &c);
	store_reader_free(r);
	return found == STORE_OK && c.state == STORE_CRED_ACTIVE && c.key_len == len &&
	       memcmp(c.key, k, len) == 0;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_R028_each_change_has_a_higher_generation(void **state)
{
	struct world *w = *state;
	struct ctl_cred c = cred_of("a", "", key_b);
	assert_int_equal(add(w, "a", "ia", key_a), CTL_DONE);
	said(w, "a: added");
	const struct ctl_cred first = *show(w, "a");
	assert_int_equal(first.state, CTL_CRED_ACTIVE);
	assert_int_equal(first.origin, CTL_CRED_BY_CONTROL);
	assert_true(first.changed_ms > 0);
	assert_true(comes_in(w, "ia", key_a));
	/* The key alone: the identity stays. */
	w->changed_len = 0;
	assert_int_equal(w->source.replace(w->source.ctx, &c, &w->said), CTL_DONE);
	said(w, "a: replaced");
	const struct ctl_cred second = *show(w, "a");
	assert_true(second.generation > first.generation);
	assert_int_equal(second.number, first.number);
	assert_int_equal(w->changed_len, 1);
	assert_int_equal(w->changed[0], first.number);
	assert_true(comes_in(w, "ia", key_b));
	assert_false(comes_in(w, "ia", key_a));
	/* The same again changes nothing: its sessions live on. */
	w->changed_len = 0;
	assert_int_equal(w->source.replace(w->source.ctx, &c, &w->said), CTL_DONE);
	said(w, "a: is as it was");
	assert_true(show(w, "a")->generation == second.generation);
	assert_int_equal(w->changed_len, 0);
	/* Another identity. */
	c = cred_of("a", "other", "");
	c.has_keys = false;
	assert_int_equal(w->source.replace(w->source.ctx, &c, &w->said), CTL_DONE);
	assert_true(show(w, "a")->generation > second.generation);
	assert_true(comes_in(w, "other", key_b));
	assert_false(comes_in(w, "ia", key_b));
}

static void test_S29_what_is_revoked_does_not_come_in_and_its_key_is_gone(void **state)
{
	struct world *w = *state;
	assert_int_equal(add(w, "a", "ia", key_a), CTL_DONE);
	const struct ctl_cred before = *show(w, "a");
	assert_int_equal(end_cred(w, "a"), CTL_DONE);
	said(w, "a: revoked");
	assert_int_equal(w->changed_len, 1);
	assert_int_equal(w->changed[0], before.number);
	const struct ctl_cred after = *show(w, "a");
	assert_int_equal(after.state, CTL_CRED_REVOKED);
	assert_int_equal(after.key_len, 0);
	assert_true(after.generation > before.generation);
	assert_false(comes_in(w, "ia", key_a));
	assert_int_equal(end_cred(w, "a"), CTL_DONE);
	said(w, "was revoked already");
	assert_int_equal(end_cred(w, "nobody"), CTL_UNKNOWN_ENDPOINT);
	struct ctl_cred c = cred_of("a", "ia", key_b);
	assert_int_equal(w->source.replace(w->source.ctx, &c, &w->said), CTL_FAILED);
	said(w, "is revoked; `lwgatectl credential add`");
	/* An operator may add it again; what it was before stays stale. */
	assert_int_equal(add(w, "a", "ia", key_a), CTL_DONE);
	assert_true(show(w, "a")->generation > after.generation);
	assert_true(comes_in(w, "ia", key_a));
}

static void test_R022_what_another_device_has_is_refused(void **state)
{
	struct world *w = *state;
	assert_int_equal(add(w, "a", "ia", key_a), CTL_DONE);
	assert_int_equal(add(w, "a", "ia", key_b), CTL_FAILED);
	said(w, "a is in the store with another key, identity, certificate, label, right or end");
	assert_int_equal(add(w, "b", "ia", key_b), CTL_FAILED);
	said(w, "b: the identity is also that of a in the store");
	assert_int_equal(add(w, "b", "ib", key_a), CTL_FAILED);
	said(w, "b: the key is also that of a in the store");
	/* a's upstream identity is its name. */
	struct ctl_cred c = cred_of("b", "ib", key_b);
	c.upstream_identity_len = 1;
	c.upstream_identity[0] = 'a';
	c.upstream_key_len = octets(key_c, c.upstream_key);
	assert_int_equal(w->source.add(w->source.ctx, &c, &w->said), CTL_FAILED);
	said(w, "the upstream identity is also that of a");
	c.upstream_identity[0] = 'b';
	c.upstream_key_len = octets(key_a, c.upstream_key);
	assert_int_equal(w->source.add(w->source.ctx, &c, &w->said), CTL_FAILED);
	said(w, "the upstream key is also that of a");
	c.upstream_key_len =
		octets(key_b, c.upstream_key); /* its own for both legs: only its own */
	assert_int_equal(w->source.add(w->source.ctx, &c, &w->said), CTL_DONE);
	/* b goes upstream as b: nobody else may, who derives or not. */
	assert_int_equal(add(w, "c", "ia", key_c), CTL_FAILED);
	c = cred_of("d", "id", key_c);
	c.upstream_identity_len = 1;
	c.upstream_identity[0] = 'b';
	c.upstream_key_len = octets(key_d, c.upstream_key);
	assert_int_equal(w->source.add(w->source.ctx, &c, &w->said), CTL_FAILED);
	said(w, "d: the upstream identity is also that of b");
	/* A device's key is nobody's upstream key, and the other way round. */
	c.upstream_identity[0] = 'd';
	c.upstream_key_len = octets(key_b, c.upstream_key);
	assert_int_equal(w->source.add(w->source.ctx, &c, &w->said), CTL_FAILED);
	said(w, "d: the upstream key is also that of b");
	/* Of one that is revoked, nothing is taken any more but its name. */
	assert_int_equal(end_cred(w, "a"), CTL_DONE);
	assert_int_equal(add(w, "c", "ia", key_a), CTL_DONE);
}

static void test_R021_a_weak_key_is_refused_without_showing_it(void **state)
{
	struct world *w = *state;
	assert_int_equal(add(w, "a", "ia", "00112233445566778899aabbccddeeff"), CTL_FAILED);
	said(w, "a: key: is a sequence and can be guessed");
	assert_null(strstr(w->said.text, "0011"));
	assert_int_equal(add(w, "a", "ia", "8f1d"), CTL_FAILED);
	said(w, "key: is 2 octets long; use 16 to 64");
	struct ctl_cred c = { 0 };
	assert_int_equal(w->source.show(w->source.ctx, "a", CTL_FOR_UNSAID, &c, &w->said),
		CTL_UNKNOWN_ENDPOINT);
	said(w, "there is no such credential");
}

static void test_the_file_adds_replaces_and_revokes_its_own(void **state)
{
	struct world *w = *state;
	assert_true(sync_file(w, FILE_OF({ "a", "ia", key_a }, { "b", "ib", key_b })));
	const struct ctl_cred a = *show(w, "a"), b = *show(w, "b");
	assert_int_equal(a.origin, CTL_CRED_BY_FILE);
	/* The same: nothing happens to anybody. */
	assert_true(sync_file(w, FILE_OF({ "a", "ia", key_a }, { "b", "ib", key_b })));
	assert_int_equal(w->changed_len, 0);
	assert_true(show(w, "a")->generation == a.generation);
	/* a gets another key, b leaves, c comes. */
	assert_true(sync_file(w, FILE_OF({ "c", "ic", key_c }, { "a", "ia", key_d })));
	assert_true(show(w, "a")->generation > a.generation);
	assert_int_equal(show(w, "a")->number, a.number);
	assert_int_equal(show(w, "b")->state, CTL_CRED_REVOKED);
	assert_true(comes_in(w, "ia", key_d));
	assert_true(comes_in(w, "ic", key_c));
	assert_false(comes_in(w, "ib", key_b));
	assert_int_equal(w->changed_len, 2); /* nobody has a session under one that is new */
	/* What only the file took away, the file brings back. */
	assert_true(sync_file(w, FILE_OF({ "b", "ib", key_b })));
	assert_int_equal(show(w, "b")->state, CTL_CRED_ACTIVE);
	assert_true(show(w, "b")->generation > b.generation);
	assert_int_equal(show(w, "a")->state, CTL_CRED_REVOKED);
}

/* With a million credentials a start must not look at each of them. */
static void test_a_file_that_is_known_is_not_compared_again(void **state)
{
	struct world *w = *state;
	struct ctl_cred c = cred_of("a", "ia", key_c);
	const char *file = FILE_OF({ "a", "ia", key_a }, { "b", "ib", key_b });
	assert_true(sync_file(w, file));
	uint64_t before = store_stats(w->store).unseals;
	assert_true(sync_file(w, file));
	assert_true(store_stats(w->store).unseals == before);
	/* lwgatectl says otherwise: then each start looks, and tells. */
	assert_int_equal(w->source.replace(w->source.ctx, &c, &w->said), CTL_DONE);
	for (int i = 0; i < 2; i++) {
		before = store_stats(w->store).unseals;
		assert_true(sync_file(w, file));
		assert_true(store_stats(w->store).unseals > before);
	}
	assert_true(comes_in(w, "ia", key_c));
	/* Until it says the same again, and a start has seen that. */
	c = cred_of("a", "ia", key_a);
	assert_int_equal(w->source.replace(w->source.ctx, &c, &w->said), CTL_DONE);
	assert_true(sync_file(w, file));
	before = store_stats(w->store).unseals;
	assert_true(sync_file(w, file));
	assert_true(store_stats(w->store).unseals == before);
	/* What is revoked is looked at, too. */
	file = FILE_OF({ "b", "ib", key_b });
	assert_true(sync_file(w, file));
	assert_int_equal(end_cred(w, "b"), CTL_DONE);
	before = store_stats(w->store).unseals;
	assert_true(sync_file(w, file));
	assert_true(store_stats(w->store).unseals > before);
	assert_false(comes_in(w, "ib", key_b));
}

/* The order of a list must not matter: identities and keys may pass from one to another. */
static void test_two_devices_of_the_file_may_change_places(void **state)
{
	struct world *w = *state;
	assert_true(sync_file(w, FILE_OF({ "a", "x", key_a }, { "b", "y", key_b })));
	assert_true(sync_file(w, FILE_OF({ "a", "y", key_b }, { "b", "x", key_a })));
	assert_true(comes_in(w, "y", key_b));
	assert_int_equal(show(w, "a")->identity[0], 'y');
	assert_int_equal(show(w, "b")->identity[0], 'x');
	/* And to one of another name. */
	assert_true(sync_file(w, FILE_OF({ "c", "x", key_a })));
	assert_int_equal(show(w, "c")->identity[0], 'x');
	assert_true(comes_in(w, "x", key_a));
}

/* S31: nothing is un-revoked, and no older key comes back, because a file was not kept up. */
static void test_S31_what_lwgatectl_said_stands_over_the_file(void **state)
{
	struct world *w = *state;
	static char log[4096];
	struct ctl_cred c = cred_of("a", "ia", key_c);
	assert_true(sync_file(w, FILE_OF({ "a", "ia", key_a }, { "b", "ib", key_b })));
	assert_int_equal(w->source.replace(w->source.ctx, &c, &w->said), CTL_DONE);
	assert_int_equal(end_cred(w, "b"), CTL_DONE);
	assert_true(sync_file(w, FILE_OF({ "a", "ia", key_a }, { "b", "ib", key_b })));
	assert_int_equal(w->changed_len, 0);
	assert_true(comes_in(w, "ia", key_c));
	assert_int_equal(show(w, "b")->state, CTL_CRED_REVOKED);
	assert_true(pread(w->log.fd, log, sizeof(log) - 1, 0) > 0);
	assert_non_null(
		strstr(log, "F:2: a was changed or revoked by lwgatectl, which stands; 1 more"));
}

static void test_S31_a_file_takes_nothing_that_is_anothers(void **state)
{
	struct world *w = *state;
	struct ctl_cred c = cred_of("a", "ia", key_c);
	assert_true(sync_file(w, FILE_OF({ "a", "ia", key_a })));
	assert_int_equal(w->source.replace(w->source.ctx, &c, &w->said), CTL_DONE);
	w->changed_len = 0;
	/* An operator may say so of one that a file took away. */
	assert_true(sync_file(w, FILE_OF({ "c", "ic", key_d })));
	assert_true(sync_file(w, FILE_OF({ "f", "if", key_a })));
	assert_int_equal(show(w, "c")->origin, CTL_CRED_BY_FILE);
	assert_int_equal(end_cred(w, "c"), CTL_DONE);
	assert_int_equal(w->changed_len, 0);
	assert_int_equal(show(w, "c")->origin, CTL_CRED_BY_CONTROL);
	assert_true(sync_file(w, FILE_OF({ "c", "ic", key_d })));
	assert_int_equal(show(w, "c")->state, CTL_CRED_REVOKED);
	/* Nor does a file that has no a any more take it away. */
	assert_true(sync_file(w, FILE_OF({ "d", "id", key_d })));
	assert_true(comes_in(w, "ia", key_c));
	/* What the file has must not be somebody else's. */
	assert_false(sync_file(w, FILE_OF({ "d", "id", key_d }, { "e", "ia", key_b })));
	assert_string_equal(w->error.text,
		"F:3: the identity is also that of a in the store; each device needs its own "
		"(RFC 7925)");
	assert_true(comes_in(w, "id", key_d));
}

static enum ctl_status import(struct world *w, bool with_replace, size_t len, struct ctl_cred *rows)
{
	const struct ctl_store_source *s = &w->source;
	void *import = s->import_begin(s->ctx, "x.csv", with_replace, &w->said);
	assert_non_null(import);
	w->changed_len = 0;
	for (size_t i = 0; i < len; i++) {
		rows[i].line = (uint32_t)i + 2;
		const enum ctl_status status = s->import_stage(s->ctx, import, &rows[i], &w->said);
		if (status == CTL_DONE)
			continue;
		s->import_abort(s->ctx, import);
		return status;
	}
	return s->import_commit(s->ctx, import, &w->said);
}

static void test_R022_import_is_all_or_nothing_with_the_line(void **state)
{
	struct world *w = *state;
	assert_int_equal(add(w, "old", "iold", key_d), CTL_DONE);
	struct ctl_cred rows[] = { cred_of("a", "ia", key_a), cred_of("b", "ib", key_b),
		cred_of("c", "iold", key_c) };
	assert_int_equal(import(w, false, 3, rows), CTL_FAILED);
	said(w, "x.csv:4: the identity is also that of old in the store");
	struct ctl_cred c = { 0 };
	assert_int_equal(w->source.show(w->source.ctx, "a", CTL_FOR_UNSAID, &c, &w->said),
		CTL_UNKNOWN_ENDPOINT);
	rows[2] = cred_of("c", "ib", key_c);
	assert_int_equal(import(w, false, 3, rows), CTL_FAILED);
	said(w, "x.csv:4: the identity is also in the entry at line 3");
	rows[2] = cred_of("c", "ic", "8f1d");
	assert_int_equal(import(w, false, 3, rows), CTL_FAILED);
	said(w, "x.csv:4: key: is 2 octets long");
	rows[2] = cred_of("c", "", key_c); /* the endpoint's name */
	assert_int_equal(import(w, false, 3, rows), CTL_DONE);
	said(w, "x.csv: 3 added, 0 replaced, 0 as they were");
	assert_true(comes_in(w, "c", key_c));
	/* Again, with one that has changed. */
	rows[0] = cred_of("a", "ia", "0b4e913cd762a815f32a7dc0589e04b6");
	assert_int_equal(import(w, false, 3, rows), CTL_FAILED);
	said(w, "x.csv:2: a is in the store with another key, identity, certificate, label, right "
		"or end; "
		"replace it");
	assert_true(comes_in(w, "ia", key_a));
	assert_int_equal(import(w, true, 3, rows), CTL_DONE);
	said(w, "x.csv: 0 added, 1 replaced, 2 as they were");
	assert_true(comes_in(w, "ia", "0b4e913cd762a815f32a7dc0589e04b6"));
	assert_int_equal(w->changed_len, 1);
}

static void test_R020_no_upstream_key_needs_a_master_secret(void **state)
{
	struct world *w = *state;
	const struct gw_credentials_settings set = { .store = w->store, .log = &w->log };
	struct gw_credentials *ops = gw_credentials_new(&set);
	assert_non_null(ops);
	const struct ctl_store_source s = gw_credentials_source(ops);
	const struct ctl_cred c = cred_of("a", "ia", key_a);
	assert_int_equal(s.add(s.ctx, &c, &w->said), CTL_FAILED);
	said(w, "the entry has no upstream_key");
	gw_credentials_free(ops);
	assert_ptr_equal(gw_credentials_owner(w->source.ctx), w);
}

static void test_I5_keys_are_given_to_an_export_only_and_told(void **state)
{
	struct world *w = *state;
	char log[4096] = { 0 };
	uint8_t key[64];
	(void)octets(key_a, key);
	assert_int_equal(add(w, "a", "ia", key_a), CTL_DONE);
	assert_int_equal(add(w, "b", "ib", key_b), CTL_DONE);
	assert_int_equal(end_cred(w, "b"), CTL_DONE);
	for (int secrets = 0; secrets <= 1; secrets++) {
		uint32_t at = 1, count = 0;
		struct ctl_cred c;
		while (w->source.next(w->source.ctx, &at, secrets != 0, &c, &w->said) == CTL_DONE &&
			at != 0) {
			count++;
			assert_int_equal(c.has_keys, secrets);
			if (strcmp(c.endpoint, "a") != 0)
				continue;
			assert_int_equal(c.key_len, 16);
			assert_int_equal(memcmp(c.key, key, 16) == 0, secrets);
		}
		assert_int_equal(count, 2);
	}
	const struct ctl_cred shown = *show(w, "a");
	assert_false(shown.has_keys);
	assert_null(memmem(&shown, sizeof(shown), key, 16));
	assert_true(pread(w->log.fd, log, sizeof(log) - 1, 0) > 0);
	assert_non_null(strstr(log, "all keys are exported, by lwgatectl"));
	assert_non_null(strstr(log, "credential a added, by lwgatectl"));
	assert_null(strstr(log, key_a));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_R028_each_change_has_a_higher_generation),
		TEST(test_S29_what_is_revoked_does_not_come_in_and_its_key_is_gone),
		TEST(test_R022_what_another_device_has_is_refused),
		TEST(test_R021_a_weak_key_is_refused_without_showing_it),
		TEST(test_the_file_adds_replaces_and_revokes_its_own),
		TEST(test_a_file_that_is_known_is_not_compared_again),
		TEST(test_two_devices_of_the_file_may_change_places),
		TEST(test_S31_what_lwgatectl_said_stands_over_the_file),
		TEST(test_S31_a_file_takes_nothing_that_is_anothers),
		TEST(test_R022_import_is_all_or_nothing_with_the_line),
		TEST(test_R020_no_upstream_key_needs_a_master_secret),
		TEST(test_I5_keys_are_given_to_an_export_only_and_told),
	};
	return cmocka_run_group_tests_name("gateway/credentials_ops", tests, NULL, NULL);
}
