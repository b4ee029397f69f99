/* SPDX-License-Identifier: Apache-2.0 */
#include "store/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/rd.h"
#include "base/sip.h"
#include "base/wr.h"
#include "store/file.h"
#include "store/tpm.h"

/* Two copies, each in a block of its own, written in turn: a write that is torn spoils one,
   which is the older or was not yet told to anybody. */
enum {
	COPY = 64,
	COPIES = 2,
	BLOCK = 4096,
	PATH_LEN = 4096,
	STEPS_MAX = 64,        /* of a TPM's counter in one call */
	NV_FIRST = 0x01000000, /* TPM 2.0 Library part 2, 7.2: TPM_HT_NV_INDEX */
	NV_LAST = 0x01ffffff,
};

static const uint8_t magic[8] = { 'l', 'w', 'g', 'a', 't', 'e', 'A', '1' };

static const struct anchor_chip tpm = { tpm_counter_read, tpm_counter_increment };

struct anchor {
	uint64_t value;
	const struct anchor_chip *chip;
	char *name; /* as configured; NULL: none */
	char *tcti;
	uint32_t index; /* of the TPM; 0: a file */
	int fd;         /* -1: none */
	unsigned turn;  /* the copy to be written next */
	bool broken;    /* no retry after a failed sync: the kernel forgets the error (S4) */
	uint8_t uuid[16];
};

/* --- a copy ----------------------------------------------------------------------------------- */

/* No MAC: who can write the anchor can also put back an old one. */
static uint64_t checksum(const uint8_t *data, size_t len)
{
	static const struct sip_key none = { 0, 0 };
	return sip_hash(&none, data, len);
}

static void put(uint8_t out[COPY], const uint8_t uuid[16], uint64_t value)
{
	struct wr w = wr_into(out, COPY);
	memset(out, 0, COPY);
	wr_bytes(&w, magic, sizeof(magic));
	wr_bytes(&w, uuid, 16);
	wr_u64(&w, value);
	w.len = COPY - sizeof(uint64_t);
	wr_u64(&w, checksum(out, w.len));
}

static bool get(const uint8_t in[COPY], uint8_t uuid[16], uint64_t *value)
{
	struct rd r = rd_from(in, COPY);
	const uint8_t *const m = rd_bytes(&r, sizeof(magic));
	rd_copy(&r, uuid, 16);
	*value = rd_u64(&r);
	rd_skip(&r, r.left - sizeof(uint64_t));
	return memcmp(m, magic, sizeof(magic)) == 0 &&
	       rd_u64(&r) == checksum(in, COPY - sizeof(uint64_t));
}

static bool write_copy(int fd, unsigned which, const uint8_t uuid[16], uint64_t value)
{
	uint8_t copy[COPY];
	put(copy, uuid, value);
	return file_write(fd, copy, sizeof(copy), (off_t)which * BLOCK) && fdatasync(fd) == 0;
}

/* --- a file ----------------------------------------------------------------------------------- */

/* Under another name until it is whole, so that a damaged one is never of one who died here. */
static bool make(struct anchor *a, struct store_error *error)
{
	char path[PATH_LEN];
	const int len = snprintf(path, sizeof(path), "%s.new", a->name);
	if (len < 0 || (size_t)len >= sizeof(path))
		return store_fail(error, "anchor %s: the name is too long", a->name);
	(void)unlink(path);
	a->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (a->fd >= 0 && write_copy(a->fd, 0, a->uuid, 0) && write_copy(a->fd, 1, a->uuid, 0) &&
		fsync(a->fd) == 0 && rename(path, a->name) == 0 && file_sync_folder_of(path))
		return true;
	return store_fail(error,
		"anchor %s: cannot be made: %s; its folder must be there and writable, its medium "
		"mounted",
		a->name, strerror(errno));
}

/* A read that is short leaves zeroes: no copy. */
static bool read_copies(struct anchor *a, struct store_error *error)
{
	bool found = false;
	for (unsigned i = 0; i < COPIES; i++) {
		uint8_t copy[COPY] = { 0 }, uuid[16];
		uint64_t value;
		if (pread(a->fd, copy, sizeof(copy), (off_t)i * BLOCK) < 0)
			return store_fail(
				error, "anchor %s: cannot be read: %s", a->name, strerror(errno));
		if (!get(copy, uuid, &value))
			continue;
		if (memcmp(uuid, a->uuid, sizeof(uuid)) != 0)
			return store_fail(error,
				"anchor %s: is of another store; name the anchor of this one, or, "
				"if the "
				"other store is given up, move the file away",
				a->name);
		if (!found || value > a->value) {
			a->value = value;
			a->turn = COPIES - 1 - i;
		}
		found = true;
	}
	return found || store_fail(error,
				"anchor %s: is damaged; whether the database is the newest cannot "
				"be known: if "
				"you are sure that it is, move the file away and name no anchor",
				a->name);
}

static bool open_file(struct anchor *a, bool fresh, struct store_error *error)
{
	struct stat st;
	a->fd = open(a->name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (a->fd < 0 && errno == ENOENT && fresh)
		return make(a, error);
	if (a->fd < 0 && errno == ENOENT)
		return store_fail(error,
			"anchor %s: is missing; mount its medium or put it back: without it an "
			"older "
			"copy of the database would pass for the newest (name no anchor to accept "
			"that)",
			a->name);
	if (a->fd < 0)
		return store_fail(error,
			"anchor %s: cannot be opened: %s; lwgated must be able to write it",
			a->name, strerror(errno));
	if (fstat(a->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return store_fail(error, "anchor %s: is not a regular file", a->name);
	return read_copies(a, error);
}

static bool raise_file(struct anchor *a, uint64_t value, struct store_error *error)
{
	if (!write_copy(a->fd, a->turn, a->uuid, value)) {
		a->broken = true;
		return store_fail(error,
			"anchor %s: cannot be written: %s; look at its medium, then start lwgated "
			"again",
			a->name, strerror(errno));
	}
	a->turn = COPIES - 1 - a->turn;
	a->value = value;
	return true;
}

/* --- a TPM ------------------------------------------------------------------------------------ */

static bool open_tpm(struct anchor *a, struct store_error *error)
{
	const char *const text = a->name + strlen("tpm:");
	char *end;
	const unsigned long index = strtoul(text, &end, 16);
	if (end == text || *end != '\0' || index < NV_FIRST || index > NV_LAST)
		return store_fail(error,
			"anchor %s: is no index of a TPM; one is tpm:0x01500001, for example",
			a->name);
	a->index = (uint32_t)index;
	return a->chip->read(a->tcti, a->index, &a->value, error);
}

static bool raise_tpm(struct anchor *a, uint64_t value, struct store_error *error)
{
	if (value - a->value > STEPS_MAX)
		return store_fail(error,
			"anchor %s: the TPM's counter is at %" PRIu64 ", the store at %" PRIu64
			": it is not the counter of this store",
			a->name, a->value, value);
	while (a->value < value) {
		uint64_t now = a->value;
		if (!a->chip->increment(a->tcti, a->index, &now, error))
			return false;
		if (now <= a->value)
			return store_fail(
				error, "anchor %s: the TPM's counter does not grow", a->name);
		a->value = now;
	}
	return true;
}

/* --- both ------------------------------------------------------------------------------------- */

static bool take_names(struct anchor *a, const struct anchor_settings *s)
{
	a->name = strdup(s->name);
	a->tcti = s->tcti ? strdup(s->tcti) : NULL;
	return a->name && (a->tcti || !s->tcti);
}

struct anchor *anchor_open(const struct anchor_settings *s, struct store_error *error)
{
	const bool real = s->name && s->name[0] != '\0';
	struct anchor *const a = calloc(1, sizeof(*a));
	bool good = false;
	if (a) {
		a->fd = -1;
		a->chip = s->chip ? s->chip : &tpm;
		memcpy(a->uuid, s->uuid, sizeof(a->uuid));
	}
	if (!a || (real && !take_names(a, s)))
		(void)store_fail(error, "anchor: out of memory");
	else if (!real)
		good = true;
	else if (strncmp(a->name, "tpm:", strlen("tpm:")) == 0)
		good = open_tpm(a, error);
	else
		good = open_file(a, s->fresh, error);
	if (good)
		return a;
	anchor_close(a);
	return NULL;
}

void anchor_close(struct anchor *a)
{
	if (!a)
		return;
	if (a->fd >= 0)
		(void)close(a->fd);
	free(a->name);
	free(a->tcti);
	free(a);
}

bool anchor_is_real(const struct anchor *a)
{
	return a->name != NULL;
}

uint64_t anchor_value(const struct anchor *a)
{
	return a->value;
}

bool anchor_raise(struct anchor *a, uint64_t value, struct store_error *error)
{
	if (!anchor_is_real(a) || value <= a->value)
		return true;
	if (a->broken)
		return store_fail(error, "anchor %s: could not be written before", a->name);
	return a->index != 0 ? raise_tpm(a, value, error) : raise_file(a, value, error);
}
