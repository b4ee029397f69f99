/* SPDX-License-Identifier: Apache-2.0 */
/* a path_response is no way to send a stranger more than three times what he was made to
   ask for. */
#include "roam.h"

enum { COOKIE = 8, LONG = 255, TIMES = 3 };

static void count(void *ctx, size_t len)
{
	roam_of(ctx)->bytes_to[1] += len;
}

/* A device asks from an address that is somebody else's; returns what goes there. */
static void asks(struct roam *r, size_t times, size_t *sent, size_t *back)
{
	struct side *const c = &r->p->side[CLIENT];
	const uint8_t message[1 + COOKIE] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	const struct dtls_text text = {
		.type = DTLS_ROUTABILITY, .bytes = message, .len = sizeof(message)
	};
	r->at = 1;
	r->p->side[SERVER].e->owner.sent = count; /* it goes nowhere */
	*sent = 0;
	for (size_t i = 0; i < times; i++) {
		assert_true(dtls_conn_write(c->e, c->conn, dtls_conn_path(c->conn), &text));
		*sent += r->heard[(r->heard_count - 1) % HEARD_MAX].len;
		pair_deliver(r->p);
	}
	*back = r->bytes_to[1];
	assert_true(*back <= TIMES * *sent);
}

static void test_R154_a_padded_path_response(void **state)
{
	(void)state;
	size_t sent, back;
	struct roam *const r = roam_up(1);
	r->p->side[SERVER].e->sealer.bucket = 1024; /* a hostile client pads nothing */
	asks(r, 10, &sent, &back);
	roam_free(r);
}

static void test_R154_a_path_response_to_a_long_CID(void **state)
{
	(void)state;
	size_t sent, back;
	struct roam *const r = roam_up(2);
	uint8_t *const longer = calloc(1, LONG);
	assert_non_null(longer);
	free(r->up->assoc.cid_out); /* as if it had asked for this one */
	r->up->assoc.cid_out = longer;
	r->up->assoc.cid_out_len = LONG;
	asks(r, 10, &sent, &back);
	roam_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R154_a_padded_path_response),
		cmocka_unit_test(test_R154_a_path_response_to_a_long_CID),
	};
	return cmocka_run_group_tests_name("cid_response", tests, NULL, NULL);
}
