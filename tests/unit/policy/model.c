/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suite.h"

static const char *const labels[MODEL_LABELS] = { "alpha", "beta", "gamma", "delta" };
static const char *const listeners[MODEL_LISTENERS] = { "0.0.0.0:5684", "[::]:5684" };
static const char *const numbers[MODEL_NUMBERS] = { "age", "idle", "asleep", "records", "forged",
	"exchanges", "generation" };
static const bool seconds[MODEL_NUMBERS] = { true, true, true };

/* splitmix64 */
uint64_t model_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static size_t below(uint64_t *random, size_t n)
{
	return (size_t)(model_random(random) % n);
}

static bool one_in(uint64_t *random, size_t n)
{
	return below(random, n) == 0;
}

static uint32_t some_of(uint64_t *random, size_t n)
{
	const uint32_t set = (uint32_t)model_random(random) & ((1U << n) - 1);
	return set == 0 ? 1U << below(random, n) : set;
}

/* --- making ----------------------------------------------------------------------------------- */

static void make_pattern(char out[8], uint64_t *random)
{
	static const char letters[] = "aabb*?";
	const size_t len = 1 + below(random, 4);
	for (size_t i = 0; i < len; i++)
		out[i] = letters[below(random, sizeof(letters) - 1)];
	out[len] = '\0';
}

static void make_patterns(struct model_rule *r, uint64_t *random)
{
	r->patterns_len = below(random, MODEL_PATTERNS + 1);
	for (size_t i = 0; i < r->patterns_len; i++)
		make_pattern(r->patterns[i], random);
	/* The same one twice is an error of another test. */
	if (r->patterns_len == 2 && strcmp(r->patterns[0], r->patterns[1]) == 0)
		r->patterns_len = 1;
}

static void make_numbers(struct model_rule *r, uint64_t *random, enum model_world world)
{
	for (size_t i = 0; i < MODEL_NUMBERS; i++) {
		r->least[i] = 0;
		r->most[i] = UINT64_MAX;
		if (!one_in(random, 6) || (world == MODEL_FEW && i != 0 && i != 2) ||
			(world == MODEL_SETS && i != 0))
			continue;
		if (one_in(random, 2))
			r->least[i] = 1 + below(random, 2);
		if (one_in(random, 2))
			r->most[i] = r->least[i] + below(random, 2);
	}
}

static void make_labels(struct model_rule *r, uint64_t *random, enum model_world world)
{
	const size_t known = world == MODEL_FEW ? 3 : MODEL_LABELS;
	r->all = one_in(random, 3) ? some_of(random, known) : 0;
	r->without = one_in(random, 3) ? some_of(random, known) & ~r->all : 0;
	r->any = one_in(random, 3) ? some_of(random, known) & ~r->all & ~r->without : 0;
}

static int maybe(uint64_t *random)
{
	return one_in(random, 4) ? (int)below(random, 2) : -1;
}

static void make_rule(struct model_rule *r, uint64_t *random, enum model_world world)
{
	*r = (struct model_rule){ .awake = maybe(random), .registered = -1, .upstream_up = -1 };
	make_labels(r, random, world);
	make_numbers(r, random, world);
	r->events = 1U << POLICY_AGE;
	if (world == MODEL_SETS)
		return;
	r->events = some_of(random, world == MODEL_FEW ? 3 : POLICY_EVENTS);
	r->kinds = one_in(random, 3) ? some_of(random, POLICY_KINDS) : 0;
	r->channels = one_in(random, 3) ? some_of(random, POLICY_CHANNELS) : 0;
	r->registered = maybe(random);
	r->upstream_up = maybe(random);
	if (world == MODEL_FEW)
		return;
	r->suites = one_in(random, 4) ? some_of(random, SUITES) : 0;
	r->listeners = one_in(random, 4) ? some_of(random, MODEL_LISTENERS) : 0;
	if (world == MODEL_ALL)
		make_patterns(r, random);
}

void model_remake(struct model *m, size_t from, uint64_t *random, enum model_world world)
{
	for (size_t i = from; i < m->len; i++) {
		/* At times like the one before, or nearly: then there is something to cover. */
		if (i > 0 && one_in(random, 4)) {
			m->rules[i] = m->rules[i - 1];
			m->rules[i].all |= m->rules[i].any == 0 && m->rules[i].without == 0;
			m->rules[i].awake = maybe(random);
			continue;
		}
		make_rule(&m->rules[i], random, world);
	}
}

void model_make(struct model *m, uint64_t *random, enum model_world world)
{
	m->len = below(random, MODEL_RULES + 1);
	m->salt = model_random(random);
	model_remake(m, 0, random, world);
}

/* --- writing ---------------------------------------------------------------------------------- */

typedef const char *word_of(size_t number);

static const char *event_word(size_t n)
{
	return policy_event_word((enum policy_event)n);
}

static const char *kind_word(size_t n)
{
	return policy_kind_word((enum policy_kind)n);
}

static const char *channel_word(size_t n)
{
	return policy_channel_word((enum policy_channel)n);
}

static const char *suite_word(size_t n)
{
	return n < SUITES ? suites[n].name : "";
}

static const char *label_word(size_t n)
{
	return n < MODEL_LABELS ? labels[n] : "";
}

static const char *listener_word(size_t n)
{
	return n < MODEL_LISTENERS ? listeners[n] : "";
}

static void put_set(FILE *to, const char *key, uint32_t set, word_of *word)
{
	const char *comma = "";
	if (set == 0)
		return;
	(void)fprintf(to, "\t%s = [ ", key);
	for (size_t i = 0; i < 32; i++) {
		if ((set >> i & 1) == 0)
			continue;
		(void)fprintf(to, "%s\"%s\"", comma, word(i));
		comma = ", ";
	}
	(void)fputs(" ];\n", to);
}

static void put_either(FILE *to, const char *key, int value, const char *no, const char *yes)
{
	if (value >= 0)
		(void)fprintf(to, "\t%s = %s;\n", key, value != 0 ? yes : no);
}

static void put_rule(FILE *to, const struct model *m, size_t number)
{
	const struct model_rule *r = &m->rules[number];
	(void)fprintf(to, "{\n\tname = \"r%zu\";\n", number);
	put_set(to, "events", r->events, event_word);
	put_set(to, "kind", r->kinds, kind_word);
	put_set(to, "channel", r->channels, channel_word);
	put_set(to, "suite", r->suites, suite_word);
	put_set(to, "labels", r->all, label_word);
	put_set(to, "any_label", r->any, label_word);
	put_set(to, "without_label", r->without, label_word);
	put_set(to, "listener", r->listeners, listener_word);
	put_either(to, "state", r->awake, "\"asleep\"", "\"awake\"");
	put_either(to, "registered", r->registered, "false", "true");
	put_either(to, "upstream_state", r->upstream_up, "\"down\"", "\"up\"");
	for (size_t i = 0; i < r->patterns_len; i++)
		(void)fprintf(to, "%s\"%s\"%s", i == 0 ? "\tendpoint = [ " : ", ", r->patterns[i],
			i + 1 == r->patterns_len ? " ];\n" : "");
	for (size_t i = 0; i < MODEL_NUMBERS; i++) {
		const char *unit = seconds[i] ? "_s" : "";
		if (r->least[i] != 0)
			(void)fprintf(to, "\t%s_at_least%s = %" PRIu64 ";\n", numbers[i], unit,
				r->least[i]);
		if (r->most[i] != UINT64_MAX)
			(void)fprintf(to, "\t%s_at_most%s = %" PRIu64 ";\n", numbers[i], unit,
				r->most[i]);
	}
	const uint64_t mixed = m->salt ^ (number * UINT64_C(0x9e3779b97f4a7c15));
	(void)fprintf(to,
		"\tdevice = { action = \"keep\"; for_s = %" PRIu64
		"; };\n\tupstream = \"%s\";\n\talert = %s;\n}",
		1 + mixed % 1000, (mixed >> 20 & 1) != 0 ? "keep" : "teardown",
		(mixed >> 21 & 1) != 0 ? "true" : "false");
}

char *model_text(const struct model *m)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	if (to == NULL)
		abort();
	(void)fputs("policy = { rules = (\n", to);
	for (size_t i = 0; i < m->len; i++) {
		put_rule(to, m, i);
		(void)fputs(i + 1 < m->len ? ",\n" : "\n", to);
	}
	(void)fputs("); default = { device = \"keep\"; upstream = \"teardown\"; }; };\n", to);
	if (fclose(to) != 0)
		abort();
	return text;
}

/* --- facts ------------------------------------------------------------------------------------ */

static size_t value_of(uint32_t set, size_t n, uint64_t *random)
{
	size_t value = below(random, n);
	if (set != 0 && !one_in(random, 8)) {
		while ((set >> value & 1) == 0)
			value = (value + 1) % n;
	}
	return value;
}

static bool either(int wanted, uint64_t *random)
{
	return wanted >= 0 && !one_in(random, 8) ? wanted != 0 : one_in(random, 2);
}

static void set_labels(struct model_facts *out, uint32_t set)
{
	out->facts.labels_len = 0;
	/* Backwards: the order must not matter. */
	for (size_t i = MODEL_LABELS; i-- > 0;) {
		if ((set >> i & 1) != 0)
			out->labels[out->facts.labels_len++] = labels[i];
	}
	out->facts.labels = out->labels;
	out->facts.endpoint = out->endpoint;
}

static void name_endpoint(const struct model_rule *r, uint64_t *random, char out[16])
{
	size_t len = 0;
	const char *pattern =
		r->patterns_len == 0 ? "*" : r->patterns[below(random, r->patterns_len)];
	for (const char *c = pattern; *c != '\0'; c++) {
		const size_t n = *c == '*' ? below(random, 3) : 1;
		for (size_t i = 0; i < n; i++) {
			out[len] = *c;
			if (*c == '*' || *c == '?')
				out[len] = (char)('a' + (int)below(random, 3));
			len++;
		}
	}
	if (len > 0 && one_in(random, 8))
		len--;
	out[len] = '\0';
}

static uint64_t *number_of(struct policy_facts *f, size_t i)
{
	uint64_t *const at[] = { &f->age_s, &f->idle_s, &f->asleep_s, &f->records, &f->forged, NULL,
		&f->generation };
	return at[i];
}

static uint64_t number_in(const struct policy_facts *f, size_t i)
{
	struct policy_facts copy = *f;
	return number_of(&copy, i) == NULL ? f->exchanges : *number_of(&copy, i);
}

void model_facts(const struct model *m, uint64_t *random, struct model_facts *out)
{
	static const struct model_rule anything = {
		.awake = -1, .registered = -1, .upstream_up = -1
	};
	const struct model_rule *r = m->len == 0 ? &anything : &m->rules[below(random, m->len)];
	const size_t suite =
		r->suites == 0 ? below(random, SUITES + 1) : value_of(r->suites, SUITES, random);
	struct policy_facts *f = &out->facts;
	*out = (struct model_facts){ 0 };
	f->event = (enum policy_event)value_of(r->events, POLICY_EVENTS, random);
	f->kind = (enum policy_kind)value_of(r->kinds, POLICY_KINDS, random);
	f->channel = (enum policy_channel)value_of(r->channels, POLICY_CHANNELS, random);
	f->suite = suite < SUITES ? suites[suite].number : (uint16_t)below(random, 2);
	const size_t listener = value_of(r->listeners, MODEL_LISTENERS, random);
	f->listener = r->listeners == 0 && one_in(random, 3) ? "192.0.2.1:1" : listeners[listener];
	f->awake = either(r->awake, random);
	f->registered = either(r->registered, random);
	f->upstream_up = either(r->upstream_up, random);
	uint32_t set = (uint32_t)below(random, 1U << MODEL_LABELS);
	if (!one_in(random, 8))
		set = ((set | r->all) & ~r->without) |
		      (r->any == 0 ? 0 : 1U << value_of(r->any, MODEL_LABELS, random));
	for (size_t i = 0; i < MODEL_NUMBERS; i++) {
		uint64_t n = r->least[i] + below(random, 2);
		if (one_in(random, 8))
			n = below(random, 4);
		if (number_of(f, i) != NULL)
			*number_of(f, i) = n;
		else
			f->exchanges = (uint32_t)n;
	}
	name_endpoint(r, random, out->endpoint);
	set_labels(out, set);
}

bool model_few(size_t number, struct model_facts *out)
{
	size_t left = number;
	const size_t sizes[] = { 4, POLICY_KINDS, POLICY_CHANNELS, 2, 2, 2, 8, 5, 5 };
	size_t v[sizeof(sizes) / sizeof(sizes[0])];
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		v[i] = left % sizes[i];
		left /= sizes[i];
	}
	*out = (struct model_facts){ .facts = { .event = (enum policy_event)v[0],
					     .kind = (enum policy_kind)v[1],
					     .channel = (enum policy_channel)v[2],
					     .awake = v[3] != 0,
					     .registered = v[4] != 0,
					     .upstream_up = v[5] != 0,
					     .age_s = v[7],
					     .asleep_s = v[8] } };
	set_labels(out, (uint32_t)v[6]);
	return left == 0;
}

bool model_sets(size_t number, struct model_facts *out)
{
	*out = (struct model_facts){
		.facts = { .event = POLICY_AGE, .awake = number % 2 != 0, .age_s = number / 2 % 5 }
	};
	set_labels(out, (uint32_t)(number / 10) % (1U << MODEL_LABELS));
	return number < 10U << MODEL_LABELS;
}

/* --- looking ---------------------------------------------------------------------------------- */

static bool fits(const char *pattern, const char *text)
{
	if (*pattern == '\0')
		return *text == '\0';
	if (*pattern == '*')
		return fits(pattern + 1, text) || (*text != '\0' && fits(pattern, text + 1));
	return *text != '\0' && (*pattern == '?' || *pattern == *text) &&
	       fits(pattern + 1, text + 1);
}

static bool has(const struct policy_facts *f, const char *label)
{
	for (size_t i = 0; i < f->labels_len; i++) {
		if (strcmp(f->labels[i], label) == 0)
			return true;
	}
	return false;
}

static bool labels_good(const struct model_rule *r, const struct policy_facts *f)
{
	bool any = r->any == 0;
	for (size_t i = 0; i < MODEL_LABELS; i++) {
		const bool there = has(f, labels[i]);
		if (((r->all >> i & 1) != 0 && !there) || ((r->without >> i & 1) != 0 && there))
			return false;
		any = any || ((r->any >> i & 1) != 0 && there);
	}
	return any;
}

static bool names_good(const struct model_rule *r, const struct policy_facts *f)
{
	bool endpoint = r->patterns_len == 0, listener = r->listeners == 0, suite = r->suites == 0;
	for (size_t i = 0; i < r->patterns_len; i++)
		endpoint = endpoint || fits(r->patterns[i], f->endpoint);
	for (size_t i = 0; i < MODEL_LISTENERS; i++)
		listener = listener ||
			   ((r->listeners >> i & 1) != 0 && strcmp(listeners[i], f->listener) == 0);
	for (size_t i = 0; i < SUITES; i++)
		suite = suite || ((r->suites >> i & 1) != 0 && suites[i].number == f->suite);
	return endpoint && listener && suite;
}

static bool is(int wanted, bool value)
{
	return wanted < 0 || (wanted != 0) == value;
}

bool model_takes(const struct model_rule *r, const struct policy_facts *f)
{
	for (size_t i = 0; i < MODEL_NUMBERS; i++) {
		const uint64_t n = number_in(f, i);
		if (n < r->least[i] || n > r->most[i])
			return false;
	}
	return (r->events >> f->event & 1) != 0 &&
	       (r->kinds == 0 || (r->kinds >> f->kind & 1) != 0) &&
	       (r->channels == 0 || (r->channels >> f->channel & 1) != 0) &&
	       is(r->awake, f->awake) && is(r->registered, f->registered) &&
	       is(r->upstream_up, f->upstream_up) && labels_good(r, f) && names_good(r, f);
}

size_t model_decides(const struct model *m, const struct policy_facts *f)
{
	size_t i = 0;
	while (i < m->len && !model_takes(&m->rules[i], f))
		i++;
	return i;
}
