/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/judge: asks the policy what is to become of a session, and carries it out.
 *
 *   judge_changes.c  what has happened to whom that was not decided yet
 *   judge.c          what the policy says of it, once
 *   judge_look.c     when a session that is awake is looked at
 *   judge_awake.c    carrying it out on one that is awake: teardown, drain, quarantine, keep
 *   judge_asleep.c   on one that sleeps: noted, and done with its next record
 *
 * Promise: nothing of a session is forwarded after the change is durable and this worker has heard
 *          of it, before the policy was asked (I8). What was decided of a change is durable before
 *          it is acted on, unless it is done in the same breath, and is not decided again, over
 *          restarts (S28). Each decision is in the chronicle; of those by which nothing is done, 32
 *          of a device at once, then one each 10 s. The suites' own limits, S6, S11 and S23 hold
 *          whatever a rule says.
 * Errors:  a store that fails: the session is torn down, which needs none.
 * Threads: the worker's own.
 * Source: ; S23, S28 to S30.
 */
#ifndef LWG_GATEWAY_JUDGE_H
#define LWG_GATEWAY_JUDGE_H

#include "base/attr.h"
#include "gateway/rouse.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stdint.h>

struct dtls_conn;
struct gw_op;
struct gw_session;
struct gw_worker;

/* Something has happened to a session that is awake. True: s is gone, or will be. */
bool gw_judge(struct gw_session *s, enum policy_event e);
/* Looks whether anything about it has changed that was not decided yet, and decides. True: as
   above. */
bool gw_judge_changes(struct gw_session *s);
/* Before a message of a session is passed on, when s->suspect. */
bool gw_judge_message(struct gw_session *s);
/* The same of a sleeper whose record has come (or who is to be woken): what is to be done with it;
   what has to be written down is written with its waking. */
enum gw_verdict gw_judge_sleeper(struct gw_worker *w, struct gw_waking *k);
/* What was decided of a sleeper comes with it: o writes it down, where that is new. False: memory
   is short. */
MUST_USE bool gw_judge_adopt(struct gw_session *s, struct gw_op *o, const struct gw_waking *k);
/* It is awake, and what it rests on is durable: what was decided of it is carried out. */
void gw_judge_begin(struct gw_session *s);
/* A sleeper that has just woken is to have no more than a farewell, by a rule: it gets that as soon
   as its association is deleted, and its link is closed if that was decided. False: the caller sees
   to it. */
MUST_USE bool gw_judge_parts(struct gw_worker *w, const struct gw_waking *k, struct dtls_conn *c);
/* The same of one that was not known to be no more than that, or by no rule: at the latest now. */
void gw_judge_part(struct gw_worker *w, const struct gw_waking *k, struct dtls_conn *c);
/* An operation that writes down what was decided has come back. */
void gw_judged(struct gw_session *s, enum store_result r);
/* At the end of a turn: has a drain or a bound come to its end? s may be gone. */
void gw_judge_look(struct gw_session *s);
/* The device has shaken hands again: what was decided of its last association is over. */
void gw_judge_anew(struct gw_session *s);
/* So many forged records have come that the key is used no more (S23). */
void gw_judge_worn(struct gw_session *s);
void gw_sentence_free(struct gw_session *s);
/* s is here only so that what was decided of a sleeper is carried out. */
bool gw_judge_is_parting(const struct gw_session *s);
/* GW_JUDGE: the sweep has found something about the session of a credential, awake or asleep. */
void gw_judge_received(struct gw_worker *w, uint32_t cred);
/* All that are awake are to be looked at before their next message: rules, or what vouches for
   certificates, are others, or a wave has begun. */
void gw_judge_all(struct gw_worker *w);
/* A turn: bounds that have been reached, and sessions whose age, idle time or numbers are to be
   asked about. */
void gw_judge_turn(struct gw_worker *w);
/* When that is to be next. */
uint64_t gw_judge_next_ms(const struct gw_worker *w);

#endif
