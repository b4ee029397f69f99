/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/terms.h"

#include "conf/date.h"
#include "conf/labels.h"
#include "conf/purpose.h"

#include <string.h>

_Static_assert((int)CTL_LABELS_MAX + 1 == (int)CONF_LABELS_TEXT, "all labels fit");

const char *ctl_terms_labels(struct ctl_cred *c, const char *text)
{
	struct conf_labels l;
	const char *const why = conf_labels_read(text, &l);
	if (why != NULL)
		return why;
	c->says_labels = true;
	(void)conf_labels_text(&l, c->labels);
	return NULL;
}

const char *ctl_terms_until(struct ctl_cred *c, const char *text)
{
	c->says_until = true;
	return conf_date_read(text[0] == '\0' ? "never" : text, &c->until_ms);
}

const char *ctl_terms_overlap(struct ctl_cred *c, const char *text)
{
	c->says_overlap = text[0] != '\0';
	return c->says_overlap ? conf_span_read(text, &c->overlap_s) : NULL;
}

const char *ctl_terms_purpose(struct ctl_cred *c, const char *text)
{
	enum conf_purpose p = CONF_FOR_ANY;
	const char *const why = text[0] == '\0' ? NULL : conf_purpose_read(text, &p);
	c->purpose = (enum ctl_purpose)(1 + (int)p);
	return why;
}

const char *ctl_terms_repository(struct ctl_cred *c, const char *text)
{
	static const char *const yes[] = { "1", "yes", "true" }, *const no[] = { "", "0", "no",
		"false" };
	c->says_repository = true;
	for (size_t i = 0; i < COUNT_OF(yes); i++) {
		c->repository = strcmp(text, yes[i]) == 0;
		if (c->repository)
			return NULL;
	}
	for (size_t i = 0; i < COUNT_OF(no); i++) {
		if (strcmp(text, no[i]) == 0)
			return NULL;
	}
	return "is neither true nor false; write one of them";
}
