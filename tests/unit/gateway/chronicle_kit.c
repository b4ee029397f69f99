/* SPDX-License-Identifier: Apache-2.0 */
#include "chronicle_kit.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

int kit_make(void **state)
{
	struct kit *const k = calloc(1, sizeof(*k));
	char log[64];
	assert_non_null(k);
	(void)snprintf(k->folder, sizeof(k->folder), "/tmp/lwgate-test-XXXXXX");
	assert_non_null(mkdtemp(k->folder));
	(void)snprintf(k->file, sizeof(k->file), "%s/events.json", k->folder);
	(void)snprintf(k->moved, sizeof(k->moved), "%s/events.json.1", k->folder);
	(void)snprintf(k->path, sizeof(k->path), "%s/events", k->folder);
	(void)snprintf(log, sizeof(log), "%s/log", k->folder);
	k->log = (struct log){ .fd = open(log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600),
		.level = LOG_LEVEL_INFO,
		.name = "test" };
	assert_true(k->log.fd >= 0);
	assert_int_equal(unlink(log), 0);
	*state = k;
	return 0;
}

int kit_remove(void **state)
{
	struct kit *const k = *state;
	gw_chronicle_close(k->chronicle);
	(void)close(k->log.fd);
	(void)unlink(k->file);
	(void)unlink(k->moved);
	(void)unlink(k->path);
	(void)rmdir(k->folder);
	free(k);
	return 0;
}

void kit_open(struct kit *k, bool with_file, bool with_path)
{
	const struct gw_chronicle_settings s = {
		.file = with_file ? k->file : NULL,
		.path = with_path ? k->path : NULL,
		.again_ms = 20,
		.inherited = -1,
		.log = &k->log,
	};
	k->chronicle = gw_chronicle_open(&s, k->error, sizeof(k->error));
	if (!k->chronicle)
		fail_msg("%s", k->error);
}

static const char *read_all(int fd, char text[KIT_TEXT])
{
	const ssize_t n = pread(fd, text, KIT_TEXT - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

const char *kit_log(const struct kit *k)
{
	static char text[KIT_TEXT];
	return read_all(k->log.fd, text);
}

const char *kit_read(const char *path)
{
	static char text[KIT_TEXT];
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	(void)read_all(fd, text);
	(void)close(fd);
	return text;
}

struct gw_entry kit_entry(uint64_t n)
{
	return (struct gw_entry){
		.wall_ms = 1790000000123,
		.endpoint = "meter-1",
		.event = POLICY_CRED_REVOKED,
		.device = { .action = POLICY_TEARDOWN },
		.upstream = { .action = POLICY_DRAIN, .bound_s = 60 },
		.refuse_resumption = true,
		.old_generation = n,
		.new_generation = 9,
		.outcome = GW_DONE,
		.rule = "withdrawn",
		.reason = "the credential was withdrawn",
	};
}

const char *kit_line(uint64_t n)
{
	static char line[GW_ENTRY_LINE + 1];
	const struct gw_entry e = kit_entry(n);
	line[gw_entry_line(&e, line, GW_ENTRY_LINE)] = '\0';
	return line;
}

void kit_put(const struct kit *k, uint64_t n)
{
	const struct gw_entry e = kit_entry(n);
	assert_true(gw_chronicle_put(gw_chronicle_inbox(k->chronicle), &e));
}

struct gw_chronicle_facts kit_facts(const struct kit *k)
{
	struct gw_chronicle_facts f;
	gw_chronicle_facts(k->chronicle, &f);
	return f;
}

size_t kit_count(const char *text, const char *what)
{
	size_t n = 0;
	for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
		n++;
	return n;
}
