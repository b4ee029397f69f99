/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/gateway/papers: a folder with keys, certificates and lists in it, and configurations that
 *                       name them.
 *
 * Errors:  a cmocka failure.
 * Threads: any, one each.
 */
#ifndef LWG_TEST_PAPERS_H
#define LWG_TEST_PAPERS_H

#include "conf/config.h"
#include "unit/dtls/pki.h"

#include <sys/types.h>

struct papers {
	char folder[64];
};

void papers_new(struct papers *p);
void papers_free(struct papers *p);
/* Mode 0600. */
void papers_key(const struct papers *p, const char *name, EVP_PKEY *key);
/* second: NULL, or one more. */
void papers_certificates(const struct papers *p, const char *name, X509 *first, X509 *second);
void papers_crl(const struct papers *p, const char *name, X509_CRL *crl);
void papers_text(const struct papers *p, const char *name, const char *text, mode_t mode);
/* One listener, 127.0.0.1, and an upstream, each with more lines, in which "@" is the folder. The
   caller frees it. */
struct conf_gateway papers_conf(const struct papers *p, const char *listener, const char *upstream);

#endif
