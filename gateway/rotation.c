/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/rotation.h"

#include "base/log.h"
#include "base/rd.h"
#include "base/wr.h"
#include "gateway/store_wait.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>

static const char note[] = "rotated";
static const uint64_t day_ms = 86400000;

enum { NOTE_LEN = 8 };

static enum store_result put(struct store_txn *t, void *now_ms)
{
	uint8_t text[NOTE_LEN];
	struct wr w = wr_into(text, sizeof(text));
	wr_u64(&w, *(const uint64_t *)now_ms);
	return store_note_put(t, note, text, sizeof(text));
}

/* A store without the note begins to count now. */
static bool is_due(const struct gw_rotation *r, uint64_t now_ms, bool *known)
{
	uint8_t text[NOTE_LEN];
	size_t len = 0;
	*known = store_read_note(r->reader, note, text, sizeof(text), &len) == STORE_OK &&
		 len == sizeof(text);
	store_reader_rest(r->reader);
	if (!*known)
		return false;
	struct rd in = rd_from(text, len);
	const uint64_t then_ms = rd_u64(&in);
	return now_ms > then_ms && now_ms - then_ms >= r->days * day_ms;
}

void gw_rotation_look(const struct gw_rotation *r, uint64_t now_ms)
{
	struct store_error why;
	bool known;
	if (r->days == 0)
		return;
	const bool due = is_due(r, now_ms, &known);
	if (known && !due)
		return;
	if (due && store_rotate(r->store, &why) != STORE_OK) {
		log_say(r->log, LOG_LEVEL_WARN, "rotation", "no new data key: %s", why.text);
		return;
	}
	if (gw_store_do(r->store, put, &now_ms, false) == STORE_OK && due)
		log_say(r->log, LOG_LEVEL_INFO, "rotation",
			"a new data key seals from now on; what older ones have sealed is sealed "
			"anew");
}
