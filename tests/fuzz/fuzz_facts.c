/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/facts.h"
#include "ctl/out.h"
#include "ctl/show_policy.h"
#include "ctl/what_if.h"
#include "policy/diff.h"
#include "policy/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rules[] =
	"policy = { rules = ("
	"{ name = \"a\"; events = \"age\"; age_at_least_s = 1000; device = \"teardown\"; upstream "
	"= "
	"\"teardown\"; },"
	"{ name = \"b\"; events = [ \"forged\", \"records\" ]; forged_at_least = 10; any_label = [ "
	"\"x\", \"y\" ]; device = \"teardown\"; upstream = \"teardown\"; },"
	"{ name = \"c\"; events = \"any\"; endpoint = \"*a*\"; without_label = \"z\"; device = "
	"\"teardown\"; upstream = \"teardown\"; }"
	"); default = { device = \"keep\"; upstream = \"keep\"; }; };";

/* As many facts as a decision is made of: each of every event, told in both forms. */
static void ask(const struct policy *p, const struct ctl_facts *f)
{
	const struct ctl_rules r = { .name = "fuzz", .policy = p };
	struct policy_diff *d = policy_diff_new(p, p, 1);
	struct ctl_out o = { 0 };
	struct policy_facts asked;
	if (d == NULL)
		abort();
	ctl_what_if_now(d, &f->facts);
	ctl_what_if_later(d, p, p, &f->facts);
	if (policy_diff_changed(d) != 0)
		abort();
	policy_diff_free(d);
	for (size_t e = 0; e < POLICY_EVENTS; e++) {
		if (ctl_what_if(&f->facts, (enum policy_event)e, &asked) != NULL)
			continue;
		ctl_show_explained(&o, CTL_TEXT, &r, &asked, &f->rest);
		ctl_show_explained(&o, CTL_JSON, &r, &asked, &f->rest);
	}
	for (size_t i = 0; i < o.len; i++) {
		const unsigned char c = (unsigned char)o.data[i];
		if (c == 0x7f || (c < 0x20 && c != '\n'))
			abort();
	}
	ctl_out_fini(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_from(data, size);
	struct conf_error error;
	struct ctl_facts *f = malloc(sizeof(*f));
	static struct policy *p; /* the same for all inputs */
	struct ctl_out o = { 0 };
	if (p == NULL)
		p = policy_parse(rules, "fuzz", &error);
	if (p == NULL || f == NULL)
		abort();
	while (r.left > 0) {
		const uint8_t *const at = r.at;
		if (!ctl_facts_read(&r, f))
			break;
		const size_t len = (size_t)(r.at - at);
		o.len = 0;
		ctl_facts_put(&o, &f->facts, &f->rest);
		if (len > CTL_FACTS_MAX || o.len != len || memcmp(o.data, at, len) != 0)
			abort();
		ask(p, f);
	}
	ctl_out_fini(&o);
	free(f);
	return 0;
}
