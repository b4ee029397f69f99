/* SPDX-License-Identifier: Apache-2.0 */
/* Anything in the files that a start judges by (S5, S10): token, anchor, head of the hot file. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/anchor.h"
#include "store/hot.h"
#include "store/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_LEN = 64, FILE_MAX = 5120, TXN = 50, VALUE = 4, COPY = 64, BLOCK = 4096 };
/* Where things are in a token. */
enum { ABOUT = 88, FILLS_UP = 68, TXN_AT = 88, COUNTERS_AT = 128, LINE = 64 };

struct lab {
	char folder[PATH_LEN], hot_file[PATH_LEN], token[PATH_LEN], anchor[PATH_LEN];
	struct hot *hot;
	struct proof_settings proof;
	struct anchor_settings settings;
	uint8_t good_token[FILE_MAX], good_anchor[FILE_MAX];
	size_t token_len, anchor_len;
};

static void name(char out[PATH_LEN], const char *folder, const char *file)
{
	const int len = snprintf(out, PATH_LEN, "%s/%s", folder, file);
	assert(len > 0 && len < PATH_LEN);
}

static size_t take(const char *file, uint8_t out[FILE_MAX])
{
	const int fd = open(file, O_RDONLY);
	assert(fd >= 0);
	const ssize_t n = read(fd, out, FILE_MAX);
	assert(n > 0 && n < FILE_MAX);
	(void)close(fd);
	return (size_t)n;
}

static void give(const char *file, const uint8_t *data, size_t len)
{
	const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert(fd >= 0);
	const ssize_t n = write(fd, data, len);
	assert(n == (ssize_t)len);
	(void)close(fd);
}

static struct lab *the_lab(void)
{
	static struct lab lab;
	return &lab;
}

static void clean_up(void)
{
	struct lab *const l = the_lab();
	hot_close(l->hot);
	(void)unlink(l->hot_file);
	(void)unlink(l->token);
	(void)unlink(l->anchor);
	(void)rmdir(l->folder);
}

/* On a tmpfs, if there is one, a sync costs nothing. */
static bool make_folder(struct lab *l, const char *in)
{
	name(l->folder, in, "lwgate-fuzz-XXXXXX");
	return mkdtemp(l->folder) != NULL;
}

static void begin(struct lab *l)
{
	struct store_error error;
	bool fresh;
	if (!make_folder(l, "/dev/shm") && !make_folder(l, "/tmp"))
		abort();
	name(l->hot_file, l->folder, "hot");
	name(l->token, l->folder, "token");
	name(l->anchor, l->folder, "anchor");
	l->proof = (struct proof_settings){ .token = l->token, .any_filesystem = true };
	l->settings = (struct anchor_settings){ .name = l->anchor, .fresh = true };
	l->hot = hot_open(l->hot_file, &fresh, &error);
	assert(l->hot);
	for (uint32_t i = 0; i < HOT_WORKERS_MAX; i++)
		*hot_counter(l->hot, i) = 1000;
	struct proof *const p = proof_begin(&l->proof, l->hot, TXN, &error);
	assert(p);
	proof_end(p, false);
	struct anchor *const a = anchor_open(&l->settings, &error);
	assert(a);
	for (uint64_t i = 1; i <= VALUE; i++) {
		const bool raised = anchor_raise(a, i, &error);
		assert(raised);
	}
	anchor_close(a);
	l->token_len = take(l->token, l->good_token);
	l->anchor_len = take(l->anchor, l->good_anchor);
	(void)atexit(clean_up);
}

/* Each three octets: where, and what is flipped there. */
static void spoil(uint8_t *file, size_t len, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 2 < size; i += 3)
		file[(size_t)(data[i] << 8 | data[i + 1]) % len] ^= data[i + 2];
}

static uint64_t number_at(const uint8_t *file, size_t at)
{
	uint64_t n;
	memcpy(&n, file + at, sizeof(n));
	return n;
}

/* Said again in other words: who is told to be trusted. */
static bool should_hold(const struct lab *l, const uint8_t *token)
{
	bool good = memcmp(token, l->good_token, FILLS_UP) == 0 &&
		    memcmp(token + FILLS_UP + 4, l->good_token + FILLS_UP + 4,
			    ABOUT - FILLS_UP - 4) == 0 &&
		    number_at(token, TXN_AT) <= TXN;
	for (size_t i = 0; i < HOT_WORKERS_MAX; i++)
		good = good && number_at(token, COUNTERS_AT + i * LINE) <= 1000;
	return good;
}

static bool holds(const struct lab *l)
{
	char why[PROOF_WHY_MAX];
	const struct hot_facts f = hot_facts(l->hot);
	const bool good = proof_holds(&l->proof, l->hot, f.instance, TXN, why);
	assert(good == (why[0] == '\0') && memchr(why, '\0', sizeof(why)));
	return good;
}

static void try_token(const struct lab *l, const uint8_t *data, size_t size)
{
	uint8_t token[FILE_MAX];
	give(l->token, data, size);
	assert(size >= l->token_len || !holds(l));
	memcpy(token, l->good_token, l->token_len);
	spoil(token, l->token_len, data, size);
	give(l->token, token, l->token_len);
	assert(holds(l) == should_hold(l, token));
}

static void open_anchor(const struct lab *l, bool sums_are_whole)
{
	struct store_error error = { "" };
	struct anchor_settings s = l->settings;
	s.fresh = false;
	struct anchor *a = anchor_open(&s, &error);
	assert(a || error.text[0] != '\0');
	if (!a)
		return;
	const uint64_t v = anchor_value(a);
	assert(!sums_are_whole || v == VALUE || v == VALUE - 1);
	const uint64_t next = v == UINT64_MAX ? v : v + 1;
	const bool raised = anchor_raise(a, next, &error);
	assert(raised);
	anchor_close(a);
	a = anchor_open(&s, &error);
	assert(a && anchor_value(a) == next);
	anchor_close(a);
}

static void try_anchor(const struct lab *l, const uint8_t *data, size_t size)
{
	uint8_t file[FILE_MAX];
	give(l->anchor, data, size);
	open_anchor(l, false);
	memcpy(file, l->good_anchor, l->anchor_len);
	spoil(file, l->anchor_len, data, size);
	give(l->anchor, file, l->anchor_len);
	const bool whole =
		memcmp(file + COPY - 8, l->good_anchor + COPY - 8, 8) == 0 &&
		memcmp(file + BLOCK + COPY - 8, l->good_anchor + BLOCK + COPY - 8, 8) == 0;
	open_anchor(l, whole);
}

static void try_hot(const struct lab *l, const uint8_t *data, size_t size)
{
	char file[PATH_LEN];
	struct store_error error;
	bool fresh;
	name(file, l->folder, "hot2");
	struct hot *h = hot_open(file, &fresh, &error);
	assert(h && fresh);
	const struct hot_facts was = hot_facts(h);
	hot_close(h);
	const int fd = open(file, O_WRONLY);
	assert(fd >= 0);
	const ssize_t n = pwrite(fd, data, size, 0);
	assert(n == (ssize_t)size);
	(void)close(fd);
	h = hot_open(file, &fresh, &error);
	assert(h && hot_facts(h).slots == 0 && !hot_at(h, 0));
	assert(fresh == (hot_facts(h).inode != was.inode));
	hot_close(h);
	(void)unlink(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool begun;
	struct lab *const l = the_lab();
	if (!begun)
		begin(l);
	begun = true;
	if (size == 0)
		return 0;
	const uint8_t kind = data[0] % 3;
	if (kind == 0)
		try_token(l, data + 1, size - 1);
	else if (kind == 1)
		try_anchor(l, data + 1, size - 1);
	else
		try_hot(l, data + 1, size - 1);
	return 0;
}
