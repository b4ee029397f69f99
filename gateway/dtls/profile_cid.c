/* SPDX-License-Identifier: Apache-2.0 */
/* The two extensions that the library does not know: connection_id and rrc. */
#include "dtls/alert.h"
#include "dtls/profile_parts.h"

#include "base/rd.h"

enum {
	WHERE = SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_2_AND_BELOW_ONLY |
		SSL_EXT_DTLS_ONLY,
};

/* The library asks in the server's role only for what the client has offered. */
/* NOLINTBEGIN(readability-function-size,readability-non-const-parameter): libssl's type */
static int add(SSL *ssl, unsigned int type, unsigned int context, const unsigned char **out,
	size_t *len, X509 *x, size_t chain, int *alert, void *arg)
{
	const struct dtls_profile *const p = arg;
	(void)context;
	(void)x;
	(void)chain;
	(void)alert;
	return p->say && p->say(ssl, (enum dtls_extension)type, out, len) ? 1 : 0;
}
/* NOLINTEND(readability-function-size,readability-non-const-parameter) */

/* RFC 9146 3: one octet of length, and the CID; RFC 9853 3: nothing. What they say is read by who
   reads the hellos as a whole. */
/* NOLINTNEXTLINE(readability-function-size): libssl's type */
static int parse(SSL *ssl, unsigned int type, unsigned int context, const unsigned char *in,
	size_t len, X509 *x, size_t chain, int *alert, void *arg)
{
	struct rd r = rd_from(in, len);
	(void)ssl;
	(void)context;
	(void)x;
	(void)chain;
	(void)arg;
	if (type == DTLS_EXT_CID)
		rd_skip(&r, rd_u8(&r));
	if (rd_end(&r))
		return 1;
	*alert = DTLS_DECODE_ERROR;
	return 0;
}

bool dtls_profile_cid(struct dtls_profile *p)
{
	if (p->set.cid == DTLS_CID_NEVER)
		return true;
	if (SSL_CTX_add_custom_ext(p->ctx, DTLS_EXT_CID, WHERE, add, NULL, p, parse, p) != 1)
		return false;
	return !p->set.routability || SSL_CTX_add_custom_ext(p->ctx, DTLS_EXT_ROUTABILITY, WHERE,
					      add, NULL, p, parse, p) == 1;
}
