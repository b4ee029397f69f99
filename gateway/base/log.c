/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/log_ring.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT_BURST = 10, LIMIT_PER_MS = 10000 };

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

bool log_level_parse(const char *text, enum log_level *out)
{
	for (size_t i = 0; i < COUNT_OF(level_names); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static size_t clip(int printed, size_t room)
{
	if (printed < 0)
		return 0;
	return (size_t)printed < room ? (size_t)printed : room - 1;
}

/* PRINTF_LIKE here too: clang then knows that the form was checked at the caller. */
static void PRINTF_LIKE(4, 0) say(const struct log *l, enum log_level level, const char *event,
	const char *form, va_list args)
{
	char line[LOG_LINE_MAX];
	const size_t room = sizeof(line) - 1; /* the newline's byte is kept */
	const size_t head =
		clip(snprintf(line, room, "%s %s %s ", l->name, level_names[level], event), room);
	size_t len = head;
	len += clip(vsnprintf(line + len, room - len, form, args), room - len);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < 0x20 || (unsigned char)line[i] == 0x7f)
			line[i] = '.';
	}
	if (l->ring)
		log_ring_add(l->ring, l, level, event, line + head, len - head);
	line[len++] = '\n';
	/* A log that cannot be written must not stop the gateway. */
	const ssize_t ignored = write(l->fd, line, len);
	(void)ignored;
}

void log_say(const struct log *l, enum log_level level, const char *event, const char *form, ...)
{
	if (level > l->level)
		return;
	va_list args;
	va_start(args, form);
	say(l, level, event, form, args);
	va_end(args);
}

void log_limited(const struct log *l, struct log_limit *limit, uint64_t now_ms,
	enum log_level level, const char *event, const char *form, ...)
{
	if (level > l->level)
		return;
	if (limit->said >= LIMIT_BURST && now_ms < limit->next_ms) {
		limit->held++;
		return;
	}
	if (now_ms >= limit->next_ms + LIMIT_PER_MS)
		limit->said = 0;
	if (limit->said < LIMIT_BURST)
		limit->said++;
	limit->next_ms = now_ms + LIMIT_PER_MS;
	va_list args;
	va_start(args, form);
	say(l, level, event, form, args);
	va_end(args);
	if (limit->held > 0)
		log_say(l, level, event, "and %u more like it held back", limit->held);
	limit->held = 0;
}
