/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"
#include "policy/cover.h"
#include "policy/expect.h"
#include "policy/load.h"
#include "policy/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-*,readability-identifier-naming): a tool's */
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses the text at hand when it finds a syntax error. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-*,readability-identifier-naming): a tool's */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

static void check_error(const struct conf_error *e)
{
	if (strncmp(e->text, "fuzz:", 5) != 0 || strchr(e->text, '\n') != NULL)
		abort();
}

/* Every rule that is shown to be reached is; and none that is not was let in. */
static void check_rules(const struct policy *p)
{
	struct policy_cover *c = malloc(sizeof(*c));
	char why[64];
	for (size_t i = 0; c != NULL && i < policy_rules(p); i++) {
		policy_cover_rule(p, i, c);
		if (c->reach == POLICY_UNREACHED || c->reach == POLICY_NEVER)
			abort();
		if (c->reach != POLICY_REACHED)
			continue;
		if (policy_decide(p, &c->facts).number != i ||
			policy_impossible(&c->facts) != NULL ||
			policy_why_not(p, i, &c->facts, why, sizeof(why)))
			abort();
	}
	free(c);
}

/* The same text again is the same policy. */
static void check_policy(const char *text)
{
	struct conf_error e = { { 0 } };
	struct policy *p = policy_parse(text, "fuzz", &e);
	if (p == NULL) {
		check_error(&e);
		return;
	}
	struct policy *again = policy_parse(text, "fuzz", &e);
	if (again == NULL || !policy_same(p, again))
		abort();
	check_rules(p);
	policy_free(again);
	policy_free(p);
}

static void check_table(const char *text)
{
	static const char with[] =
		"policy = { rules = ( ); default = { device = \"keep\"; upstream = "
		"\"keep\"; }; };";
	struct conf_error e = { { 0 } };
	char line[256];
	struct policy_expect *t = policy_expect_parse(text, "fuzz", &e);
	if (t == NULL) {
		check_error(&e);
		return;
	}
	struct policy *p = policy_parse(with, "with", &e);
	if (p == NULL)
		abort();
	for (size_t i = 0; i < policy_expect_len(t); i++) {
		(void)policy_expect_run(t, i, p, line, sizeof(line));
		if (strchr(line, '\n') != NULL)
			abort();
	}
	policy_free(p);
	policy_expect_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	check_policy(text);
	check_table(text);
	free(text);
	return 0;
}
