/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-policy_decide: what one decision costs, with 10, 50 and 256 rules of which none matches, so
 *                      that each is looked at, and as the floor the same number of strcmp() of an
 *                      endpoint's name that differ at their last octet.
 *
 * Prints a line a number of rules: rules, ns where the event is another, ns where only a number is,
 * ns where labels and a pattern have to be looked at, ns of the floor.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "conf/config.h"
#include "policy/load.h"

enum { ROUNDS = 200000, BATCHES = 7, NAME = 32 };

static uint64_t now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* Rules that take disjoint ages, each for a label and a pattern of its own. */
static struct policy *make(size_t rules)
{
	char *text = NULL;
	size_t len = 0;
	struct conf_error e = { 0 };
	FILE *to = open_memstream(&text, &len);
	if (to == NULL)
		abort();
	(void)fputs("policy = { rules = (\n", to);
	for (size_t i = 0; i < rules; i++)
		(void)fprintf(to,
			"%s{ name = \"r%zu\"; events = [ \"age\", \"idle\" ]; labels = \"l%zu\"; "
			"endpoint = \"urn:imei:*%zu-never\"; age_at_least_s = %zu; device = "
			"\"teardown\"; upstream = \"keep\"; }\n",
			i > 0 ? "," : "", i, i % 60, i, 1000 - i);
	(void)fputs("); default = { device = \"keep\"; upstream = \"keep\"; }; };", to);
	if (fclose(to) != 0)
		abort();
	struct policy *p = policy_parse(text, "bench", &e);
	free(text);
	if (p == NULL)
		(void)fprintf(stderr, "%s\n", e.text);
	return p;
}

typedef size_t work(const void *of, const struct policy_facts *f);

static size_t decide(const void *of, const struct policy_facts *f)
{
	return policy_decide(of, f).number;
}

struct names {
	size_t len;
	char name[POLICY_RULES_MAX][NAME];
};

static size_t compare(const void *of, const struct policy_facts *f)
{
	const struct names *n = of;
	size_t i = 0;
	while (i < n->len && strcmp(n->name[i], f->endpoint) != 0)
		i++;
	return i;
}

/* The quickest batch: what else the machine does only adds. */
static double measure(work *w, const void *of, const struct policy_facts *f, size_t expected)
{
	uint64_t best = UINT64_MAX;
	for (size_t b = 0; b < BATCHES; b++) {
		const uint64_t from = now_ns();
		for (size_t i = 0; i < ROUNDS; i++) {
			if (w(of, f) != expected)
				abort();
		}
		const uint64_t took = now_ns() - from;
		best = took < best ? took : best;
	}
	return (double)best / ROUNDS;
}

static void bench(size_t rules, struct names *names)
{
	char all[60][8];
	const char *labels[16];
	struct policy *p = make(rules);
	if (p == NULL)
		exit(EXIT_FAILURE);
	for (size_t i = 0; i < COUNT_OF(labels); i++) {
		(void)snprintf(all[i], sizeof(all[i]), "l%zu", i * 3);
		labels[i] = all[i];
	}
	struct policy_facts f = { .event = POLICY_MOVED,
		.endpoint = "urn:imei:350012340000017",
		.labels = labels,
		.labels_len = COUNT_OF(labels),
		.listener = "0.0.0.0:5684",
		.awake = true,
		.registered = true };
	names->len = rules;
	for (size_t i = 0; i < rules; i++)
		(void)snprintf(names->name[i], NAME, "urn:imei:350012340000018");
	const double other = measure(decide, p, &f, rules);
	f.event = POLICY_AGE;
	const double number = measure(decide, p, &f, rules);
	f.age_s = 1000;
	const double deep = measure(decide, p, &f, rules);
	const double floor = measure(compare, names, &f, rules);
	printf("%zu %.1f %.1f %.1f %.1f\n", rules, other, number, deep, floor);
	policy_free(p);
}

int main(void)
{
	static const size_t sizes[] = { 10, 50, 256 };
	struct names *names = calloc(1, sizeof(*names));
	if (names == NULL)
		return EXIT_FAILURE;
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		bench(sizes[i], names);
	free(names);
	return EXIT_SUCCESS;
}
