/* SPDX-License-Identifier: Apache-2.0 */
/* What lwgatectl says by itself: for people on the standard error, for programs as an object on the
   standard output, where they look for the answer. */
#include "ctl/cli.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "ctl/json.h"

enum { SENTENCE_MAX = 1024 };

/* A program speaks in one form, and errors come from where nobody knows of it. */
static _Atomic(enum ctl_form) spoken = CTL_TEXT;

void cli_speak(enum ctl_form form)
{
	atomic_store(&spoken, form);
}

static void put_object(const char *key, const char *sentence, const char *remedy)
{
	struct ctl_out o = { 0 };
	struct ctl_json j = { .out = &o };
	ctl_json_begin(&j, '{');
	ctl_json_key(&j, key);
	ctl_json_text(&j, sentence);
	if (remedy != NULL) {
		ctl_json_key(&j, "remedy");
		ctl_json_text(&j, remedy);
	}
	ctl_json_end(&j, '}');
	ctl_out_text(&o, "\n");
	(void)!cli_put(&o); /* there is nobody else to tell */
	ctl_out_fini(&o);
}

int cli_complain(int status, const char *remedy, const char *form, ...)
{
	char sentence[SENTENCE_MAX];
	va_list args;
	va_start(args, form);
	(void)vsnprintf(sentence, sizeof(sentence), form, args);
	va_end(args);
	if (atomic_load(&spoken) == CTL_JSON)
		put_object("error", sentence, remedy);
	else
		(void)fprintf(stderr, "lwgatectl: %s%s%s\n", sentence, remedy == NULL ? "" : "; ",
			remedy == NULL ? "" : remedy);
	return status;
}

void cli_tell(const char *form, ...)
{
	char sentence[SENTENCE_MAX];
	va_list args;
	va_start(args, form);
	(void)vsnprintf(sentence, sizeof(sentence), form, args);
	va_end(args);
	if (atomic_load(&spoken) == CTL_JSON)
		put_object("done", sentence, NULL);
	else
		(void)fprintf(stderr, "lwgatectl: %s\n", sentence);
}
