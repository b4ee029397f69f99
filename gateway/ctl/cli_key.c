/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's own keys: made, shown, and certificates asked for, without a gateway. */
#include "ctl/cli.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/cli_key_file.h"
#include "ctl/json.h"

enum {
	DIGITS_MAX = 2 * EVP_MAX_MD_SIZE,
	NAME_MAX_LEN = 253,
	SECRET_MODE = 0600,
	PUBLIC_MODE = 0644
};

static int no_library(void)
{
	return cli_wrong("the library failed", "", "free some memory");
}

/* --- a new file ------------------------------------------------------------------------------ */

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		const ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0;
}

/* Never over one that is there: it may be the only copy of a key. */
static int save(const char *file, mode_t mode, BIO *from)
{
	char *data = NULL;
	const long len = BIO_get_mem_data(from, &data);
	const int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, mode);
	if (fd < 0)
		return errno == EEXIST ? cli_wrong(file, " is there already",
						 "name a new file; nothing is overwritten")
				       : cli_wrong(file, " cannot be made", strerror(errno));
	/* Whatever the umask is. */
	const bool good = len > 0 && fchmod(fd, mode) == 0 && write_all(fd, data, (size_t)len);
	const int error = errno;
	(void)close(fd);
	if (good)
		return CLI_DONE;
	(void)unlink(file);
	return cli_wrong(file, " cannot be written", strerror(error));
}

int cli_key_new(struct cli *c)
{
	EVP_PKEY *const key = EVP_EC_gen("P-256");
	BIO *const bio = BIO_new(BIO_s_secmem());
	int status = CLI_USAGE;
	if (key == NULL || bio == NULL ||
		PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		status = no_library();
	else
		status = save(c->arg, SECRET_MODE, bio);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return status == CLI_DONE ? cli_key_show(c) : status;
}

/* --- a request for a certificate ------------------------------------------------------------- */

/* one name of a host, without a wildcard. */
static bool is_host_name(const char *text)
{
	const size_t len = strlen(text);
	bool letter = false;
	if (len < 1 || len > NAME_MAX_LEN || text[0] == '.' || text[0] == '-' ||
		text[len - 1] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		letter = letter || isalpha((unsigned char)text[i]) != 0;
		if (isalnum((unsigned char)text[i]) == 0 && text[i] != '-' && text[i] != '.')
			return false;
	}
	return letter; /* else it is an address */
}

static bool add_extension(STACK_OF(X509_EXTENSION) * to, int which, const char *value)
{
	X509_EXTENSION *const x = X509V3_EXT_conf_nid(NULL, NULL, which, value);
	if (x != NULL && sk_X509_EXTENSION_push(to, x) > 0)
		return true;
	X509_EXTENSION_free(x);
	return false;
}

static bool add_extensions(X509_REQ *q, const char *host)
{
	char name[NAME_MAX_LEN + sizeof("DNS:")];
	STACK_OF(X509_EXTENSION) *const all = sk_X509_EXTENSION_new_null();
	(void)snprintf(name, sizeof(name), "DNS:%s", host);
	/* Both roles: towards devices it is a server, towards the server a client. */
	const bool good = all != NULL && add_extension(all, NID_subject_alt_name, name) &&
			  add_extension(all, NID_key_usage, "critical,digitalSignature") &&
			  add_extension(all, NID_ext_key_usage, "serverAuth,clientAuth") &&
			  X509_REQ_add_extensions(q, all) == 1;
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return good;
}

/* The common name is no host's, but authorities want a subject. */
static bool fill_request(X509_REQ *q, EVP_PKEY *key, const char *host)
{
	static const unsigned char common_name[] = "LwM2M edge gateway";
	return X509_REQ_set_version(q, X509_REQ_VERSION_1) == 1 &&
	       X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(q), NID_commonName,
		       MBSTRING_ASC, common_name, sizeof(common_name) - 1, -1, 0) == 1 &&
	       X509_REQ_set_pubkey(q, key) == 1 && add_extensions(q, host) &&
	       X509_REQ_sign(q, key, EVP_sha256()) > 0;
}

static int request(const struct cli *c, EVP_PKEY *key)
{
	X509_REQ *const q = X509_REQ_new();
	BIO *const bio = BIO_new(BIO_s_mem());
	int status = CLI_USAGE;
	if (q == NULL || bio == NULL || !fill_request(q, key, c->options[CLI_DNS]) ||
		PEM_write_bio_X509_REQ(bio, q) != 1)
		status = no_library();
	else
		status = save(c->second, PUBLIC_MODE, bio);
	BIO_free(bio);
	X509_REQ_free(q);
	return status;
}

int cli_key_csr(struct cli *c)
{
	const char *host = c->options[CLI_DNS];
	struct cli_key_file f;
	if (host == NULL)
		return cli_wrong("the name is missing", "",
			"say --dns NAME, by which devices or the server know this gateway");
	if (!is_host_name(host))
		return cli_wrong("the name is none of a host: ", host,
			"say --dns NAME, without a wildcard, no address");
	int status = cli_key_file_read(c->arg, &f);
	if (status != CLI_DONE)
		return status;
	status = f.kind == CLI_KEY_PRIVATE ? request(c, f.key)
					   : cli_wrong(c->arg, " holds no private key",
						     "name the file of one, as lwgatectl key new "
						     "makes it");
	EVP_PKEY_free(f.key);
	if (status == CLI_DONE && c->form == CTL_JSON)
		cli_tell("%s has the request", c->second);
	return status;
}

/* --- showing --------------------------------------------------------------------------------- */

struct shown { /* of a SubjectPublicKeyInfo */
	const char *kind;
	char digest[sizeof("sha-256:") + DIGITS_MAX];
	char *hex, *base64, *pem; /* ours */
};

static void to_hex(const unsigned char *from, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", from[i]);
}

static char *to_base64(const unsigned char *der, int len)
{
	enum { FROM = 3, TO = 4 };
	char *const out = OPENSSL_malloc((size_t)(len / FROM + 1) * TO + 1);
	if (out != NULL)
		(void)EVP_EncodeBlock((unsigned char *)out, der, len);
	return out;
}

static char *to_pem(EVP_PKEY *key)
{
	BIO *const bio = BIO_new(BIO_s_mem());
	char *data = NULL, *out = NULL;
	if (bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1) {
		const long len = BIO_get_mem_data(bio, &data);
		out = OPENSSL_strndup(data, len > 0 ? (size_t)len : 0);
	}
	BIO_free(bio);
	return out;
}

static bool fill_shown(EVP_PKEY *key, struct shown *s)
{
	unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
	unsigned digest_len = 0;
	const int len = i2d_PUBKEY(key, &der);
	if (len <= 0 ||
		EVP_Digest(der, (size_t)len, digest, &digest_len, EVP_sha256(), NULL) != 1) {
		OPENSSL_free(der);
		return false;
	}
	(void)snprintf(s->digest, sizeof(s->digest), "sha-256:");
	to_hex(digest, digest_len, s->digest + strlen(s->digest));
	s->hex = OPENSSL_malloc(2 * (size_t)len + 1);
	if (s->hex != NULL)
		to_hex(der, (size_t)len, s->hex);
	s->base64 = to_base64(der, len);
	s->pem = to_pem(key);
	OPENSSL_free(der);
	return s->hex != NULL && s->base64 != NULL && s->pem != NULL;
}

static void put_text(struct ctl_out *o, const struct shown *s)
{
	const char *const lines[][2] = { { "from", s->kind }, { "digest", s->digest },
		{ "spki_hex", s->hex }, { "spki_base64", s->base64 } };
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		ctl_out_form(o, "%-12s ", lines[i][0]);
		ctl_out_text(o, lines[i][1]);
		ctl_out_text(o, "\n");
	}
	ctl_out_text(o, s->pem);
}

static void put_json(struct ctl_out *o, const struct shown *s)
{
	const char *const members[][2] = { { "from", s->kind }, { "digest", s->digest },
		{ "spki_hex", s->hex }, { "spki_base64", s->base64 }, { "pem", s->pem } };
	struct ctl_json j = { .out = o };
	ctl_json_begin(&j, '{');
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		ctl_json_key(&j, members[i][0]);
		ctl_json_text(&j, members[i][1]);
	}
	ctl_json_end(&j, '}');
	ctl_out_text(o, "\n");
}

int cli_key_show(struct cli *c)
{
	static const char *const kinds[] = { [CLI_KEY_PRIVATE] = "private key",
		[CLI_KEY_PUBLIC] = "public key",
		[CLI_KEY_CERTIFICATE] = "certificate" };
	struct cli_key_file f;
	struct ctl_out out = { 0 };
	int status = cli_key_file_read(c->arg, &f);
	if (status != CLI_DONE)
		return status;
	struct shown s = { .kind = kinds[f.kind] };
	if (!fill_shown(f.key, &s)) {
		status = no_library();
	} else {
		if (c->form == CTL_JSON)
			put_json(&out, &s);
		else
			put_text(&out, &s);
		status = cli_put(&out);
	}
	ctl_out_fini(&out);
	OPENSSL_free(s.hex);
	OPENSSL_free(s.base64);
	OPENSSL_free(s.pem);
	EVP_PKEY_free(f.key);
	return status;
}
