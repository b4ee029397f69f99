/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/config.h"
#include "policy/load.h"

enum { TEXT = 64 * 1024 };

static const char *text_of(const char *rules)
{
	static char text[TEXT];
	const int len = snprintf(text, sizeof(text),
		"policy = { rules = (\n%s\n); default = { device = \"keep\"; upstream = \"keep\"; "
		"}; };",
		rules);
	assert_true(len > 0 && len < TEXT);
	return text;
}

struct policy *policy_of(const char *rules)
{
	struct conf_error e = { 0 };
	struct policy *p = policy_parse(text_of(rules), "F", &e);
	if (p == NULL)
		fail_msg("%s", e.text);
	return p;
}

const char *error_of_text(const char *text)
{
	static struct conf_error e;
	memset(&e, 0, sizeof(e));
	struct policy *p = policy_parse(text, "F", &e);
	if (p != NULL) {
		policy_free(p);
		fail_msg("taken: %s", text);
	}
	return e.text;
}

const char *error_of(const char *rules)
{
	return error_of_text(text_of(rules));
}

struct policy_facts facts_of(enum policy_event event)
{
	return (struct policy_facts){ .event = event,
		.endpoint = "urn:dev:1",
		.listener = "0.0.0.0:5684",
		.awake = true,
		.registered = true,
		.upstream_up = true };
}
