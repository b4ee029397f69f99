/* SPDX-License-Identifier: Apache-2.0 */
#include "store/kek.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/wipe.h"
#include "store/derive.h"
#include "store/file.h"
#include "store/tpm.h"

enum {
	HEX_LEN = 2 * KEK_LEN,
	NAME_LEN = 2048,
	CONTENT_MAX = TPM_OBJECT_MAX, /* the longest of the three */
};
_Static_assert(CONTENT_MAX > HEX_LEN + 2, "all fit");
_Static_assert((int)TPM_SECRET == (int)KEK_LEN, "a TPM keeps one KEK");

/* --- names ------------------------------------------------------------------------------------ */

/* A systemd credential is a file, too. */
static bool file_of(const struct kek_source *s, char out[NAME_LEN], struct store_error *error)
{
	const char *const name = s->name != NULL ? s->name : "";
	if (*name == '\0')
		return store_fail(error, "the store's key-encryption key: no file is named");
	int len = 0;
	if (s->kind != KEK_SYSTEMD) {
		len = snprintf(out, NAME_LEN, "%s", name);
	} else {
		const char *const folder = getenv("CREDENTIALS_DIRECTORY");
		if (strchr(name, '/') != NULL)
			return store_fail(error,
				"%s: is no name of a systemd credential; name one without a slash",
				name);
		if (folder == NULL || *folder != '/')
			return store_fail(error,
				"%s: no systemd credentials here (CREDENTIALS_DIRECTORY is not "
				"set); add LoadCredentialEncrypted=%s to the unit",
				name, name);
		len = snprintf(out, NAME_LEN, "%s/%s", folder, name);
	}
	return (len > 0 && len < NAME_LEN) ||
	       store_fail(error, "%.100s...: the name is too long", name);
}

static void folder_of(const char *file, char out[NAME_LEN])
{
	(void)snprintf(out, NAME_LEN, "%s", file);
	char *const slash = strrchr(out, '/');
	if (slash == NULL)
		(void)snprintf(out, NAME_LEN, ".");
	else
		slash[slash == out] = '\0';
}

/* A file that is not there yet would be where its folder is. */
static bool lies_in(const char *file, const char *dir)
{
	char folder[NAME_LEN];
	folder_of(file, folder);
	char *inner = realpath(file, NULL);
	if (inner == NULL)
		inner = realpath(folder, NULL);
	char *const outer = realpath(dir, NULL);
	bool inside = false;
	if (inner != NULL && outer != NULL) {
		const size_t len = strlen(outer);
		inside = strncmp(inner, outer, len) == 0 &&
			 (inner[len] == '/' || inner[len] == '\0' || len == 1);
	}
	free(inner);
	free(outer);
	return inside;
}

/* A copy of the folder must not be a copy of the key. What a TPM sealed may lie there. */
static bool lies_apart(const struct kek_source *s, const char *file, struct store_error *error)
{
	if (s->kind == KEK_TPM || s->store_dir == NULL || !lies_in(file, s->store_dir))
		return true;
	return store_fail(error,
		"%s: lies in the store's folder %s, so that whoever copies the store has its key; "
		"keep it elsewhere",
		file, s->store_dir);
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool kept_secret(
	const struct kek_source *s, const char *file, const struct stat *st, struct store_error *e)
{
	if (!S_ISREG(st->st_mode))
		return store_fail(e, "%s: is no regular file; name one", file);
	/* systemd's may have an access control list, which looks like a right of the group. */
	const mode_t bad = S_IRWXO | S_IWGRP | S_IXGRP;
	if ((st->st_mode & bad) != 0)
		return store_fail(e, "%s: mode %04o lets others at the key; run: chmod 0600 %s",
			file, (unsigned)(st->st_mode & 07777), file);
	if (s->kind != KEK_SYSTEMD && st->st_uid != 0 && st->st_uid != geteuid())
		return store_fail(e,
			"%s: belongs to user %u, who is neither root nor the gateway; run: chown "
			"root %s",
			file, (unsigned)st->st_uid, file);
	return true;
}

static bool read_fd(const struct kek_source *s, const char *file, int fd,
	uint8_t out[CONTENT_MAX + 1], size_t *len, struct store_error *error)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return store_fail(error, "%s: cannot be looked at: %s", file, strerror(errno));
	if (!kept_secret(s, file, &st, error))
		return false;
	if (!file_read(fd, out, CONTENT_MAX + 1, len))
		return store_fail(error, "%s: cannot be read: %s", file, strerror(errno));
	return *len <= CONTENT_MAX || store_fail(error, "%s: is too long for a key", file);
}

static bool read_file(const struct kek_source *s, const char *file, uint8_t out[CONTENT_MAX + 1],
	size_t *len, struct store_error *error)
{
	const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return store_fail(error,
			"%s: the store's key-encryption key cannot be opened: %s; restore it, or "
			"see who may read it",
			file, strerror(errno));
	const bool good = read_fd(s, file, fd, out, len, error);
	(void)close(fd);
	return good;
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	const uint8_t lower = c | 0x20;
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* 64 digits, and maybe the end of a line. */
static bool from_hex(const uint8_t *text, size_t len, struct kek *out)
{
	if (len > HEX_LEN && text[len - 1] == '\n')
		len--;
	if (len > HEX_LEN && text[len - 1] == '\r')
		len--;
	if (len != HEX_LEN)
		return false;
	bool good = true;
	for (size_t i = 0; i < KEK_LEN; i++) {
		const int high = digit(text[2 * i]);
		const int low = digit(text[2 * i + 1]);
		good = good && high >= 0 && low >= 0;
		out->key[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
	}
	return good;
}

static bool same_octet(const struct kek *k)
{
	uint8_t differ = 0;
	for (size_t i = 1; i < KEK_LEN; i++)
		differ |= k->key[i] ^ k->key[0];
	return differ == 0;
}

static bool take(const char *file, const uint8_t *content, size_t len, struct kek *out,
	struct store_error *e)
{
	if (len == KEK_LEN)
		memcpy(out->key, content, KEK_LEN);
	else if (!from_hex(content, len, out))
		return store_fail(e,
			"%s: is no key: it must hold 32 octets, or 64 hexadecimal digits; make one "
			"with: openssl rand -hex 32",
			file);
	/* A key of zeros is a file that was never written. */
	return !same_octet(out) ||
	       store_fail(e, "%s: repeats one octet, which is no key; restore it", file);
}

bool kek_read(const struct kek_source *s, struct kek *out, struct store_error *error)
{
	char file[NAME_LEN];
	uint8_t content[CONTENT_MAX + 1];
	size_t len = 0;
	bool good = file_of(s, file, error) && lies_apart(s, file, error) &&
		    read_file(s, file, content, &len, error);
	if (good && s->kind == KEK_TPM)
		good = tpm_unseal(s->tcti, content, len, out->key, error);
	else if (good)
		good = take(file, content, len, out, error);
	wipe(content, sizeof(content));
	if (!good)
		wipe(out, sizeof(*out));
	return good;
}

bool kek_exists(const struct kek_source *s)
{
	char file[NAME_LEN];
	struct store_error unsaid;
	return file_of(s, file, &unsaid) && access(file, F_OK) == 0;
}

/* --- making ----------------------------------------------------------------------------------- */

static bool write_file(
	const char *file, const uint8_t *content, size_t len, struct store_error *error)
{
	const int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return store_fail(error,
			"%s: the store's key-encryption key cannot be made: %s; it must not be "
			"there yet, in a folder that the gateway may write to",
			file, strerror(errno));
	const bool good =
		file_write(fd, content, len, 0) && fsync(fd) == 0 && file_sync_folder_of(file);
	const int why = errno;
	(void)close(fd);
	if (!good)
		(void)unlink(file);
	return good || store_fail(error, "%s: cannot be written: %s", file, strerror(why));
}

static size_t to_hex(const struct kek *k, uint8_t out[CONTENT_MAX + 1])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < KEK_LEN; i++) {
		out[2 * i] = (uint8_t)digits[k->key[i] >> 4];
		out[2 * i + 1] = (uint8_t)digits[k->key[i] & 15];
	}
	out[HEX_LEN] = '\n';
	return HEX_LEN + 1;
}

/* The name is looked at first, so that no TPM is asked for what cannot be kept. */
static bool can_make(const struct kek_source *s, char file[NAME_LEN], struct store_error *error)
{
	if (s->kind == KEK_SYSTEMD)
		return store_fail(error,
			"%s: systemd gives credentials, it takes none; make it with: openssl rand "
			"-hex 32 | systemd-creds encrypt --name=%s - FILE, and add "
			"LoadCredentialEncrypted=%s:FILE to the unit",
			s->name, s->name, s->name);
	if (!file_of(s, file, error) || !lies_apart(s, file, error))
		return false;
	if (access(file, F_OK) == 0)
		return store_fail(error, "%s: is there already, and is not overwritten", file);
	return true;
}

bool kek_make(const struct kek_source *s, struct kek *out, struct store_error *error)
{
	char file[NAME_LEN];
	uint8_t content[CONTENT_MAX + 1];
	size_t len = 0;
	bool good = can_make(s, file, error);
	if (good && !derive_random(out->key, KEK_LEN))
		good = store_fail(error, "the kernel gives no randomness");
	if (good && s->kind == KEK_TPM)
		good = tpm_seal(s->tcti, out->key, content, &len, error);
	else if (good)
		len = to_hex(out, content);
	good = good && write_file(file, content, len, error);
	wipe(content, sizeof(content));
	if (!good)
		wipe(out, sizeof(*out));
	return good;
}
