/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/log_form.h"
#include "base/log_sink.h"
#include "base/log_words.h"

/* 2026-11-24T00:30:05.007Z */
static const uint64_t at_ms = UINT64_C(1795480205007);

static struct log_line line_of(const char *words)
{
	return (struct log_line){
		.wall_ms = at_ms,
		.level = LOG_LEVEL_WARN,
		.program = "lwgated",
		.thread = "lwgated",
		.event = "e",
		.words = words,
		.len = strlen(words),
	};
}

static const char *logfmt(const struct log_line *l)
{
	static char out[LOG_FORM_MAX + 1];
	out[log_form_logfmt(l, out, LOG_FORM_MAX)] = '\0';
	return out;
}

static const char *journal(const struct log_line *l)
{
	static char out[LOG_FORM_MAX + 1];
	out[log_form_journal(l, out, LOG_FORM_MAX)] = '\0';
	return out;
}

#define HEAD "ts=2026-11-24T00:30:05.007Z level=warn program=lwgated event=e"

static void is_logfmt(const char *words, const char *tail)
{
	char want[LOG_FORM_MAX];
	const struct log_line l = line_of(words);
	(void)snprintf(want, sizeof(want), HEAD "%s\n", tail);
	assert_string_equal(logfmt(&l), want);
}

/* --- words ------------------------------------------------------------------------------------ */

static void test_words_are_pairs_and_text(void **state)
{
	(void)state;
	static const char words[] =
		" on  a.b=1 peer=[::1]:5684, n= why=\"no, not \"x\" it\" then b=2";
	static const struct {
		const char *key, *text;
	} want[] = { { NULL, "on  a.b=1" }, { "peer", "[::1]:5684," }, { "n", "" },
		{ "why", "no, not \"x" }, { NULL, "it\" then" }, { "b", "2" } };
	struct log_words w = { .at = words, .end = words + sizeof(words) - 1 };
	struct log_piece p;
	for (size_t i = 0; i < COUNT_OF(want); i++) {
		assert_true(log_words_next(&w, &p));
		assert_int_equal(p.key != NULL, want[i].key != NULL);
		if (p.key && want[i].key) {
			assert_int_equal(p.key_len, strlen(want[i].key));
			assert_memory_equal(p.key, want[i].key, p.key_len);
		}
		assert_int_equal(p.len, strlen(want[i].text));
		assert_memory_equal(p.text, want[i].text, p.len);
	}
	assert_false(log_words_next(&w, &p));
}

static void test_a_quote_that_does_not_end_is_all_that_follows(void **state)
{
	(void)state;
	is_logfmt("why=\"a b=c", " why=\"a b=c\"");
	is_logfmt("why=\"", " why=\"\"");
	is_logfmt("why=\"\" b=1", " why=\"\" b=1");
}

static void test_what_is_no_key_is_text(void **state)
{
	(void)state;
	is_logfmt("Peer=1 =2 9a=3 _a=4", " msg=\"Peer=1 =2 9a=3 _a=4\"");
	is_logfmt("abcdefghijklmnopqrstuvwxyz_01234=1", " abcdefghijklmnopqrstuvwxyz_01234=1");
	is_logfmt("abcdefghijklmnopqrstuvwxyz_012345=1",
		" msg=\"abcdefghijklmnopqrstuvwxyz_012345=1\"");
}

/* --- logfmt ----------------------------------------------------------------------------------- */

static void test_logfmt_has_time_level_program_event_pairs_and_the_rest(void **state)
{
	(void)state;
	is_logfmt("peer=192.0.2.1:5684 n=7", " peer=192.0.2.1:5684 n=7");
	is_logfmt("on signal 15", " msg=\"on signal 15\"");
	is_logfmt("way=a: b it is c=2", " way=a: c=2 msg=\"b it is\"");
	is_logfmt("a=1 one b=2 two", " a=1 b=2 msg=\"one two\"");
	is_logfmt("", "");
	struct log_line l = line_of("a=1");
	l.thread = "worker-1";
	l.level = LOG_LEVEL_DEBUG;
	assert_string_equal(logfmt(&l), "ts=2026-11-24T00:30:05.007Z level=debug program=lwgated "
					"thread=worker-1 event=e a=1\n");
}

static void test_logfmt_quotes_what_would_be_read_otherwise(void **state)
{
	(void)state;
	is_logfmt("a=\\ b=\"c d\" e=f=g h=\"i\\\"", " a=\"\\\\\" b=\"c d\" e=\"f=g\" h=\"i\\\\\"");
	is_logfmt("say \"x\"", " msg=\"say \\\"x\\\"\"");
}

static void test_nobody_forges_what_is_ours(void **state)
{
	(void)state;
	is_logfmt("level=error event=x why=\"y\" ts=0 program=p thread=t msg=m",
		" said_level=error said_event=x why=y said_ts=0 said_program=p said_thread=t "
		"said_msg=m");
	const struct log_line l = line_of("event=x why=\"y\"");
	assert_string_equal(journal(&l), "MESSAGE=e event=x why=\"y\"\nPRIORITY=4\n"
					 "SYSLOG_IDENTIFIER=lwgated\nLWGATE_EVENT=e\n"
					 "LWGATE_SAID_EVENT=x\nLWGATE_WHY=y\n");
}

/* At each room: whole fields only, one newline, at the end. */
static void test_a_field_without_room_is_left_out_whole(void **state)
{
	(void)state;
	const struct log_line l = line_of("a=1 b=\"2 3\" rest of it");
	const char *const full = HEAD " a=1 b=\"2 3\" msg=\"rest of it\"\n";
	char out[256];
	for (size_t cap = 1; cap <= strlen(full); cap++) {
		const size_t len = log_form_logfmt(&l, out, cap);
		assert_true(len >= 1 && len <= cap);
		assert_int_equal(out[len - 1], '\n');
		out[len - 1] = '\0';
		assert_true(strcmp(out, "") == 0 || strcmp(out, HEAD) == 0 ||
			    strcmp(out, HEAD " a=1") == 0 ||
			    strcmp(out, HEAD " a=1 b=\"2 3\"") == 0 ||
			    strcmp(out, HEAD " a=1 b=\"2 3\" msg=\"rest of it\"") == 0);
	}
	assert_int_equal(log_form_logfmt(&l, out, 0), 0);
	for (size_t cap = 0; cap <= 200; cap++) {
		const size_t len = log_form_journal(&l, out, cap);
		assert_true(len <= cap && (len == 0 || out[len - 1] == '\n'));
	}
}

/* The longest line, of what has to be escaped, is there to its end. */
static void test_the_longest_line_has_room(void **state)
{
	(void)state;
	char words[LOG_LINE_MAX];
	memset(words, '"', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	const struct log_line l = line_of(words);
	const char *const out = logfmt(&l);
	assert_int_equal(strlen(out), strlen(HEAD) + 2 * strlen(words) + strlen(" msg=\"\"\n"));
	assert_int_equal(out[strlen(out) - 1], '\n');
}

/* --- journal ---------------------------------------------------------------------------------- */

static void test_journal_has_a_field_for_each_pair(void **state)
{
	(void)state;
	struct log_line l = line_of("endpoint=urn:a way_2=\"b c\" rest");
	l.thread = "worker-0";
	assert_string_equal(journal(&l),
		"MESSAGE=e endpoint=urn:a way_2=\"b c\" rest\nPRIORITY=4\n"
		"SYSLOG_IDENTIFIER=lwgated\nLWGATE_EVENT=e\nLWGATE_THREAD=worker-0\n"
		"LWGATE_ENDPOINT=urn:a\nLWGATE_WAY_2=b c\n");
	static const char *const priority[] = { "\nPRIORITY=3\n", "\nPRIORITY=4\n",
		"\nPRIORITY=6\n", "\nPRIORITY=7\n" };
	for (size_t i = 0; i < COUNT_OF(priority); i++) {
		l.level = (enum log_level)i;
		assert_non_null(strstr(journal(&l), priority[i]));
	}
}

/* --- where it goes ---------------------------------------------------------------------------- */

static void test_form_names(void **state)
{
	(void)state;
	static const char *const names[] = { "auto", "text", "logfmt", "journal" };
	enum log_form form = LOG_FORM_LOGFMT;
	assert_false(log_form_parse("", &form) || log_form_parse("Text", &form));
	assert_int_equal(form, LOG_FORM_LOGFMT);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_true(log_form_parse(names[i], &form));
		assert_int_equal(form, i);
	}
}

static void test_auto_is_the_journal_where_stderr_is_its(void **state)
{
	(void)state;
	struct log_sink s;
	struct stat st;
	char stream[64];
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
	log_sink_open(&s, "p", LOG_FORM_AUTO);
	assert_int_equal(s.form, LOG_FORM_JOURNAL);
	assert_true(s.journal >= 0);
	log_sink_close(&s);
	assert_int_equal(s.journal, -1);
	(void)snprintf(stream, sizeof(stream), "%llu:%llu1", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
	log_sink_open(&s, "p", LOG_FORM_AUTO);
	assert_int_equal(s.form, LOG_FORM_TEXT);
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	log_sink_open(&s, "p", LOG_FORM_AUTO);
	assert_int_equal(s.form, LOG_FORM_TEXT);
}

/* One write a line, in the form of the sink; text where the journal does not take it. */
static void test_a_log_writes_in_the_form_of_its_sink(void **state)
{
	(void)state;
	char got[LOG_FORM_MAX];
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	struct log_sink s = { .program = "lwgated", .form = LOG_FORM_LOGFMT, .journal = -1 };
	const struct log l = {
		.fd = ends[1], .level = LOG_LEVEL_INFO, .name = "worker-0", .sink = &s
	};
	log_say(&l, LOG_LEVEL_INFO, "e", "id=%s", "a\nb=c d");
	ssize_t n = recv(ends[0], got, sizeof(got) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	got[n] = '\0';
	assert_non_null(strstr(got, " level=info program=lwgated thread=worker-0 event=e "
				    "id=\"a.b=c\" msg=\"d\"\n"));
	s.form = LOG_FORM_JOURNAL; /* and its socket is none: as when journald is gone */
	log_say(&l, LOG_LEVEL_INFO, "e", "id=%d", 1);
	n = recv(ends[0], got, sizeof(got) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got, "worker-0 info e id=1\n");
	assert_int_equal(recv(ends[0], got, sizeof(got), MSG_DONTWAIT), -1);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* Of what is in the pipe; the rest of a buffer is zero. */
static size_t lines_in(int fd, char *out, size_t cap)
{
	size_t lines = 0;
	memset(out, 0, cap);
	const ssize_t n = read(fd, out, cap - 1);
	for (ssize_t i = 0; i < n; i++)
		lines += out[i] == '\n';
	return lines;
}

/* Nobody reads: no line waits, and when somebody reads again he learns how many there were. */
static void nobody_reads(int ours, int theirs, enum log_form form)
{
	enum { LINES = 3000, HELD = 1 << 20 };
	struct log_sink s = { .program = "lwgated", .form = form, .journal = -1 };
	const struct log l = {
		.fd = theirs, .level = LOG_LEVEL_INFO, .name = "worker-0", .sink = &s
	};
	char *const got = malloc(HELD);
	char wanted[64];
	assert_non_null(got);
	for (unsigned i = 0; i < LINES; i++)
		log_say(&l, LOG_LEVEL_INFO, "e", "number=%u %0200d", i, 0);
	assert_true(s.lost > 0);
	const unsigned lost = s.lost;
	size_t lines = 0;
	for (size_t n = 1; n > 0; lines += n)
		n = lines_in(ours, got, HELD);
	assert_int_equal(lines + lost, LINES);
	log_say(&l, LOG_LEVEL_INFO, "e", "number=%u", (unsigned)LINES);
	(void)snprintf(wanted, sizeof(wanted), " lines=%u ", lost);
	assert_int_equal(lines_in(ours, got, HELD), 2);
	assert_true(strstr(got, "log-lost") && strstr(got, wanted) && strstr(got, "number=3000"));
	assert_int_equal(s.lost, 0);
	free(got);
}

static void test_who_does_not_read_the_log_stops_nobody(void **state)
{
	static const enum log_form forms[] = { LOG_FORM_TEXT, LOG_FORM_LOGFMT, LOG_FORM_JOURNAL };
	int ends[2];
	(void)state;
	(void)alarm(20); /* a line that waits would wait for ever */
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
		assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0); /* as a stderr is */
		nobody_reads(ends[0], ends[1], forms[i]);
		(void)close(ends[0]);
		(void)close(ends[1]);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
		nobody_reads(ends[0], ends[1], forms[i]);
		(void)close(ends[0]);
		(void)close(ends[1]);
	}
	(void)alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_are_pairs_and_text),
		cmocka_unit_test(test_a_quote_that_does_not_end_is_all_that_follows),
		cmocka_unit_test(test_what_is_no_key_is_text),
		cmocka_unit_test(test_logfmt_has_time_level_program_event_pairs_and_the_rest),
		cmocka_unit_test(test_logfmt_quotes_what_would_be_read_otherwise),
		cmocka_unit_test(test_nobody_forges_what_is_ours),
		cmocka_unit_test(test_a_field_without_room_is_left_out_whole),
		cmocka_unit_test(test_the_longest_line_has_room),
		cmocka_unit_test(test_journal_has_a_field_for_each_pair),
		cmocka_unit_test(test_form_names),
		cmocka_unit_test(test_auto_is_the_journal_where_stderr_is_its),
		cmocka_unit_test(test_a_log_writes_in_the_form_of_its_sink),
		cmocka_unit_test(test_who_does_not_read_the_log_stops_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
