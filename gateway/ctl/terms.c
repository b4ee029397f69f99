/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/terms.h"

#include "conf/date.h"
#include "conf/labels.h"

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
