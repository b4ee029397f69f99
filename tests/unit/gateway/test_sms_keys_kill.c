/* SPDX-License-Identifier: Apache-2.0 */
/* Each transition of the table of key sets, in a process that is ended by SIGKILL right before, and
   right behind, the commit of the store that it is: what is there afterwards is the row before, or
   the row after, with the messages that belong to it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <ftw.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "gateway/sms_keys_run.h"
#include "gateway/store_wait.h"
#include "sms/keyset_parts.h"
#include "store/core.h"

enum { GPI = 200, KEYS = 32, MESSAGE = 77, BEFORE_GEN = 1, CURRENT_GEN, NEXT_GEN };
#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define T0     (100 * HOUR)

enum side { NOBODY, BEFORE, BEHIND, SIDES };

/* --- a commit that is the last thing that happens --------------------------------------------- */

static enum side dies; /* in a child only */

int mdb_txn_commit(void *txn); /* of liblmdb, whose types are not needed */
int mdb_txn_commit(void *txn)
{
	int (*const real)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "mdb_txn_commit");
	if (dies == BEFORE)
		(void)kill(getpid(), SIGKILL);
	const int r = real(txn);
	if (dies == BEHIND)
		(void)kill(getpid(), SIGKILL);
	return r;
}

/* --- rows ------------------------------------------------------------------------------------- */

static const struct gw_keys_settings settings = {
	.rules = { .overlap_ms = 300 * SECOND,
		.early_ms = MINUTE,
		.answer_ms = 30 * SECOND,
		.retry_ms = MINUTE,
		.backoff_ms = 4 * SECOND,
		.most_ms = 15 * MINUTE,
		.rest_ms = 24 * HOUR,
		.an_hour = 20,
		.tries = 4 },
	.valid_s = 3600,
	.tag = SMS_TAG,
};

/* number: counters are those of keys, so that each transition has keys of its own. */
static struct keyset_keys keys_of(uint32_t generation, unsigned number)
{
	struct keyset_keys x = { .generation = generation,
		.origin = KEYSET_GBA_PUSH,
		.agreed = sms_agreed_default(SMS_CR_004),
		.obtained_ms = T0 - HOUR,
		.until_ms = T0 + HOUR };
	x.agreed.key_len = KEYS;
	x.agreed.tar[0] = 0xbf;
	x.agreed.tar[1] = 0xff;
	for (unsigned i = 0; i < KEYS; i++)
		x.agreed.key[i] = (uint8_t)(i * 3 + generation);
	x.agreed.key[0] = (uint8_t)number;
	return x;
}

static bool has_next(uint8_t state)
{
	return state == KEYSET_REFRESHING || state == KEYSET_FRESH || state == KEYSET_DELIVERED ||
	       state == KEYSET_FAILED;
}

/* As it is when this event comes to that state. */
static struct keyset row_of(uint8_t state, enum keyset_event e, unsigned number)
{
	struct keyset k = { .state = state,
		.tries = e == KEYSET_SPENT ? settings.rules.tries : 1,
		.over = state == KEYSET_EXPIRED,
		.last = NEXT_GEN,
		.lifetime_s = 600,
		.hour_ms = T0,
		.due_ms = e == KEYSET_DUE || e == KEYSET_SPENT ? T0 : T0 + HOUR,
		.sent_ms = T0 - HOUR,
		.message = MESSAGE };
	k.set[KEYSET_OF_BEFORE] = keys_of(BEFORE_GEN, number);
	k.set[KEYSET_CURRENT] = keys_of(CURRENT_GEN, number);
	if (state == KEYSET_EXPIRED || e == KEYSET_OVER)
		k.set[KEYSET_CURRENT].until_ms = T0;
	if (!has_next(state))
		return k;
	k.set[KEYSET_NEXT] = keys_of(NEXT_GEN, number);
	if (e == KEYSET_LATE)
		k.set[KEYSET_NEXT].until_ms = T0;
	memset(k.blob, 0x67, GPI);
	k.blob_len = GPI;
	return k;
}

/* --- a process -------------------------------------------------------------------------------- */

struct life {
	char folder[32], token[48];
	struct kek kek;
	unsigned number; /* of the transition */
	struct store *s;
	struct store_reader *r;
	struct sms_cipher *cipher;
	uint32_t cred;
	uint64_t proved;
	struct store_sms_keys row;
	struct store_sms_message in;
	struct gw_keys_change change;
	uint8_t gpi[GPI];
	struct keyset_keys news;
};

/* On the disk: the commit that is interrupted is a real one. */
static void open_store(struct life *l)
{
	struct store_error error;
	const struct store_settings s = { .dir = l->folder,
		.kek_given = &l->kek,
		.token = l->token,
		.any_filesystem = true,
		.boot_ms = clock_ms(CLOCK_BOOTTIME),
		.wall_ms = clock_ms(CLOCK_REALTIME) };
	l->s = store_open(&s, &error);
	if (!l->s)
		fail_msg("%s", error.text);
	l->r = store_reader_new(l->s);
	assert_non_null(l->r);
}

static void close_store(struct life *l)
{
	store_reader_free(l->r);
	store_close(l->s);
}

static enum store_result put_cred(struct store_txn *t, void *arg)
{
	struct life *const l = arg;
	struct store_cred c = { .kind = STORE_CRED_SMS,
		.sms = { .profile = STORE_SMS_CR_004,
			.kic = 0x12,
			.kid = 0x12,
			.tar = { 0xbf, 0xff, 0x00 },
			.cc_len = 8,
			.renew = { .how = STORE_RENEW_GBA_PUSH } } };
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "urn:dev:%u", l->number);
	c.identity_len =
		(uint8_t)snprintf((char *)c.identity, sizeof(c.identity), "49%06u", l->number);
	const enum store_result r = store_cred_put(t, &c);
	l->cred = c.number;
	l->proved = c.proved;
	return r;
}

static enum store_result put_row(struct store_txn *t, void *arg)
{
	struct life *const l = arg;
	return store_sms_keys_put(t, &l->row);
}

static enum store_result run(struct store_txn *t, void *arg)
{
	return gw_keys_run(t, arg);
}

/* What tells it; what time tells by itself is not told. */
static struct gw_keys_change *change_of(struct life *l, enum keyset_event e)
{
	struct gw_keys_change *const x = &l->change;
	memset(x, 0, sizeof(*x));
	x->settings = &settings;
	x->cipher = l->cipher;
	x->cred = l->cred;
	x->now_ms = T0;
	x->event = e < KEYSET_DUE ? e : KEYSET_EVENTS;
	x->news = (struct keyset_news){ .lifetime_s = 600, .cause = "a-cause" };
	x->message = e == KEYSET_TAKEN || e == KEYSET_UNSENT ? MESSAGE : 0;
	memcpy(x->peer,
		"\x91\x07"
		"4911111",
		9);
	if (e == KEYSET_OBTAINED || e == KEYSET_BROUGHT) {
		l->news = keys_of(NEXT_GEN + 1, l->number);
		x->news.keys = &l->news;
		memset(l->gpi, 0x68, sizeof(l->gpi));
		x->news.blob = l->gpi;
		x->news.blob_len = e == KEYSET_OBTAINED ? sizeof(l->gpi) : 0;
	}
	x->under = e == KEYSET_HEARD       ? (uint32_t)CURRENT_GEN
		   : e == KEYSET_PROVED    ? (uint32_t)NEXT_GEN
		   : e == KEYSET_HEARD_OLD ? (uint32_t)BEFORE_GEN
					   : 0;
	if (x->under != 0) {
		static const uint8_t update[] = { 0x42, 0x02, 0x12, 0x34, 0xaa, 0xbb };
		x->event = KEYSET_EVENTS;
		x->counter = 1;
		l->in = (struct store_sms_message){
			.id = 9, .cred = l->cred, .at_ms = T0, .len = sizeof(update)
		};
		memcpy(l->in.data, update, sizeof(update));
		x->in = &l->in;
		x->refusal_len = gw_keys_refusal(update, sizeof(update), 7, x->refusal);
		assert_true(x->refusal_len > 0);
	}
	return x;
}

/* In a process of its own, which does not survive its commit. */
static void dies_at(struct life *l, enum keyset_event e, enum side side)
{
	int status = 0;
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		open_store(l);
		struct gw_keys_change *const x = change_of(l, e);
		dies = side;
		const enum store_result r = gw_store_do(l->s, run, x, false);
		_exit(1 + (int)r); /* it was not killed */
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* --- what is there ---------------------------------------------------------------------------- */

static unsigned boxes(struct life *l, bool in)
{
	struct store_sms_message m;
	uint64_t at = 0;
	unsigned n = 0;
	while ((in ? store_sms_next_in(l->r, l->cred, &at, &m)
		   : store_sms_next_out(l->r, l->cred, &at, &m)) == STORE_OK)
		n++;
	return n;
}

static uint64_t counter_under(struct life *l, uint32_t generation)
{
	struct store_sms_counters n = { 0 };
	const struct keyset_keys x = keys_of(generation, l->number);
	const uint64_t keys = store_sms_keys_hash(l->r, x.agreed.key, x.agreed.key_len);
	assert_int_equal(store_sms_read_under(l->r, keys, &n), STORE_OK);
	return n.in;
}

struct found {
	struct store_sms_keys row;
	unsigned in, out;
	uint64_t counter;
};

static void look(struct life *l, struct found *out)
{
	open_store(l);
	assert_int_equal(store_sms_keys_read(l->r, l->cred, &out->row), STORE_OK);
	out->in = boxes(l, true);
	out->out = boxes(l, false);
	out->counter = l->change.under != 0 ? counter_under(l, l->change.under) : 0;
	close_store(l);
}

/* The same by the core alone. */
static struct keyset expected(struct life *l, uint8_t state, enum keyset_event e, unsigned *does)
{
	struct keyset k = row_of(state, e, l->number);
	const struct gw_keys_change *const x = change_of(l, e);
	struct keyset_news n = x->news;
	n.now_ms = T0;
	*does = keyset_time(&k, &settings.rules, T0);
	if (e < KEYSET_DUE)
		*does |= keyset_step(&k, &settings.rules, e, &n);
	*does |= keyset_time(&k, &settings.rules, T0);
	return k;
}

static void begin_with(struct life *l, uint8_t state, enum keyset_event e)
{
	const struct keyset k = row_of(state, e, l->number);
	open_store(l);
	assert_int_equal(gw_store_do(l->s, put_cred, l, false), STORE_OK);
	l->row = (struct store_sms_keys){
		.cred = l->cred, .proved = l->proved, .due_ms = keyset_next_ms(&k)
	};
	l->row.len = keyset_save(&k, l->row.data, sizeof(l->row.data));
	assert_true(l->row.len > 0);
	assert_int_equal(gw_store_do(l->s, put_row, l, false), STORE_OK);
	close_store(l);
}

static void is_before(const struct life *l, const struct found *f)
{
	assert_int_equal(f->row.len, l->row.len);
	assert_memory_equal(f->row.data, l->row.data, l->row.len);
	assert_int_equal(f->row.due_ms, l->row.due_ms);
	assert_true(f->in == 0 && f->out == 0 && f->counter == 0);
}

static void is_after(struct life *l, const struct found *f, uint8_t state, enum keyset_event e)
{
	struct keyset k;
	unsigned does;
	const struct keyset wanted = expected(l, state, e, &does);
	assert_true(keyset_load(f->row.data, f->row.len, &k));
	assert_string_equal(keyset_state_name(k.state), keyset_state_name(wanted.state));
	for (size_t i = 0; i < KEYSET_SETS; i++)
		assert_int_equal(k.set[i].generation, wanted.set[i].generation);
	assert_int_equal(f->row.due_ms, keyset_next_ms(&k));
	assert_true(k.tries == wanted.tries && k.fails == wanted.fails && k.last == wanted.last);
	const bool taken = e == KEYSET_HEARD || e == KEYSET_PROVED;
	assert_int_equal(f->in, taken);
	assert_int_equal(f->counter, taken || e == KEYSET_HEARD_OLD);
	assert_int_equal(f->out, (unsigned)((does & KEYSET_DO_SEND) != 0) +
					 (unsigned)((does & KEYSET_DO_REFUSE) != 0));
}

/* --- all of them ------------------------------------------------------------------------------ */

static void dies_in(struct life *l, uint8_t state, enum keyset_event e)
{
	struct found f;
	begin_with(l, state, e);
	(void)change_of(l, e);
	dies_at(l, e, BEFORE);
	look(l, &f);
	is_before(l, &f);
	dies_at(l, e, BEHIND);
	look(l, &f);
	is_after(l, &f, state, e);
}

static void test_a_kill_at_each_transition_of_the_table(void **state)
{
	struct life *const l = *state;
	for (uint8_t was = 0; was < (uint8_t)KEYSET_STATES; was++) {
		for (enum keyset_event e = 0; e < KEYSET_EVENTS; e++) {
			const struct keyset_cell *const cell = keyset_cell(was, e);
			if (!cell->is)
				continue;
			l->number++;
			print_message("# %u: %s, %s: %s\n", l->number, keyset_state_name(was),
				keyset_event_name((uint8_t)e), keyset_state_name(cell->to));
			dies_in(l, was, e);
		}
	}
	assert_true(l->number > 50);
}

static int begin(void **state)
{
	struct life *const l = calloc(1, sizeof(*l));
	assert_non_null(l);
	(void)snprintf(l->folder, sizeof(l->folder), "/tmp/lwgate-kill-XXXXXX");
	assert_non_null(mkdtemp(l->folder));
	(void)snprintf(l->token, sizeof(l->token), "%s/token", l->folder);
	memset(l->kek.key, 7, sizeof(l->kek.key));
	l->cipher = sms_cipher_new();
	assert_non_null(l->cipher);
	*state = l;
	return 0;
}

static int forget(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int end(void **state)
{
	struct life *const l = *state;
	(void)nftw(l->folder, forget, 8, FTW_DEPTH | FTW_PHYS);
	sms_cipher_free(l->cipher);
	free(l);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_kill_at_each_transition_of_the_table, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
