/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/rotation: a new data key for the store every store.rotation_days (S19).
 *
 * The time of the last one is a note in the store, so that restarts do not put it off.
 *
 * Errors:  told in the log; tried again at the next look.
 * Threads: the main thread.
 */
#ifndef LWG_GATEWAY_ROTATION_H
#define LWG_GATEWAY_ROTATION_H

#include <stdint.h>

struct log;
struct store;
struct store_reader;

struct gw_rotation {
	struct store *store;
	struct store_reader *reader;
	const struct log *log;
	uint32_t days; /* 0: never */
};

/* now_ms: store_time(). */
void gw_rotation_look(const struct gw_rotation *r, uint64_t now_ms);

#endif
