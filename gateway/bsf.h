/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/bsf: keys by GBA Push: the gateway as Push-NAF asks the bootstrapping server function.
 *
 * One HTTPS client in the main thread (libcurl, HTTP/2), whoever asks. Who asks goes on;
 * later exactly one answer comes into an inbox, with the keys that were derived and the GBA push
 * info (GPI) which gives the device the same keys. The GPI is opaque here.
 *
 *   bsf.c        its life, who asks, what they are told
 *   bsf_parts.h  what its files share
 *   bsf_codec.c  octets of requests and answers (pure)
 *   bsf_try.c    what follows from what: token, request, one new token after 401 (pure, fake clock)
 *   bsf_http.c   the transfers: libcurl on the main thread's loop
 *   bsf_files.c  certificates, keys and the client's secret
 *   bsf_say.c    each cause as a sentence with its remedy
 *
 * Promise: at most bsf.under_way requests at once, and GW_BSF_WAITING that wait for one of them;
 *          each ends within bsf.timeout_s. What comes from outside is at most GW_BSF_BODY_MAX
 *          octets, read by a total parser. Redirects are not followed and proxies of the
 *          environment are not asked. Keys and tokens are in no log, and are wiped. It does not try
 *          again by itself but for one new token after 401: when to ask again is the asker's matter
 *          (sms/keyset), to whom retry_after_s says what the BSF wishes.
 * Errors:  each has a result of its own, which is counted, logged (with limits) with the URL or the
 *          file and a remedy, and named in the answer by gw_bsf_cause().
 * Threads: gw_bsf_ask(): any worker. gw_bsf_answer_free(): any. The rest: the main thread.
 * Source:  TS 29.309 (Nbsp_GBA, OpenAPI of push-info-retrieval); TS 29.500 (HTTP/2, 5.2.3 of it);
 *          RFC 6749 4.4 (client credentials); TS 33.223 for what it is all about.
 */
#ifndef LWG_GATEWAY_BSF_H
#define LWG_GATEWAY_BSF_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_error;
struct conf_gateway;
struct ev_loop;
struct gw_bsf;
struct gw_bsf_setup;
struct gw_shared;
struct inbox;
struct log;

enum {
	GW_BSF_SUBSCRIBER_MAX = 128,
	GW_BSF_GPI_MAX = 1024,
	GW_BSF_KEY_MAX = 24,
	GW_BSF_P_TID_MAX = 320,
	GW_BSF_WAITING = 4096,
	GW_BSF_BODY_MAX = 65536,
	GW_BSF_AUTS = 14,
	GW_BSF_RAND = 16,
};

enum gw_bsf_result {
	GW_BSF_OK,
	GW_BSF_DOWN,        /* no connection: refused, no route, name not known, TLS broken off */
	GW_BSF_SLOW,        /* not within bsf.timeout_s */
	GW_BSF_CERTIFICATE, /* its certificate is not believed, is not for that name, or is over */
	GW_BSF_OURS,        /* it does not take our certificate, or we cannot use it */
	GW_BSF_NO_HTTP2,    /* it speaks HTTP/1.1 only */
	GW_BSF_NO_TOKEN,    /* the token endpoint: down, slow, refused, or no token in its answer */
	GW_BSF_UNAUTHORIZED,  /* 401, also with a new token */
	GW_BSF_FORBIDDEN,     /* 403 */
	GW_BSF_NO_SUBSCRIBER, /* 404 */
	GW_BSF_BUSY,          /* 429, 503: retry_after_s */
	GW_BSF_BROKEN,        /* other 5xx */
	GW_BSF_REFUSED,       /* any other status, redirects included */
	GW_BSF_TOO_LONG,      /* an answer of more than GW_BSF_BODY_MAX */
	GW_BSF_BAD_ANSWER,    /* 200, but no JSON, fields missing, or of the wrong form or length */
	GW_BSF_EXPIRED,       /* keyExpiryTime has passed */
	GW_BSF_WEAK_KEYS,     /* what is derived may not be used: equal halves, a weak 3DES key */
	GW_BSF_CROWDED,       /* too many wait already */
	GW_BSF_SHORT,         /* of memory, or libcurl failed inside */
	GW_BSF_STOPPING,
	GW_BSF_RESULTS
};

struct gw_bsf_ask {
	uint64_t tag; /* the asker's; comes back */
	uint32_t worker, cred;
	char subscriber[GW_BSF_SUBSCRIBER_MAX + 1]; /* IMPI or IMPU, as the credential has it */
	bool uicc;           /* GBA_U: keys of Ks_int_NAF; else GBA_ME: of Ks_NAF */
	bool triple_des;     /* KIc and KID of 24 octets; else AES of 16 */
	uint32_t lifetime_s; /* wished; > 0 */
	bool resync;         /* the device has said that SQN is out of its range; with: */
	uint8_t auts[GW_BSF_AUTS], rand[GW_BSF_RAND];
};

/* In secret memory; who gets it frees it. */
struct gw_bsf_answer {
	uint64_t tag;
	uint32_t cred;
	uint8_t result; /* enum gw_bsf_result; the rest but retry_after_s only if GW_BSF_OK */
	uint32_t retry_after_s; /* 0: it has not said */
	uint16_t status;        /* of HTTP; 0: none came. For the log */
	uint8_t key_len;        /* of each */
	uint8_t kic[GW_BSF_KEY_MAX], kid[GW_BSF_KEY_MAX];
	uint64_t until_ms; /* wall clock: keyExpiryTime; never 0: without it, what was wished */
	uint16_t gpi_len;
	uint8_t gpi[GW_BSF_GPI_MAX];
	char p_tid[GW_BSF_P_TID_MAX + 1];
};

enum { GW_BSF_ANSWER = 100 }; /* in the inbox of ask.worker, of those of gw_bsf_open() */
struct gw_bsf_told {          /* where no key lies */
	struct gw_bsf_answer *answer;
};

/* Copied. False: there is no BSF, or too much is on its way to it; then no answer comes, as when
   the gateway ends in between. */
MUST_USE bool gw_bsf_ask(const struct gw_shared *s, const struct gw_bsf_ask *ask);
/* Wipes it. NULL is none. */
void gw_bsf_answer_free(struct gw_bsf_answer *a);
/* "bsf-down", "bsf-no-subscriber" ...: for events, rows and facts; at most 24 letters. Static. */
const char *gw_bsf_cause(enum gw_bsf_result r);

struct gw_bsf_counts {
	uint64_t asked, tokens, under_way, waiting;
	uint64_t results[GW_BSF_RESULTS];
};

/* --- the main thread -------------------------------------------------------------------------- */

/* As root: files are read. *out is NULL where the configuration has no bsf.url. conf, log and
   inboxes are borrowed. */
MUST_USE bool gw_bsf_open(const struct conf_gateway *conf, const struct log *log,
	struct inbox *const *inboxes, struct gw_bsf **out, struct conf_error *error);
/* What a reload asks with from then on: settings of `conf`, and the files, read anew. *out is NULL
   where nobody is asked; a reload does not change whether somebody is. b may be NULL. */
MUST_USE bool gw_bsf_read(struct gw_bsf *b, const struct conf_gateway *conf,
	struct gw_bsf_setup **out, struct conf_error *error);
/* For what is asked from now on; takes the reference. NULL changes nothing. */
void gw_bsf_take(struct gw_bsf *b, struct gw_bsf_setup *setup);
/* Lets it go. NULL is none. */
void gw_bsf_setup_unref(struct gw_bsf_setup *setup);
void gw_bsf_begin(struct gw_bsf *b, struct ev_loop *loop);
/* Whoever waits is told GW_BSF_STOPPING. */
void gw_bsf_end(struct gw_bsf *b);
void gw_bsf_free(struct gw_bsf *b);
void gw_bsf_counts(const struct gw_bsf *b, struct gw_bsf_counts *out);

#endif
