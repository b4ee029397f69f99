/* SPDX-License-Identifier: Apache-2.0 */
/* Files and keys that a store is put together from. A store is new only where there is neither a
   keyring nor anything in the database; whatever else is missing is an error, never a silent
   beginning. While it is being made the keyring has the name NEW; who dies then begins again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/wipe.h"
#include "store/core.h"
#include "store/derive.h"
#include "store/place.h"
#include "store/schema.h"

#define KEYRING "keyring"
#define NEW     "keyring.new"
enum { NAME_MAX_LEN = 4096 };

const char store_remedy[] = "put a copy back, with the newest keyring, or move the folder away to "
			    "begin anew (every device then shakes hands once)";

struct names {
	char database[NAME_MAX_LEN], fresh[NAME_MAX_LEN], hot[NAME_MAX_LEN];
};

static bool name_in(const char *dir, const char *name, char out[NAME_MAX_LEN])
{
	const int len = snprintf(out, NAME_MAX_LEN, "%s/%s", dir, name);
	return len > 0 && len < NAME_MAX_LEN;
}

static bool names_of(const char *dir, struct names *n, struct store_error *error)
{
	return (name_in(dir, "data.mdb", n->database) && name_in(dir, NEW, n->fresh) &&
		       name_in(dir, "hot", n->hot)) ||
	       store_fail(error, "%s: the name is too long", dir);
}

/* --- keys ------------------------------------------------------------------------------------- */

static bool get_kek(
	const struct store_settings *settings, struct store_parts *parts, struct store_error *error)
{
	struct kek_source source = settings->kek;
	if (settings->kek_given) {
		*parts->kek = *settings->kek_given;
		return true;
	}
	if (!source.store_dir)
		source.store_dir = settings->dir;
	if (parts->fresh && !kek_exists(&source))
		return kek_make(&source, parts->kek, error);
	return kek_read(&source, parts->kek, error);
}

static enum store_result fails_to_wrap(struct store_error *error)
{
	(void)store_fail(error, "keyring: the library failed");
	return STORE_BROKEN;
}

static enum store_result save(
	struct store_parts *parts, const char *name, struct store_error *error)
{
	uint8_t blob[KEYRING_WRAPPED_MAX];
	const size_t len = keyring_wrap(parts->keyring, parts->kek, blob);
	if (len == 0)
		return fails_to_wrap(error);
	return place_replace(parts->place, name, blob, len, error);
}

enum store_result store_parts_save_keyring(struct store_parts *parts, struct store_error *error)
{
	return parts->place ? save(parts, KEYRING, error) : STORE_OK;
}

bool store_parts_settle(struct store_parts *parts, struct store_error *error)
{
	if (!parts->unsaid)
		return true;
	if (save(parts, KEYRING, error) != STORE_OK)
		return false;
	parts->unsaid = false;
	(void)unlink(parts->keyring_file);
	return true;
}

static bool unwrap(struct store_parts *parts, const struct store_settings *settings,
	const struct kv_slice blob, struct store_error *error)
{
	if (!get_kek(settings, parts, error))
		return false;
	parts->keyring = keyring_unwrap(parts->kek, blob.data, blob.len, error);
	return parts->keyring != NULL;
}

static bool make_keys(
	const struct store_settings *settings, struct store_parts *parts, struct store_error *error)
{
	parts->fresh = parts->unsaid = true;
	if (!get_kek(settings, parts, error))
		return false;
	parts->keyring = keyring_new();
	if (!parts->keyring)
		return store_fail(error, "keyring: no randomness, or the library failed");
	return save(parts, NEW, error) == STORE_OK;
}

/* --- what is there ---------------------------------------------------------------------------- */

/* version: of the database; 0: it is empty. */
static bool get_keys(const struct store_settings *settings, struct store_parts *parts,
	uint32_t version, struct store_error *error)
{
	uint8_t blob[KEYRING_WRAPPED_MAX];
	size_t len;
	enum store_result r = place_read(parts->place, KEYRING, blob, sizeof(blob), &len, error);
	if (r == STORE_OK && version == 0)
		return store_fail(error,
			"%s/data.mdb: is empty, but there is a keyring, so it is damaged: %s",
			settings->dir, store_remedy);
	if (r == STORE_OK) /* of one who died before it went: it has the first keys */
		(void)unlink(parts->keyring_file);
	if (r == STORE_NONE && version == 0)
		return make_keys(settings, parts, error);
	if (r == STORE_NONE) {
		parts->unsaid = true;
		r = place_read(parts->place, NEW, blob, sizeof(blob), &len, error);
	}
	if (r == STORE_NONE)
		return store_fail(error,
			"%s/%s: is missing, and the database opens with nothing else: %s",
			settings->dir, KEYRING, store_remedy);
	if (r != STORE_OK)
		return false;
	return unwrap(parts, settings, (struct kv_slice){ blob, len }, error);
}

/* kv_open_lmdb() would make a new one. */
static bool check_whole(
	const struct names *n, const struct store_parts *parts, struct store_error *error)
{
	uint8_t blob[KEYRING_WRAPPED_MAX];
	size_t len;
	struct store_error ignored;
	if (access(n->database, F_OK) == 0 || errno != ENOENT)
		return true;
	if (place_read(parts->place, KEYRING, blob, sizeof(blob), &len, &ignored) == STORE_NONE)
		return true;
	return store_fail(
		error, "%s: is missing, but there is a keyring: %s", n->database, store_remedy);
}

static bool open_files(const struct store_settings *settings, struct store_parts *parts,
	const struct names *n, struct store_error *error)
{
	const struct kv_lmdb_settings lmdb = {
		.dir = settings->dir, .tables = key_tables(), .tables_len = KEY_TABLES
	};
	const struct schema_steps steps = schema_steps();
	bool fresh;
	uint32_t version;
	parts->place = place_open(settings->dir, settings->any_filesystem, error);
	if (!parts->place || !check_whole(n, parts, error))
		return false;
	parts->kv = kv_open_lmdb(&lmdb, &fresh, error);
	if (!parts->kv)
		return false;
	if (schema_read(parts->kv, &version) != STORE_OK)
		return store_fail(
			error, "%s: its first row is damaged: %s", n->database, store_remedy);
	if (version != 0 && !schema_bring_up(parts->kv, &steps, n->database, error))
		return false;
	parts->keyring_file = strdup(n->fresh);
	if (!parts->keyring_file)
		return store_fail(error, "%s: out of memory", settings->dir);
	if (!get_keys(settings, parts, version, error))
		return false;
	parts->hot = hot_open(settings->hot ? settings->hot : n->hot, &fresh, error);
	return parts->hot != NULL;
}

static bool open_memory(
	const struct store_settings *settings, struct store_parts *parts, struct store_error *error)
{
	bool fresh;
	parts->fresh = true;
	if (settings->kek_given)
		*parts->kek = *settings->kek_given;
	else if (!derive_random(parts->kek->key, sizeof(parts->kek->key)))
		return store_fail(error, "store: no randomness");
	parts->keyring = keyring_new();
	parts->kv = kv_open_ram(key_tables(), KEY_TABLES);
	parts->hot = hot_open(settings->hot, &fresh, error);
	if (!parts->keyring || !parts->kv)
		return store_fail(error, "store: out of memory");
	return parts->hot != NULL;
}

static bool open_folder(
	const struct store_settings *settings, struct store_parts *parts, struct store_error *error)
{
	struct names *const n = malloc(sizeof(*n));
	if (!n)
		return store_fail(error, "%s: out of memory", settings->dir);
	const bool good =
		names_of(settings->dir, n, error) && open_files(settings, parts, n, error);
	free(n);
	return good;
}

bool store_parts_open(
	const struct store_settings *settings, struct store_parts *parts, struct store_error *error)
{
	*parts = (struct store_parts){ .proof = { .token = settings->token,
					       .any_filesystem = settings->any_filesystem } };
	parts->kek = secret_new(sizeof(*parts->kek));
	if (!parts->kek)
		return store_fail(error, "store: out of memory");
	if (!proof_boot_id(parts->proof.boot))
		parts->proof.token = NULL; /* each start is one after a power loss */
	if (settings->dir ? open_folder(settings, parts, error)
			  : open_memory(settings, parts, error))
		return true;
	store_parts_close(parts);
	return false;
}

void store_parts_close(struct store_parts *parts)
{
	if (parts->anchor)
		anchor_close(parts->anchor);
	hot_close(parts->hot);
	keyring_free(parts->keyring);
	kv_close(parts->kv);
	secret_free(parts->kek, sizeof(*parts->kek));
	free(parts->keyring_file);
	if (parts->place)
		place_close(parts->place); /* last: then another process may come */
	*parts = (struct store_parts){ 0 };
}
