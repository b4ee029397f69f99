/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include "base/secret.h"
#include "doctor/lines.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct doctor *doctor_new(const char *file, const char *socket)
{
	struct doctor *const d = secret_new(sizeof(*d));
	if (d != NULL) {
		d->file = file;
		d->socket = socket;
	}
	return d;
}

void doctor_free(struct doctor *d)
{
	if (d == NULL)
		return;
	if (d->has_conf)
		conf_free(&d->conf);
	doctor_lines_free(d->lines);
	secret_free(d, sizeof(*d));
}

/* --- findings --------------------------------------------------------------------------------- */

static struct doctor_finding *next(struct doctor *d, const char *id, enum doctor_severity severity)
{
	if (d->len == DOCTOR_FINDINGS) {
		struct doctor_finding *const last = &d->findings[DOCTOR_FINDINGS - 1];
		*last = (struct doctor_finding){ .id = "more", .severity = DOCTOR_PROBLEM };
		(void)snprintf(last->seen, sizeof(last->seen), "there is more to be found");
		(void)snprintf(last->remedy, sizeof(last->remedy), "mend these, and look again");
		last->why = "";
		return NULL;
	}
	struct doctor_finding *const f = &d->findings[d->len++];
	*f = (struct doctor_finding){ .id = id, .severity = severity, .why = "" };
	return f;
}

static void place(const struct doctor *d, struct doctor_finding *f, const char *setting)
{
	if (setting == NULL)
		return;
	(void)snprintf(f->file, sizeof(f->file), "%s", d->file);
	f->line = doctor_line(d->lines, setting);
}

void doctor_say(
	struct doctor *d, const struct doctor_kind *k, const char *remedy, const char *form, ...)
{
	char seen[DOCTOR_SEEN_MAX];
	va_list args;
	va_start(args, form);
	(void)vsnprintf(seen, sizeof(seen), form, args);
	va_end(args);
	struct doctor_finding *const f = next(d, k->id, k->severity);
	if (f == NULL)
		return;
	memcpy(f->seen, seen, sizeof(f->seen));
	(void)snprintf(f->remedy, sizeof(f->remedy), "%s", remedy);
	f->why = k->why;
	place(d, f, k->setting);
}

void doctor_good(struct doctor *d, const char *id, const char *form, ...)
{
	char seen[DOCTOR_SEEN_MAX];
	va_list args;
	va_start(args, form);
	(void)vsnprintf(seen, sizeof(seen), form, args);
	va_end(args);
	struct doctor_finding *const f = next(d, id, DOCTOR_OK);
	if (f != NULL)
		memcpy(f->seen, seen, sizeof(f->seen));
}

/* "FILE:LINE: " in front: how long it is; 0: it is not there. */
static size_t read_place(const char *text, struct doctor_finding *f)
{
	const char *const end = strstr(text, ": ");
	const char *digits = end;
	if (end == NULL)
		return 0;
	while (digits > text && isdigit((unsigned char)digits[-1]))
		digits--;
	if (digits == end || digits == text || digits[-1] != ':' ||
		(size_t)(digits - text) > sizeof(f->file))
		return 0;
	(void)snprintf(f->file, sizeof(f->file), "%.*s", (int)(digits - 1 - text), text);
	f->line = (unsigned)strtoul(digits, NULL, 10);
	return (size_t)(end + 2 - text);
}

void doctor_say_error(struct doctor *d, const struct doctor_kind *k, const char *text)
{
	struct doctor_finding *const f = next(d, k->id, k->severity);
	if (f == NULL)
		return;
	place(d, f, k->setting);
	text += read_place(text, f);
	const char *remedy = NULL;
	for (const char *at = strstr(text, "; "); at != NULL; at = strstr(at + 1, "; "))
		remedy = at;
	(void)snprintf(f->seen, sizeof(f->seen), "%.*s",
		remedy == NULL ? (int)strlen(text) : (int)(remedy - text), text);
	if (remedy != NULL)
		(void)snprintf(f->remedy, sizeof(f->remedy), "%s", remedy + 2);
	f->why = k->why;
}

const char *doctor_date(int64_t s, char out[DOCTOR_DATE_MAX])
{
	const time_t t = (time_t)s;
	struct tm parts;
	if (gmtime_r(&t, &parts) == NULL ||
		strftime(out, DOCTOR_DATE_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		out[0] = '\0';
	return out;
}

size_t doctor_count(const struct doctor *d, enum doctor_severity severity)
{
	size_t n = 0;
	for (size_t i = 0; i < d->len; i++)
		n += d->findings[i].severity == severity;
	return n;
}

/* --- all of it -------------------------------------------------------------------------------- */

void doctor_run(struct doctor *d)
{
	static void (*const checks[])(struct doctor * d) = {
		doctor_check_keys,
		doctor_check_user,
		doctor_check_modes,
		doctor_check_folders,
		doctor_check_certificates,
		doctor_check_store,
		doctor_check_disk,
		doctor_check_ports,
		doctor_check_limits,
		doctor_check_upstreams,
		doctor_check_bridge,
	};
	doctor_check_configuration(d);
	doctor_check_running(d);
	doctor_check_clock(d);
	doctor_check_kernel(d);
	doctor_check_openssl(d);
	for (size_t i = 0; i < COUNT_OF(checks) && d->has_conf; i++)
		checks[i](d);
}
