/* SPDX-License-Identifier: Apache-2.0 */
/* A profile's life, and how the library is set up for it. */
#include "dtls/profile.h"

#include "dtls/profile_parts.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum {
	AGE_MAX_S = INT32_MAX, /* 68 years: also after a clock without a battery has been set */
	MTU_MIN = 100,
	MTU_MAX = 16384,
	FRAGMENT_CODES = 4, /* RFC 6066 4 */
	CCM_8_PSK = 0xc0a8,
	CCM_8_ECDSA = 0xc0ae,
};

/* --- settings -------------------------------------------------------------------------------- */

struct dtls_profile_settings dtls_profile_settings_default(void)
{
	struct dtls_profile_settings s = {
		.server_order = true,
		.chain_max = DTLS_CHAIN_MAX,
		.names = { DTLS_NAME_EUI64, DTLS_NAME_URI, DTLS_NAME_DNS, DTLS_NAME_CN,
			DTLS_NAME_NONE },
		.clock = DTLS_CLOCK_TRUSTED,
		.untrusted = DTLS_CLOCK_REFUSE,
	};
	for (size_t i = 0; i < SUITES; i++) {
		if (suites[i].initial)
			s.suites[s.suites_len++] = suites[i].number;
	}
	return s;
}

/* The suites that can be negotiated: without a key only those with a PSK. */
static const char *take_suites(struct dtls_profile *p, const struct dtls_profile_settings *s)
{
	p->set.suites_len = 0;
	if (s->suites_len < 1 || s->suites_len > SUITES)
		return "there is no list of cipher suites";
	for (size_t i = 0; i < s->suites_len; i++) {
		const struct suite *const suite = suite_find(s->suites[i]);
		if (!suite)
			return "a cipher suite is unknown";
		if (dtls_profile_speaks(p, suite->number))
			return "a cipher suite stands twice in the list";
		if (!suite->ecdsa || s->key)
			p->set.suites[p->set.suites_len++] = suite->number;
	}
	return p->set.suites_len > 0 ? NULL : "all cipher suites of the list need a key";
}

static const char *own_objection(const struct dtls_profile_settings *s)
{
	if (!s->key) {
		const bool bare = !s->certificate && !s->raw_public_key;
		return bare ? NULL : "a certificate or raw public key needs its private key";
	}
	if (!s->certificate && s->chain)
		return "a chain without a certificate";
	if (!s->certificate && !s->raw_public_key)
		return "a key that is neither a certificate's nor a raw public key";
	if (s->raw_public_key && !dtls_profile_can_raw())
		return "raw public keys (RFC 7250) need OpenSSL 3.2 or newer";
	if (s->certificate && !X509_check_private_key(s->certificate, s->key))
		return "the certificate is not the private key's";
	const char *why = dtls_key_weakness(s->key);
	if (!why && s->certificate)
		why = dtls_certificate_weakness(s->certificate);
	for (int i = 0; !why && s->chain && i < sk_X509_num(s->chain); i++)
		why = dtls_certificate_weakness(sk_X509_value(s->chain, i));
	return why;
}

static const char *objection(const struct dtls_profile_settings *s)
{
	if (s->mtu != 0 && (s->mtu < MTU_MIN || s->mtu > MTU_MAX))
		return "the largest datagram is out of bounds";
	if (s->routability && s->cid == DTLS_CID_NEVER)
		return "a return routability check without connection ids";
	if (s->fragment_code > FRAGMENT_CODES)
		return "max_fragment_length is out of bounds";
	if (s->chain_max > DTLS_CHAIN_LIMIT)
		return "certificate chains may not be that long";
	if (s->pins_len > DTLS_PIN_MAX)
		return "too many pins";
	if (s->anchors && s->clock == DTLS_CLOCK_TRUSTED && !s->now_s)
		return "there is no clock for certificates";
	if (s->untrusted == DTLS_CLOCK_TRUSTED)
		return "an untrusted clock cannot be trusted";
	if (!s->server_name)
		return NULL;
	const size_t len = strlen(s->server_name);
	if (len < 1 || len > DTLS_HOST_MAX)
		return "the server's name is too long, or empty";
	ASN1_OCTET_STRING *const address = a2i_IPADDRESS(s->server_name);
	ASN1_OCTET_STRING_free(address);
	return address ? "the server's name is an address" : NULL;
}

/* --- the library ----------------------------------------------------------------------------- */

/* OpenSSL 3.2 and later rate the tag of 8 octets as 64 bits of strength, below level 2. Those
   suites are what LwM2M prescribes; every other judgement of the library stays as it is. */
/* NOLINTNEXTLINE(readability-function-size): seven parameters are libssl's type */
static int judge_strength(
	const SSL *s, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *ex)
{
	const struct dtls_profile *const p = ex;
	const bool on_cipher = op == SSL_SECOP_CIPHER_SUPPORTED || op == SSL_SECOP_CIPHER_SHARED ||
			       op == SSL_SECOP_CIPHER_CHECK;
	const uint16_t id = on_cipher && other ? SSL_CIPHER_get_protocol_id(other) : SUITE_NONE;
	if (id == CCM_8_PSK || id == CCM_8_ECDSA)
		return 1;
	return p->security(s, ctx, op, bits, nid, other, NULL);
}

/* The library's own cookies go nowhere: it is shown only hellos that dtls/cookie has let in, and
   what must seem to have come before them. */
static int cookie_known(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	(void)ssl;
	(void)cookie;
	(void)len;
	return 1;
}

static int cookie_any(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	(void)ssl;
	cookie[0] = 0;
	*len = 1;
	return 1;
}

/* Sessions are found, if at all, by who asks the owner. The context's name is in each of them: none
   of another program is taken. */
static bool set_up_sessions(SSL_CTX *c)
{
	static const uint8_t name[] = DTLS_SESSION_NAME;
	SSL_CTX_set_session_cache_mode(
		c, SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR);
	SSL_CTX_set_timeout(c, AGE_MAX_S);
	return SSL_CTX_set_session_id_context(c, name, sizeof(name) - 1) == 1;
}

static bool set_up_strength(struct dtls_profile *p)
{
	/* Not const: so are the library's macros. */
	char signatures[] = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512"; /* */
	char groups[] = "P-256:P-384:P-521";                          /* */
	SSL_CTX *const c = p->ctx;
	SSL_CTX_set_security_level(c, 2);
	p->security = SSL_CTX_get_security_callback(c);
	if (!p->security)
		return false;
	SSL_CTX_set_security_callback(c, judge_strength);
	SSL_CTX_set0_security_ex_data(c, p);
	return SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) &&
	       SSL_CTX_set_max_proto_version(c, DTLS1_2_VERSION) &&
	       SSL_CTX_set1_sigalgs_list(c, signatures) &&
	       SSL_CTX_set1_client_sigalgs_list(c, signatures) &&
	       SSL_CTX_set1_groups_list(c, groups);
}

static bool set_up_options(struct dtls_profile *p)
{
	const struct dtls_profile_settings *const s = &p->set;
	uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_QUERY_MTU |
			   SSL_OP_COOKIE_EXCHANGE;
	struct dtls_suites mine = { .psk = true, .ecdsa = true, .cbc = true };
	char list[DTLS_CIPHERS_MAX];
	bool cbc = false;
	for (size_t i = 0; i < s->suites_len; i++)
		cbc = cbc || suite_find(s->suites[i])->guard == SUITE_CBC;
	if (!cbc) /* four octets less in our hello */
		options |= SSL_OP_NO_ENCRYPT_THEN_MAC;
	if (!s->tickets)
		options |= SSL_OP_NO_TICKET; /* */
	if (s->server_order)
		options |= SSL_OP_CIPHER_SERVER_PREFERENCE;          /* */
	SSL_CTX_clear_options(p->ctx, SSL_OP_LEGACY_SERVER_CONNECT); /* */
	SSL_CTX_set_options(p->ctx, options);
	SSL_CTX_set_cookie_verify_cb(p->ctx, cookie_known);
	SSL_CTX_set_cookie_generate_cb(p->ctx, cookie_any);
	SSL_CTX_set_client_hello_cb(p->ctx, dtls_profile_hello, p);
	return dtls_profile_ciphers(p, mine, list) && SSL_CTX_set_cipher_list(p->ctx, list);
}

/* What we prove, and whom we take. Without a key there is nobody to ask for a certificate. */
static bool set_up_identity(struct dtls_profile *p, const struct dtls_profile_settings *s)
{
	SSL_CTX *const c = p->ctx;
	if (!s->key)
		return true;
	SSL_CTX_set_mode(c, SSL_MODE_NO_AUTO_CHAIN);
	if (s->certificate && SSL_CTX_use_certificate(c, s->certificate) != 1)
		return false;
	if (SSL_CTX_use_PrivateKey(c, s->key) != 1)
		return false;
	STACK_OF(X509) *const chain = s->chain ? sk_X509_dup(s->chain) : NULL;
	const bool chained = !s->chain || (chain && SSL_CTX_set1_chain(c, chain) == 1);
	sk_X509_free(chain);
	if (!chained)
		return false;
	if (s->anchors && SSL_CTX_set1_verify_cert_store(c, s->anchors) != 1)
		return false;
	SSL_CTX_set_max_cert_list(c, DTLS_CERTIFICATES_MAX);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL); /* */
	SSL_CTX_set_cert_verify_callback(c, dtls_profile_verify, p);
	return true;
}

/* --- life ------------------------------------------------------------------------------------ */

/* What is borrowed for the call is not kept. */
static void copy_settings(struct dtls_profile *p, const struct dtls_profile_settings *s)
{
	p->set = *s;
	p->set.key = NULL;
	p->set.certificate = NULL;
	p->set.chain = NULL;
	p->set.anchors = NULL;
	p->set.server_name = NULL;
	if (p->set.chain_max == 0)
		p->set.chain_max = DTLS_CHAIN_MAX;
	if (s->server_name)
		memcpy(p->server_name, s->server_name, strlen(s->server_name) + 1);
	p->raw = s->raw_public_key;
	p->x509_own = s->certificate != NULL;
	p->x509_peer = s->anchors != NULL && s->key != NULL;
}

static struct dtls_profile *make(const struct dtls_profile_settings *s, const char **error)
{
	*error = objection(s);
	if (!*error)
		*error = own_objection(s);
	if (*error)
		return NULL;
	struct dtls_profile *const p = calloc(1, sizeof(*p));
	if (!p) {
		*error = "out of memory";
		return NULL;
	}
	p->refs = 1;
	copy_settings(p, s);
	*error = take_suites(p, s);
	if (!*error) {
		p->ctx = SSL_CTX_new(DTLS_method());
		const bool good = p->ctx && SSL_CTX_set_app_data(p->ctx, p) == 1 &&
				  set_up_strength(p) && set_up_options(p) &&
				  set_up_sessions(p->ctx) && set_up_identity(p, s) &&
				  dtls_profile_take_trust(p, s->anchors) && dtls_profile_cid(p);
		*error = good ? NULL : "OpenSSL lacks memory or an algorithm";
	}
	if (*error) {
		dtls_profile_unref(p);
		return NULL;
	}
	return p;
}

struct dtls_profile *dtls_profile_new(const struct dtls_profile_settings *s, const char **error)
{
	(void)ERR_set_mark();
	struct dtls_profile *const p = make(s, error);
	(void)ERR_pop_to_mark();
	return p;
}

struct dtls_profile *dtls_profile_ref(struct dtls_profile *p)
{
	p->refs++;
	return p;
}

void dtls_profile_unref(struct dtls_profile *p)
{
	if (!p || --p->refs > 0)
		return;
	SSL_CTX_free(p->ctx);
	free(p);
}

bool dtls_profile_speaks(const struct dtls_profile *p, uint16_t suite)
{
	for (size_t i = 0; i < p->set.suites_len; i++) {
		if (p->set.suites[i] == suite)
			return true;
	}
	return false;
}
