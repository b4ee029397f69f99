/* SPDX-License-Identifier: Apache-2.0 */
/* What the two hellos say of suites, encrypt-then-MAC and the types of certificates. */
#include "dtls/alert.h"
#include "dtls/profile_parts.h"

#include "base/rd.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <string.h>

enum {
	EXT_MAX_FRAGMENT_LENGTH = 1, /* RFC 6066 4 */
	EXT_CLIENT_CERT_TYPE = 19,   /* RFC 7250 3 */
	EXT_SERVER_CERT_TYPE = 20,
	EXT_ENCRYPT_THEN_MAC = 22, /* RFC 7366 2 */
	EXT_SESSION_TICKET = 35,   /* RFC 5077 3.2 */
	RANDOM_LEN = 32,
	SESSION_ID_MAX = 32,
	FRAGMENT_CODES = 4, /* RFC 6066 4: 2^9 to 2^12 octets */
};

/* --- suites ---------------------------------------------------------------------------------- */

static bool has(struct dtls_suites kinds, const struct suite *s)
{
	return (s->ecdsa ? kinds.ecdsa : kinds.psk) && (s->guard != SUITE_CBC || kinds.cbc);
}

bool dtls_profile_ciphers(
	const struct dtls_profile *p, struct dtls_suites kinds, char list[DTLS_CIPHERS_MAX])
{
	size_t used = 0;
	for (size_t i = 0; i < p->set.suites_len; i++) {
		const struct suite *const s = suite_find(p->set.suites[i]);
		const size_t len = strlen(s->openssl);
		if (!has(kinds, s))
			continue;
		if (used + len + 2 > DTLS_CIPHERS_MAX)
			return false;
		if (used > 0)
			list[used++] = ':';
		memcpy(list + used, s->openssl, len);
		used += len;
	}
	list[used] = '\0';
	return used > 0;
}

/* How many such suites are there both in the profile and in the hello? */
static size_t in_common(const struct dtls_profile *p, struct dtls_suites kinds, SSL *ssl)
{
	const uint8_t *at = NULL;
	const size_t len = SSL_client_hello_get0_ciphers(ssl, &at);
	struct rd r = rd_from(at, len);
	size_t n = 0;
	while (r.left >= 2) {
		const uint16_t number = rd_u16(&r);
		n += dtls_profile_speaks(p, number) && has(kinds, suite_find(number));
	}
	return n;
}

/* --- types of certificates ------------------------------------------------------------------- */

static struct dtls_types types(bool raw, bool x509)
{
	struct dtls_types t = { .len = 0 };
	if (raw)
		t.list[t.len++] = DTLS_TYPE_RAW;
	if (x509)
		t.list[t.len++] = DTLS_TYPE_X509;
	return t;
}

static bool has_type(const struct dtls_types *t, uint8_t type)
{
	return t->len > 0 && memchr(t->list, type, t->len) != NULL;
}

/* Does the client's extension leave one of these? Without it it means X.509 (RFC 7250 4.1). What is
   broken is left to libssl. */
static bool types_meet(SSL *ssl, unsigned int extension, const struct dtls_types *ours)
{
	const uint8_t *at = NULL;
	size_t len = 0;
	if (!dtls_profile_can_raw() || !SSL_client_hello_get0_ext(ssl, extension, &at, &len))
		return has_type(ours, DTLS_TYPE_X509);
	struct rd r = rd_from(at, len);
	struct rd list = rd_sub(&r, rd_u8(&r));
	bool meet = false;
	while (list.left > 0)
		meet = has_type(ours, rd_u8(&list)) || meet;
	return meet || !rd_ok(&r);
}

static bool offers(SSL *ssl, unsigned int extension)
{
	const uint8_t *at = NULL;
	size_t len = 0;
	return SSL_client_hello_get0_ext(ssl, extension, &at, &len) == 1;
}

/* --- server role ----------------------------------------------------------------------------- */

static struct dtls_types server_proves(const struct dtls_profile *p)
{
	return types(p->raw, p->x509_own);
}

static struct dtls_types server_takes(const struct dtls_profile *p)
{
	return types(p->raw, p->x509_peer);
}

/* The library chooses the suite before it looks at encrypt-then-MAC and at the types of
   certificates. So what cannot come of this hello is taken out of the list before it chooses: CBC
   without RFC 7366 where that is wanted, and ECDSA without a type of certificate in common; what
   else is offered may still be chosen. */
int dtls_profile_hello(SSL *ssl, int *alert, void *arg)
{
	const struct dtls_profile *const p = arg;
	const struct dtls_types proves = server_proves(p), takes = server_takes(p);
	const struct dtls_suites all = { .psk = true, .ecdsa = true, .cbc = true };
	const bool meet = types_meet(ssl, EXT_SERVER_CERT_TYPE, &proves) &&
			  types_meet(ssl, EXT_CLIENT_CERT_TYPE, &takes);
	const struct dtls_suites kinds = {
		.psk = true,
		.ecdsa = meet,
		.cbc = p->set.mac_then_encrypt || offers(ssl, EXT_ENCRYPT_THEN_MAC),
	};
	const size_t left = in_common(p, kinds, ssl);
	if (left == in_common(p, all, ssl))
		return SSL_CLIENT_HELLO_SUCCESS; /* a list of its own is dear to the library */
	if (left == 0) {
		const struct dtls_suites with_ecdsa = { .ecdsa = true, .cbc = kinds.cbc };
		const bool types_only = !meet && in_common(p, with_ecdsa, ssl) > 0; /* */
		ERR_raise(ERR_LIB_SSL,
			types_only ? SSL_R_UNKNOWN_CERTIFICATE_TYPE : SSL_R_NO_SHARED_CIPHER);
		*alert = types_only ? DTLS_UNSUPPORTED_CERTIFICATE : DTLS_HANDSHAKE_FAILURE;
		return SSL_CLIENT_HELLO_ERROR;
	}
	char list[DTLS_CIPHERS_MAX];
	const bool set =
		dtls_profile_ciphers(p, kinds, list) && SSL_set_cipher_list(ssl, list) == 1;
	if (!set)
		*alert = DTLS_INTERNAL_ERROR;
	return set ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

bool dtls_profile_accept(const struct dtls_profile *p, SSL *ssl)
{
	const struct dtls_types proves = server_proves(p), takes = server_takes(p);
	SSL_set_accept_state(ssl);
	return !p->raw || dtls_raw_types(ssl, &takes, &proves);
}

/* --- client role ----------------------------------------------------------------------------- */

bool dtls_profile_connect(const struct dtls_profile *p, SSL *ssl, bool psk)
{
	const struct dtls_suites all = { .psk = true, .ecdsa = true, .cbc = true };
	const struct dtls_suites kinds = { .psk = psk, .ecdsa = !psk, .cbc = true };
	const struct dtls_types proves = types(p->raw, p->x509_own);
	const struct dtls_types takes = types(p->raw && p->set.pins_len > 0, p->x509_peer);
	char list[DTLS_CIPHERS_MAX], whole[DTLS_CIPHERS_MAX];
	SSL_set_connect_state(ssl);
	if (!dtls_profile_ciphers(p, kinds, list) || !dtls_profile_ciphers(p, all, whole))
		return false;
	/* It takes the library some 20 us. */
	if (strcmp(list, whole) != 0 && SSL_set_cipher_list(ssl, list) != 1)
		return false;
	char host[sizeof(p->server_name)]; /* not const: so is the library's macro */
	memcpy(host, p->server_name, sizeof(host));
	if (host[0] != '\0' && SSL_set_tlsext_host_name(ssl, host) != 1)
		return false;
	if (p->set.fragment_code != 0 &&
		SSL_set_tlsext_max_fragment_length(ssl, p->set.fragment_code) != 1)
		return false;
	if (psk)
		return true;
	return takes.len > 0 && (!p->raw || dtls_raw_types(ssl, &proves, &takes));
}

/* --- what was chosen ------------------------------------------------------------------------- */

static void choose(struct dtls_choice *c, uint16_t type, struct rd *body)
{
	switch (type) {
	case EXT_MAX_FRAGMENT_LENGTH:
		c->fragment_code = rd_u8(body);
		if (c->fragment_code > FRAGMENT_CODES) /* the library refuses it */
			c->fragment_code = 0;
		break;
	case EXT_CLIENT_CERT_TYPE:
		c->raw_client = rd_u8(body) == DTLS_TYPE_RAW;
		break;
	case EXT_SERVER_CERT_TYPE:
		c->raw_server = rd_u8(body) == DTLS_TYPE_RAW;
		break;
	case EXT_ENCRYPT_THEN_MAC:
		c->encrypt_then_mac = true;
		break;
	case EXT_SESSION_TICKET:
		c->ticket = true;
		break;
	case DTLS_EXT_CID:
		c->cid_agreed = true;
		c->cid_len = rd_u8(body);
		c->cid = rd_bytes(body, c->cid_len);
		break;
	case DTLS_EXT_ROUTABILITY:
		c->routability = true;
		break;
	default:
		break;
	}
}

static enum dtls_guard guard_of(const struct suite *s, bool encrypt_then_mac)
{
	switch (s->guard) {
	case SUITE_CCM_8:
		return DTLS_GUARD_CCM_8;
	case SUITE_CCM:
		return DTLS_GUARD_CCM;
	case SUITE_GCM:
		return DTLS_GUARD_GCM;
	case SUITE_CBC:
		return encrypt_then_mac ? DTLS_GUARD_ETM : DTLS_GUARD_MTE;
	}
	return DTLS_GUARD_CCM_8; /* not reached */
}

bool dtls_choice_parse(const uint8_t *body, size_t len, struct dtls_choice *out)
{
	struct dtls_choice c = { .suite = NULL };
	struct rd r = rd_from(body, len);
	rd_skip(&r, 2 + RANDOM_LEN);
	const uint8_t id_len = rd_u8(&r);
	rd_skip(&r, id_len);
	c.suite = suite_find(rd_u16(&r));
	rd_skip(&r, 1); /* compression */
	if (!rd_ok(&r) || !c.suite || id_len > SESSION_ID_MAX)
		return false;
	struct rd block = r.left > 0 ? rd_sub(&r, rd_u16(&r)) : rd_from(NULL, 0);
	while (block.left > 0) {
		const uint16_t type = rd_u16(&block);
		struct rd ext = rd_sub(&block, rd_u16(&block));
		choose(&c, type, &ext);
		if (!rd_ok(&block) || !rd_ok(&ext))
			return false;
	}
	if (!rd_ok(&r))
		return false;
	c.guard = guard_of(c.suite, c.encrypt_then_mac);
	c.routability = c.routability && c.cid_agreed; /* */
	*out = c;
	return true;
}

uint8_t dtls_choice_objection(const struct dtls_profile *p, const struct dtls_choice *c)
{
	if (!dtls_profile_speaks(p, c->suite->number))
		return DTLS_ILLEGAL_PARAMETER;
	const bool good = c->guard != DTLS_GUARD_MTE || (p->set.mac_then_encrypt && !c->cid_agreed);
	return good ? 0 : DTLS_HANDSHAKE_FAILURE;
}
