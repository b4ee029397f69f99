/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/credentials_ops: the credentials in the store, as the credentials file and lwgatectl
 *                          change them.
 *
 * Promise: each change is durable before it is acknowledged (S29), and whole or not at all. A
 *          credential that changes gets a new generation. No key is in what is said or logged; a
 *          key is given away only by next() with secrets (lwgatectl credential export), which the
 *          log tells.
 * Errors:  a sentence with the remedy.
 * Threads: the main thread, which waits for the store's writer; struct store's is running.
 * Source: ; S28, S29.
 */
#ifndef LWG_GATEWAY_CREDENTIALS_OPS_H
#define LWG_GATEWAY_CREDENTIALS_OPS_H

#include "base/attr.h"
#include "ctl/store_source.h"

#include <stdbool.h>
#include <stdint.h>

struct conf_error;
struct cred_set;
struct gw_credentials;
struct log;
struct store;

struct gw_credentials_settings {
	struct store *store; /* borrowed, like log and folder */
	const char *folder;  /* store.path, for errors; NULL: it is in memory */
	const struct log *log;
	uint32_t overlap_s; /* of those that do not say one */
	bool derives;       /* there is a master secret: a credential needs no upstream key */
	/* A credential that was there has another generation now, or is revoked, or what it proved
	   before is taken no more. Not called for one that is new. */
	void (*changed)(void *ctx, uint32_t number);
	void *ctx;
	void *owner; /* for gw_credentials_owner() */
};

/* NULL: memory is short. */
MUST_USE struct gw_credentials *gw_credentials_new(const struct gw_credentials_settings *s);
void gw_credentials_free(struct gw_credentials *c);
/* Makes the store hold what a credentials file says: new entries are added, changed ones replaced,
   those that an earlier file had and this one has not are revoked. What lwgatectl has said of an
   endpoint stands; the log tells where the file says otherwise. */
MUST_USE bool gw_credentials_sync(struct gw_credentials *c, const struct cred_set *file,
	const char *name, struct conf_error *error);
/* The members that are about credentials, and ctx; the others are NULL. */
struct ctl_store_source gw_credentials_source(struct gw_credentials *c);
/* ctx of that is the struct: whose it is. For the other members. */
void *gw_credentials_owner(void *ctx);

#endif
