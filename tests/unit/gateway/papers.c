/* SPDX-License-Identifier: Apache-2.0 */
#include "papers.h"

#include <fcntl.h>
#include <ftw.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH = 128, TEXT = 1536 };

void papers_new(struct papers *p)
{
	(void)snprintf(p->folder, sizeof(p->folder), "/tmp/lwgate-papers-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

void papers_free(struct papers *p)
{
	enum { FILES = 8 };
	(void)nftw(p->folder, remove_one, FILES, FTW_DEPTH | FTW_PHYS);
}

static FILE *make(const struct papers *p, const char *name, mode_t mode)
{
	char path[PATH];
	(void)snprintf(path, sizeof(path), "%s/%s", p->folder, name);
	(void)unlink(path);
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	FILE *const f = fdopen(fd, "w");
	assert_non_null(f);
	return f;
}

void papers_key(const struct papers *p, const char *name, EVP_PKEY *key)
{
	FILE *const f = make(p, name, 0600);
	assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(f), 0);
}

void papers_certificates(const struct papers *p, const char *name, X509 *first, X509 *second)
{
	FILE *const f = make(p, name, 0644);
	assert_int_equal(PEM_write_X509(f, first), 1);
	if (second)
		assert_int_equal(PEM_write_X509(f, second), 1);
	assert_int_equal(fclose(f), 0);
}

void papers_crl(const struct papers *p, const char *name, X509_CRL *crl)
{
	FILE *const f = make(p, name, 0644);
	assert_int_equal(PEM_write_X509_CRL(f, crl), 1);
	assert_int_equal(fclose(f), 0);
}

void papers_text(const struct papers *p, const char *name, const char *text, mode_t mode)
{
	FILE *const f = make(p, name, mode);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

struct conf_gateway papers_conf(const struct papers *p, const char *listener, const char *upstream)
{
	char form[TEXT], text[TEXT];
	size_t len = 0;
	struct conf_gateway conf;
	struct conf_error error = { "" };
	(void)snprintf(form, sizeof(form),
		"listeners = ( { address = \"127.0.0.1\"; %s } );\n"
		"upstream = { address = \"127.0.0.1\"; %s };\n",
		listener, upstream);
	for (const char *c = form; *c != '\0'; c++) {
		const int n = *c == '@' ? snprintf(text + len, sizeof(text) - len, "%s", p->folder)
					: snprintf(text + len, sizeof(text) - len, "%c", *c);
		len += (size_t)n;
		assert_true(len < sizeof(text));
	}
	if (!conf_parse(text, "papers", &conf, &error))
		fail_msg("%s", error.text);
	return conf;
}
