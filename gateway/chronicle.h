/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/chronicle: what was decided of sessions, and carried out, what was learned from
 *                    bootstrap, and what became of keys, for those who have to know: the log, a
 *                    file of JSON lines, subscribers (nng pub/sub).
 *
 * chronicle_parts.h says which file does what.
 *
 * Workers put an entry into an inbox of the main thread, which writes it out, so that no disk and
 * no subscriber is waited for on the data path. Subscribers that are slow lose entries; the log
 * does not, and the file only when it cannot be written for long.
 *
 * Promise: no secret and no PSK identity in it. An entry is whole or not there. What was lost is
 *          counted, and told where it is missing: {"time": ..., "lost": 17}.
 * Errors:  gw_chronicle_open(): NULL with *error. A file that cannot be written is told in the log
 *          once, and tried again with the next entry, and after a while without one.
 * Threads: put: any, until close; the rest: the main thread.
 * Source:  I8, R-223; the names of the JSON: lwgate-policy(5).
 */
#ifndef LWG_GATEWAY_CHRONICLE_H
#define LWG_GATEWAY_CHRONICLE_H

#include "base/attr.h"
#include "policy/policy.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gw_outcome {
	GW_DECIDED, /* a sleeper: it is carried out when it wakes; or it is under way: a drain */
	GW_DONE,    /* carried out */
	GW_KEPT,    /* nothing was to be done, by rule; or the alert was all */
	GW_FAILED,  /* it could not be: the store; it is tried again */
	GW_OUTCOMES
};

enum gw_entry_kind {
	GW_ENTRY_DECISION, /* of a policy */
	/* What was learned from a bootstrap (S31). Of these: wall_ms, endpoint, credential, reason,
	   new_generation. */
	GW_ENTRY_STAGED,      /* beside the credential, durable */
	GW_ENTRY_ARMED,       /* the device has it */
	GW_ENTRY_LEARNED,     /* it is the credential now */
	GW_ENTRY_NOT_LEARNED, /* refused, or not understood */
	GW_ENTRY_LAPSED,      /* staged, and gone without having been proved */
	/* Keys of a device by short messages are in another state, or failed to come: wall_ms,
	   endpoint, was, is, reason (the cause; "": none), new_generation (of the current set). */
	GW_ENTRY_SMS_KEYS,
	GW_ENTRY_KINDS
};
enum { GW_ENTRY_NO_CREDENTIAL = UINT8_MAX }; /* of what was not understood */

struct gw_entry {
	uint64_t wall_ms;
	enum gw_entry_kind kind;
	uint8_t credential; /* enum store_cred_kind, or GW_ENTRY_NO_CREDENTIAL */
	uint8_t was, is;    /* enum keyset_state */
	char endpoint[STORE_ENDPOINT_MAX + 1];
	enum policy_event event;
	struct policy_leg device, upstream;
	bool refuse_resumption, alert;
	uint64_t old_generation, new_generation; /* of the credential; equal: it has not changed */
	enum gw_outcome outcome;
	bool asleep;
	char rule[POLICY_NAME_MAX + 1];
	char reason[POLICY_REASON_MAX + 1];
};

struct gw_chronicle;
struct inbox;
struct log;

struct gw_chronicle_settings {
	const char *file;  /* NULL: none; opened for appending, made 0640 */
	const char *path;  /* NULL: none; of the unix socket that subscribers dial */
	const char *group; /* of both; "" or NULL: as it is */
	const char *user;  /* whose the file is to be, when root makes it; "" or NULL: root's */
	uint32_t again_ms; /* until a file that failed is tried again without an entry; 0: 5 s */
	int inherited;     /* a socket that listens on path already, ours now; -1: none */
	const struct log *log;
};

struct gw_chronicle_facts { /* since it was opened */
	uint64_t entries;   /* that came */
	uint64_t refused;   /* for which the inbox had no memory */
	uint64_t unwritten; /* that the file has not got, and will not */
	uint64_t unheard;   /* that a subscriber has not got; one each */
	uint64_t waiting;   /* that the file has not got yet */
	uint32_t subscribers;
	bool failing; /* the file could not be written */
};

MUST_USE struct gw_chronicle *gw_chronicle_open(
	const struct gw_chronicle_settings *s, char *error, size_t error_len);
void gw_chronicle_close(struct gw_chronicle *c);
/* Where workers put entries. */
struct inbox *gw_chronicle_inbox(const struct gw_chronicle *c);
/* Copied. False: there is no room, which is counted. */
bool gw_chronicle_put(struct inbox *to, const struct gw_entry *e);
/* Readable when gw_chronicle_serve() has something to do. */
int gw_chronicle_fd(const struct gw_chronicle *c);
void gw_chronicle_serve(struct gw_chronicle *c);
/* The file was moved away (log rotation): it is opened anew. As long as that fails, lines wait. */
void gw_chronicle_reopen(struct gw_chronicle *c);
/* The socket that subscribers come to, for a successor (settings.inherited); -1: none. */
int gw_chronicle_listener(const struct gw_chronicle *c);
/* Appends the last lines, from recent->from on. */
struct ctl_out;
struct ctl_recent;
void gw_chronicle_recent(struct gw_chronicle *c, struct ctl_recent *recent, struct ctl_out *out);
/* How often each rule has decided, since it was opened; rules beyond GW_TALLY_RULES, whose files
   were reloaded away, are one: "". Returns how many; good until the next entry. */
enum { GW_TALLY_RULES = 512 };
struct gw_tally {
	char rule[POLICY_NAME_MAX + 1];
	uint64_t entries[GW_OUTCOMES];
};
size_t gw_chronicle_tally(const struct gw_chronicle *c, const struct gw_tally **out);
void gw_chronicle_facts(const struct gw_chronicle *c, struct gw_chronicle_facts *out);
/* One JSON object and a newline, no NUL; the length, or 0: it does not fit. Every entry fits into
   GW_ENTRY_LINE. Pure. */
enum { GW_ENTRY_LINE = 3072 };
MUST_USE size_t gw_entry_line(const struct gw_entry *e, char *out, size_t cap);

#endif
