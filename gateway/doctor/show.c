/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as people and as programs read them. */
#include "doctor/doctor.h"

#include "ctl/json.h"

#include <stdio.h>

static const char *const words[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_ADVICE] = "advice",
	[DOCTOR_PROBLEM] = "problem",
};

enum { WORD_WIDTH = 9, ID_WIDTH = 15 };

static void text_one(const struct doctor_finding *f, struct ctl_out *out)
{
	ctl_out_column(out, words[f->severity], WORD_WIDTH);
	ctl_out_column(out, f->id, ID_WIDTH);
	if (f->file[0] != '\0') {
		ctl_out_clean(out, f->file);
		if (f->line > 0)
			ctl_out_form(out, ":%u", f->line);
		ctl_out_text(out, ": ");
	}
	ctl_out_clean(out, f->seen);
	ctl_out_text(out, "\n");
	if (f->why[0] != '\0')
		ctl_out_form(out, "%*swhy:    %s\n", WORD_WIDTH, "", f->why);
	if (f->remedy[0] != '\0') {
		ctl_out_form(out, "%*sremedy: ", WORD_WIDTH, "");
		ctl_out_clean(out, f->remedy);
		ctl_out_text(out, "\n");
	}
}

void doctor_text(const struct doctor *d, struct ctl_out *out)
{
	for (size_t i = 0; i < d->len; i++)
		text_one(&d->findings[i], out);
	ctl_out_form(out, "problems: %zu, advice: %zu, well: %zu\n",
		doctor_count(d, DOCTOR_PROBLEM), doctor_count(d, DOCTOR_ADVICE),
		doctor_count(d, DOCTOR_OK));
}

static void json_one(const struct doctor_finding *f, struct ctl_json *j)
{
	ctl_json_begin(j, '{');
	ctl_json_pair(j, "id", f->id);
	ctl_json_pair(j, "severity", words[f->severity]);
	ctl_json_pair(j, "file", f->file);
	ctl_json_key(j, "line");
	if (f->line > 0)
		ctl_json_number(j, f->line);
	else
		ctl_json_null(j);
	ctl_json_pair(j, "seen", f->seen);
	ctl_json_pair(j, "why", f->why);
	ctl_json_pair(j, "remedy", f->remedy);
	ctl_json_end(j, '}');
}

void doctor_json(const struct doctor *d, struct ctl_out *out)
{
	struct ctl_json j = { .out = out };
	ctl_json_begin(&j, '{');
	ctl_json_key(&j, "findings");
	ctl_json_begin(&j, '[');
	for (size_t i = 0; i < d->len; i++)
		json_one(&d->findings[i], &j);
	ctl_json_end(&j, ']');
	ctl_json_key(&j, "problems");
	ctl_json_number(&j, doctor_count(d, DOCTOR_PROBLEM));
	ctl_json_key(&j, "advice");
	ctl_json_number(&j, doctor_count(d, DOCTOR_ADVICE));
	ctl_json_end(&j, '}');
	ctl_out_text(out, "\n");
}
