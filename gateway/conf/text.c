/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "conf/fail.h"

enum { TEXT_MAX = 512 * 1024 * 1024 }; /* some four million credentials */

void conf_text_free(struct conf_text *t)
{
	secret_free(t->data, t->size);
	*t = (struct conf_text){ 0 };
}

static bool room(size_t len, const char *name, struct conf_text *out, struct conf_error *error)
{
	if (len > TEXT_MAX)
		return conf_fail(
			error, name, 0, "is longer than %d MiB; split the fleet", TEXT_MAX >> 20);
	*out = (struct conf_text){ .size = len + 2 };
	out->data = secret_new(out->size);
	if (out->data == NULL)
		return conf_fail(error, name, 0, "no memory for %zu bytes; free some", len);
	return true;
}

static void finish(struct conf_text *t, size_t len)
{
	t->data[len] = '\n';
	t->data[len + 1] = '\0';
	t->len = len + 1;
}

bool conf_text_copy(
	const char *text, const char *name, struct conf_text *out, struct conf_error *error)
{
	const size_t len = strlen(text);
	if (!room(len, name, out, error))
		return false;
	memcpy(out->data, text, len);
	finish(out, len);
	return true;
}

/* Who may read and write the file must not be more people than the keys in it are for. */
static bool kept_secret(const char *file, const struct stat *s, struct conf_error *error)
{
	if ((s->st_mode & (S_IRWXO | S_IWGRP | S_IXGRP)) != 0)
		return conf_fail(error, file, 0,
			"mode %04o lets others at the keys in it; run: chmod 0640 %s",
			(unsigned)(s->st_mode & 07777), file);
	if (s->st_uid != 0 && s->st_uid != geteuid())
		return conf_fail(error, file, 0,
			"belongs to user %u, who is neither root nor the gateway; run: chown root "
			"%s",
			(unsigned)s->st_uid, file);
	return true;
}

static bool read_all(int fd, const char *file, struct conf_text *out, struct conf_error *error)
{
	size_t len = 0;
	while (len < out->size - 1) {
		const ssize_t n = read(fd, out->data + len, out->size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return conf_fail(error, file, 0, "cannot be read: %s", strerror(errno));
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (len > out->size - 2)
		return conf_fail(error, file, 0, "grew while it was read; try again");
	if (memchr(out->data, '\0', len) != NULL)
		return conf_fail(error, file, 0,
			"holds a NUL byte; it must be text (keys and certificates: PEM, not DER)");
	finish(out, len);
	return true;
}

static bool read_open(int fd, const char *file, bool must_be_secret, struct conf_text *out,
	struct conf_error *error)
{
	struct stat s;
	if (fstat(fd, &s) != 0)
		return conf_fail(error, file, 0, "cannot be looked at: %s", strerror(errno));
	if (!S_ISREG(s.st_mode))
		return conf_fail(error, file, 0, "is no regular file; name one");
	if (must_be_secret && !kept_secret(file, &s, error))
		return false;
	if (!room((size_t)s.st_size, file, out, error))
		return false;
	if (read_all(fd, file, out, error))
		return true;
	conf_text_free(out);
	return false;
}

bool conf_text_read(
	const char *file, bool must_be_secret, struct conf_text *out, struct conf_error *error)
{
	*out = (struct conf_text){ 0 };
	/* O_NONBLOCK: a FIFO in its place must not hold the start up; it is refused below. */
	const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return conf_fail(error, file, 0,
			"cannot be opened: %s; check the name and who may read it",
			strerror(errno));
	const bool ok = read_open(fd, file, must_be_secret, out, error);
	(void)close(fd);
	return ok;
}

char *conf_path(const char *folder, const char *file)
{
	char *path = NULL;
	if (file[0] == '/' || strcmp(folder, ".") == 0)
		return strdup(file);
	return asprintf(&path, "%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/",
		       file) < 0
		       ? NULL
		       : path;
}

char *conf_folder(const char *file)
{
	const char *slash = strrchr(file, '/');
	if (slash == NULL)
		return strdup(".");
	return strndup(file, slash == file ? 1 : (size_t)(slash - file));
}
