/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/show_time.h"

enum column { ENDPOINT, STATE, DEVICE, UP, HEARD, LINK, LOCATION, EXPIRES, WORKER, COLUMNS };
_Static_assert((int)COLUMNS == (int)CTL_WIDTHS, "each column has its width on the wire");

static const char *const titles[COLUMNS] = { "ENDPOINT", "STATE", "DEVICE", "UP", "HEARD", "LINK",
	"LOCATION", "EXPIRES", "WORKER" };

struct cell {
	char text[NET_TEXT_MAX + CTL_TIME_MAX];
};

static bool any(const struct net_addr *a)
{
	return a->family != 0;
}

/* What stands in a column; may point into *room. */
static const char *cell_of(const struct ctl_session *s, enum column c, struct cell *room)
{
	char *const text = room->text;
	switch (c) {
	case ENDPOINT:
		return s->endpoint;
	case STATE:
		return s->asleep ? "asleep" : "awake";
	case DEVICE:
		return !any(&s->device) ? "-"
		       : s->adrift      ? "adrift"
					: net_addr_text(&s->device, text);
	case UP:
		return any(&s->device) ? ctl_time_text(s->device_up_ms_ago, text) : "-";
	case HEARD:
		return any(&s->device) && !s->asleep ? ctl_time_text(s->device_heard_ms_ago, text)
						     : "-";
	case LINK:
		return any(&s->link_local) ? net_addr_text(&s->link_local, text) : "-";
	case LOCATION:
		return s->registered ? s->location : "-";
	case EXPIRES:
		return s->registered ? ctl_left_text(s->expires_in_s, text) : "-";
	case WORKER:
		(void)snprintf(text, sizeof(room->text), "%u", s->worker);
		return text;
	case COLUMNS:
		break;
	}
	return "";
}

static void sessions_text(
	struct ctl_out *o, const struct ctl_session *s, size_t len, uint8_t widths[COLUMNS])
{
	struct cell room = { { 0 } };
	for (size_t c = 0; c < COLUMNS; c++) {
		for (size_t i = 0; i < len; i++) {
			const size_t width = ctl_out_width(cell_of(&s[i], (enum column)c, &room));
			widths[c] = width > widths[c] ? (uint8_t)width : widths[c];
		}
	}
	for (size_t i = 0; i < len; i++) {
		for (size_t c = 0; c < COLUMNS; c++) {
			const char *text = cell_of(&s[i], (enum column)c, &room);
			ctl_out_column(o, text, c == COLUMNS - 1 ? 0 : widths[c]);
			ctl_out_text(o, c == COLUMNS - 1 ? "\n" : "  ");
		}
	}
}

void ctl_show_titles(struct ctl_out *o, const uint8_t widths[CTL_WIDTHS])
{
	for (size_t c = 0; c < COLUMNS; c++) {
		ctl_out_column(o, titles[c], c == COLUMNS - 1 ? 0 : widths[c]);
		ctl_out_text(o, c == COLUMNS - 1 ? "\n" : "  ");
	}
}

static int by_endpoint(const void *a, const void *b)
{
	const struct ctl_session *x = a, *y = b;
	return strcmp(x->endpoint, y->endpoint);
}

void ctl_show_sessions(struct ctl_out *o, enum ctl_form form, struct ctl_session *s, size_t len,
	uint8_t widths[CTL_WIDTHS])
{
	struct ctl_json j = { .out = o };
	if (len > 1)
		qsort(s, len, sizeof(*s), by_endpoint);
	for (size_t c = 0; c < COLUMNS; c++) {
		const uint8_t title = (uint8_t)strlen(titles[c]);
		widths[c] = widths[c] > title ? widths[c] : title;
	}
	if (form == CTL_TEXT)
		sessions_text(o, s, len, widths);
	for (size_t i = 0; form == CTL_JSON && i < len; i++)
		ctl_show_session_json(&j, &s[i], NULL);
}
