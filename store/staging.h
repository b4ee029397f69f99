/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/staging: what a device is to prove next, learned from its bootstrap (S31), beside its
 *                credential.
 *
 * It is in nothing of the credential itself until it is first proved (store_assoc_put() and
 * store_resume_put() see to that), or its time is over.
 *
 * Promise, Errors, Threads: as of store/store.
 */
#ifndef LWG_STORE_STAGING_H
#define LWG_STORE_STAGING_H

#include "base/attr.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The note of the credentials file that was followed last, see store_note_put(). It goes when what
   was learned takes the place of a file's: then it is to be looked at again. */
#define STORE_NOTE_OF_FILE "credentials-file"

/* What the device of an active credential is to prove next, learned from its bootstrap (S31). It is
   beside what it proves now, and in nothing of the credential itself, until it is first proved or
   its time is over. One for each credential, the last. The holder wipes it. */
struct store_staged {
	uint32_t cred;
	/* Under which a handshake proves it; given by store_stage(), and anew whenever the
	   credential changes: always later than the credential's own. */
	uint64_t generation;
	/* Wall clock. Then an armed one takes the credential's place, and one that is not is
	   forgotten. UINT64_MAX: never, as the clock was not set. */
	uint64_t until_ms;
	bool armed;   /* the device has said that its bootstrap has finished */
	uint8_t kind; /* enum store_cred_kind, maybe another than the credential's */
	bool pinned;
	uint8_t identity_len, key_len;
	uint8_t pin[STORE_PIN_LEN];
	uint8_t identity[STORE_IDENTITY_MAX];
	uint8_t key[STORE_KEY_MAX];
};

/* --- reading ---------------------------------------------------------------------------------- */

/* What is staged for a credential that is active and has not expired; STORE_NONE also when it is
   over by the clock. */
MUST_USE enum store_result store_read_staged(
	struct store_reader *r, uint32_t cred, struct store_staged *out);
/* The one with this identity, the same way. */
MUST_USE enum store_result store_find_staged(struct store_reader *r, enum store_cred_kind kind,
	const uint8_t *identity, size_t len, struct store_staged *out);
/* The same of what is staged: store_stage_over() is for each. Those that were seen to are not there
   any more, so that a look may always begin with 0, 0. */
MUST_USE enum store_result store_next_staged_end(
	struct store_reader *r, uint64_t wall_ms, uint64_t *after_ms, uint32_t *after_cred);

/* --- writing ---------------------------------------------------------------------------------- */

/* Beside the credential s->cred, and armed only if just this was staged and armed before: the
   device has it, whoever loses its next 2.04. Replaces what was staged for it, and gives
   generation, which is 0 when the device proves just this already: then nothing is staged, or any
   more. What an operator does goes before: store_cred_put() of what is proved, store_cred_revoke(),
   and another's credential with this identity or key end it. STORE_STALE: the credential is not
   active or has expired, or identity or key are another's, or are staged for another.
   STORE_DAMAGED: as for store_cred_put(). */
MUST_USE enum store_result store_stage(struct store_txn *t, struct store_staged *s);
/* STORE_STALE: there is none of that generation (any more). */
MUST_USE enum store_result store_stage_arm(struct store_txn *t, uint32_t cred, uint64_t generation);
/* STORE_NONE: there is none. */
MUST_USE enum store_result store_stage_drop(struct store_txn *t, uint32_t cred);
/* Its time is over (until_ms): an armed one takes the credential's place, under a new generation,
   and *taken says so; one that is not is dropped. STORE_NONE: there is none, or it is not over. */
MUST_USE enum store_result store_stage_over(struct store_txn *t, uint32_t cred, bool *taken);

#endif
