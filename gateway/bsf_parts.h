/* SPDX-License-Identifier: Apache-2.0 */
/* gateway/bsf_parts: what the files of gateway/bsf share. For them only; see gateway/bsf.h. */
#ifndef LWG_GATEWAY_BSF_PARTS_H
#define LWG_GATEWAY_BSF_PARTS_H

#include "base/attr.h"
#include "base/log.h"
#include "gateway/bsf.h"
#include "gateway/bsf_codec.h"
#include "gateway/bsf_try.h"
#include "gba/derive.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_bsf;

enum { GW_BSF_SECRET_MAX = 512, GW_BSF_FILE_MAX = 1 << 20, GW_BSF_WHY = 256 };

/* --- bsf_files.c: what is asked with; another one after each reload --------------------------- */

struct gw_bsf_blob {   /* a file; len 0: none */
	uint8_t *data; /* secret memory */
	size_t len;
};
struct gw_bsf_setup {
	unsigned refs;
	char *url, *token_url; /* whole; the second NULL: no tokens */
	char *client_id, *client_secret;
	char *naf_fqdn, *uicc_application;
	struct gba_labels labels;
	uint8_t ua[GBA_UA];
	uint32_t timeout_ms, under_way;
	bool plain; /* h2c in one of them */
	struct gw_bsf_blob ca, certificate, key;
	char *ca_name, *certificate_name; /* of the files, for the log */
	struct bsf_access access;
	char *token; /* in the vault */
};
MUST_USE struct gw_bsf_setup *gw_bsf_setup_new(
	const struct conf_bsf *conf, struct conf_error *error);
struct gw_bsf_setup *gw_bsf_setup_ref(struct gw_bsf_setup *s);

/* --- bsf.c ------------------------------------------------------------------------------------ */

struct gw_bsf_job { /* one question */
	struct gw_bsf_job *next;
	struct gw_bsf_ask ask;
	uint64_t since_ms;
	bool parked;                /* waits for a token; not under way at the moment */
	struct gw_bsf_setup *setup; /* NULL: it has not begun */
	struct bsf_try try;
	uint64_t wished_ms; /* wall clock */
	char p_tid[GW_BSF_P_TID_MAX + 1];
};
struct gw_bsf_reply {
	enum gw_bsf_result result; /* GW_BSF_OK: a status has come */
	unsigned status;
	uint32_t retry_after_s;
	const uint8_t *body;
	size_t len;
	const char *why; /* for the log; "" */
};
struct gw_bsf {
	const struct log *log;
	struct inbox *const *inboxes;     /* of the workers */
	struct inbox *inbox;              /* what they ask */
	struct gw_bsf_setup *setup;       /* the newest */
	struct gw_bsf_job *active;        /* at most setup->under_way */
	struct gw_bsf_job *first, **last; /* that wait */
	struct gw_bsf_counts counts;
	struct log_limit limits[GW_BSF_RESULTS];
	struct gw_bsf_http *http;
	struct ev_loop *loop; /* NULL: not begun, or ended */
	ev_io inbox_io;
	ev_timer age;
	bool ending;
};
/* A transfer has ended: of the job, or, NULL, of the token that `setup` wants. */
void gw_bsf_replied(struct gw_bsf *b, struct gw_bsf_setup *setup, struct gw_bsf_job *job,
	const struct gw_bsf_reply *reply);

/* --- bsf_http.c ------------------------------------------------------------------------------- */

struct gw_bsf_http;
struct gw_bsf_post {
	struct gw_bsf_setup *setup;
	struct gw_bsf_job *job;          /* NULL: for a token */
	const char *url, *type, *bearer; /* the last NULL: none */
	const char *body;
	size_t len;
	uint64_t timeout_ms;
};
/* Before there are threads. */
MUST_USE bool gw_bsf_http_prepare(struct conf_error *error);
MUST_USE struct gw_bsf_http *gw_bsf_http_new(struct gw_bsf *b, struct ev_loop *loop);
/* What is under way is broken off; gw_bsf_replied() is not called. */
void gw_bsf_http_free(struct gw_bsf_http *h);
/* Copied. gw_bsf_replied() follows, later. False: it cannot be begun. */
MUST_USE bool gw_bsf_http_post(struct gw_bsf_http *h, const struct gw_bsf_post *post);

/* --- bsf_say.c -------------------------------------------------------------------------------- */

/* Counts, and has it in the log. why: details, or "". setup may be NULL. */
void gw_bsf_say(struct gw_bsf *b, const struct gw_bsf_setup *setup, const struct gw_bsf_job *job,
	enum gw_bsf_result result, unsigned status, const char *why);

#endif
