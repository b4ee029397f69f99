/* SPDX-License-Identifier: Apache-2.0 */
/* LwM2M's own JSON of 1.0: {"bn":"/0/1/","e":[{"n":"2","v":0}, ...]}. Octets are a string in
   base64, as texts are strings: their resource tells (1.0.2, 6.4.4). */
#include "base/wipe.h"
#include "learn/json.h"
#include "learn/read.h"

#include <stdio.h>
#include <string.h>

/* What is not base64 of at most LEARN_OCTETS_MAX is text; so its room is a value's, and a value's
   octets are decoded when it is put. */
static void take_string(struct learn_json *j, struct learn_value *v)
{
	uint8_t text[LEARN_OCTETS_MAX / 3 * 4 + 4];
	size_t len;
	learn_json_string(j, text, sizeof(text), &len);
	v->kind = LEARN_OTHER;
	v->text.len = 0;
	if (len <= sizeof(v->text.octets)) {
		v->kind = LEARN_BASE64;
		v->text.len = len;
		memcpy(v->text.octets, text, len);
	} else if (len <= sizeof(text) &&
		   learn_base64(text, len, v->text.octets, sizeof(v->text.octets), &v->text.len)) {
		v->kind = LEARN_OCTETS; /* longer than any text here */
	}
	wipe(text, sizeof(text));
}

static void take_member(struct learn_json *j, struct learn_record *record)
{
	struct learn_value *const v = &record->value;
	char label[LEARN_LABEL + 1];
	learn_json_name(j, label, sizeof(label));
	learn_json_need(j, ':');
	if (j->bad)
		return;
	if (strcmp(label, "n") == 0) {
		learn_json_name(j, record->name, sizeof(record->name));
		return;
	}
	if (strcmp(label, "t") == 0) {
		learn_json_pass(j, 0);
		return;
	}
	j->bad |= v->kind != LEARN_NOTHING; /* there is one */
	if (strcmp(label, "v") == 0) {
		learn_json_number(j, v);
	} else if (strcmp(label, "sv") == 0) {
		take_string(j, v);
	} else if (strcmp(label, "bv") == 0) {
		learn_json_boolean(j, v);
	} else if (strcmp(label, "ov") == 0) {
		v->kind = LEARN_OTHER;
		learn_json_pass(j, 0);
	} else {
		j->bad = true;
	}
}

static void take_entries(const struct learn_write *w, struct learn_json *j,
	struct learn_record *record, struct learn_object *out)
{
	bool first = true;
	size_t done = 0;
	learn_json_need(j, '[');
	while (learn_json_more(j, &first, ']')) {
		bool inner = true;
		record->name[0] = '\0';
		record->value.kind = LEARN_NOTHING;
		learn_json_need(j, '{');
		while (learn_json_more(j, &inner, '}'))
			take_member(j, record);
		j->bad |= ++done > LEARN_RECORDS || j->bad || !learn_record_put(w, record, out);
	}
}

/* Once for the base name, which may stand behind the entries; once for these. */
static bool pass(const struct learn_write *w, struct learn_record *record, struct learn_object *out)
{
	struct learn_json j = { w->content, w->len, false };
	bool first = true, based = false, entries = false;
	char label[LEARN_LABEL + 1];
	learn_json_need(&j, '{');
	while (learn_json_more(&j, &first, '}')) {
		learn_json_name(&j, label, sizeof(label));
		learn_json_need(&j, ':');
		if (j.bad)
			break;
		if (strcmp(label, "bn") == 0) {
			j.bad |= based;
			based = true;
			learn_json_name(&j, record->base, sizeof(record->base));
		} else if (strcmp(label, "e") == 0) {
			j.bad |= entries;
			entries = true;
			if (out)
				take_entries(w, &j, record, out);
			else
				learn_json_pass(&j, 0);
		} else {
			learn_json_pass(&j, 0);
		}
	}
	return learn_json_end(&j) && entries;
}

/* Without a base name, names are behind the path that was written to. */
static void base_of(const struct learn_path *p, char out[LEARN_LABEL + 1])
{
	const size_t cap = LEARN_LABEL + 1;
	if (p->instance == LEARN_NONE)
		(void)snprintf(out, cap, "/0/");
	else if (p->resource == LEARN_NONE)
		(void)snprintf(out, cap, "/0/%u/", (unsigned)p->instance);
	else
		(void)snprintf(out, cap, "/0/%u/%u", (unsigned)p->instance, (unsigned)p->resource);
}

bool learn_read_lwm2m_json(const struct learn_write *w, struct learn_object *out)
{
	struct learn_record record = { .name = "" };
	base_of(&w->path, record.base);
	const bool ok = pass(w, &record, NULL) && pass(w, &record, out);
	wipe(&record, sizeof(record));
	return ok;
}
