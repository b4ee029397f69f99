/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/node.h"

#include "base/attr.h"
#include "base/rd.h"
#include "base/wr.h"
#include "gateway/store_wait.h"
#include "store/store.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char note[] = "node";

enum { VERSION = 1, NOTE_LEN = 2 + GW_MACHINE_LEN, ID_DIGITS = 32 };

struct claim { /* what the note says */
	uint8_t node;
	uint8_t machine[GW_MACHINE_LEN]; /* zero: of one that cannot be told from others */
};

/* --- the machine ----------------------------------------------------------------------------- */

/* machine-id(5): 32 hexadecimal digits in lower case and a line's end, not all of them zero; empty
   or "uninitialized" in an image that has never been booted. */
static bool is_id(const char *text, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const bool complete = len == ID_DIGITS || (len == ID_DIGITS + 1 && text[ID_DIGITS] == '\n');
	return complete && strspn(text, digits) == ID_DIGITS && strspn(text, "0") < ID_DIGITS;
}

/* The id itself is for no one else's eyes (machine-id(5)); under a name of ours it says nothing of
   what other programs may have made of it. */
static bool digest(const char *id, uint8_t out[GW_MACHINE_LEN])
{
	static const char name[] = "lwgate store claim 1";
	char text[sizeof(name) + ID_DIGITS];
	unsigned len = 0;
	memcpy(text, name, sizeof(name));
	memcpy(text + sizeof(name), id, ID_DIGITS);
	return EVP_Digest(text, sizeof(text), out, &len, EVP_sha256(), NULL) == 1 &&
	       len == GW_MACHINE_LEN;
}

bool gw_machine(const char *file, uint8_t out[GW_MACHINE_LEN])
{
	char text[ID_DIGITS + 3] = { 0 };
	const int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	const ssize_t n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	return n > 0 && is_id(text, (size_t)n) && digest(text, out);
}

/* --- the claim ------------------------------------------------------------------------------- */

static enum store_result put(struct store_txn *t, void *claim)
{
	const struct claim *const c = claim;
	uint8_t text[NOTE_LEN];
	struct wr w = wr_into(text, sizeof(text));
	wr_u8(&w, VERSION);
	wr_u8(&w, c->node);
	wr_bytes(&w, c->machine, sizeof(c->machine));
	return store_note_put(t, note, text, sizeof(text));
}

/* STORE_NONE: nobody has claimed it yet. */
static enum store_result look(struct store *s, struct claim *out)
{
	uint8_t text[STORE_NOTE_MAX];
	size_t len = 0;
	struct store_reader *const r = store_reader_new(s);
	if (!r)
		return STORE_BROKEN;
	enum store_result result = store_read_note(r, note, text, sizeof(text), &len);
	store_reader_free(r);
	if (result != STORE_OK)
		return result;
	struct rd in = rd_from(text, len);
	const uint8_t version = rd_u8(&in);
	out->node = rd_u8(&in);
	rd_copy(&in, out->machine, sizeof(out->machine));
	return version == VERSION && len == NOTE_LEN ? STORE_OK : STORE_DAMAGED;
}

static bool is_known(const uint8_t machine[GW_MACHINE_LEN])
{
	static const uint8_t nobody[GW_MACHINE_LEN];
	return memcmp(machine, nobody, sizeof(nobody)) != 0;
}

static bool may_claim(const struct claim *was, const uint8_t *machine)
{
	return !machine || !is_known(was->machine) ||
	       memcmp(was->machine, machine, sizeof(was->machine)) == 0;
}

bool gw_node_claim(struct store *s, uint8_t node, const uint8_t *machine, bool anew, char *error,
	size_t error_len)
{
	struct claim was = { .node = 0 };
	const enum store_result found = look(s, &was);
	if (found != STORE_OK && found != STORE_NONE && !anew) {
		(void)snprintf(error, error_len,
			"the store does not say which machine it works on: its note is damaged; "
			"if it is this one, say so once with: lwgated --claim-store");
		return false;
	}
	if (found == STORE_OK && !anew && !may_claim(&was, machine)) {
		(void)snprintf(error, error_len,
			"the store works on another machine: if this is a copy, make a store of "
			"its own for this gateway, for two with the same keys would harm each "
			"other; if it has moved here for good, say so once with: lwgated "
			"--claim-store");
		return false;
	}
	struct claim is = was;
	is.node = node;
	if (machine)
		memcpy(is.machine, machine, sizeof(is.machine));
	else if (anew)
		memset(is.machine, 0, sizeof(is.machine));
	if (found == STORE_OK && is.node == was.node &&
		memcmp(is.machine, was.machine, sizeof(is.machine)) == 0)
		return true;
	if (gw_store_do(s, put, &is, true) == STORE_OK)
		return true;
	(void)snprintf(error, error_len,
		"the store cannot be claimed by this machine: its disk is full or has failed, or "
		"what is on it is damaged; see to it, and start again");
	return false;
}
