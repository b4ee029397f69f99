/* SPDX-License-Identifier: Apache-2.0 */
#include "store/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/file.h"

enum { FORMAT = 1, PATH_LEN = 4096, CACHE_LINE = 64 };

static const uint8_t magic[8] = { 'l', 'w', 'g', 'a', 't', 'e', 'T', 'K' };

struct counter { /* a cache line: each worker writes its own */
	_Alignas(CACHE_LINE) _Atomic uint64_t batches;
};

struct about {
	uint8_t magic[sizeof(magic)];
	uint32_t format, size;
	uint8_t boot[PROOF_BOOT_ID];
	uint8_t instance[HOT_INSTANCE];
	uint8_t zero[4];
	uint64_t device, inode;
};

struct token {
	struct about about;
	_Atomic uint64_t txn;
	struct counter counters[HOT_WORKERS_MAX];
};

struct proof {
	struct token *token; /* mapped */
	char path[PATH_LEN];
};

PRINTF_LIKE(2, 3) static bool fails(char why[PROOF_WHY_MAX], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(why, PROOF_WHY_MAX, format, args);
	va_end(args);
	return false;
}

bool proof_boot_id(uint8_t out[PROOF_BOOT_ID])
{
	const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	const bool good = read(fd, out, PROOF_BOOT_ID) == PROOF_BOOT_ID;
	(void)close(fd);
	return good;
}

/* Only what is gone with the power proves anything. */
static bool is_volatile(int fd, const struct proof_settings *s)
{
	struct statfs st;
	if (s->any_filesystem)
		return true;
	return fstatfs(fd, &st) == 0 && (st.f_type == TMPFS_MAGIC || st.f_type == RAMFS_MAGIC);
}

/* --- judging ---------------------------------------------------------------------------------- */

static bool read_token(int fd, struct token *t)
{
	size_t len;
	return file_read(fd, t, sizeof(*t), &len) && len == sizeof(*t);
}

static bool take_token(const struct proof_settings *s, struct token *t, char why[PROOF_WHY_MAX])
{
	const int fd = open(s->token, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return fails(
			why, errno == ENOENT ? "there is no token" : "the token cannot be opened");
	struct stat st;
	bool good = false;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		(void)fails(why, "the token is not a regular file");
	else if ((st.st_mode & 022) != 0)
		(void)fails(why, "others may write the token");
	else if (!is_volatile(fd, s))
		(void)fails(why, "the token is not on a tmpfs");
	else if ((uint64_t)st.st_size != sizeof(*t) || !read_token(fd, t))
		(void)fails(why, "the token is not whole");
	else
		good = true;
	(void)close(fd);
	return good;
}

static bool counters_hold(const struct token *t, const struct hot *hot, char why[PROOF_WHY_MAX])
{
	for (uint32_t i = 0; i < HOT_WORKERS_MAX; i++) {
		const uint64_t told = atomic_load(&t->counters[i].batches);
		if (atomic_load(hot_counter(hot, i)) < told)
			return fails(why, "the hot file is older than the token (worker %u)", i);
	}
	return true;
}

static bool token_holds(const struct token *t, const struct proof_settings *s,
	const struct hot *hot, uint64_t txn, char why[PROOF_WHY_MAX])
{
	const struct hot_facts f = hot_facts(hot);
	if (memcmp(t->about.magic, magic, sizeof(magic)) != 0 || t->about.format != FORMAT ||
		t->about.size != sizeof(*t))
		return fails(why, "the token is of another format");
	if (memcmp(t->about.boot, s->boot, PROOF_BOOT_ID) != 0)
		return fails(why, "the machine was booted since");
	if (t->about.device != f.device || t->about.inode != f.inode)
		return fails(why, "the hot file is another file than the token's");
	if (memcmp(t->about.instance, f.instance, HOT_INSTANCE) != 0)
		return fails(why, "the hot file was made anew since the token");
	if (txn < atomic_load(&t->txn))
		return fails(why, "the database is older than the token");
	return counters_hold(t, hot, why);
}

bool proof_holds(const struct proof_settings *s, const struct hot *hot,
	const uint8_t instance[HOT_INSTANCE], uint64_t txn, char why[PROOF_WHY_MAX])
{
	why[0] = '\0';
	if (memcmp(hot_facts(hot).instance, instance, HOT_INSTANCE) != 0)
		return fails(why, "the hot file is not the one that the database knows");
	struct token *const t = aligned_alloc(CACHE_LINE, sizeof(*t));
	if (!t)
		return fails(why, "out of memory");
	const bool holds = take_token(s, t, why) && token_holds(t, s, hot, txn, why);
	free(t);
	return holds;
}

/* --- keeping ---------------------------------------------------------------------------------- */

static void fill(
	struct token *t, const struct proof_settings *s, const struct hot *hot, uint64_t txn)
{
	const struct hot_facts f = hot_facts(hot);
	t->about.format = FORMAT;
	t->about.size = sizeof(*t);
	t->about.device = f.device;
	t->about.inode = f.inode;
	memcpy(t->about.instance, f.instance, HOT_INSTANCE);
	memcpy(t->about.boot, s->boot, PROOF_BOOT_ID);
	memcpy(t->about.magic, magic, sizeof(magic));
	atomic_store(&t->txn, txn);
	for (uint32_t i = 0; i < HOT_WORKERS_MAX; i++)
		atomic_store(&t->counters[i].batches, atomic_load(hot_counter(hot, i)));
}

/* Room taken by writing: a tmpfs that is full is met here. */
static struct token *map_token(int fd, const struct proof_settings *s)
{
	static const uint8_t zeroes[sizeof(struct token)];
	if (!is_volatile(fd, s)) {
		errno = EMEDIUMTYPE;
		return NULL;
	}
	if (!file_write(fd, zeroes, sizeof(zeroes), 0))
		return NULL;
	struct token *const t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return t == MAP_FAILED ? NULL : t;
}

/* Complete before it has its name. */
static struct token *make(
	const char *path, const struct proof_settings *s, const struct hot *hot, uint64_t txn)
{
	(void)unlink(path); /* of one who died here */
	const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return NULL;
	struct token *t = map_token(fd, s);
	if (t)
		fill(t, s, hot, txn);
	if (t && rename(path, s->token) != 0) {
		const int e = errno;
		(void)munmap(t, sizeof(*t));
		errno = e;
		t = NULL;
	}
	const int e = errno;
	if (!t)
		(void)unlink(path);
	(void)close(fd);
	errno = e;
	return t;
}

struct proof *proof_begin(const struct proof_settings *s, const struct hot *hot, uint64_t txn,
	struct store_error *error)
{
	char path[PATH_LEN];
	struct proof *const p = calloc(1, sizeof(*p));
	const int len = snprintf(path, sizeof(path), "%s.new", s->token);
	errno = ENAMETOOLONG;
	if (p && len > 0 && (size_t)len < sizeof(path)) {
		memcpy(p->path, s->token, strlen(s->token) + 1);
		p->token = make(path, s, hot, txn);
		if (p->token)
			return p;
	}
	(void)store_fail(error,
		"%s: cannot be kept: %s; without it each start is taken for one after a power "
		"loss: "
		"its folder must be writable and on a tmpfs",
		s->token, errno == EMEDIUMTYPE ? "it is not on a tmpfs" : strerror(errno));
	/* What the last run left would speak for changes of this one, which it does not count. */
	(void)unlink(s->token);
	free(p);
	return NULL;
}

void proof_batch(struct proof *p, const struct hot *hot, uint32_t worker)
{
	_Atomic uint64_t *const counter = hot_counter(hot, worker);
	const uint64_t had = atomic_load_explicit(counter, memory_order_relaxed);
	const uint64_t n = had + 1;
	/* Somebody has put a copy back while we run (S5): nothing that counts on from it proves
	   anything any more. */
	if (p && had != atomic_load_explicit(
				&p->token->counters[worker].batches, memory_order_relaxed))
		(void)unlink(p->path);
	/* The hot file first: it may be ahead of the token, never behind. */
	atomic_store_explicit(counter, n, memory_order_release);
	if (p)
		atomic_store_explicit(&p->token->counters[worker].batches, n, memory_order_release);
	/* And both before the slots. */
	atomic_thread_fence(memory_order_release);
}

void proof_commit(struct proof *p, uint64_t txn)
{
	if (p)
		atomic_store_explicit(&p->token->txn, txn, memory_order_release);
}

void proof_end(struct proof *p, bool remove)
{
	if (!p)
		return;
	if (remove)
		(void)unlink(p->path);
	(void)munmap(p->token, sizeof(*p->token));
	free(p);
}
