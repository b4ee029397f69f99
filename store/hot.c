/* SPDX-License-Identifier: Apache-2.0 */
#include "store/hot.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file.h"

enum {
	FORMAT = 1,
	HEAD = 65536, /* a page, also where pages are large */
	PAGE = 4096,
	GROW_LEAST = 16384,      /* slots: 1 MiB */
	RESERVE_LEAST = 1 << 16, /* slots */
	PATH_LEN = 4096,
	ZEROES = 65536,
};

static const uint8_t magic[8] = { 'l', 'w', 'g', 'a', 't', 'e', 'H', 'S' };
static const uint8_t zeroes[ZEROES];

struct counter { /* a cache line: each worker writes its own */
	_Alignas(SLOT_SIZE) _Atomic uint64_t batches;
};

struct about {
	uint8_t magic[sizeof(magic)];
	uint32_t format, slot_size, workers;
	uint8_t instance[HOT_INSTANCE];
};

struct head {
	struct about about;
	struct counter counters[HOT_WORKERS_MAX];
};

_Static_assert(sizeof(struct head) <= HEAD, "slots begin on a page");

struct hot {
	int fd;
	uint8_t *base;             /* of the address space that is kept for the file */
	uint64_t reserved, mapped; /* octets; whole pages */
	_Atomic uint32_t slots;
	uint64_t device, inode;
};

static uint64_t page_size(void)
{
	const long size = sysconf(_SC_PAGESIZE);
	return size > PAGE ? (uint64_t)size : PAGE;
}

static uint64_t bytes_for(uint32_t slots)
{
	return HEAD + (uint64_t)slots * sizeof(struct slot);
}

/* Slots in whole pages, so that each step maps whole pages. */
static uint32_t slots_in(uint64_t bytes)
{
	bytes -= bytes % page_size();
	return bytes < HEAD ? 0 : (uint32_t)((bytes - HEAD) / sizeof(struct slot));
}

/* --- the file --------------------------------------------------------------------------------- */

static bool write_zeroes(int fd, uint64_t from, uint64_t to)
{
	while (from < to) {
		const size_t n = to - from < ZEROES ? (size_t)(to - from) : ZEROES;
		if (!file_write(fd, zeroes, n, (off_t)from))
			return false;
		from += n;
	}
	return true;
}

static bool write_head(int fd)
{
	struct about about = {
		.format = FORMAT, .slot_size = SLOT_SIZE, .workers = HOT_WORKERS_MAX
	};
	memcpy(about.magic, magic, sizeof(magic));
	if (getrandom(about.instance, HOT_INSTANCE, 0) != HOT_INSTANCE)
		return false;
	return write_zeroes(fd, 0, HEAD) && file_write(fd, &about, sizeof(about), 0);
}

/* Under another name until it is whole. What is lost with the power need not be synced. */
static int make(const char *file, struct store_error *error)
{
	char path[PATH_LEN];
	const int len = snprintf(path, sizeof(path), "%s.new", file);
	if (len < 0 || (size_t)len >= sizeof(path)) {
		(void)store_fail(error, "%s: the name is too long", file);
		return -1;
	}
	(void)unlink(path); /* of one who died here */
	const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && write_head(fd) && rename(path, file) == 0)
		return fd;
	(void)store_fail(error,
		"%s: cannot be made: %s; its folder must be writable, with room for 64 octets for "
		"each session",
		file, strerror(errno));
	if (fd >= 0) {
		(void)unlink(path);
		(void)close(fd);
	}
	return -1;
}

/* In memory, of this process only. */
static int make_nameless(struct store_error *error)
{
	const int fd = memfd_create("lwgate-hot", MFD_CLOEXEC);
	if (fd >= 0 && write_head(fd))
		return fd;
	(void)store_fail(error, "slots in memory: %s", strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* A size that is not of whole pages is sound: somebody died while it grew. */
static bool is_sound(int fd, const struct stat *st)
{
	struct about a;
	if (st->st_size < HEAD || (uint64_t)st->st_size > bytes_for(HOT_SLOTS_MAX))
		return false;
	if (pread(fd, &a, sizeof(a), 0) != (ssize_t)sizeof(a))
		return false;
	return memcmp(a.magic, magic, sizeof(magic)) == 0 && a.format == FORMAT &&
	       a.slot_size == SLOT_SIZE && a.workers == HOT_WORKERS_MAX &&
	       memcmp(a.instance, zeroes, sizeof(a.instance)) != 0;
}

/* -1: *error. */
static int open_or_make(const char *file, bool *fresh, struct store_error *error)
{
	struct stat st;
	*fresh = true;
	if (!file)
		return make_nameless(error);
	const int fd = open(file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return make(file, error);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
		((st.st_mode & 077) != 0 && fchmod(fd, 0600) != 0)) {
		(void)store_fail(error,
			"%s: %s; it must be a regular file that lwgated owns, may read and write",
			file, fd < 0 || S_ISREG(st.st_mode) ? strerror(errno) : "not a file");
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	if (is_sound(fd, &st)) {
		*fresh = false;
		return fd;
	}
	(void)close(fd);
	return make(file, error);
}

/* --- the mapping ------------------------------------------------------------------------------ */

/* Addresses only: no memory is used, and where they are scarce less is kept. */
static bool reserve(struct hot *h)
{
	uint64_t most = SIZE_MAX / 16;
	struct rlimit limit;
	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur / 4 < most)
		most = limit.rlim_cur / 4;
	for (uint32_t slots = HOT_SLOTS_MAX; slots >= RESERVE_LEAST; slots /= 2) {
		if (bytes_for(slots) > most)
			continue;
		void *const base = mmap(NULL, (size_t)bytes_for(slots), PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (base == MAP_FAILED)
			continue;
		/* Address space only; a debugger would write all of it into a core dump. */
		(void)madvise(base, (size_t)bytes_for(slots), MADV_DONTDUMP);
		h->base = base;
		h->reserved = bytes_for(slots);
		return true;
	}
	return false;
}

/* The file's next pages, in their place. */
static bool map_to(struct hot *h, uint64_t end)
{
	if (end == h->mapped)
		return true;
	const size_t more = (size_t)(end - h->mapped);
	void *const part = mmap(h->base + h->mapped, more, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_FIXED, h->fd, (off_t)h->mapped);
	if (part == MAP_FAILED)
		return false;
	(void)madvise(part, more, MADV_RANDOM);
	h->mapped = end;
	return true;
}

static bool map_all(struct hot *h, const char *file, struct store_error *error)
{
	struct stat st;
	if (fstat(h->fd, &st) != 0)
		return store_fail(error, "%s: %s", file, strerror(errno));
	h->device = st.st_dev;
	h->inode = st.st_ino;
	if (!reserve(h))
		return store_fail(
			error, "%s: no address space for it; raise the limit (ulimit -v)", file);
	const uint32_t slots = slots_in((uint64_t)st.st_size);
	if (bytes_for(slots) > h->reserved)
		return store_fail(error,
			"%s: its %u slots need %zu octets of address space, %zu could be had; "
			"raise the "
			"limit (ulimit -v)",
			file, slots, bytes_for(slots), h->reserved);
	if (!map_to(h, bytes_for(slots)))
		return store_fail(error, "%s: cannot be mapped: %s", file, strerror(errno));
	atomic_store_explicit(&h->slots, slots, memory_order_release);
	return true;
}

static struct head *head_of(const struct hot *h)
{
	return (struct head *)(void *)h->base;
}

struct hot *hot_open(const char *file, bool *fresh, struct store_error *error)
{
	const int fd = open_or_make(file, fresh, error);
	if (fd < 0)
		return NULL;
	struct hot *const h = calloc(1, sizeof(*h));
	if (!h) {
		(void)store_fail(error, "%s: out of memory", file ? file : "slots");
		(void)close(fd);
		return NULL;
	}
	h->fd = fd;
	if (map_all(h, file ? file : "slots", error))
		return h;
	hot_close(h);
	return NULL;
}

void hot_close(struct hot *h)
{
	if (!h)
		return;
	if (h->base)
		(void)munmap(h->base, (size_t)h->reserved);
	(void)close(h->fd);
	free(h);
}

struct slot *hot_at(const struct hot *h, uint32_t place)
{
	if (place >= atomic_load_explicit(&h->slots, memory_order_acquire))
		return NULL;
	return (struct slot *)(void *)(h->base + (size_t)bytes_for(place));
}

bool hot_grow(struct hot *h, uint32_t slots)
{
	const uint32_t have = atomic_load_explicit(&h->slots, memory_order_relaxed);
	const uint32_t most = slots_in(h->reserved);
	if (slots <= have)
		return true;
	if (slots > most)
		return false;
	const uint32_t step = have / 4 > GROW_LEAST ? have / 4 : GROW_LEAST;
	uint32_t want = slots > have + step ? slots : have + step;
	want = want < most ? want : most;
	const uint64_t page = page_size();
	const uint64_t end = (bytes_for(want) + page - 1) / page * page;
	/* Written, not made by ftruncate(): the file system takes the room now (S16). */
	if (!write_zeroes(h->fd, h->mapped, end) || !map_to(h, end)) {
		while (ftruncate(h->fd, (off_t)h->mapped) != 0 && errno == EINTR)
			continue;
		return false;
	}
	atomic_store_explicit(&h->slots, slots_in(end), memory_order_release);
	return true;
}

/* The head first: who dies in between leaves a file that no database knows. It is written, as a
   file that was put back may have holes (S16). */
bool hot_reset(struct hot *h)
{
	if (!write_head(h->fd))
		return false;
	atomic_store_explicit(&h->slots, 0, memory_order_release);
	h->mapped = HEAD;
	while (ftruncate(h->fd, HEAD) != 0)
		if (errno != EINTR)
			return false;
	return true;
}

struct hot_facts hot_facts(const struct hot *h)
{
	struct hot_facts f = {
		.device = h->device,
		.inode = h->inode,
		.slots = atomic_load_explicit(&h->slots, memory_order_acquire),
	};
	memcpy(f.instance, head_of(h)->about.instance, sizeof(f.instance));
	return f;
}

_Atomic uint64_t *hot_counter(const struct hot *h, uint32_t worker)
{
	assert(worker < HOT_WORKERS_MAX);
	return &head_of(h)->counters[worker].batches;
}

bool hot_owns(const struct hot *h, const void *address)
{
	const uintptr_t at = (uintptr_t)address, base = (uintptr_t)h->base;
	return at >= base && at - base < h->reserved;
}
