/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "ctl/credential.h"
#include "ctl/show.h"

#define A8     "aaaaaaaa"
#define DIGEST "sha-256:" A8 A8 A8 A8 A8 A8 A8 A8

static struct ctl_cred of_kind(enum ctl_cred_kind kind)
{
	struct ctl_cred c = { .number = 1,
		.generation = 7,
		.changed_ms = 1000,
		.kind = kind,
		.endpoint = "e",
		.identity_len = 3,
		.identity = "i\xc3\xa9" };
	if (kind == CTL_CRED_RAW_KEY) {
		c.identity_len = CTL_PIN_LEN;
		memset(c.identity, 0xaa, CTL_PIN_LEN);
	}
	if (kind == CTL_CRED_PSK)
		c.key_len = 16;
	return c;
}

static const char *shown(enum ctl_form form, const struct ctl_cred *c, bool row)
{
	static char text[2048];
	struct ctl_out o = { 0 };
	if (row)
		ctl_show_cred_row(&o, form, c);
	else
		ctl_show_cred(&o, form, c);
	(void)snprintf(text, sizeof(text), "%.*s", (int)o.len, o.data);
	ctl_out_fini(&o);
	return text;
}

static void has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" has no \"%s\"", text, part);
}

static void test_a_PSK_is_shown_by_its_identity(void **state)
{
	(void)state;
	const struct ctl_cred c = of_kind(CTL_CRED_PSK);
	has(shown(CTL_TEXT, &c, false), "kind                psk\nidentity            i\xc3\xa9\n");
	has(shown(CTL_TEXT, &c, false), "key                 16 octets\n");
	has(shown(CTL_JSON, &c, false), "\"kind\":\"psk\",\"identity\":\"i\\u00e9\"");
	has(shown(CTL_TEXT, &c, true), "  psk          any        e  ");
}

static void test_R064_a_raw_key_is_shown_by_its_digest(void **state)
{
	(void)state;
	const struct ctl_cred c = of_kind(CTL_CRED_RAW_KEY);
	has(shown(CTL_TEXT, &c, false),
		"kind                public_key\npublic_key          " DIGEST "\n");
	assert_null(strstr(shown(CTL_TEXT, &c, false), "\nkey "));
	has(shown(CTL_JSON, &c, false), "\"kind\":\"public_key\",\"public_key\":\"" DIGEST "\"");
	has(shown(CTL_JSON, &c, false), "\"key_octets\":0");
	has(shown(CTL_TEXT, &c, true), "  public_key   any        e  ");
	has(shown(CTL_TEXT, &c, true), DIGEST "\n");
}

static void test_R075_a_certificate_is_shown_by_its_name_and_pin(void **state)
{
	(void)state;
	struct ctl_cred c = of_kind(CTL_CRED_CERTIFICATE);
	has(shown(CTL_TEXT, &c, false), "kind                certificate\ncertificate         "
					"i\xc3\xa9\nupstream identity");
	has(shown(CTL_JSON, &c, false),
		"\"kind\":\"certificate\",\"certificate\":\"i\\u00e9\",\"state\"");
	c.pinned = true;
	memset(c.pin, 0xaa, sizeof(c.pin));
	has(shown(CTL_TEXT, &c, false), "certificate pin     " DIGEST "\n");
	has(shown(CTL_JSON, &c, true), "\"certificate_pin\":\"" DIGEST "\"");
	/* A terminal gets nothing that moves its cursor. */
	c.identity[0] = 0x1b;
	assert_null(strchr(shown(CTL_TEXT, &c, true), 0x1b));
	assert_null(strchr(shown(CTL_JSON, &c, true), 0x1b));
}

/* What a damaged row has become when it was revoked. */
static void test_one_without_an_identity_is_shown_too(void **state)
{
	(void)state;
	static const enum ctl_cred_kind kinds[] = { CTL_CRED_PSK, CTL_CRED_RAW_KEY,
		CTL_CRED_CERTIFICATE };
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct ctl_cred c = of_kind(kinds[i]);
		c.identity_len = 0;
		c.state = CTL_CRED_REVOKED;
		has(shown(CTL_TEXT, &c, true), "revoked");
		has(shown(CTL_TEXT, &c, false), "-\n");
		has(shown(CTL_JSON, &c, false), "\"state\":\"revoked\"");
	}
}

static void test_S31_what_is_staged_is_shown_beside(void **state)
{
	(void)state;
	struct ctl_cred c = of_kind(CTL_CRED_PSK);
	assert_null(strstr(shown(CTL_TEXT, &c, false), "staged"));
	assert_null(strstr(shown(CTL_JSON, &c, false), "staged"));
	assert_null(strstr(shown(CTL_TEXT, &c, true), "staged"));
	c.staged = (struct ctl_staged){ .generation = 9,
		.until_ms = UINT64_C(1800000000000),
		.identity_len = 4,
		.identity = "next" };
	has(shown(CTL_TEXT, &c, false), "staged              psk next, not armed, generation 9, "
					"until 2027-01-15T08:00:00Z\n");
	has(shown(CTL_TEXT, &c, true), " (staged: psk next, not armed)\n");
	has(shown(CTL_JSON, &c, true),
		"\"staged\":{\"kind\":\"psk\",\"identity\":\"next\",\"armed\":false,"
		"\"generation\":9,\"until_ms\":1800000000000}}");
	c.staged.until_ms = UINT64_MAX; /* staged while the clock was not set */
	has(shown(CTL_TEXT, &c, false), "generation 9, no end (the clock was not set)\n");
	has(shown(CTL_JSON, &c, false), "\"armed\":false,\"generation\":9}}");
	c.staged.kind = CTL_CRED_RAW_KEY;
	c.staged.armed = true;
	c.staged.identity_len = CTL_PIN_LEN;
	memset(c.staged.identity, 0xaa, CTL_PIN_LEN);
	has(shown(CTL_TEXT, &c, false), "public_key " DIGEST ", armed, ");
	has(shown(CTL_JSON, &c, false), "\"public_key\":\"" DIGEST "\",\"armed\":true");
}

static void test_R026_who_has_said_it_is_shown(void **state)
{
	(void)state;
	static const struct {
		enum ctl_cred_origin origin;
		const char *word;
	} rows[] = {
		{ CTL_CRED_BY_CONTROL, "lwgatectl" },
		{ CTL_CRED_BY_FILE, "file" },
		{ CTL_CRED_BY_BOOTSTRAP, "bootstrap" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ctl_cred c = of_kind(CTL_CRED_PSK);
		char text[64];
		c.origin = rows[i].origin;
		(void)snprintf(text, sizeof(text), "origin              %s\n", rows[i].word);
		has(shown(CTL_TEXT, &c, false), text);
		(void)snprintf(text, sizeof(text), "active   %-9s  ", rows[i].word);
		has(shown(CTL_TEXT, &c, true), text);
		(void)snprintf(text, sizeof(text), "\"origin\":\"%s\"", rows[i].word);
		has(shown(CTL_JSON, &c, false), text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_PSK_is_shown_by_its_identity),
		cmocka_unit_test(test_R064_a_raw_key_is_shown_by_its_digest),
		cmocka_unit_test(test_R075_a_certificate_is_shown_by_its_name_and_pin),
		cmocka_unit_test(test_one_without_an_identity_is_shown_too),
		cmocka_unit_test(test_S31_what_is_staged_is_shown_beside),
		cmocka_unit_test(test_R026_who_has_said_it_is_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
