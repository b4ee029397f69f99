/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/load.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/tree.h"
#include "policy/cover.h"
#include "policy/parts.h"
#include "policy/read.h"
#include "policy/rule.h"

static const char default_name[] = "default";

struct making {
	struct policy *p;
	bool covered; /* look at what the rules cover */
};

static bool plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

static bool take_name(
	struct policy_reader *r, const struct policy_value *v, struct policy *p, size_t number)
{
	struct policy_then *t = &p->then[number];
	for (const char *c = v->text; *c != '\0'; c++) {
		if (!plain(*c))
			return policy_fail(r, v->line,
				"name: has a character that is none of a-z, A-Z, 0-9, '.', '_' and "
				"'-'; leave it out");
	}
	if (strcmp(v->text, default_name) == 0)
		return policy_fail(r, v->line,
			"name: \"default\" is what decides where no rule does; use another");
	for (size_t i = 0; i < number; i++) {
		if (strcmp(p->then[i].name, v->text) == 0)
			return policy_fail(r, v->line,
				"name: the rule of line %u has it too; use another",
				p->then[i].line);
	}
	memcpy(t->name, v->text, strlen(v->text) + 1);
	return true;
}

/* As errors call it: by its name if it has one, else by its place. */
static void call_rule(struct policy_reader *r, const config_setting_t *s, size_t number)
{
	const char *name = NULL;
	char place[32];
	(void)snprintf(place, sizeof(place), "rule %zu", number + 1);
	if (config_setting_lookup_string(s, policy_rows[PKEY_NAME].name, &name) == CONFIG_TRUE)
		policy_reader_at(r, "rule", name);
	else
		policy_reader_at(r, place, "");
}

static bool take_rule(
	struct policy_reader *r, const struct policy_value *rules, size_t number, struct policy *p)
{
	struct policy_value values[PKEYS];
	unsigned line = 0;
	const config_setting_t *s = policy_list_at(rules, number, &line);
	if (!config_setting_is_group(s))
		return policy_fail(r, line, "rules: member %zu is %s; write a group { }",
			number + 1, conf_tree_type(s));
	call_rule(r, s, number);
	p->then[number].line = line;
	return policy_read_group(r, s, IN_RULE, values) &&
	       take_name(r, &values[PKEY_NAME], p, number) &&
	       policy_rule_when(r, values, p, number) && policy_rule_then(r, values, p, number);
}

static bool take_default(struct policy_reader *r, const struct policy_value *v, struct policy *p)
{
	struct policy_value values[PKEYS];
	struct policy_then *t = &p->then[p->rules_len];
	policy_reader_at(r, default_name, "");
	t->line = v->line;
	memcpy(t->name, default_name, sizeof(default_name));
	return policy_read_group(r, v->node, IN_DEFAULT, values) &&
	       policy_rule_then(r, values, p, p->rules_len);
}

static bool take_policy(struct policy_reader *r, const config_setting_t *node, void *context)
{
	const struct making *m = context;
	struct policy_value values[PKEYS];
	policy_reader_at(r, "policy", "");
	if (!policy_read_group(r, node, IN_POLICY, values))
		return false;
	const struct policy_value *rules = &values[PKEY_RULES];
	const size_t len = policy_list_len(rules);
	if (len > POLICY_RULES_MAX)
		return policy_fail(r, rules->line, "rules: has %zu members; use at most %d", len,
			POLICY_RULES_MAX);
	m->p->rules_len = len;
	for (size_t i = 0; i < len; i++) {
		if (!take_rule(r, rules, i, m->p))
			return false;
	}
	return take_default(r, &values[PKEY_DEFAULT], m->p) &&
	       (!m->covered || policy_cover_check(r, m->p));
}

/* text NULL: the file is read. */
static struct policy *make(
	const char *text, const char *name, bool covered, struct conf_error *error)
{
	struct policy_reader r = { .name = name, .error = error };
	struct making m = { calloc(1, sizeof(struct policy)), covered };
	const struct policy_root root = { .name = "policy",
		.example = "policy = { rules = ( ); default = { device = \"keep\"; upstream = "
			   "\"keep\"; }; };",
		.read = take_policy,
		.context = &m };
	if (m.p == NULL) {
		(void)policy_fail(&r, 0, "no memory; free some");
		return NULL;
	}
	if (text == NULL ? policy_read_file(name, &root, error)
			 : policy_read_text(text, name, &root, error))
		return m.p;
	policy_free(m.p);
	return NULL;
}

struct policy *policy_load(const char *file, struct conf_error *error)
{
	return make(NULL, file, true, error);
}

struct policy *policy_parse(const char *text, const char *name, struct conf_error *error)
{
	return make(text, name, true, error);
}

struct policy *policy_parse_uncovered(const char *text, const char *name, struct conf_error *error)
{
	return make(text, name, false, error);
}
