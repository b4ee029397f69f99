/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/pin_book.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ENTERED = 'e', REFUSED = 'r', READ_MAX = 16, ENTRIES_MAX = 2, FILE_MODE = 0600 };

static bool sync_folder(const char *folder)
{
	const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const bool good = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	return good;
}

static bool write_down(const struct pin_book *b, char what)
{
	const int fd =
		open(b->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	const bool good = fd >= 0 && write(fd, &what, 1) == 1 && fsync(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	return good && sync_folder(b->folder);
}

/* How many octets; -1: they cannot be read. */
static ssize_t read_all(const struct pin_book *b, char out[READ_MAX])
{
	const int fd = open(b->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	const ssize_t len = read(fd, out, READ_MAX);
	(void)close(fd);
	return len;
}

static bool allows(const struct pin_book *b)
{
	char octets[READ_MAX];
	const ssize_t len = read_all(b, octets);
	return len >= 0 && len < ENTRIES_MAX && !memchr(octets, REFUSED, (size_t)len);
}

static bool enter(void *ctx)
{
	const struct pin_book *const b = ctx;
	if (allows(b) && write_down(b, ENTERED))
		return true;
	log_say(b->log, LOG_LEVEL_ERROR, "pin-held",
		"file=%s: the PIN was refused, or nobody knows, or it cannot be written down; a "
		"third wrong one locks the card: correct pin_file, remove the file, start anew",
		b->file);
	return false;
}

static void entered(void *ctx, bool good)
{
	const struct pin_book *const b = ctx;
	if (!good)
		(void)write_down(b, REFUSED); /* if not: the entry counts all the same */
	else if (unlink(b->file) == 0)
		(void)sync_folder(b->folder);
}

/* In hexadecimal: a name is the operator's text, with whatever in it. */
void pin_book_of(struct pin_book *b, const char *folder, const char *way, const struct log *log)
{
	memset(b, 0, sizeof(*b));
	b->log = log;
	(void)snprintf(b->folder, sizeof(b->folder), "%s", folder);
	size_t at = (size_t)snprintf(b->file, sizeof(b->file), "%s/pin-", b->folder);
	for (; *way != '\0' && at + 2 < sizeof(b->file); way++, at += 2)
		(void)snprintf(b->file + at, sizeof(b->file) - at, "%02x", (unsigned char)*way);
}

struct modem_pin_book pin_book_for_modem(struct pin_book *b)
{
	return (struct modem_pin_book){ .ctx = b, .enter = enter, .entered = entered };
}
