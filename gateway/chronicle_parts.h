/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/chronicle_parts: what the files of the chronicle share. For them only.
 *
 *   chronicle.c        takes entries, and has them told
 *   chronicle_line.c   an entry as a line
 *   chronicle_queue.c  lines that wait for a reader, as many as there is room for
 *   chronicle_file.c   the file
 *   chronicle_pub.c    the subscribers
 *   chronicle_recent.c the last lines, for who comes later
 *
 * Promise: a line is in a queue whole or not at all; where lines are missing, a line says how many.
 * Errors:  each says its own. Threads: the main thread.
 */
#ifndef LWG_GATEWAY_CHRONICLE_PARTS_H
#define LWG_GATEWAY_CHRONICLE_PARTS_H

#include "base/attr.h"
#include "base/log.h"
#include "ctl/control.h"
#include "gateway/chronicle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GW_LOST_LINE = 96, GW_TIME_LEN = 40 };

const char *gw_outcome_word(enum gw_outcome o);
/* The event of what was learned; the kind of credential, NULL: it is not known. */
const char *gw_learned_word(enum gw_entry_kind k);
const char *gw_credential_word(uint8_t kind);
/* {"time": ..., "lost": N}; its length, or 0: it does not fit. */
MUST_USE size_t gw_lost_line(uint64_t wall_ms, uint64_t lost, char *out, size_t cap);

/* --- lines that wait ------------------------------------------------------------------------- */

struct gw_queue {
	uint8_t *data; /* `at` of the `len` octets have gone; grows up to `most` */
	size_t at, len, cap, most;
	uint64_t lost, lost_ms; /* that the reader was not told of yet, and when the last was */
	bool framed;            /* each line is a message of nng's */
};

struct gw_piece { /* a line and when it was */
	const char *line;
	size_t len;
	uint64_t wall_ms;
};

void gw_queue_fini(struct gw_queue *q);
/* False: there is no room for it; it is lost. */
MUST_USE bool gw_queue_add(struct gw_queue *q, const struct gw_piece *p);
/* Octets as they are. */
MUST_USE bool gw_queue_raw(struct gw_queue *q, const void *octets, size_t len);
/* What is to go next; where lines are missing behind the last, a line about those. *len 0: nothing.
 */
const uint8_t *gw_queue_next(struct gw_queue *q, size_t *len);
void gw_queue_gone(struct gw_queue *q, size_t len);

/* --- the file -------------------------------------------------------------------------------- */

struct gw_file {
	const char *path; /* NULL: there is none */
	const char *user, *group;
	const struct log *log;
	int fd; /* -1: it is to be opened */
	bool failing;
	uint64_t unwritten;
	struct gw_queue queue;
};

/* While still root: who it is to belong to is looked up each time. False with *error. */
MUST_USE bool gw_file_open(struct gw_file *f, char *error, size_t error_len);
void gw_file_close(struct gw_file *f);
void gw_file_add(struct gw_file *f, const struct gw_piece *p);
/* Writes what waits, if it can be. */
void gw_file_flush(struct gw_file *f);
void gw_file_reopen(struct gw_file *f);
uint64_t gw_file_waiting(const struct gw_file *f);

/* --- the last lines -------------------------------------------------------------------------- */

enum { GW_RECENT = 256 };
struct gw_recent {
	uint64_t newest; /* number of the last line; they count from 1 */
	struct gw_recent_line {
		char *text; /* NULL: none, or memory was short */
		size_t len;
	} lines[GW_RECENT]; /* by number */
};

void gw_recent_add(struct gw_recent *r, const char *line, size_t len);
void gw_recent_read(struct gw_recent *r, struct ctl_recent *recent, struct ctl_out *out);
void gw_recent_fini(struct gw_recent *r);

/* --- the subscribers ------------------------------------------------------------------------- */

enum { GW_SUBSCRIBERS = 16 };

struct gw_subscriber {
	int fd; /* -1: free */
	uint8_t said_len;
	uint8_t said[8];     /* its greeting */
	bool greeted, waits; /* waits: for room in its socket */
	struct gw_queue queue;
};

struct gw_pub {
	const char *path; /* NULL: there is none */
	const struct log *log;
	int door, poll; /* -1 */
	bool knocked;   /* somebody may wait who could not be let in */
	uint64_t unheard;
	struct log_limit full;
	struct gw_subscriber subscribers[GW_SUBSCRIBERS];
};

/* inherited: a socket that listens on path already; -1: none. False with *error. */
MUST_USE bool gw_pub_open(
	struct gw_pub *p, const struct gw_chronicle_settings *s, char *error, size_t error_len);
void gw_pub_close(struct gw_pub *p);
/* For each subscriber, as far as there is room. */
void gw_pub_add(struct gw_pub *p, const struct gw_piece *piece);
/* Sends what waits, as far as it is taken. */
void gw_pub_flush(struct gw_pub *p);
/* Who comes, goes, or takes more. */
void gw_pub_serve(struct gw_pub *p);
uint32_t gw_pub_count(const struct gw_pub *p);

#endif
