/* SPDX-License-Identifier: Apache-2.0 */
#include "store/kv_lmdb.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/pages.h"

enum {
	READERS_MAX = 254, /* 64 workers, their helpers, tools */
	PAGE_LEAST = 256,
	PAGE_MOST = 65536,
	STATUS_IO = 74,                       /* EX_IOERR of sysexits(3) */
	LOCK_BYTES = READERS_MAX * 64 + 4096, /* of lock.mdb, at least: a line for each, a head */
};
static const size_t map_least = (size_t)1 << 20;
static const size_t map_usual = (size_t)1 << 30;

static const char remedy[] =
	"restore a backup, or move the whole folder away to begin anew (every device then shakes "
	"hands once)";

/* --- what is wrong ---------------------------------------------------------------------------- */

static bool refuse(const struct lmdb_kv *k, int rc, struct store_error *error)
{
	switch (rc) {
	case MDB_INVALID:
		return store_fail(
			error, "%s: is damaged, or no LMDB database; %s", k->file, remedy);
	case MDB_VERSION_MISMATCH:
		return store_fail(error,
			"%s: is of another version of LMDB, or damaged; use the LMDB that wrote "
			"it, %s",
			k->file, remedy);
	case EROFS:
	case EACCES:
	case EPERM:
		return store_fail(error,
			"%s: cannot be written: %s; it must belong to the user that lwgated runs "
			"as, on a file system that is mounted read-write",
			k->file, strerror(rc));
	case ENOSPC:
	case EDQUOT:
		return store_fail(
			error, "%s: no room: %s; free some of the disk", k->file, strerror(rc));
	case ENOMEM:
		return store_fail(error,
			"%s: cannot be mapped into memory; lift the limit on address space (ulimit "
			"-v), or, if there is none, it is damaged: %s",
			k->file, remedy);
	default:
		if (lmdb_makes_no_sense(rc))
			return store_fail(error, "%s: is damaged (%s); %s", k->file,
				mdb_strerror(rc), remedy);
		return store_fail(error,
			"%s: cannot be used: %s; its disk has failed, or it is damaged: %s",
			k->file, mdb_strerror(rc), remedy);
	}
}

static void say_damaged(const char *file, const char *what)
{
	(void)fprintf(stderr, "%s: a page is damaged (%s); %s\n", file, what, remedy);
	_exit(STATUS_IO);
}

/* LMDB would abort() when this returns. */
static void lmdb_asserted(MDB_env *env, const char *what)
{
	const struct lmdb_kv *const k = mdb_env_get_userctx(env);
	k->damaged(k->file, what);
	say_damaged(k->file, what);
}

/* --- a look before LMDB trusts it ------------------------------------------------------------- */

/* The part of a page with LMDB's facts that it computes with before it could notice an error. */
struct meta {
	uint8_t page_header[16];
	uint32_t magic, version;
	uint64_t address, map_bytes;
	uint32_t page; /* its octets */
};

static bool meta_is_sound(int fd, off_t at, uint32_t *page)
{
	struct meta m;
	if (pread(fd, &m, sizeof(m), at) != (ssize_t)sizeof(m))
		return false;
	static const uint32_t magic = 0xbeefc0de;
	*page = m.page;
	return m.magic == magic && m.page >= PAGE_LEAST && m.page <= PAGE_MOST &&
	       (m.page & (m.page - 1)) == 0;
}

static bool refuse_cut(
	const struct lmdb_kv *k, off_t have, uint64_t need, struct store_error *error)
{
	return store_fail(error, "%s: is cut off: it has %lld octets of %llu; %s", k->file,
		(long long)have, (unsigned long long)need, remedy);
}

/* Nobody else changes the file: the folder is locked. */
static bool look_at_pages(
	const struct lmdb_kv *k, int fd, const struct stat *st, struct store_error *error)
{
	const size_t len = (size_t)st->st_size;
	void *const file = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED)
		return refuse(k, errno, error);
	/* Neighbours of a page that is looked at are not: those of a large store are many. */
	(void)madvise(file, len, MADV_RANDOM);
	(void)madvise(file, len, MADV_DONTDUMP);
	struct pages_fault fault;
	const bool good = pages_are_sound(file, len, &fault);
	(void)munmap(file, len);
	if (good)
		return true;
	if (fault.need > 0)
		return refuse_cut(k, st->st_size, fault.need, error);
	if (fault.what == NULL)
		return store_fail(error, "%s: no memory to look at its pages", k->file);
	return store_fail(error, "%s: is damaged (page %llu: %s); %s", k->file,
		(unsigned long long)fault.page, fault.what, remedy);
}

/* Whoever only reads has no writer kept out, so that pages may change while they are looked at. */
static bool look_into(const struct lmdb_kv *k, int fd, bool read_only, struct store_error *error)
{
	struct stat st;
	uint32_t page = 0;
	uint32_t second = 0;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return store_fail(error, "%s: is no regular file; %s", k->file, remedy);
	if (st.st_size == 0)
		return store_fail(error, "%s: is empty, that is, damaged; %s", k->file, remedy);
	if (!meta_is_sound(fd, 0, &page) || !meta_is_sound(fd, (off_t)page, &second) ||
		page != second)
		return refuse(k, MDB_INVALID, error);
	return read_only || look_at_pages(k, fd, &st, error);
}

static bool look_at(
	const struct lmdb_kv *k, bool read_only, bool *missing, struct store_error *error)
{
	const int fd = open(k->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	*missing = fd < 0 && errno == ENOENT;
	if (fd < 0)
		return *missing || refuse(k, errno, error);
	const bool good = look_into(k, fd, read_only, error);
	(void)close(fd);
	return good;
}

/* How many pages of a range are in LMDB's list of free ones, its table 0: lists with their length
   first. */
static int count_free(struct lmdb_kv *k, uint64_t from, uint64_t to, uint64_t *n)
{
	MDB_txn *txn;
	MDB_cursor *cursor = NULL;
	int rc = mdb_txn_begin(k->env, NULL, MDB_RDONLY, &txn);
	if (rc != 0)
		return rc;
	rc = mdb_cursor_open(txn, 0, &cursor);
	MDB_val key;
	MDB_val list;
	*n = 0;
	while (rc == 0 && (rc = mdb_cursor_get(cursor, &key, &list, MDB_NEXT)) == 0) {
		const size_t *const pages = list.mv_data;
		const size_t most = list.mv_size / sizeof(*pages);
		for (size_t i = 1; i < most && i <= pages[0]; i++)
			*n += pages[i] >= from && pages[i] < to;
	}
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* LMDB does not write pages that a transaction took at the end and gave back: a file may lack free
   pages, and no others. */
static bool lacks_only_free(struct lmdb_kv *k, int fd, off_t have, uint64_t need)
{
	const uint64_t first = (uint64_t)have / k->page;
	const uint64_t end = need / k->page;
	uint64_t n = 0;
	if (end < first || end - first > PAGES_LACKING || ftruncate(fd, (off_t)need) != 0)
		return false;
	const bool good = count_free(k, first, end, &n) == 0 && n == end - first;
	if (!good && ftruncate(fd, have) != 0) /* as it was, for whoever looks into it */
		return false;
	return good;
}

/* A page beyond the end of the file would be SIGBUS later. */
static bool is_whole(struct lmdb_kv *k, struct store_error *error)
{
	MDB_envinfo info;
	MDB_stat stat;
	struct stat st;
	int fd = -1;
	int rc = mdb_env_info(k->env, &info);
	if (rc == 0)
		rc = mdb_env_stat(k->env, &stat);
	if (rc == 0)
		rc = mdb_env_get_fd(k->env, &fd);
	if (rc != 0 || fstat(fd, &st) != 0)
		return refuse(k, rc != 0 ? rc : errno, error);
	k->page = stat.ms_psize;
	if (info.me_last_pgno >= SIZE_MAX / PAGE_MOST)
		return refuse(k, MDB_CORRUPTED, error);
	const uint64_t need = ((uint64_t)info.me_last_pgno + 1) * k->page;
	if ((uint64_t)st.st_size >= need || lacks_only_free(k, fd, st.st_size, need))
		return true;
	return refuse_cut(k, st.st_size, need, error);
}

/* --- opening ---------------------------------------------------------------------------------- */

static struct lmdb_kv *lmdb_new(const struct kv_lmdb_settings *s)
{
	struct lmdb_kv *const k = calloc(1, sizeof(*k));
	if (k == NULL)
		return NULL;
	k->kv = (struct kv){ .ops = &lmdb_ops, .tables = (unsigned)s->tables_len };
	k->damaged = s->damaged != NULL ? s->damaged : say_damaged;
	(void)pthread_mutex_init(&k->writer, NULL);
	(void)pthread_mutex_init(&k->gate, NULL);
	pthread_condattr_t attr;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&k->moved, &attr);
	(void)pthread_condattr_destroy(&attr);
	return k;
}

static int open_tables(struct lmdb_kv *k, const struct kv_lmdb_settings *s)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(k->env, NULL, s->read_only ? MDB_RDONLY : 0, &txn);
	if (rc != 0)
		return rc;
	for (unsigned i = 0; i < s->tables_len && rc == 0; i++)
		rc = mdb_dbi_open(txn, s->tables[i], s->read_only ? 0 : MDB_CREATE, &k->dbi[i]);
	if (rc == 0)
		return lmdb_end(k, txn);
	mdb_txn_abort(txn);
	return rc;
}

static bool path(char out[LMDB_PATH_MAX], const char *dir, const char *name)
{
	const int len = snprintf(out, LMDB_PATH_MAX, "%s/%s", dir, name);
	return len > 0 && len < LMDB_PATH_MAX;
}

/* LMDB makes this file with ftruncate() and writes it through a map: where there is no room that
   would be SIGBUS (S16). What is in it stays: tools may have it open. A file that is larger than
   LMDB asks for has room for more readers. */
static int allocate_lock(const char *dir, const struct kv_lmdb_settings *s)
{
	char file[LMDB_PATH_MAX];
	if (!path(file, dir, "lock.mdb"))
		return ENAMETOOLONG;
	const int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0) /* LMDB does without where nobody can write */
		return errno == EROFS && s->read_only ? 0 : errno;
	const int rc = posix_fallocate(fd, 0, LOCK_BYTES);
	(void)close(fd);
	return rc;
}

static int open_env(struct lmdb_kv *k, const char *dir, const struct kv_lmdb_settings *s)
{
	size_t map = s->map_bytes > 0 ? s->map_bytes : map_usual;
	map = (map > map_least ? map : map_least) / PAGE_MOST * PAGE_MOST;
	int rc = mdb_env_create(&k->env);
	if (rc != 0) {
		k->env = NULL;
		return rc;
	}
	(void)mdb_env_set_userctx(k->env, k);
	(void)mdb_env_set_assert(k->env, lmdb_asserted);
	rc = mdb_env_set_mapsize(k->env, map);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(k->env, KV_TABLES_MAX);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(k->env, READERS_MAX);
	/* No MDB_NOSYNC, MDB_NOMETASYNC, MDB_WRITEMAP: a commit is on the medium (S4), and a stray
	   write cannot reach the map. MDB_NORDAHEAD: devices wake in no order. */
	const unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (s->read_only ? MDB_RDONLY : 0);
	if (rc == 0)
		rc = allocate_lock(dir, s);
	if (rc == 0)
		rc = mdb_env_open(k->env, dir, flags, 0600);
	int fd;
	if (rc == 0)
		rc = mdb_env_get_fd(k->env, &fd);
	if (rc == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) /* LMDB 0.9.24 lets children have it */
		rc = errno;
	return rc;
}

/* --- making it -------------------------------------------------------------------------------- */

static void empty_folder(const char *dir)
{
	static const char *const names[] = { "data.mdb", "lock.mdb" };
	char file[LMDB_PATH_MAX];
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (path(file, dir, names[i]))
			(void)unlink(file);
}

static int sync_folder(const char *dir)
{
	const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	const int rc = fsync(fd) == 0 ? 0 : errno;
	(void)close(fd);
	return rc;
}

/* In a folder of its own, then renamed: data.mdb is there as a whole or not at all, whatever
   happens meanwhile, so that an empty one is always damage. */
static int make(struct lmdb_kv *k, const struct kv_lmdb_settings *s)
{
	char dir[LMDB_PATH_MAX];
	char file[LMDB_PATH_MAX];
	if (!path(dir, s->dir, "new") || !path(file, dir, "data.mdb"))
		return ENAMETOOLONG;
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return errno;
	empty_folder(dir);
	int rc = open_env(k, dir, s);
	if (rc == 0)
		rc = open_tables(k, s);
	if (k->env != NULL)
		mdb_env_close(k->env);
	k->env = NULL;
	if (rc == 0 && rename(file, k->file) != 0)
		rc = errno;
	empty_folder(dir);
	(void)rmdir(dir);
	return rc == 0 ? sync_folder(s->dir) : rc;
}

static bool open_all(
	struct lmdb_kv *k, const struct kv_lmdb_settings *s, bool *fresh, struct store_error *error)
{
	bool missing;
	if (!path(k->file, s->dir, "data.mdb"))
		return store_fail(error, "%s: the name is too long", s->dir);
	if (!look_at(k, s->read_only, &missing, error))
		return false;
	if (missing && s->read_only)
		return store_fail(error, "%s: is not there; lwgated makes it", k->file);
	int rc = missing ? make(k, s) : 0;
	if (rc == 0)
		rc = open_env(k, s->dir, s);
	if (rc != 0)
		return refuse(k, rc, error);
	if (!is_whole(k, error))
		return false;
	rc = open_tables(k, s);
	if (rc != 0)
		return refuse(k, rc, error);
	int dead;
	(void)mdb_reader_check(k->env, &dead); /* of tools that were killed */
	lmdb_note_map(k);
	if (!s->read_only)
		lmdb_make_room(k);
	*fresh = missing;
	return true;
}

struct kv *kv_open_lmdb(const struct kv_lmdb_settings *s, bool *fresh, struct store_error *error)
{
	assert(s->tables_len <= KV_TABLES_MAX);
	*fresh = false;
	struct lmdb_kv *const k = lmdb_new(s);
	if (k == NULL) {
		(void)store_fail(error, "%s: no memory", s->dir);
		return NULL;
	}
	lmdb_enter(k);
	const bool good = open_all(k, s, fresh, error);
	lmdb_exit();
	if (good)
		return &k->kv;
	lmdb_free(k);
	return NULL;
}
