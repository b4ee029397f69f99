/* SPDX-License-Identifier: Apache-2.0 */
/* Room for what comes: in the address space (the map), and on the disk (the file). */
#include "store/kv_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <time.h>

enum {
	FILE_KEPT = 2 << 20,  /* octets that only KV_VITAL may begin to use */
	FILE_AHEAD = 8 << 20, /* what is allocated when half of it is used up */
	MAP_MARGIN = 16 << 20,
	WAIT_MS = 50,        /* for readers to rest, when the map should grow ... */
	WAIT_MUST_MS = 2000, /* ... and when it must */
};
static const size_t map_max = (size_t)1 << 44;

void lmdb_pass(struct lmdb_kv *k)
{
	(void)pthread_mutex_lock(&k->gate);
	while (k->shut)
		(void)pthread_cond_wait(&k->moved, &k->gate);
	k->readers++;
	(void)pthread_mutex_unlock(&k->gate);
}

void lmdb_leave(struct lmdb_kv *k)
{
	(void)pthread_mutex_lock(&k->gate);
	k->readers--;
	if (k->shut && k->readers == 0)
		(void)pthread_cond_broadcast(&k->moved);
	(void)pthread_mutex_unlock(&k->gate);
}

static struct timespec in_ms(long ms)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += ms % 1000 * 1000000;
	t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void open_gate(struct lmdb_kv *k)
{
	k->shut = false;
	(void)pthread_cond_broadcast(&k->moved);
	(void)pthread_mutex_unlock(&k->gate);
}

/* True: no reader is inside, and the gate's lock is held. The wait has an end, as a thread that
   waits at the gate may hold another snapshot. */
static bool shut_gate(struct lmdb_kv *k, long wait_ms)
{
	const struct timespec until = in_ms(wait_ms);
	(void)pthread_mutex_lock(&k->gate);
	k->shut = true;
	int rc = 0;
	while (k->readers > 0 && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&k->moved, &k->gate, &until);
	if (k->readers == 0)
		return true;
	open_gate(k);
	return false;
}

/* Where the map is: LMDB tells only of maps at fixed addresses. */
static bool find_map(struct lmdb_kv *k, void **from, size_t *len)
{
	int fd;
	struct stat st;
	if (mdb_env_get_fd(k->env, &fd) != 0 || fstat(fd, &st) != 0)
		return false;
	FILE *const maps = fopen("/proc/self/maps", "re");
	if (maps == NULL)
		return false;
	char line[256];
	*len = 0;
	while (fgets(line, sizeof(line), maps) != NULL) {
		void *start;
		void *end;
		unsigned high;
		unsigned low;
		unsigned long inode;
		/* NOLINTNEXTLINE(cert-err34-c): the kernel wrote these numbers */
		if (sscanf(line, "%p-%p %*4s %*x %x:%x %lu", &start, &end, &high, &low, &inode) !=
			5)
			continue;
		if (inode != st.st_ino || makedev(high, low) != st.st_dev ||
			(size_t)((char *)end - (char *)start) <= *len)
			continue;
		*from = start;
		*len = (size_t)((char *)end - (char *)start);
	}
	(void)fclose(maps);
	return *len > 0;
}

void lmdb_note_map(struct lmdb_kv *k)
{
	void *from = NULL;
	size_t len = 0;
	const bool found = find_map(k, &from, &len);
	atomic_store(&k->map_len, 0);
	atomic_store(&k->map, (uintptr_t)from);
	atomic_store(&k->map_len, found ? len : 0);
	/* Its pages hold no secret in the clear; but a dump of all sessions helps nobody (I5). */
	if (found)
		(void)madvise(from, len, MADV_DONTDUMP);
}

static size_t used_octets(struct lmdb_kv *k, const MDB_envinfo *info)
{
	return (info->me_last_pgno + 1) * k->page;
}

/* LMDB gives the old map back before it takes the new one, and a failure would leave it
   with none. */
static bool can_map(int fd, size_t len)
{
	void *const try = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
	return try != MAP_FAILED && munmap(try, len) == 0;
}

static void move_map(struct lmdb_kv *k, size_t len, long wait_ms)
{
	if (!shut_gate(k, wait_ms))
		return;
	const int rc = mdb_env_set_mapsize(k->env, len);
	if (rc == 0) {
		k->must_grow = false;
		lmdb_note_map(k);
	} else {
		atomic_store(&k->broken, true);
	}
	open_gate(k);
}

static void make_map_room(struct lmdb_kv *k, const MDB_envinfo *info, int fd)
{
	const size_t used = used_octets(k, info);
	const size_t have = info->me_mapsize;
	const size_t margin = have / 8 > MAP_MARGIN ? have / 8 : MAP_MARGIN;
	size_t want = k->must_grow ? have * 2 : have;
	while (want < used + margin)
		want *= 2;
	if (want == have || want > map_max || !can_map(fd, want))
		return;
	int dead = 0; /* a tool that was killed pins old pages: that, too, makes it grow */
	(void)mdb_reader_check(k->env, &dead);
	move_map(k, want, k->must_grow ? WAIT_MUST_MS : WAIT_MS);
}

void lmdb_follow_map(struct lmdb_kv *k)
{
	(void)pthread_mutex_lock(&k->writer);
	move_map(k, 0, WAIT_MUST_MS);
	(void)pthread_mutex_unlock(&k->writer);
}

/* The file is allocated ahead, so that the end of the disk is met here, while KV_VITAL still has
   room, and pages never lie beyond the file's end. Where the file system cannot, nothing is
   kept. */
static void make_file_room(struct lmdb_kv *k, const MDB_envinfo *info, int fd)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return;
	const off_t used = (off_t)used_octets(k, info);
	const off_t from = st.st_size > used ? st.st_size : used;
	bool enough = st.st_size >= used + FILE_AHEAD / 2;
	if (!enough)
		enough = fallocate(fd, 0, from, used + FILE_AHEAD - from) == 0;
	if (!enough && (errno == EOPNOTSUPP || errno == ENOSYS))
		enough = true;
	if (!enough && st.st_size < used + FILE_KEPT)
		enough = fallocate(fd, 0, from, used + FILE_KEPT - from) == 0;
	else
		enough = true;
	atomic_store(&k->is_short, !enough);
}

static bool disk_is_full(struct lmdb_kv *k)
{
	int fd;
	struct stat st;
	struct statvfs fs;
	if (mdb_env_get_fd(k->env, &fd) != 0 || fstat(fd, &st) != 0 || fstatvfs(fd, &fs) != 0)
		return false;
	if (fallocate(fd, 0, st.st_size, FILE_KEPT) == 0)
		return false;
	return errno == ENOSPC || errno == EDQUOT || fs.f_bavail < FILE_KEPT / fs.f_frsize;
}

/* LMDB calls a short write EIO, which is what a disk that fills up begins with. What was committed
   before does not depend on it: its pages are of the failed transaction alone. */
int lmdb_end(struct lmdb_kv *k, MDB_txn *txn)
{
	const int rc = mdb_txn_commit(txn);
	return rc == EIO && disk_is_full(k) ? ENOSPC : rc;
}

void lmdb_make_room(struct lmdb_kv *k)
{
	MDB_envinfo info;
	int fd;
	if (mdb_env_info(k->env, &info) != 0 || mdb_env_get_fd(k->env, &fd) != 0)
		return;
	make_map_room(k, &info, fd);
	make_file_room(k, &info, fd);
}
