/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/store_source: what the control room asks of the store and of the credentials in it.
 *
 * Promise: nothing here is shown, logged or kept but what is said to be public; what holds keys is
 *          wiped by who made it.
 * Errors:  a status and one sentence for the operator: what is wrong and the remedy, never a key.
 * Threads: the main thread, which each call blocks until it is done.
 */
#ifndef LWG_CTL_STORE_SOURCE_H
#define LWG_CTL_STORE_SOURCE_H

#include "base/histogram.h"
#include "ctl/credential.h"
#include "ctl/out.h"
#include "ctl/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CTL_SAID_MAX = 512, CTL_WHY_MAX = 128, CTL_KEK_LEN = 32 };

struct ctl_said {
	char text[CTL_SAID_MAX]; /* a sentence */
};

struct ctl_store_facts {
	bool in_memory;                             /* there is no folder */
	uint64_t commits, operations, failed, full; /* since the start */
	uint64_t damaged;                           /* values that did not open */
	uint64_t unseals, leases;
	uint64_t file_bytes, hot_bytes;
	uint64_t associations, sessions, credentials, resumable, staged;
	uint64_t commit_us_last, commit_us_max;
	struct histogram commit;
	bool is_full, is_broken;
	bool fresh, continuous, anchored; /* this start */
	uint32_t incarnation;
	char why[CTL_WHY_MAX]; /* not continuous: because */
};

enum ctl_kek { CTL_KEK_KEY, CTL_KEK_CREDENTIAL, CTL_KEK_TPM };

struct ctl_rewrap {
	enum ctl_kek kind;
	uint8_t key[CTL_KEK_LEN];   /* KEY */
	char name[CTL_ARG_MAX + 1]; /* CREDENTIAL: its name; TPM: file of the sealed object */
};

/* A NULL member: this gateway cannot do that. */
struct ctl_store_source {
	void *ctx;
	void (*facts)(void *ctx, struct ctl_store_facts *out);

	/* The credentials; gateway/credentials_ops has them. */
	enum ctl_status (*add)(void *ctx, const struct ctl_cred *c, struct ctl_said *said);
	/* What c has not (length 0) stays as it was. */
	enum ctl_status (*replace)(void *ctx, const struct ctl_cred *c, struct ctl_said *said);
	/* Where an endpoint has several, its purpose must be said. */
	enum ctl_status (*revoke)(
		void *ctx, const char *endpoint, enum ctl_purpose purpose, struct ctl_said *said);
	/* The same. Without its keys, but with their lengths. */
	enum ctl_status (*show)(void *ctx, const char *endpoint, enum ctl_purpose purpose,
		struct ctl_cred *out, struct ctl_said *said);
	/* The credential of the lowest number at or above *number, which moves on; *number 0
	   behind: there was none. secrets: with its keys. */
	enum ctl_status (*next)(void *ctx, uint32_t *number, bool secrets, struct ctl_cred *out,
		struct ctl_said *said);
	/* Import: begin, any number of stage, then commit (all or nothing) or abort; both of the
	   latter free it. name: of the file, in what is said. replace: an endpoint that is there
	   with another key is replaced; else it is an error. NULL: said. */
	void *(*import_begin)(void *ctx, const char *name, bool replace, struct ctl_said *said);
	enum ctl_status (*import_stage)(
		void *ctx, void *import, const struct ctl_cred *c, struct ctl_said *said);
	enum ctl_status (*import_commit)(void *ctx, void *import, struct ctl_said *said);
	void (*import_abort)(void *ctx, void *import);
	/* After begin: nothing will be done, and what is refused is no end. */
	void (*import_dry)(void *ctx, void *import);
	/* Instead of commit, and frees it, too: what it would do, into *out (ctl/tried), all that
	   was staged and refused included. */
	enum ctl_status (*import_try)(
		void *ctx, void *import, struct ctl_out *out, struct ctl_said *said);

	/* The store's keys. said also says what has to be changed in lwgate.conf before the next
	   start: then the store is opened by the new key only. A TPM's object that does not exist
	   is made. */
	enum ctl_status (*rewrap)(void *ctx, const struct ctl_rewrap *r, struct ctl_said *said);
	/* A new data key; may take a while, and goes on behind the answer. */
	enum ctl_status (*rotate)(void *ctx, struct ctl_said *said);
};

#endif
