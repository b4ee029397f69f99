/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/stats: what an engine counts.
 *
 * Promise: what comes is counted in `heard`: each record, each datagram that is no DTLS at all, and
 *          each rest of a datagram that is no record. All of it is accounted for, once:
 *          heard == taken + dtls_dropped(). A record with several parts of which one was dropped
 *          counts as that.
 * Errors:  none.
 * Threads: any; a struct of it is a copy.
 * Source:  none.
 */
#ifndef LWG_DTLS_STATS_H
#define LWG_DTLS_STATS_H

#include <stddef.h>
#include <stdint.h>

enum { DTLS_CAUSES = 13 };

/* Counts since dtls_engine_new(), except what is now. */
struct dtls_stats {
	uint64_t handshakes_done[2]; /* by role; the abbreviated ones, too */
	uint64_t resumed;            /* of them: abbreviated */
	uint64_t handshakes_failed[2];
	uint64_t woken, slept;            /* associations brought back, and let go */
	uint64_t verify_sent;             /* HelloVerifyRequests */
	uint64_t starved;                 /* messages not sent because write_end was reached */
	uint64_t records_in, records_out; /* protected ones */

	uint64_t heard; /* all that came, see above */
	uint64_t taken; /* of it: delivered, answered, kept, or authentic with nothing to do */
	/* Why the rest was dropped. */
	uint64_t junk;         /* no DTLS, or of no association */
	uint64_t replayed;     /* that the window had seen or left behind; hellos of old */
	uint64_t forged;       /* records whose tag was wrong */
	uint64_t untried;      /* records not opened, as many before them were forged */
	uint64_t early;        /* protected, before the Finished or its keys */
	uint64_t late;         /* messages that were dealt with before, answers nobody awaits */
	uint64_t beyond;       /* authentic records at or beyond read_end */
	uint64_t unproven;     /* authentic records of associations whose window is not known */
	uint64_t unwoken;      /* of a sleeper that is not sound, or that its owner did not keep */
	uint64_t unknown_cid;  /* records with a CID that nobody has */
	uint64_t stray;        /* classic records where a CID was agreed, or the reverse */
	uint64_t refused_full; /* hellos with a good cookie over the bound */
	uint64_t deferred;     /* hellos with a good cookie that were asked to come again */
	uint64_t unanswered;   /* that asked, and the datagram had its answer, or found no room */
	uint64_t no_memory;    /* what would have been kept */

	uint64_t moves;        /* addresses that have changed */
	uint64_t moves_failed; /* addresses that were checked, and not shown to be right */
	uint64_t adrift;       /* associations that have lost theirs */
	uint64_t nowhere;      /* messages and alerts that were not sent for that */
	uint64_t told_lost;    /* senders of records for nobody who were told (S27) */
	size_t conns, handshakes, handshake_bytes; /* now */
	uint64_t failed_by[2][DTLS_CAUSES]; /* handshakes_failed, by enum dtls_cause (engine) */
};

/* All that came and was dropped. */
static inline uint64_t dtls_dropped(const struct dtls_stats *s)
{
	return s->junk + s->replayed + s->forged + s->untried + s->early + s->late + s->beyond +
	       s->unproven + s->unwoken + s->unknown_cid + s->stray + s->refused_full +
	       s->deferred + s->unanswered + s->no_memory;
}

#endif
