/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from what, in one table; and the table for people. */
#include "sms/keyset_parts.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/attr.h"

#define ASK    KEYSET_DO_ASK
#define SEND   KEYSET_DO_SEND
#define REFUSE KEYSET_DO_REFUSE
#define TO(state, does)                                                                            \
	{                                                                                          \
		KEYSET_##state, true, does                                                         \
	}

/* clang-format off */
static const struct keyset_cell cells[KEYSET_STATES][KEYSET_EVENTS] = {
	[KEYSET_CONFIRMED] = {
		[KEYSET_WANTED]    = TO(CONFIRMED,  AS_SOON),
		[KEYSET_ORDERED]   = TO(CONFIRMED,  AS_SOON),
		[KEYSET_BROUGHT]   = TO(DELIVERED,  AS_PUT | AS_REST),
		[KEYSET_HEARD_OLD] = TO(STALE,      REFUSE | AS_SOON),
		[KEYSET_LEFT]      = TO(EXPIRED,    AS_END | AS_REST),
		[KEYSET_DUE]       = TO(REFRESHING, ASK),
		[KEYSET_OVER]      = TO(EXPIRED,    AS_LONG),
	},
	[KEYSET_REFRESHING] = {
		[KEYSET_OBTAINED]  = TO(FRESH,      AS_PUT | SEND),
		[KEYSET_REFUSED]   = TO(FAILED,     AS_LATER),
		[KEYSET_BROUGHT]   = TO(DELIVERED,  AS_PUT | AS_REST),
		[KEYSET_PROVED]    = TO(CONFIRMED,  AS_PROMOTE | AS_EARLY),
		[KEYSET_HEARD_OLD] = TO(REFRESHING, REFUSE),
		[KEYSET_LEFT]      = TO(EXPIRED,    AS_END | AS_DROP | AS_REST),
		[KEYSET_DUE]       = TO(REFRESHING, ASK),
		[KEYSET_LATE]      = TO(REFRESHING, AS_DROP),
	},
	[KEYSET_FRESH] = {
		[KEYSET_ORDERED]   = TO(FRESH,      AS_NOW),
		[KEYSET_BROUGHT]   = TO(DELIVERED,  AS_PUT | AS_REST),
		[KEYSET_TAKEN]     = TO(DELIVERED,  AS_WAIT),
		[KEYSET_UNSENT]    = TO(FRESH,      AS_RETRY),
		[KEYSET_PROVED]    = TO(CONFIRMED,  AS_PROMOTE | AS_EARLY),
		[KEYSET_HEARD_OLD] = TO(FRESH,      REFUSE),
		[KEYSET_LEFT]      = TO(EXPIRED,    AS_END | AS_DROP | AS_REST),
		[KEYSET_DUE]       = TO(FRESH,      SEND),
		[KEYSET_LATE]      = TO(FAILED,     AS_DROP | AS_LATER),
		[KEYSET_SPENT]     = TO(FAILED,     AS_LONG),
	},
	[KEYSET_DELIVERED] = {
		[KEYSET_ORDERED]   = TO(FRESH,      AS_NOW),
		[KEYSET_BROUGHT]   = TO(DELIVERED,  AS_PUT | AS_REST),
		[KEYSET_UNSENT]    = TO(FRESH,      AS_RETRY),
		[KEYSET_HEARD]     = TO(FRESH,      AS_AGAIN),
		[KEYSET_PROVED]    = TO(CONFIRMED,  AS_PROMOTE | AS_EARLY),
		[KEYSET_HEARD_OLD] = TO(FRESH,      REFUSE | AS_AGAIN),
		[KEYSET_LEFT]      = TO(EXPIRED,    AS_END | AS_DROP | AS_REST),
		[KEYSET_DUE]       = TO(FRESH,      SEND),
		[KEYSET_OVER]      = TO(DELIVERED,  AS_NOW),
		[KEYSET_LATE]      = TO(FAILED,     AS_DROP | AS_LATER),
		[KEYSET_SPENT]     = TO(FAILED,     AS_LONG),
	},
	[KEYSET_STALE] = {
		[KEYSET_ORDERED]   = TO(STALE,      AS_SOON),
		[KEYSET_BROUGHT]   = TO(DELIVERED,  AS_PUT | AS_REST),
		[KEYSET_HEARD_OLD] = TO(STALE,      REFUSE),
		[KEYSET_LEFT]      = TO(EXPIRED,    AS_END | AS_REST),
		[KEYSET_DUE]       = TO(REFRESHING, ASK),
	},
	[KEYSET_EXPIRED] = {
		[KEYSET_WANTED]    = TO(EXPIRED,    AS_SOON),
		[KEYSET_ORDERED]   = TO(EXPIRED,    AS_SOON),
		[KEYSET_BROUGHT]   = TO(DELIVERED,  AS_PUT | AS_REST),
		[KEYSET_HEARD_OLD] = TO(EXPIRED,    REFUSE | AS_SOON),
		[KEYSET_LEFT]      = TO(EXPIRED,    AS_END | AS_REST),
		[KEYSET_DUE]       = TO(REFRESHING, ASK),
	},
	[KEYSET_FAILED] = {
		[KEYSET_WANTED]    = TO(FAILED,     AS_NEARER),
		[KEYSET_ORDERED]   = TO(FAILED,     AS_SOON),
		[KEYSET_BROUGHT]   = TO(DELIVERED,  AS_PUT | AS_REST),
		[KEYSET_HEARD]     = TO(FAILED,     AS_NEARER),
		[KEYSET_PROVED]    = TO(CONFIRMED,  AS_PROMOTE | AS_EARLY),
		[KEYSET_HEARD_OLD] = TO(FAILED,     REFUSE | AS_NEARER),
		[KEYSET_LEFT]      = TO(EXPIRED,    AS_END | AS_DROP | AS_REST),
		[KEYSET_DUE]       = TO(REFRESHING, ASK),
		[KEYSET_OVER]      = TO(FAILED,     AS_NEARER),
		[KEYSET_LATE]      = TO(FAILED,     AS_DROP | AS_NEARER),
	},
};
/* clang-format on */

const struct keyset_cell *keyset_cell(uint8_t state, enum keyset_event e)
{
	static const struct keyset_cell none;
	return state < KEYSET_STATES && e < KEYSET_EVENTS ? &cells[state][e] : &none;
}

/* --- names ------------------------------------------------------------------------------------ */

static const char *name(const char *const *names, size_t len, uint8_t n)
{
	return n < len ? names[n] : "unknown";
}

const char *keyset_state_name(uint8_t state)
{
	static const char *const names[KEYSET_STATES] = { "confirmed", "refreshing", "fresh",
		"delivered", "stale", "expired", "failed" };
	return name(names, COUNT_OF(names), state);
}

const char *keyset_event_name(uint8_t event)
{
	static const char *const names[KEYSET_EVENTS] = { "wanted", "ordered", "obtained",
		"refused", "brought", "taken", "unsent", "heard", "proved", "heard old", "left",
		"due", "over", "late", "spent" };
	return name(names, COUNT_OF(names), event);
}

const char *keyset_origin_name(uint8_t origin)
{
	static const char *const names[KEYSET_ORIGINS] = { "provisioned", "gba-push", "smartcard",
		"udp" };
	return name(names, COUNT_OF(names), origin);
}

/* --- for people ------------------------------------------------------------------------------- */

struct text {
	char *at;
	size_t left;
	bool full;
};

PRINTF_LIKE(2, 3) static void put(struct text *t, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	const int n = vsnprintf(t->at, t->left, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= t->left) {
		t->full = true;
		return;
	}
	t->at += n;
	t->left -= (size_t)n;
}

static void put_does(struct text *t, uint32_t does)
{
	static const struct {
		uint32_t bit;
		const char *what;
	} all[] = {
		{ KEYSET_DO_REFUSE, "4.00" },
		{ KEYSET_DO_ASK, "ask" },
		{ AS_PUT, "next is what came" },
		{ AS_DROP, "next is stale" },
		{ AS_PROMOTE, "next is current, current is stale" },
		{ AS_END, "current ends" },
		{ KEYSET_DO_SEND, "deliver" },
		{ AS_NOW | AS_AGAIN, "deliver again" },
		{ AS_SOON | AS_NEARER, "ask soon" },
		{ AS_LATER | AS_RETRY, "again after a back-off" },
		{ AS_LONG, "again after a rest" },
		{ AS_EARLY, "ask before it ends" },
	};
	const char *sep = "";
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		if ((does & all[i].bit) == 0)
			continue;
		put(t, "%s%s", sep, all[i].what);
		sep = ", ";
	}
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written through t */
size_t keyset_table(char *out, size_t cap)
{
	struct text t = { .at = out, .left = cap };
	if (cap < KEYSET_TABLE_MAX)
		return 0;
	put(&t, "| state | event | then | what is done |\n|---|---|---|---|\n");
	for (unsigned s = 0; s < KEYSET_STATES; s++) {
		for (unsigned e = 0; e < KEYSET_EVENTS; e++) {
			if (!cells[s][e].is)
				continue;
			put(&t, "| %s | %s | %s | ", keyset_state_name((uint8_t)s),
				keyset_event_name((uint8_t)e), keyset_state_name(cells[s][e].to));
			put_does(&t, cells[s][e].does);
			put(&t, " |\n");
		}
	}
	return t.full ? 0 : cap - t.left;
}
