/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_sink.h"

#include "base/log_put.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct sockaddr_un journal = { .sun_family = AF_UNIX,
	.sun_path = "/run/systemd/journal/socket" };

bool log_form_parse(const char *text, enum log_form *out)
{
	static const char *const names[] = {
		[LOG_FORM_AUTO] = "auto",
		[LOG_FORM_TEXT] = "text",
		[LOG_FORM_LOGFMT] = "logfmt",
		[LOG_FORM_JOURNAL] = "journal",
	};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum log_form)i;
			return true;
		}
	}
	return false;
}

/* As sd_journal_stream_fd(3) promises: JOURNAL_STREAM has its device and its inode. */
static bool is_journal(int fd)
{
	const char *const stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char is[48];
	if (!stream || fstat(fd, &st) != 0)
		return false;
	(void)snprintf(
		is, sizeof(is), "%" PRIu64 ":%" PRIu64, (uint64_t)st.st_dev, (uint64_t)st.st_ino);
	return strcmp(is, stream) == 0;
}

void log_sink_open(struct log_sink *s, const char *program, enum log_form form)
{
	if (form == LOG_FORM_AUTO)
		form = is_journal(STDERR_FILENO) ? LOG_FORM_JOURNAL : LOG_FORM_TEXT;
	*s = (struct log_sink){ .program = program, .form = form, .journal = -1 };
	if (form != LOG_FORM_JOURNAL)
		return;
	s->journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->journal < 0)
		s->form = LOG_FORM_TEXT;
}

void log_sink_close(struct log_sink *s)
{
	if (s->journal >= 0)
		(void)close(s->journal);
	s->journal = -1;
	s->form = LOG_FORM_TEXT;
}

enum log_taken log_sink_take(const struct log_sink *s, int fd, const struct log_line *l)
{
	char out[LOG_FORM_MAX];
	if (s->form == LOG_FORM_LOGFMT) {
		const size_t len = log_form_logfmt(l, out, sizeof(out));
		return log_put(fd, out, len) ? LOG_TAKEN : LOG_TAKEN_LOST;
	}
	if (s->form != LOG_FORM_JOURNAL)
		return LOG_TAKEN_NOT;
	/* Not connected: a journald that was started anew is reached by the same name. */
	const size_t len = log_form_journal(l, out, sizeof(out));
	const ssize_t n = sendto(s->journal, out, len, MSG_NOSIGNAL,
		(const struct sockaddr *)&journal, sizeof(journal));
	return n == (ssize_t)len ? LOG_TAKEN : LOG_TAKEN_NOT;
}
