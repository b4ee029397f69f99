/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cli_key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

#include "ctl/cli.h"

enum { FILE_MAX = 65536, GROUP_MAX = 32 };

/* NOLINTNEXTLINE(readability-non-const-parameter): it is libcrypto's type */
static int no_passphrase(char *out, int cap, int writing, void *asked)
{
	(void)out;
	(void)cap;
	(void)writing;
	*(bool *)asked = true;
	return -1;
}

static EVP_PKEY *key_of(X509 *x)
{
	EVP_PKEY *const key = x == NULL ? NULL : X509_get_pubkey(x);
	X509_free(x);
	return key;
}

/* One of the forms that there are; NULL: not this one. */
static EVP_PKEY *try_form(BIO *b, size_t form, enum cli_key_kind *kind, bool *asked)
{
	(void)BIO_reset(b);
	switch (form) {
	case 0:
		*kind = CLI_KEY_PRIVATE;
		return PEM_read_bio_PrivateKey(b, NULL, no_passphrase, asked);
	case 1:
		*kind = CLI_KEY_CERTIFICATE;
		return key_of(PEM_read_bio_X509(b, NULL, no_passphrase, asked));
	case 2:
		*kind = CLI_KEY_PUBLIC;
		return PEM_read_bio_PUBKEY(b, NULL, no_passphrase, asked);
	case 3:
		*kind = CLI_KEY_CERTIFICATE;
		return key_of(d2i_X509_bio(b, NULL));
	case 4:
		*kind = CLI_KEY_PUBLIC;
		return d2i_PUBKEY_bio(b, NULL);
	default:
		*kind = CLI_KEY_PRIVATE;
		return d2i_PrivateKey_bio(b, NULL);
	}
}

/* nothing weaker is of use here. */
static bool is_strong(EVP_PKEY *key)
{
	char group[GROUP_MAX] = "";
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
		EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
		return false;
	const int curve = OBJ_sn2nid(group);
	return curve == NID_X9_62_prime256v1 || curve == NID_secp384r1 || curve == NID_secp521r1;
}

static int understand(const char *file, const char *data, size_t len, struct cli_key_file *out)
{
	enum { FORMS = 6 };
	BIO *const b = BIO_new_mem_buf(data, (int)len);
	bool asked = false;
	if (b == NULL)
		return cli_wrong("no memory", "", "free some");
	for (size_t form = 0; form < FORMS && out->key == NULL && !asked; form++)
		out->key = try_form(b, form, &out->kind, &asked);
	BIO_free(b);
	ERR_clear_error();
	if (asked)
		return cli_wrong(file, " has a passphrase",
			"write it without one, into a file of mode 0600: openssl pkey");
	if (out->key == NULL)
		return cli_wrong(file, " is no private key, public key or certificate",
			"it must be PEM or DER");
	if (is_strong(out->key))
		return CLI_DONE;
	EVP_PKEY_free(out->key);
	out->key = NULL;
	return cli_wrong(file, " is not of use here: its key is not on P-256, P-384 or P-521",
		"make one with lwgatectl key new");
}

/* All of it, at most cap octets; -1: errno. */
static ssize_t read_all(const char *file, char *data, size_t cap)
{
	const int fd =
		strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;
	ssize_t n = fd < 0 ? -1 : 1;
	while (n > 0 && len < cap) {
		n = read(fd, data + len, cap - len);
		len += n > 0 ? (size_t)n : 0;
		if (n < 0 && errno == EINTR)
			n = 1;
	}
	const int error = errno;
	if (fd > STDIN_FILENO)
		(void)close(fd);
	errno = error;
	return n < 0 ? -1 : (ssize_t)len;
}

int cli_key_file_read(const char *file, struct cli_key_file *out)
{
	char *const data = OPENSSL_malloc(FILE_MAX);
	int status = CLI_USAGE;
	*out = (struct cli_key_file){ .key = NULL };
	if (data == NULL)
		return cli_wrong("no memory", "", "free some");
	const ssize_t len = read_all(file, data, FILE_MAX);
	if (len < 0)
		status = cli_wrong(file, " cannot be read", strerror(errno));
	else if (len == FILE_MAX)
		status = cli_wrong(file, " is too long for a key", "name another file");
	else
		status = understand(file, data, (size_t)len, out);
	OPENSSL_clear_free(data, FILE_MAX);
	return status;
}
