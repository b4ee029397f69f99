/* SPDX-License-Identifier: Apache-2.0 */
/* Many credentials from lwgatectl, all or none; or what would become of them. */
#include "gateway/credentials_parts.h"

#include "base/heap.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "ctl/tried.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct import {
	struct cred_build build;
	char name[CTL_ARG_MAX + 1];
	bool replace, dry;
	struct ctl_out tried; /* dry: of each, what would be done */
};

void *gw_cred_import_begin(void *ctx, const char *name, bool with_replace, struct ctl_said *said)
{
	const struct gw_credentials *c = ctx;
	struct import *i = calloc(1, sizeof(*i));
	if (i != NULL) {
		(void)snprintf(i->name, sizeof(i->name), "%s", name);
		i->replace = with_replace;
		if (cred_build_begin(&i->build, i->name, NULL, 0, c->s.derives))
			return i;
	}
	free(i);
	(void)snprintf(said->text, sizeof(said->text), "the gateway has no memory; free some");
	return NULL;
}

void gw_cred_import_abort(void *ctx, void *import)
{
	struct import *i = import;
	(void)ctx;
	cred_build_abort(&i->build);
	ctl_out_fini(&i->tried);
	free(i);
}

void gw_cred_import_dry(void *ctx, void *import)
{
	(void)ctx;
	((struct import *)import)->dry = true;
}

/* why: "FILE:LINE: ...", of which the sentence is wanted. */
static void note_refused(struct import *i, unsigned line, const char *endpoint, const char *why)
{
	struct ctl_tried t = { .what = CTL_TRIED_REFUSE, .line = line };
	char place[CTL_ARG_MAX + 16];
	const size_t len = (size_t)snprintf(place, sizeof(place), "%s:%u: ", i->name, line);
	(void)snprintf(t.endpoint, sizeof(t.endpoint), "%s", endpoint);
	(void)snprintf(t.why, sizeof(t.why), "%s", strncmp(why, place, len) == 0 ? why + len : why);
	ctl_tried_write(&i->tried, &t);
}

/* True: it is refused already, and is not staged. A set that has refused one takes no more. */
static bool refuses(const struct gw_credentials *c, struct import *i, const struct ctl_cred *one)
{
	struct conf_error error;
	struct cred_set *const set = gw_cred_set_of(c, i->name, one, &error);
	if (set == NULL)
		note_refused(i, one->line, one->endpoint, error.text);
	cred_free(set);
	return set == NULL;
}

enum ctl_status gw_cred_import_stage(
	void *ctx, void *import, const struct ctl_cred *one, struct ctl_said *said)
{
	struct import *i = import;
	struct conf_error error;
	if (i->dry && refuses(ctx, i, one))
		return CTL_DONE;
	if (gw_cred_add_to(&i->build, one, &error))
		return CTL_DONE;
	gw_cred_said_error(said, &error);
	return CTL_FAILED;
}

enum ctl_status gw_cred_import_commit(void *ctx, void *import, struct ctl_said *said)
{
	struct gw_credentials *c = ctx;
	struct import *i = import;
	struct conf_error error;
	struct cred_plan_made m;
	const struct cred_plan_by by =
		gw_cred_plan_by(c, i->name, i->replace ? CRED_PLAN_REPLACE : CRED_PLAN_ADD);
	if (i->dry) { /* what was refused is not in it */
		(void)snprintf(said->text, sizeof(said->text),
			"%s: it is a dry run; begin again without", i->name);
		gw_cred_import_abort(ctx, import);
		return CTL_FAILED;
	}
	struct cred_set *set = cred_build_end(&i->build, &error);
	const bool ok = set != NULL && cred_plan_do(&by, set, &m, &error);
	if (ok) {
		(void)snprintf(said->text, sizeof(said->text),
			"%s: %zu added, %zu replaced, %zu as they were", i->name, m.added,
			m.replaced, m.same);
		gw_cred_log_made(c, i->name, &m);
	} else {
		gw_cred_said_error(said, &error);
	}
	cred_free(set);
	ctl_out_fini(&i->tried);
	free(i);
	heap_trim(); /* it may have been a million */
	return ok ? CTL_DONE : CTL_FAILED;
}

static void note_tried(void *ctx, const struct cred_would_be *w)
{
	static const enum ctl_tried_what whats[] = { [CRED_WOULD_ADD] = CTL_TRIED_ADD,
		[CRED_WOULD_REPLACE] = CTL_TRIED_REPLACE,
		[CRED_WOULD_LEAVE] = CTL_TRIED_SAME };
	struct import *i = ctx;
	struct ctl_tried t = { .what = whats[w->what], .line = w->line };
	if (w->why != NULL) {
		note_refused(i, w->line, w->endpoint, w->why);
		return;
	}
	(void)snprintf(t.endpoint, sizeof(t.endpoint), "%s", w->endpoint);
	ctl_tried_write(&i->tried, &t);
}

enum ctl_status gw_cred_import_try(
	void *ctx, void *import, struct ctl_out *out, struct ctl_said *said)
{
	struct gw_credentials *c = ctx;
	struct import *i = import;
	struct conf_error error;
	const struct cred_plan_by by =
		gw_cred_plan_by(c, i->name, i->replace ? CRED_PLAN_REPLACE : CRED_PLAN_ADD);
	struct cred_set *set = cred_build_end(&i->build, &error);
	const bool whole = set != NULL;
	const bool ok = !whole || cred_plan_try(&by, set, note_tried, i, &error);
	if (!whole) /* two of the file would share something */
		note_refused(i, 0, "", error.text);
	ctl_out_bytes(out, i->tried.data, i->tried.len);
	if (!ok)
		gw_cred_said_error(said, &error);
	cred_free(set);
	ctl_out_fini(&i->tried);
	free(i);
	heap_trim();
	return ok ? CTL_DONE : CTL_FAILED;
}
