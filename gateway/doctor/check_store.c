/* SPDX-License-Identifier: Apache-2.0 */
/* The store's folder and its key. */
#include "doctor/doctor.h"

#include "base/wipe.h"
#include "store/kek.h"
#include "store/keyring.h"
#include "store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char starts_not[] = "lwgated does not start";

const char doctor_store_back[] =
	"put a copy back, with the newest keyring, or move the folder away to begin anew (every "
	"device then shakes hands once)";

const char *doctor_in_store(const struct doctor *d, const char *name, char out[DOCTOR_PATH_MAX])
{
	(void)snprintf(out, DOCTOR_PATH_MAX, "%s/%s", d->conf.store_path, name);
	return out;
}

/* --- the folder ------------------------------------------------------------------------------- */

/* Whose the store is to be. */
static uid_t owner_of(const struct doctor *d)
{
	if (d->gateway != 0)
		return d->gateway_uid;
	uid_t uid = geteuid();
	if (uid == 0 && d->conf.user[0] != '\0')
		(void)doctor_user(d->conf.user, &uid);
	return uid;
}

static bool check_owner(struct doctor *d, const struct doctor_kind *k, const struct stat *st)
{
	const char *const path = d->conf.store_path;
	const uid_t owner = owner_of(d);
	char remedy[DOCTOR_REMEDY_MAX];
	if (st->st_uid != owner) {
		(void)snprintf(
			remedy, sizeof(remedy), "chown -R %u '%.200s'", (unsigned)owner, path);
		doctor_say(d, k, remedy, "%s: belongs to user %u, and lwgated is user %u", path,
			(unsigned)st->st_uid, (unsigned)owner);
		return false;
	}
	if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		(void)snprintf(remedy, sizeof(remedy), "chmod 0700 '%.200s'", path);
		doctor_say(d, k, remedy, "%s: mode %04o lets others in", path,
			(unsigned)(st->st_mode & 07777));
		return false;
	}
	return true;
}

static bool check_medium(struct doctor *d, const struct doctor_kind *k)
{
	const int fd = open(d->conf.store_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		doctor_say(d, k,
			"run this as root, or as the user that lwgated is: it may not look there "
			"either",
			"%s: cannot be opened: %s", d->conf.store_path, strerror(errno));
		return false;
	}
	const char *const unfit = d->conf.store_any_filesystem ? NULL : place_unfit(fd);
	(void)close(fd);
	if (unfit != NULL)
		doctor_say(d, k,
			"name a folder on a local disk, or set store.any_filesystem = true;",
			"%s: is on a file system (%s) that may forget, or change behind the "
			"gateway's back",
			d->conf.store_path, unfit);
	return unfit == NULL;
}

/* A folder that is not there is made at the start. */
static bool check_folder(struct doctor *d, bool *missing)
{
	static const struct doctor_kind kind = { .id = "store-folder",
		.severity = DOCTOR_PROBLEM,
		.setting = "store.path",
		.why = starts_not };
	struct stat st;
	*missing = false;
	if (stat(d->conf.store_path, &st) != 0) {
		*missing = errno == ENOENT;
		if (*missing)
			doctor_good(d, kind.id, "%s: is not there yet; the first start makes it",
				d->conf.store_path);
		else
			doctor_say(d, &kind, "run this as root, or as the user that lwgated is",
				"%s: %s", d->conf.store_path, strerror(errno));
		return false;
	}
	const bool ok = check_owner(d, &kind, &st) && check_medium(d, &kind);
	if (ok)
		doctor_good(d, kind.id, "%s: mode %04o", d->conf.store_path,
			(unsigned)(st.st_mode & 07777));
	return ok;
}

/* --- the key ---------------------------------------------------------------------------------- */

static struct kek_source source_of(const struct conf_gateway *c)
{
	struct kek_source s = {
		.kind = KEK_FILE, .name = c->store_key_file, .store_dir = c->store_path
	};
	if (c->store_key_credential != NULL) {
		s.kind = KEK_SYSTEMD;
		s.name = c->store_key_credential;
	}
	if (c->store_key_tpm != NULL) {
		s.kind = KEK_TPM;
		s.name = c->store_key_tpm;
		s.tcti = c->store_tpm;
	}
	return s;
}

/* False: it is missing, or another store's. */
static bool key_fits(struct doctor *d, const struct kek_source *source, struct store_error *error)
{
	uint8_t blob[KEYRING_WRAPPED_MAX];
	char file[DOCTOR_PATH_MAX];
	struct kek kek;
	const int fd = open(doctor_in_store(d, "keyring", file), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	const ssize_t n = fd < 0 ? -1 : read(fd, blob, sizeof(blob));
	const int why = errno;
	if (fd >= 0)
		(void)close(fd);
	if (n < 0)
		return store_fail(error, "%s: cannot be read: %s; %s", file, strerror(why),
			doctor_store_back);
	if (!kek_read(source, &kek, error))
		return false;
	struct keyring *const k = keyring_unwrap(&kek, blob, (size_t)n, error);
	wipe(&kek, sizeof(kek));
	keyring_free(k);
	return k != NULL;
}

static void check_key(struct doctor *d, bool used)
{
	const struct kek_source source = source_of(&d->conf);
	const struct doctor_kind kind = { .id = "store-key",
		.severity = DOCTOR_PROBLEM,
		.setting = source.kind == KEK_FILE      ? "store.key_file"
			   : source.kind == KEK_SYSTEMD ? "store.key_credential"
							: "store.key_tpm",
		.why = "without it nothing in the store opens: lwgated does not start" };
	struct store_error error;
	if (!used && !kek_exists(&source) && source.kind != KEK_SYSTEMD)
		doctor_good(d, kind.id, "%s: the first start makes it; keep a copy of it elsewhere",
			source.name);
	else if (source.kind == KEK_SYSTEMD && getenv("CREDENTIALS_DIRECTORY") == NULL)
		doctor_good(d, kind.id, "%s: systemd gives it to lwgated alone; not tried",
			source.name);
	else if (used && !kek_exists(&source))
		doctor_say(d, &kind,
			"put the copy of it back: there is no other way to what is in "
			"the store; without one, move the store's folder away to begin "
			"anew, and import the credentials",
			"%s: is missing, and %s was made with it", source.name, d->conf.store_path);
	else if (used ? key_fits(d, &source, &error) : true)
		doctor_good(d, kind.id, used ? "%s: opens the store" : "%s: is there", source.name);
	else
		doctor_say_error(d, &kind, error.text);
}

/* --- all of it -------------------------------------------------------------------------------- */

void doctor_check_store(struct doctor *d)
{
	char file[DOCTOR_PATH_MAX];
	bool missing = false;
	if (d->conf.store_path == NULL) {
		doctor_good(d, "store-folder", "there is none: sessions end with the process");
		return;
	}
	const bool folder = check_folder(d, &missing);
	const bool used = folder && access(doctor_in_store(d, "keyring", file), F_OK) == 0;
	if (folder || missing)
		check_key(d, used);
	if (used)
		doctor_check_store_data(d);
}
