/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/answer.h"

enum { CREDS = 600 };

struct fake { /* a store with credentials 1 .. CREDS */
	struct ctl_cred got;
	struct ctl_rewrap wrap;
	char revoked[CTL_ARG_MAX + 1];
	enum ctl_purpose purpose; /* that was said last */
	size_t staged, begun, committed, aborted, dry, tried;
	size_t refuse_at; /* the staged one of this number; 0: none */
	bool broken;
	void *import; /* of the one client */
};

static void say(struct ctl_said *said, const char *text)
{
	(void)snprintf(said->text, sizeof(said->text), "%s", text);
}

static enum ctl_status add(void *ctx, const struct ctl_cred *c, struct ctl_said *said)
{
	struct fake *f = ctx;
	f->got = *c;
	say(said, "added it");
	return CTL_DONE;
}

static enum ctl_status replace(void *ctx, const struct ctl_cred *c, struct ctl_said *said)
{
	(void)add(ctx, c, said);
	say(said, "nobody");
	return CTL_UNKNOWN_ENDPOINT;
}

static enum ctl_status end_cred(
	void *ctx, const char *endpoint, enum ctl_purpose purpose, struct ctl_said *said)
{
	struct fake *f = ctx;
	f->purpose = purpose;
	(void)snprintf(f->revoked, sizeof(f->revoked), "%s", endpoint);
	say(said, "revoked it");
	return CTL_DONE;
}

static struct ctl_cred whole(uint32_t number)
{
	struct ctl_cred c = {
		.number = number, .key_len = 16, .identity_len = 1, .has_keys = true
	};
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "e%u", number);
	memset(c.key, 0xa5, 16);
	c.identity[0] = 'i';
	return c;
}

/* Careless: gives the keys to everybody. */
static enum ctl_status show(void *ctx, const char *endpoint, enum ctl_purpose purpose,
	struct ctl_cred *out, struct ctl_said *said)
{
	struct fake *f = ctx;
	f->purpose = purpose;
	say(said, "no such one");
	*out = whole(7);
	return endpoint[0] == 'e' ? CTL_DONE : CTL_UNKNOWN_ENDPOINT;
}

static enum ctl_status next(
	void *ctx, uint32_t *number, bool secrets, struct ctl_cred *out, struct ctl_said *said)
{
	const struct fake *f = ctx;
	(void)secrets;
	say(said, "the store is broken");
	if (f->broken && *number > 3)
		return CTL_FAILED;
	*out = whole(*number);
	*number = *number > CREDS ? 0 : *number + 1;
	return CTL_DONE;
}

static void *import_begin(void *ctx, const char *name, bool with_replace, struct ctl_said *said)
{
	struct fake *f = ctx;
	say(said, with_replace ? "" : "not so");
	f->begun++;
	return with_replace && strcmp(name, "f.csv") == 0 ? &f->staged : NULL;
}

static enum ctl_status stage(
	void *ctx, void *import, const struct ctl_cred *c, struct ctl_said *said)
{
	struct fake *f = ctx;
	assert_ptr_equal(import, &f->staged);
	f->got = *c;
	say(said, "line 3 is wrong");
	return ++f->staged == f->refuse_at ? CTL_FAILED : CTL_DONE;
}

static enum ctl_status commit(void *ctx, void *import, struct ctl_said *said)
{
	struct fake *f = ctx;
	assert_ptr_equal(import, &f->staged);
	f->committed++;
	say(said, "all of it");
	return CTL_DONE;
}

static void forget(void *ctx, void *import)
{
	struct fake *f = ctx;
	assert_ptr_equal(import, &f->staged);
	f->aborted++;
}

static void be_dry(void *ctx, void *import)
{
	struct fake *f = ctx;
	assert_ptr_equal(import, &f->staged);
	f->dry++;
}

static enum ctl_status try_it(void *ctx, void *import, struct ctl_out *out, struct ctl_said *said)
{
	struct fake *f = ctx;
	assert_ptr_equal(import, &f->staged);
	f->tried++;
	say(said, "cannot be read");
	if (!f->broken)
		ctl_out_text(out, "rows");
	return f->broken ? CTL_FAILED : CTL_DONE;
}

static enum ctl_status rewrap(void *ctx, const struct ctl_rewrap *r, struct ctl_said *said)
{
	struct fake *f = ctx;
	f->wrap = *r;
	say(said, "wrapped");
	return CTL_DONE;
}

static void facts(void *ctx, struct ctl_store_facts *out)
{
	const struct fake *f = ctx;
	*out = (struct ctl_store_facts){ .commits = 12,
		.credentials = 3,
		.is_full = f->broken,
		.incarnation = 4,
		.why = "the token is gone" };
}

/* The answer's body, static and terminated, and its length. */
static const char *ask(struct fake *f, struct ctl_request q, enum ctl_status expect, size_t *len)
{
	static char text[65536];
	static uint8_t wire[CTL_REQUEST_MAX];
	const struct ctl_source source = { .store = { .ctx = f,
						   .facts = facts,
						   .add = add,
						   .replace = replace,
						   .revoke = end_cred,
						   .show = show,
						   .next = next,
						   .import_begin = import_begin,
						   .import_stage = stage,
						   .import_commit = commit,
						   .import_abort = forget,
						   .import_dry = be_dry,
						   .import_try = try_it,
						   .rewrap = rewrap } };
	struct ctl_out o = { 0 };
	assert_true(ctl_answer(
		&source, &f->import, wire, ctl_request_write(&q, wire, sizeof(wire)), &o));
	assert_in_range(o.len, 2, sizeof(text) - 1);
	if (o.data[1] != (char)expect)
		fail_msg("status %d: %.*s", o.data[1], (int)o.len - 2, o.data + 2);
	assert_int_equal(o.secret, q.verb == CTL_CRED_PAGE);
	memcpy(text, o.data + 2, o.len - 2);
	text[o.len - 2] = '\0';
	*len = o.len - 2;
	ctl_out_fini(&o);
	return text;
}

static const char *say_to(struct fake *f, enum ctl_verb verb, const char *arg, const uint8_t *body,
	size_t body_len, enum ctl_status expect)
{
	struct ctl_request q = { .verb = verb, .body = body, .body_len = body_len };
	size_t len = 0;
	(void)snprintf(q.arg, sizeof(q.arg), "%s", arg);
	return ask(f, q, expect, &len);
}

static void test_a_credential_reaches_the_store_whole(void **state)
{
	(void)state;
	struct fake f = { 0 };
	const struct ctl_cred c = whole(9);
	uint8_t wire[CTL_CRED_MAX + 1] = { 0 };
	struct wr w = wr_into(wire, CTL_CRED_MAX);
	ctl_cred_write(&w, &c);
	assert_string_equal(say_to(&f, CTL_CRED_ADD, "", wire, w.len, CTL_DONE), "added it\n");
	assert_string_equal(f.got.endpoint, "e9");
	assert_memory_equal(f.got.key, c.key, sizeof(c.key));
	assert_string_equal(
		say_to(&f, CTL_CRED_REPLACE, "", wire, w.len, CTL_UNKNOWN_ENDPOINT), "nobody\n");
	f.got.endpoint[0] = '\0';
	(void)say_to(&f, CTL_CRED_ADD, "", wire, w.len + 1, CTL_BAD_REQUEST);
	(void)say_to(&f, CTL_CRED_ADD, "", wire, w.len - 1, CTL_BAD_REQUEST);
	assert_string_equal(f.got.endpoint, "");
	assert_string_equal(say_to(&f, CTL_CRED_REVOKE, "e1", NULL, 0, CTL_DONE), "revoked it\n");
	assert_string_equal(f.revoked, "e1");
}

/* I5: even where the store's side is careless. */
static void test_I5_show_and_a_page_without_secrets_have_no_key(void **state)
{
	(void)state;
	struct fake f = { 0 };
	size_t len = 0;
	struct ctl_cred c;
	const char *body =
		ask(&f, (struct ctl_request){ .verb = CTL_CRED_SHOW, .arg = "e7" }, CTL_DONE, &len);
	struct rd r = rd_from((const uint8_t *)body, len);
	assert_true(ctl_cred_read(&r, &c));
	assert_int_equal(c.key_len, 16);
	assert_false(c.has_keys);
	assert_null(memmem(body, len, "\xa5\xa5\xa5", 3));
	body = ask(&f,
		(struct ctl_request){ .verb = CTL_CRED_PAGE,
			.body = (const uint8_t *)"\0\0\0\0\0",
			.body_len = 5 },
		CTL_DONE, &len);
	assert_null(memmem(body, len, "\xa5\xa5\xa5", 3));
	body = ask(&f,
		(struct ctl_request){ .verb = CTL_CRED_PAGE,
			.body = (const uint8_t *)"\0\0\0\0\1",
			.body_len = 5 },
		CTL_DONE, &len);
	assert_non_null(memmem(body, len, "\xa5\xa5\xa5", 3));
	assert_string_equal(
		say_to(&f, CTL_CRED_SHOW, "x", NULL, 0, CTL_UNKNOWN_ENDPOINT), "no such one\n");
}

static void test_pages_have_each_credential_once(void **state)
{
	(void)state;
	struct fake f = { 0 };
	uint32_t from = 0, seen = 0;
	do {
		uint8_t request[5];
		struct wr w = wr_into(request, sizeof(request));
		wr_u32(&w, from);
		wr_u8(&w, 0);
		size_t len = 0;
		const struct ctl_request page = {
			.verb = CTL_CRED_PAGE, .body = request, .body_len = w.len
		};
		const char *body = ask(&f, page, CTL_DONE, &len);
		struct rd r = rd_from((const uint8_t *)body, len);
		from = rd_u32(&r);
		while (r.left > 0) {
			struct ctl_cred c;
			assert_true(ctl_cred_read(&r, &c));
			assert_int_equal(c.number, ++seen);
		}
	} while (from != 0);
	assert_int_equal(seen, CREDS);
	/* An error is the whole answer. */
	f.broken = true;
	assert_string_equal(
		say_to(&f, CTL_CRED_PAGE, "", (const uint8_t *)"\0\0\0\0\0", 5, CTL_FAILED),
		"the store is broken\n");
}

static void test_R024_an_import_ends_with_its_first_error(void **state)
{
	(void)state;
	struct fake f = { .refuse_at = 3 };
	const struct ctl_cred c = whole(1);
	static uint8_t wire[4 * CTL_CRED_MAX];
	struct wr w = wr_into(wire, sizeof(wire));
	(void)say_to(&f, CTL_IMPORT_STAGE, "", wire, 0, CTL_FAILED);
	(void)say_to(&f, CTL_IMPORT_COMMIT, "", NULL, 0, CTL_FAILED);
	assert_int_equal(f.committed, 0);
	assert_string_equal(
		say_to(&f, CTL_IMPORT_BEGIN, "f.csv", (const uint8_t *)"", 1, CTL_FAILED),
		"not so\n");
	assert_null(f.import);
	(void)say_to(&f, CTL_IMPORT_BEGIN, "f.csv", (const uint8_t *)"\1", 1, CTL_DONE);
	for (int i = 0; i < 2; i++)
		ctl_cred_write(&w, &c);
	(void)say_to(&f, CTL_IMPORT_STAGE, "", wire, w.len, CTL_DONE);
	assert_int_equal(f.staged, 2);
	assert_string_equal(
		say_to(&f, CTL_IMPORT_STAGE, "", wire, w.len, CTL_FAILED), "line 3 is wrong\n");
	assert_int_equal(f.staged, 3); /* the fourth was not asked */
	assert_int_equal(f.aborted, 1);
	assert_null(f.import);
	(void)say_to(&f, CTL_IMPORT_COMMIT, "", NULL, 0, CTL_FAILED);
	/* And with octets that are none. */
	(void)say_to(&f, CTL_IMPORT_BEGIN, "f.csv", (const uint8_t *)"\1", 1, CTL_DONE);
	(void)say_to(&f, CTL_IMPORT_STAGE, "", wire, w.len - 1, CTL_BAD_REQUEST);
	assert_int_equal(f.aborted, 2);
	/* All is good. */
	(void)say_to(&f, CTL_IMPORT_BEGIN, "f.csv", (const uint8_t *)"\1", 1, CTL_DONE);
	(void)say_to(&f, CTL_IMPORT_STAGE, "", wire, w.len, CTL_DONE);
	assert_string_equal(say_to(&f, CTL_IMPORT_COMMIT, "", NULL, 0, CTL_DONE), "all of it\n");
	assert_int_equal(f.committed, 1);
	assert_int_equal(f.aborted, 2);
	assert_null(f.import);
}

static void test_a_dry_import_is_tried_once(void **state)
{
	(void)state;
	struct fake f = { .broken = false };
	(void)say_to(&f, CTL_IMPORT_TRY, "", NULL, 0, CTL_FAILED);
	assert_int_equal(f.tried, 0);
	(void)say_to(&f, CTL_IMPORT_BEGIN, "f.csv", (const uint8_t *)"\1", 1, CTL_DONE);
	assert_int_equal(f.dry, 0);
	(void)say_to(&f, CTL_IMPORT_BEGIN, "f.csv", (const uint8_t *)"\3", 1, CTL_DONE);
	assert_int_equal(f.dry, 1);
	assert_int_equal(f.aborted, 1);
	assert_string_equal(say_to(&f, CTL_IMPORT_TRY, "", NULL, 0, CTL_DONE), "rows");
	assert_null(f.import);
	(void)say_to(&f, CTL_IMPORT_TRY, "", NULL, 0, CTL_FAILED);
	(void)say_to(&f, CTL_IMPORT_COMMIT, "", NULL, 0, CTL_FAILED);
	assert_int_equal(f.tried, 1);
	/* Not to replace. */
	(void)say_to(&f, CTL_IMPORT_BEGIN, "f.csv", (const uint8_t *)"\2", 1, CTL_FAILED);
	assert_int_equal(f.dry, 1);
	f.broken = true;
	(void)say_to(&f, CTL_IMPORT_BEGIN, "f.csv", (const uint8_t *)"\3", 1, CTL_DONE);
	assert_string_equal(
		say_to(&f, CTL_IMPORT_TRY, "", NULL, 0, CTL_FAILED), "cannot be read\n");
	assert_int_equal(f.committed, 0);
	assert_int_equal(f.aborted, 1);
}

static void test_a_new_wrapping_key_is_octets_or_a_name(void **state)
{
	(void)state;
	struct fake f = { 0 };
	uint8_t body[1 + CTL_KEK_LEN] = { CTL_KEK_KEY, 1, 2, 3 };
	(void)say_to(&f, CTL_STORE_REWRAP, "", body, sizeof(body), CTL_DONE);
	assert_int_equal(f.wrap.kind, CTL_KEK_KEY);
	assert_memory_equal(f.wrap.key, body + 1, CTL_KEK_LEN);
	(void)say_to(&f, CTL_STORE_REWRAP, "", body, sizeof(body) - 1, CTL_BAD_REQUEST);
	(void)say_to(&f, CTL_STORE_REWRAP, "x", body, sizeof(body), CTL_BAD_REQUEST);
	body[0] = CTL_KEK_TPM;
	(void)say_to(&f, CTL_STORE_REWRAP, "/f", body, 1, CTL_DONE);
	assert_int_equal(f.wrap.kind, CTL_KEK_TPM);
	assert_string_equal(f.wrap.name, "/f");
	(void)say_to(&f, CTL_STORE_REWRAP, "", body, 1, CTL_BAD_REQUEST);
	body[0] = CTL_KEK_TPM + 1;
	(void)say_to(&f, CTL_STORE_REWRAP, "/f", body, 1, CTL_BAD_REQUEST);
}

static void has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void test_the_store_tells_its_health_and_how_it_began(void **state)
{
	(void)state;
	struct fake f = { 0 };
	size_t len = 0;
	const char *text = say_to(&f, CTL_STORE_STATUS, "", NULL, 0, CTL_DONE);
	has(text, "store                    good\n");
	has(text, "  this start             not continuous: the token is gone\n");
	has(text, "commits                                    12  done\n");
	f.broken = true;
	has(say_to(&f, CTL_STORE_STATUS, "", NULL, 0, CTL_DONE),
		"full: no new sessions; make room");
	text = ask(&f, (struct ctl_request){ .form = CTL_JSON, .verb = CTL_STORE_STATUS }, CTL_DONE,
		&len);
	has(text, "{\"credentials\":3,");
	has(text, "\"commits\":12,");
	has(text, "\"is_full\":true,\"is_broken\":false,\"fresh\":false,\"continuous\":false,");
	has(text, "\"incarnation\":4,\"why\":\"the token is gone\"}\n");
}

/* A gateway without a store, or before it is open. */
static void test_what_a_gateway_cannot_it_says(void **state)
{
	(void)state;
	static const struct ctl_source none;
	static const uint8_t page[5], begin[1];
	const struct {
		struct ctl_request q;
	} rows[] = {
		{ { .verb = CTL_CRED_REVOKE, .arg = "e" } },
		{ { .verb = CTL_CRED_SHOW, .arg = "e" } },
		{ { .verb = CTL_CRED_PAGE, .body = page, .body_len = sizeof(page) } },
		{ { .verb = CTL_IMPORT_BEGIN, .arg = "f", .body = begin, .body_len = 1 } },
		{ { .verb = CTL_STORE_STATUS } },
		{ { .verb = CTL_STORE_ROTATE } },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ctl_out o = { 0 };
		static uint8_t wire[CTL_REQUEST_MAX];
		void *import = NULL;
		const size_t len = ctl_request_write(&rows[i].q, wire, sizeof(wire));
		assert_true(ctl_answer(&none, &import, wire, len, &o));
		assert_int_equal(o.data[1], CTL_FAILED);
		assert_non_null(memmem(o.data, o.len, "has no store; set store.path", 28));
		ctl_out_fini(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_credential_reaches_the_store_whole),
		cmocka_unit_test(test_I5_show_and_a_page_without_secrets_have_no_key),
		cmocka_unit_test(test_pages_have_each_credential_once),
		cmocka_unit_test(test_R024_an_import_ends_with_its_first_error),
		cmocka_unit_test(test_a_dry_import_is_tried_once),
		cmocka_unit_test(test_a_new_wrapping_key_is_octets_or_a_name),
		cmocka_unit_test(test_the_store_tells_its_health_and_how_it_began),
		cmocka_unit_test(test_what_a_gateway_cannot_it_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
