/* SPDX-License-Identifier: Apache-2.0 */
/* Records for nobody, and whether their sender is told (S27, R-203). */
#include "roam.h"

#include "caught.h"

static struct {
	size_t asked, cid_len;
	unsigned line;
	uint8_t cid[DTLS_CID_OURS_MAX];
	bool says;
	bool asleep; /* somebody is */
} net;

static bool own_lost(void *ctx, enum dtls_role role, const struct net_path *path,
	const uint8_t *cid, size_t cid_len)
{
	(void)ctx;
	assert_int_equal(role, DTLS_SERVER);
	assert_int_equal(cid != NULL, cid_len > 0);
	net.asked++;
	net.line = line_of(SERVER, path);
	net.cid_len = cid_len;
	if (cid)
		memcpy(net.cid, cid, cid_len);
	return net.says;
}

static bool own_by_cid(
	void *ctx, enum dtls_role role, const struct dtls_knock *k, struct dtls_sleeper *out)
{
	(void)ctx;
	(void)role;
	assert_true(k->cid_len > 0 && k->from->peer.family == NET_IPV4);
	*out = (struct dtls_sleeper){ .context_len = 1 }; /* broken, but there */
	return net.asleep;
}

static void own_not_woken(void *ctx, const struct dtls_sleeper *s)
{
	(void)ctx;
	(void)s;
}

/* A pair that is up on line 0, and an engine that tells. */
static struct roam *up(uint64_t seed)
{
	struct roam *const r = roam_up(seed);
	struct dtls_owner *const o = &r->p->side[SERVER].e->owner;
	memset(&net, 0, sizeof(net));
	net.says = true;
	o->lost = own_lost;
	o->asleep_by_cid = own_by_cid;
	o->not_woken = own_not_woken;
	r->p->fate = NULL;
	return r;
}

enum { HEAD = DTLS_RECORD_HEADER, CID_LEN = DTLS_CID_OURS_MIN };

struct made {
	uint8_t d[128];
	size_t len;
};

/* A record of somebody's: with a CID that is laid out as ours, or without. */
static struct made record(uint8_t type, size_t body)
{
	struct made m = { .len = 0 };
	uint8_t cid[CID_LEN] = { 1 << 5 | CID_LEN, 0, 0, 9, 9, 9, 9 };
	const struct dtls_number n = {
		.type = type,
		.epoch = 1,
		.seq = 77,
		.cid = cid,
		.cid_len = type == DTLS_CID ? sizeof(cid) : 0,
	};
	dtls_record_header(m.d, DTLS_VERSION_1_2, &n, body);
	m.len = HEAD + n.cid_len + body;
	memset(m.d + HEAD + n.cid_len, 0x3a, body);
	return m;
}

static void put(struct roam *r, unsigned line, const struct made *m)
{
	pair_input(r->p, SERVER, line, m->d, m->len);
}

/* What the server has said to nobody in particular. */
static void assert_told(struct roam *r, unsigned line, uint64_t *seq)
{
	struct dgram *const g = r->p->wire;
	assert_true(g && !g->next);
	if (!g)
		return;
	assert_int_equal(g->line, line);
	uint8_t *at = g->data;
	size_t left = g->len;
	struct dtls_record a;
	assert_true(dtls_record_next(&at, &left, &a));
	assert_int_equal(left, 0);
	assert_int_equal(g->len, 15);
	assert_int_equal(a.type, DTLS_ALERT);
	assert_int_equal(a.version, DTLS_VERSION_1_2);
	assert_int_equal(a.epoch, 0);
	assert_int_equal(a.body[0], DTLS_FATAL);
	assert_int_equal(a.body[1], DTLS_UNEXPECTED_MESSAGE);
	*seq = a.seq;
	r->p->wire = NULL;
	free(g);
}

static void test_S27_who_is_not_known_is_told(void **state)
{
	(void)state;
	struct roam *const r = up(1);
	const struct made with = record(DTLS_CID, 17), classic = record(DTLS_DATA, 16);
	uint64_t seq[2] = { 0 };
	put(r, 5, &with);
	assert_told(r, 5, &seq[0]);
	assert_int_equal(net.asked, 1);
	assert_int_equal(net.line, 5);
	assert_int_equal(net.cid_len, CID_LEN);
	assert_memory_equal(net.cid, with.d + 11, CID_LEN);
	put(r, 6, &classic);
	assert_told(r, 6, &seq[1]);
	assert_int_equal(net.cid_len, 0);
	assert_true(seq[0] != seq[1]);
	const struct dtls_stats s = roam_stats(r, SERVER);
	assert_int_equal(s.told_lost, 2);
	assert_int_equal(s.unknown_cid, 1);
	assert_int_equal(s.junk, 1);
	assert_talk(r->p);
	roam_free(r);
}

static void test_R203_S27_or_nobody_says_a_word(void **state)
{
	(void)state;
	struct roam *const r = up(2);
	const struct made with = record(DTLS_CID, 40), classic = record(DTLS_DATA, 40);
	net.says = false;
	put(r, 5, &with);
	put(r, 5, &classic);
	assert_int_equal(net.asked, 2);
	assert_null(r->p->wire);
	net.says = true;
	r->p->side[SERVER].no_room = true;
	put(r, 5, &with);
	assert_int_equal(net.asked, 3);
	r->p->side[SERVER].no_room = false;
	r->p->side[SERVER].e->owner.lost = NULL; /* the default */
	put(r, 5, &with);
	put(r, 5, &classic);
	assert_int_equal(net.asked, 3);
	assert_null(r->p->wire);
	assert_int_equal(roam_stats(r, SERVER).told_lost, 0);
	roam_free(r);
}

static void test_S27_only_records_that_could_be_somebodys(void **state)
{
	(void)state;
	struct roam *const r = up(3);
	const uint8_t types[] = { 0, 19, DTLS_CCS, DTLS_ALERT, DTLS_HANDSHAKE, 24, 26, 27, 255 };
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		const struct made m = record(types[i], 40);
		put(r, 5, &m);
	}
	for (size_t body = 0; body < 17; body++) { /* shorter than any suite makes them */
		const struct made with = record(DTLS_CID, body), classic = record(DTLS_DATA, body);
		put(r, 5, &with);
		if (body < 16)
			put(r, 5, &classic);
	}
	for (size_t at = 1; at < 5; at++) { /* version and epoch */
		struct made with = record(DTLS_CID, 40), classic = record(DTLS_DATA, 40);
		with.d[at] ^= 1;
		classic.d[at] ^= 1;
		put(r, 5, &with);
		put(r, 5, &classic);
	}
	struct made other = record(DTLS_CID, 40);
	other.d[11] = 0; /* of another layout: nobody knows where it ends */
	put(r, 5, &other);
	other = record(DTLS_DATA, 40);
	other.len--;
	put(r, 5, &other);
	assert_int_equal(net.asked, 0);
	assert_null(r->p->wire);
	roam_free(r);
}

static void test_S27_once_for_a_datagram_and_for_its_first_record(void **state)
{
	(void)state;
	struct roam *const r = up(4);
	struct made two = record(DTLS_CID, 20);
	memcpy(two.d + two.len, two.d, two.len);
	two.len *= 2;
	uint64_t seq = 0;
	put(r, 5, &two);
	assert_told(r, 5, &seq);
	struct made after = record(DTLS_CCS, 1);
	const struct made second = record(DTLS_DATA, 20);
	memcpy(after.d + after.len, second.d, second.len);
	after.len += second.len;
	put(r, 5, &after);
	assert_int_equal(net.asked, 1);
	assert_null(r->p->wire);
	roam_free(r);
}

/* An alert in the clear could end what is there. */
static void test_S27_nobody_is_told_where_somebody_lives(void **state)
{
	(void)state;
	struct roam *const r = up(5);
	const struct made with = record(DTLS_CID, 40), classic = record(DTLS_DATA, 40);
	put(r, 0, &with);
	put(r, 0, &classic);
	assert_int_equal(net.asked, 0);
	r->how = DTLS_MOVE_LATER; /* it may live at line 3 */
	const struct net_path three = line_path(SERVER, 3);
	pair_say(r->p, CLIENT, "here now");
	pair_input(r->p, SERVER, 3, r->p->wire->data, r->p->wire->len);
	assert_true(net_path_same(dtls_conn_candidate(r->up), &three));
	put(r, 3, &with);
	put(r, 3, &classic);
	assert_int_equal(net.asked, 0);
	pair_deliver(r->p);
	trust_connect(r->t, 4);
	for (int i = 0; i < 3; i++) { /* hello, demand, hello: a handshake is under way */
		struct dgram *const g = r->p->wire;
		r->p->wire = g->next;
		pair_input(r->p, g->to, g->line, g->data, g->len);
		free(g);
	}
	assert_int_equal(roam_stats(r, SERVER).handshakes, 1);
	put(r, 4, &with);
	put(r, 4, &classic);
	assert_int_equal(net.asked, 0);
	put(r, 5, &with);
	assert_int_equal(net.asked, 1);
	roam_free(r);
}

/* Of our own servers nobody is told anything; nor who has somebody asleep with that id. */
static void test_S27_neither_servers_nor_sleepers(void **state)
{
	(void)state;
	struct roam *const r = up(6);
	struct made with = record(DTLS_CID, 40), classic = record(DTLS_DATA, 40);
	r->p->side[CLIENT].e->owner.lost = own_lost;
	pair_input(r->p, CLIENT, 5, with.d, with.len);
	pair_input(r->p, CLIENT, 5, classic.d, classic.len);
	assert_int_equal(net.asked, 0);
	net.asleep = true;
	put(r, 5, &with);
	assert_int_equal(net.asked, 0);
	assert_null(r->p->wire);
	roam_free(r);
}

/* What we say to others, others may say to us: it is not heard. */
static void test_R114_S27_an_alert_in_the_clear_ends_no_association(void **state)
{
	(void)state;
	struct roam *const r = up(7);
	for (uint8_t level = 0; level < 4; level++) {
		for (unsigned alert = 0; alert < 256; alert++) {
			uint8_t d[HEAD + 2] = { DTLS_ALERT, 0xfe, 0xfd };
			d[12] = 2;
			d[13] = level;
			d[14] = (uint8_t)alert;
			pair_input(r->p, SERVER, 0, d, sizeof(d));
			pair_input(r->p, CLIENT, 0, d, sizeof(d));
		}
	}
	assert_int_equal(r->p->side[SERVER].count[DOWN] + r->p->side[CLIENT].count[DOWN], 0);
	assert_null(r->p->wire);
	assert_talk(r->p);
	roam_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S27_who_is_not_known_is_told),
		cmocka_unit_test(test_R203_S27_or_nobody_says_a_word),
		cmocka_unit_test(test_S27_only_records_that_could_be_somebodys),
		cmocka_unit_test(test_S27_once_for_a_datagram_and_for_its_first_record),
		cmocka_unit_test(test_S27_nobody_is_told_where_somebody_lives),
		cmocka_unit_test(test_S27_neither_servers_nor_sleepers),
		cmocka_unit_test(test_R114_S27_an_alert_in_the_clear_ends_no_association),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
