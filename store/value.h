/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/value: how each row's value is written.
 *
 * A row is a head in the clear, which says what binds the sealed part (and repeats, as hints, what
 * indices need when the sealed part cannot be opened), then the sealed part. What changes often and
 * is no secret (meta, leases) has a MAC instead (S18). The first octet of each is the version of
 * the layout.
 *
 * Promise: readers are total: any octets give a struct within its bounds, or false. What a reader
 *          accepts, its writer writes again octet by octet. A MAC covers table, key and value, so
 *          that no row stands in for another.
 * Errors:  writers return the length; 0: no room (never with *_MAX). Readers: false, and out is
 *          zero.
 * Threads: any. Clock, I/O, allocation: none.
 */
#ifndef LWG_STORE_VALUE_H
#define LWG_STORE_VALUE_H

#include "base/attr.h"
#include "base/sip.h"
#include "store/key.h"
#include "store/kv.h"
#include "store/sms.h"
#include "store/staging.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VALUE_LAYOUT = 1,
	VALUE_LAYOUT_KINDS = 2, /* of a credential that is no PSK; one that is stays as it was */
	/* Of an association with a CID or with a history of its address; others stay as they
	   were. */
	VALUE_LAYOUT_CIDS = 2,
	/* Of what says when it was proved, by what, or until when; others stay as they were. */
	VALUE_LAYOUT_POLICIES = 3,
	/* Of a credential for one purpose, and of a session that has an upstream, or whose device
	   said more than its lifetime; others stay as they were. */
	VALUE_LAYOUT_PURPOSES = 4,
	VALUE_LAYOUT_MESSAGES = 5, /* of a credential for short messages */
	VALUE_LAYOUT_RENEWALS = 6, /* of one whose keys are renewed */
	VALUE_SMS_RECENT = 8,
	VALUE_SMS_OWN = 64,
	VALUE_META_MAX = 640,
	VALUE_LEASE_MAX = 80,
	VALUE_HEAD_MAX = 64,
	VALUE_PLAIN_MAX = 2304, /* of what is sealed */
};

/* Of the whole store. */
struct value_meta {
	uint8_t uuid[16];
	uint8_t hot[HOT_INSTANCE];  /* of the file of slots (S10) */
	uint32_t incarnation;       /* of the process that may write (S3) */
	bool clean;                 /* it has said that it ends */
	bool anchored;              /* there was an anchor when it began */
	uint32_t unclean;           /* ends without that word, so far */
	uint32_t stale_since;       /* windows proven before this incarnation are not known */
	uint32_t unsure_since;      /* nor, before this one, the write numbers (S6) */
	uint32_t cred_next, slots;  /* the lowest numbers that were never given */
	uint64_t watermark;         /* S5 */
	uint64_t generation;        /* the last that was given (S29) */
	uint64_t txn;               /* of this store's commits */
	uint64_t store_ms, wall_ms; /* store_time() and the wall clock at the last commit */
};

/* Of an association. Numbers < 2^48. */
struct value_lease {
	uint8_t id[SLOT_ID];
	uint32_t incarnation; /* that took it */
	uint32_t window;      /* incarnation in which the read window was last known to be right */
	uint32_t unclean;     /* value_meta.unclean when it was taken */
	uint64_t begin;       /* where this incarnation's numbers begin */
	uint64_t write_end;
	uint64_t read_end;  /* UINT64_MAX: no bound */
	uint64_t watermark; /* under which its one lease was taken (S5); 0: none was */
};

struct value_assoc_head {
	uint8_t id[SLOT_ID];
	uint32_t cred;
	uint64_t generation, born;
	uint64_t path; /* keyed hash */
	bool has_cid;  /* of ours */
	uint64_t cid;  /* its keyed hash; 0 without */
};

struct value_staged_head {
	uint64_t generation, until_ms;
	bool armed;
};

struct value_sms_keys_head {
	uint64_t proved, due_ms; /* as the index has it */
};

struct value_session_head {
	uint64_t expires_ms;
	bool registered;
};

struct value_resume_head {
	uint8_t id[STORE_SESSION_ID_MAX];
	size_t id_len;
	uint64_t generation;
	uint64_t until_ms;
	bool registered; /* as the index has it */
};

size_t value_meta_write(
	const struct value_meta *m, const struct sip_key *mac, uint8_t *out, size_t cap);
MUST_USE bool value_meta_read(struct kv_slice v, const struct sip_key *mac, struct value_meta *out);
/* Is it, as far as it says itself, of another store? Then its MAC is wrong, and this is why. */
MUST_USE bool value_meta_is_other(struct kv_slice v, const uint8_t uuid[16]);

enum { VALUE_NOTE_MAX = 1 + STORE_NOTE_MAX + 8 };
size_t value_note_write(const uint8_t *data, size_t len, const struct sip_key *mac,
	const struct key *k, uint8_t *out, size_t cap);
MUST_USE bool value_note_read(
	struct kv_slice v, const struct sip_key *mac, const struct key *k, struct kv_slice *data);

size_t value_lease_write(const struct value_lease *l, const struct sip_key *mac, uint32_t slot,
	uint8_t *out, size_t cap);
MUST_USE bool value_lease_read(
	struct kv_slice v, const struct sip_key *mac, uint32_t slot, struct value_lease *out);

size_t value_assoc_head_write(const struct value_assoc_head *h, uint8_t *out, size_t cap);
MUST_USE bool value_assoc_head_read(
	struct kv_slice v, struct value_assoc_head *out, struct kv_slice *rest);
/* Has a MAC: each wake relies on it without unsealing (S28). */
size_t value_cred_head_write(const struct store_cred_mark *m, const struct sip_key *mac,
	uint32_t number, uint8_t *out, size_t cap);
MUST_USE bool value_cred_head_read(struct kv_slice v, const struct sip_key *mac, uint32_t number,
	struct store_cred_mark *out, struct kv_slice *rest);
/* Has one, too: it says when it is over, and whether it is armed. */
size_t value_staged_head_write(const struct value_staged_head *h, const struct sip_key *mac,
	uint32_t cred, uint8_t *out, size_t cap);
MUST_USE bool value_staged_head_read(struct kv_slice v, const struct sip_key *mac, uint32_t cred,
	struct value_staged_head *out, struct kv_slice *rest);
/* What a policy has decided has a MAC, too: it is read at each wake. v->rule has a NUL within. */
enum { VALUE_VERDICT_MAX = 1 + 4 * 8 + 4 + 1 + STORE_RULE_MAX + 8 };
size_t value_verdict_write(
	const struct store_verdict *v, const struct sip_key *mac, uint8_t *out, size_t cap);
/* Of the credential. */
MUST_USE bool value_verdict_read(
	struct kv_slice v, const struct sip_key *mac, uint32_t cred, struct store_verdict *out);
size_t value_session_head_write(const struct value_session_head *h, uint8_t *out, size_t cap);
MUST_USE bool value_session_head_read(
	struct kv_slice v, struct value_session_head *out, struct kv_slice *rest);
size_t value_resume_head_write(const struct value_resume_head *h, uint8_t *out, size_t cap);
MUST_USE bool value_resume_head_read(
	struct kv_slice v, struct value_resume_head *out, struct kv_slice *rest);

/* Of the short messages of a credential; the same of the counters of keys. */
struct value_sms {
	uint32_t next;      /* the last running number that was given; 0: none */
	uint16_t reference; /* as struct store_sms_counters */
	uint32_t day, segments;
	uint8_t out_len; /* messages in the box out */
	uint8_t in_len;
	uint64_t in[STORE_SMS_IN];         /* ids in the box in */
	uint64_t recent[VALUE_SMS_RECENT]; /* that have gone from it, the latest first; 0: none */
};
struct value_sms_count {
	uint64_t in, out;     /* the last ones; 0: none */
	uint32_t incarnation; /* that wrote it last */
	uint8_t own_len;
	uint64_t own[VALUE_SMS_OWN]; /* checksums of what was sent last, the latest first */
};
size_t value_sms_write(const struct value_sms *x, const struct sip_key *mac, uint32_t cred,
	uint8_t *out, size_t cap);
MUST_USE bool value_sms_read(
	struct kv_slice v, const struct sip_key *mac, uint32_t cred, struct value_sms *out);
size_t value_sms_count_write(const struct value_sms_count *x, const struct sip_key *mac,
	uint64_t keys, uint8_t *out, size_t cap);
MUST_USE bool value_sms_count_read(
	struct kv_slice v, const struct sip_key *mac, uint64_t keys, struct value_sms_count *out);
/* Of a message, of either box: under which keys (generation `proved`) it came or is sealed. */
size_t value_sms_keys_head_write(const struct value_sms_keys_head *h, const struct sip_key *mac,
	uint32_t cred, uint8_t *out, size_t cap);
MUST_USE bool value_sms_keys_head_read(struct kv_slice v, const struct sip_key *mac, uint32_t cred,
	struct value_sms_keys_head *out, struct kv_slice *rest);
size_t value_sms_head_write(uint64_t proved, uint8_t *out, size_t cap);
MUST_USE bool value_sms_head_read(struct kv_slice v, uint64_t *proved, struct kv_slice *rest);

/* What is sealed: secret. Fields that are in the row's key or that the store works out are left
   alone by the readers, which do not zero them. */
size_t value_assoc_write(const struct store_assoc *a, uint8_t *out, size_t cap);
MUST_USE bool value_assoc_read(struct kv_slice v, struct store_assoc *out);
size_t value_cred_write(const struct store_cred *c, uint8_t *out, size_t cap);
MUST_USE bool value_cred_read(struct kv_slice v, struct store_cred *out);
size_t value_staged_write(const struct store_staged *s, uint8_t *out, size_t cap);
MUST_USE bool value_staged_read(struct kv_slice v, struct store_staged *out);
size_t value_session_write(const struct store_session *s, uint8_t *out, size_t cap);
MUST_USE bool value_session_read(struct kv_slice v, struct store_session *out);
size_t value_message_write(const struct store_sms_message *m, uint8_t *out, size_t cap);
MUST_USE bool value_message_read(struct kv_slice v, struct store_sms_message *out);
/* born: in place of x's. */
size_t value_resume_write(const struct store_resume *x, uint64_t born, uint8_t *out, size_t cap);
MUST_USE bool value_resume_read(struct kv_slice v, struct store_resume *out);

/* A five-tuple as octets, for the keyed hash of the index. */
enum { VALUE_PATH_MAX = 40 };
size_t value_path_write(const struct store_path *p, uint8_t out[VALUE_PATH_MAX]);

#endif
