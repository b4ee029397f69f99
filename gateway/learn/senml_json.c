/* SPDX-License-Identifier: Apache-2.0 */
/* SenML in JSON: an array of objects (RFC 8428 5). */
#include "base/wipe.h"
#include "learn/json.h"
#include "learn/read.h"

#include <string.h>

static void take_text(struct learn_json *j, struct learn_value *v)
{
	learn_json_string(j, v->text.octets, sizeof(v->text.octets), &v->text.len);
	v->kind = LEARN_TEXT;
	if (v->text.len > sizeof(v->text.octets)) {
		v->kind = LEARN_OTHER; /* of no interest, or refused when it is put */
		v->text.len = 0;
	}
}

/* Octets in base64 are a third longer than they are. */
static void take_octets(struct learn_json *j, struct learn_value *v)
{
	uint8_t text[LEARN_OCTETS_MAX / 3 * 4 + 4];
	size_t len;
	learn_json_string(j, text, sizeof(text), &len);
	v->kind = LEARN_OCTETS;
	if (len > sizeof(text))
		v->kind = LEARN_OTHER;
	else if (!learn_base64(text, len, v->text.octets, sizeof(v->text.octets), &v->text.len))
		j->bad = true;
	wipe(text, sizeof(text));
}

/* False: it is no value. */
static bool take_value(struct learn_json *j, const char *label, struct learn_value *v)
{
	const bool known = strcmp(label, "v") == 0 || strcmp(label, "vs") == 0 ||
			   strcmp(label, "vb") == 0 || strcmp(label, "vd") == 0 ||
			   strcmp(label, "vlo") == 0;
	if (!known)
		return false;
	j->bad |= v->kind != LEARN_NOTHING; /* there is one */
	if (strcmp(label, "v") == 0) {
		learn_json_number(j, v);
	} else if (strcmp(label, "vs") == 0) {
		take_text(j, v);
	} else if (strcmp(label, "vb") == 0) {
		learn_json_boolean(j, v);
	} else if (strcmp(label, "vd") == 0) {
		take_octets(j, v);
	} else {
		v->kind = LEARN_OTHER;
		learn_json_pass(j, 0);
	}
	return true;
}

static bool is_one_of(const char *label, const char *const *labels)
{
	for (; *labels; labels++) {
		if (strcmp(label, *labels) == 0)
			return true;
	}
	return false;
}

static void take_member(struct learn_json *j, struct learn_record *record)
{
	/* Sums and base values: a resource has none. What ends in "_" must be understood. */
	static const char *const refused[] = { "s", "bs", "bv", NULL };
	char label[LEARN_LABEL + 1];
	learn_json_name(j, label, sizeof(label));
	learn_json_need(j, ':');
	if (j->bad || take_value(j, label, &record->value))
		return;
	const size_t len = strlen(label);
	if (strcmp(label, "bn") == 0)
		learn_json_name(j, record->base, sizeof(record->base));
	else if (strcmp(label, "n") == 0)
		learn_json_name(j, record->name, sizeof(record->name));
	else if (len == 0 || label[len - 1] == '_' || is_one_of(label, refused))
		j->bad = true;
	else
		learn_json_pass(j, 0);
}

static void take_record(struct learn_json *j, struct learn_record *record)
{
	bool first = true;
	record->name[0] = '\0';
	record->value.kind = LEARN_NOTHING;
	learn_json_need(j, '{');
	while (learn_json_more(j, &first, '}'))
		take_member(j, record);
}

bool learn_read_senml_json(const struct learn_write *w, struct learn_object *out)
{
	struct learn_json j = { w->content, w->len, false };
	struct learn_record record = { .base = "" };
	bool first = true;
	size_t done = 0;
	learn_json_need(&j, '[');
	while (learn_json_more(&j, &first, ']')) {
		take_record(&j, &record);
		j.bad |= ++done > LEARN_RECORDS || j.bad || !learn_record_put(w, &record, out);
	}
	wipe(&record, sizeof(record));
	return learn_json_end(&j);
}
