/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/sp: the answering half of nng's req/rep protocol, and both of its pub/sub, over a stream, as
 *         octets.
 *
 * The gateway does not let nng accept for it: the listener of nng 1.5.2 (Debian 12) accepts nothing
 * ever again when one client goes away during the greeting (nanomsg/nng issue 1518), and its
 * threads are none of ours. What passes is what nng's own req socket says and understands.
 *
 * Promise: pure, total, bounded (I7): a request is at most CTL_SP_REQUEST_MAX octets, a published
 *          message as long as who reads it allows.
 * Errors:  enum ctl_sp_result. Threads: any.
 * Source:  nanomsg RFCs sp-tcp-mapping-01 (greeting), sp-request-reply-01 (request ids) and
 *          sp-publish-subscribe-01; the frame's type octet is of nanomsg's ipc transport.
 */
#ifndef LWG_CTL_SP_H
#define LWG_CTL_SP_H

#include "base/attr.h"
#include "ctl/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CTL_SP_GREETING_LEN = 8,
	CTL_SP_FRAME_LEN = 9, /* type, length */
	CTL_SP_HOPS_MAX = 8,  /* request ids, one for each device on the way and the client's own */
	CTL_SP_STACK_MAX = 4 * CTL_SP_HOPS_MAX,
	CTL_SP_REQUEST_MAX = CTL_SP_FRAME_LEN + CTL_SP_STACK_MAX + CTL_REQUEST_MAX,
	CTL_SP_HEAD_MAX = CTL_SP_FRAME_LEN + CTL_SP_STACK_MAX, /* of an answer */
};

enum ctl_sp_result { CTL_SP_GOOD, CTL_SP_MORE /* octets are needed */, CTL_SP_BAD };

struct ctl_sp_request {       /* pointers into what was parsed */
	const uint8_t *stack; /* request ids; they go back with the answer */
	size_t stack_len;
	const uint8_t *body;
	size_t body_len;
	size_t len; /* of the whole frame */
};

/* What we say first. */
extern const uint8_t ctl_sp_greeting[CTL_SP_GREETING_LEN];
/* What the peer says first: is it a req socket? */
MUST_USE enum ctl_sp_result ctl_sp_greeted(const uint8_t *data, size_t len);
/* The frame at the beginning of data. */
MUST_USE enum ctl_sp_result ctl_sp_parse(
	const uint8_t *data, size_t len, struct ctl_sp_request *out);
/* What stands before an answer of body_len octets; its length. */
size_t ctl_sp_head(
	const struct ctl_sp_request *request, size_t body_len, uint8_t out[CTL_SP_HEAD_MAX]);

/* Of pub/sub: what each side says first, and whether the other is what it should be. What a
   subscriber wants is its own matter: it is sent everything, and says nothing. */
extern const uint8_t ctl_sp_pub_greeting[CTL_SP_GREETING_LEN];
extern const uint8_t ctl_sp_sub_greeting[CTL_SP_GREETING_LEN];
MUST_USE enum ctl_sp_result ctl_sp_is_sub(const uint8_t *data, size_t len);
MUST_USE enum ctl_sp_result ctl_sp_is_pub(const uint8_t *data, size_t len);
/* What stands before a message of body_len octets. */
void ctl_sp_frame(size_t body_len, uint8_t out[CTL_SP_FRAME_LEN]);
/* The message at the beginning of data: *body_len octets behind CTL_SP_FRAME_LEN others.
   CTL_SP_BAD: no message, or longer than most. */
MUST_USE enum ctl_sp_result ctl_sp_unframe(
	const uint8_t *data, size_t len, size_t most, size_t *body_len);

#endif
