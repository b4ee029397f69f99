/* SPDX-License-Identifier: Apache-2.0 */
#include "cellar.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/core.h"

static uint64_t now_ms(clockid_t clock)
{
	struct timespec t;
	assert_int_equal(clock_gettime(clock, &t), 0);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct cellar *cellar_new(const struct log *log)
{
	static const char *const names[CELLAR_FILES] = {
		[CELLAR_TOKEN] = "token", [CELLAR_ANCHOR] = "anchor", [CELLAR_HOT] = "hot"
	};
	const char *const top = getenv("TMPDIR");
	struct cellar *const c = calloc(1, sizeof(*c));
	assert_non_null(c);
	(void)snprintf(c->folder, sizeof(c->folder), "%.20s/lwgate-town-XXXXXX",
		top && strlen(top) <= 20 ? top : "/tmp");
	assert_non_null(mkdtemp(c->folder));
	for (size_t i = 0; i < CELLAR_FILES; i++)
		(void)snprintf(
			c->files[i].name, sizeof(c->files[i].name), "%s/%s", c->folder, names[i]);
	memset(c->kek.key, 7, sizeof(c->kek.key));
	c->settings = (struct store_settings){
		.kek_given = &c->kek,
		.token = c->files[CELLAR_TOKEN].name,
		.hot = c->files[CELLAR_HOT].name,
		.any_filesystem = true,
		.resumable_max = 100,
		.log = log,
	};
	return c;
}

static void forget(struct cellar *c)
{
	kv_close(c->disk);
	c->disk = NULL;
	for (size_t i = 0; i < CELLAR_FILES; i++) {
		free(c->files[i].was);
		c->files[i].was = NULL;
	}
}

void cellar_free(struct cellar *c)
{
	if (!c)
		return;
	forget(c);
	for (size_t i = 0; i < CELLAR_FILES; i++)
		(void)unlink(c->files[i].name);
	assert_int_equal(rmdir(c->folder), 0);
	free(c);
}

void cellar_anchor(struct cellar *c)
{
	c->settings.anchor = c->files[CELLAR_ANCHOR].name;
}

/* What store_open() does, but for where the database is. */
struct store *cellar_open(struct cellar *c)
{
	struct store_parts parts;
	struct store_error error;
	c->settings.boot_ms = now_ms(CLOCK_BOOTTIME);
	c->settings.wall_ms = now_ms(CLOCK_REALTIME);
	assert_true(store_parts_open(&c->settings, &parts, &error));
	if (c->disk) {
		kv_close(parts.kv);
		keyring_free(parts.keyring);
		parts.kv = kv_ram_copy(c->disk);
		parts.keyring = keyring_unwrap(&c->kek, c->keyring, c->keyring_len, &error);
		assert_non_null(parts.keyring);
		parts.fresh = false;
	} else {
		c->keyring_len = keyring_wrap(parts.keyring, &c->kek, c->keyring);
		assert_true(c->keyring_len > 0);
	}
	struct store *const s = store_assemble(&parts, &c->settings, &error);
	if (!s)
		fail_msg("%s", error.text);
	return s;
}

static void take_file(struct cellar_file *f)
{
	struct stat st;
	const int fd = open(f->name, O_RDONLY | O_CLOEXEC);
	f->was = NULL;
	if (fd < 0) {
		assert_int_equal(errno, ENOENT);
		return;
	}
	assert_int_equal(fstat(fd, &st), 0);
	f->len = (size_t)st.st_size;
	f->was = malloc(f->len + 1);
	assert_non_null(f->was);
	assert_int_equal(read(fd, f->was, f->len), f->len);
	(void)close(fd);
}

/* In place: which file it is, is one of the proofs of S10. */
static void put_file(const struct cellar_file *f)
{
	if (!f->was)
		return;
	const int fd = open(f->name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, f->was, f->len, 0), f->len);
	assert_int_equal(ftruncate(fd, (off_t)f->len), 0);
	(void)close(fd);
}

void cellar_freeze(struct cellar *c, struct store *s)
{
	forget(c);
	for (size_t i = 0; i < CELLAR_FILES; i++)
		take_file(&c->files[i]);
	c->disk = kv_ram_copy(s->parts.kv);
	assert_non_null(c->disk);
}

void cellar_thaw(struct cellar *c)
{
	for (size_t i = 0; i < CELLAR_FILES; i++)
		put_file(&c->files[i]);
}

void cellar_dark(struct cellar *c)
{
	assert_int_equal(unlink(c->files[CELLAR_TOKEN].name), 0);
}
