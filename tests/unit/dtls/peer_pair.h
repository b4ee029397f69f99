/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests: the engine as client, and a scripted server that it meets.
 *
 * Promise: peer_pair_up() and peer_pair_down() fit cmocka's setup and teardown.
 */
#ifndef LWG_TESTS_DTLS_PEER_PAIR_H
#define LWG_TESTS_DTLS_PEER_PAIR_H

#include "peer_rig.h"

struct peer_pair {
	struct peer_rig *rig;
	struct peer *p;
};

/* dtls_connect() was called and the ClientHello heard. */
int peer_pair_up(void **state);
int peer_pair_down(void **state);
/* Answers with a cookie, and hears it back. */
void peer_pair_verify(struct peer_pair *pair, uint16_t seq, const char *cookie);
/* From the first hello on until the client's Finished was heard and is right. */
void peer_pair_to_flight5(struct peer_pair *pair);
/* The association is up, and something goes through both ways. */
void peer_pair_check_up(struct peer_pair *pair);
/* The handshake has failed, was told once, and left nothing; nothing goes out later. */
const struct peer_event *peer_pair_check_failed(struct peer_pair *pair);
/* The same, and the client said one of the two alerts. */
void peer_pair_check_failed_with(struct peer_pair *pair, int alert_a, int alert_b);

#endif
