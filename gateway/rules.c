/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/rules.h"

#include "conf/fail.h"
#include "conf/text.h"
#include "policy/load.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char built_in[] = "built in";

/* A new key or certificate of the gateway's own ends nothing by itself: devices
   meet it with their next handshake. */
static const char built_in_text[] =
	"# What lwgated does without policy.file. See lwgate-policy(5).\n"
	"policy = {\n"
	"\trules = (\n"
	"\t\t{\n"
	"\t\t\tname = \"withdrawn\";\n"
	"\t\t\tevents = [ \"credential-revoked\", \"credential-expired\",\n"
	"\t\t\t\t\"certificate-revoked\", \"anchor-removed\" ];\n"
	"\t\t\tdevice = \"teardown\";\n"
	"\t\t\tupstream = \"teardown\";\n"
	"\t\t\treason = \"what it was believed by is good no more\";\n"
	"\t\t},\n"
	"\t\t{\n"
	"\t\t\tname = \"replaced\";\n"
	"\t\t\tevents = [ \"credential-replaced\" ];\n"
	"\t\t\tdevice = { action = \"drain\"; within_s = 86400; };\n"
	"\t\t\tupstream = { action = \"drain\"; within_s = 86400; };\n"
	"\t\t\treason = \"another credential is in its place\";\n"
	"\t\t},\n"
	"\t\t{\n"
	"\t\t\tname = \"mapping\";\n"
	"\t\t\tevents = [ \"mapping-changed\" ];\n"
	"\t\t\tdevice = \"keep\";\n"
	"\t\t\tupstream = { action = \"drain\"; within_s = 86400; };\n"
	"\t\t\treason = \"the server is to be told anew who this is\";\n"
	"\t\t},\n"
	"\t\t{\n"
	"\t\t\tname = \"server\";\n"
	"\t\t\tevents = [ \"server-distrusted\" ];\n"
	"\t\t\tdevice = \"keep\";\n"
	"\t\t\tupstream = \"teardown\";\n"
	"\t\t\treason = \"the server is trusted no more by what it has shown\";\n"
	"\t\t}\n"
	"\t);\n"
	"\tdefault = {\n"
	"\t\tdevice = \"keep\";\n"
	"\t\tupstream = \"keep\";\n"
	"\t\treason = \"nothing that ends a session\";\n"
	"\t};\n"
	"};\n";

struct gw_rules {
	atomic_uint refs;
	struct policy *policy;
	char *text, *name;
	size_t len;
};

/* What the file says and what is in force are of one reading. */
static bool take(struct gw_rules *r, const char *text, size_t len, const char *name,
	struct conf_error *error)
{
	r->len = len;
	r->name = strdup(name);
	r->text = strndup(text, len);
	if (!r->name || !r->text)
		return conf_fail(error, name, 0, "no memory; free some");
	r->policy = policy_parse(r->text, r->name, error);
	return r->policy != NULL;
}

static bool take_file(struct gw_rules *r, const char *file, struct conf_error *error)
{
	struct conf_text text = { 0 };
	if (!conf_text_read(file, false, &text, error))
		return false;
	/* The newline at the end is not the file's. */
	const bool good = take(r, text.data, text.len - 1, file, error);
	conf_text_free(&text);
	return good;
}

struct gw_rules *gw_rules_new(const char *file, struct conf_error *error)
{
	struct gw_rules *const r = calloc(1, sizeof(*r));
	if (!r) {
		(void)conf_fail(error, file ? file : built_in, 0, "no memory; free some");
		return NULL;
	}
	atomic_init(&r->refs, 1);
	if (file ? take_file(r, file, error)
		 : take(r, built_in_text, sizeof(built_in_text) - 1, built_in, error))
		return r;
	gw_rules_unref(r);
	return NULL;
}

struct gw_rules *gw_rules_ref(struct gw_rules *r)
{
	(void)atomic_fetch_add(&r->refs, 1);
	return r;
}

void gw_rules_unref(struct gw_rules *r)
{
	if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	if (r->policy)
		policy_free(r->policy);
	free(r->text);
	free(r->name);
	free(r);
}

const struct policy *gw_rules_policy(const struct gw_rules *r)
{
	return r->policy;
}

const char *gw_rules_text(const struct gw_rules *r, size_t *len)
{
	*len = r->len;
	return r->text;
}

const char *gw_rules_name(const struct gw_rules *r)
{
	return r->name;
}
