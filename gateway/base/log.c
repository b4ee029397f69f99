/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/log_put.h"
#include "base/log_ring.h"
#include "base/log_sink.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

static size_t clip(int printed, size_t room)
{
	if (printed < 0)
		return 0;
	return (size_t)printed < room ? (size_t)printed : room - 1;
}

static enum log_taken take(
	const struct log *l, enum log_level level, const char *event, const char *words, size_t len)
{
	struct timespec now;
	if (!l->sink)
		return LOG_TAKEN_NOT;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	const struct log_line line = {
		.wall_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
		.level = level,
		.program = l->sink->program,
		.thread = l->name,
		.event = event,
		.words = words,
		.len = len,
	};
	return log_sink_take(l->sink, l->fd, &line);
}

/* line: head octets, then the event's words, len in all, and room for the newline. A log that
   cannot be written must not stop the gateway: false, it is lost. */
static bool put(const struct log *l, enum log_level level, const char *event, char *line,
	size_t head, size_t len)
{
	const enum log_taken taken = take(l, level, event, line + head, len - head);
	if (taken != LOG_TAKEN_NOT)
		return taken == LOG_TAKEN;
	line[len++] = '\n';
	return log_put(l->fd, line, len);
}

static size_t put_head(
	const struct log *l, enum log_level level, const char *event, char *line, size_t room)
{
	return clip(snprintf(line, room, "%s %s %s ", l->name, level_names[level], event), room);
}

static void add_lost(const struct log *l, uint32_t lines)
{
	if (l->sink)
		(void)atomic_fetch_add_explicit(&l->sink->lost, lines, memory_order_relaxed);
}

/* Before the next line: who reads the log has not kept up. */
static void say_lost(const struct log *l)
{
	static const char event[] = "log-lost";
	char line[LOG_LINE_MAX];
	if (!l->sink || atomic_load_explicit(&l->sink->lost, memory_order_relaxed) == 0)
		return;
	const uint32_t lost = atomic_exchange_explicit(&l->sink->lost, 0, memory_order_relaxed);
	const size_t head = put_head(l, LOG_LEVEL_WARN, event, line, sizeof(line) - 1);
	const size_t room = sizeof(line) - 1 - head;
	const size_t len =
		clip(snprintf(line + head, room,
			     "lines=%u why=\"who reads the log does not keep up\"", lost),
			room);
	if (lost > 0 && !put(l, LOG_LEVEL_WARN, event, line, head, head + len))
		add_lost(l, lost);
}

/* PRINTF_LIKE here too: clang then knows that the form was checked at the caller. */
static void PRINTF_LIKE(4, 0) say(const struct log *l, enum log_level level, const char *event,
	const char *form, va_list args)
{
	char line[LOG_LINE_MAX];
	const size_t room = sizeof(line) - 1; /* the newline's byte is kept */
	const size_t head = put_head(l, level, event, line, room);
	size_t len = head;
	len += clip(vsnprintf(line + len, room - len, form, args), room - len);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < 0x20 || (unsigned char)line[i] == 0x7f)
			line[i] = '.';
	}
	if (l->ring)
		log_ring_add(l->ring, l, level, event, line + head, len - head);
	say_lost(l);
	if (!put(l, level, event, line, head, len))
		add_lost(l, 1);
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
