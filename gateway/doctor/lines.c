/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lines.h"

#include "conf/mask.h"
#include "conf/text.h"
#include "conf/tree.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTING_MAX = 128 };

struct doctor_lines {
	config_t tree;
};

struct doctor_lines *doctor_lines_new(const char *file)
{
	struct conf_text text = { 0 };
	struct conf_error unsaid;
	struct doctor_lines *l = NULL;
	if (!conf_text_read(file, false, &text, &unsaid))
		return NULL;
	if (conf_mask(text.data, NULL, file, NULL, &unsaid))
		l = calloc(1, sizeof(*l));
	if (l != NULL && !conf_tree_read(&l->tree, text.data, file, &unsaid)) {
		doctor_lines_free(l);
		l = NULL;
	}
	conf_text_free(&text);
	return l;
}

void doctor_lines_free(struct doctor_lines *l)
{
	if (l == NULL)
		return;
	config_destroy(&l->tree);
	free(l);
}

unsigned doctor_line(const struct doctor_lines *l, const char *setting)
{
	char path[SETTING_MAX];
	if (l == NULL || setting == NULL)
		return 0;
	(void)snprintf(path, sizeof(path), "%s", setting);
	for (;;) {
		const config_setting_t *const s = config_lookup(&l->tree, path);
		if (s != NULL)
			return config_setting_source_line(s);
		char *const dot = strrchr(path, '.');
		if (dot == NULL)
			return 0;
		*dot = '\0';
	}
}
