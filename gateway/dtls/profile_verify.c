/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a profile takes: the raw public keys and the chains that the library is shown. */
#include "dtls/alert.h"
#include "dtls/profile_parts.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

/* The library says the alert that goes with its error (RFC 5246 7.2.2); so it is given the error
   that goes with our alert. */
static int error_with(uint8_t alert)
{
	switch (alert) {
	case DTLS_DECRYPT_ERROR:
		return X509_V_ERR_CERT_SIGNATURE_FAILURE;
	case DTLS_BAD_CERTIFICATE:
		return X509_V_ERR_CERT_REJECTED;
	case DTLS_UNSUPPORTED_CERTIFICATE:
		return X509_V_ERR_INVALID_PURPOSE;
	case DTLS_CERTIFICATE_UNKNOWN:
		return X509_V_ERR_PERMITTED_VIOLATION;
	case DTLS_INTERNAL_ERROR:
		return X509_V_ERR_OUT_OF_MEM;
	default:
		return X509_V_ERR_APPLICATION_VERIFICATION; /* handshake_failure */
	}
}

/* What there is to say of a peer, and where it goes. */
struct hearing {
	const struct dtls_profile *p;
	SSL *ssl;
	X509_STORE_CTX *x;
	bool of_client; /* we are the server */
	struct dtls_proof proof;
	/* What the proof points at. */
	uint8_t digests[DTLS_CHAIN_LIMIT + 1][DTLS_DIGEST_LEN];
	struct dtls_name name;
	struct dtls_belief belief;
};

static int refuse(struct hearing *h, uint8_t alert, enum dtls_cause cause, const char *detail)
{
	h->proof.good = false;
	h->proof.cause = cause;
	h->proof.detail = detail;
	if (h->p->judge)
		(void)h->p->judge(h->ssl, &h->proof);
	X509_STORE_CTX_set_error(h->x, error_with(alert));
	return 0;
}

static int ask_judge(struct hearing *h)
{
	h->proof.good = true;
	const uint8_t alert =
		h->p->judge ? h->p->judge(h->ssl, &h->proof) : (uint8_t)DTLS_INTERNAL_ERROR;
	X509_STORE_CTX_set_error(h->x, alert == 0 ? X509_V_OK : error_with(alert));
	return alert == 0;
}

static bool pinned(const struct dtls_profile *p, const uint8_t digest[DTLS_DIGEST_LEN])
{
	for (size_t i = 0; i < p->set.pins_len; i++) {
		if (memcmp(p->set.pins[i], digest, DTLS_DIGEST_LEN) == 0)
			return true;
	}
	return false;
}

/* --- raw public keys ------------------------------------------------------------------------- */

/* the key is the identity. R-063: no alert of a certificate. */
static int verify_raw(struct hearing *h, EVP_PKEY *key)
{
	const enum dtls_cause cause = DTLS_FAIL_RAW_KEY;
	const uint8_t alert = DTLS_DECRYPT_ERROR;
	h->proof.kind = DTLS_PROOF_RAW_KEY;
	if (!dtls_key_digest(key, h->proof.digest))
		return refuse(h, DTLS_INTERNAL_ERROR, cause, "its key cannot be written");
	if (!h->p->raw)
		return refuse(h, alert, cause, "raw public keys are not taken");
	const char *const weakness = dtls_key_weakness(key);
	if (weakness)
		return refuse(h, alert, cause, weakness);
	if (!h->of_client && !pinned(h->p, h->proof.digest))
		return refuse(h, alert, cause, "it is not the server's key");
	return ask_judge(h);
}

/* --- certificates ---------------------------------------------------------------------------- */

/* What is no error: that there is no CRL of an issuer, or only one that is not of this time; what
   that one has revoked is revoked. */
static int forgive(int good, X509_STORE_CTX *x)
{
	const int error = X509_STORE_CTX_get_error(x);
	const bool harmless = error == X509_V_ERR_UNABLE_TO_GET_CRL ||
			      error == X509_V_ERR_CRL_HAS_EXPIRED ||
			      error == X509_V_ERR_CRL_NOT_YET_VALID;
	if (good || !harmless)
		return good;
	X509_STORE_CTX_set_error(x, X509_V_OK);
	return 1;
}

/* False: no certificate is taken for now. */
static bool set_time(const struct dtls_profile *p, X509_VERIFY_PARAM *param)
{
	const struct dtls_profile_settings *const s = &p->set;
	enum dtls_clock clock = s->clock;
	int64_t now_s = -1;
	if (clock == DTLS_CLOCK_TRUSTED) {
		now_s = s->now_s(s->ctx);
		if (now_s < 0)
			clock = s->untrusted;
	}
	if (clock == DTLS_CLOCK_TRUSTED)
		X509_VERIFY_PARAM_set_time(param, (time_t)now_s);
	else
		(void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
	return clock != DTLS_CLOCK_REFUSE;
}

/* Every certificate of the store is an anchor, whoever has signed it. Names of hosts: as RFC 7925
   4.4.1 has them, no wildcard and not in the common name. */
static bool set_rules(const struct hearing *h, X509_VERIFY_PARAM *param)
{
	const struct dtls_profile *const p = h->p;
	const unsigned long flags =
		X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
	/* The library counts what stands between the holder's certificate and the anchor. */
	X509_VERIFY_PARAM_set_depth(param, (int)p->set.chain_max - 1);
	X509_STORE_CTX_set_verify_cb(h->x, forgive);
	if (!X509_VERIFY_PARAM_set_flags(param, flags))
		return false;
	if (h->of_client || p->server_name[0] == '\0')
		return true;
	X509_VERIFY_PARAM_set_hostflags(
		param, X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return X509_VERIFY_PARAM_set1_host(param, p->server_name, 0) == 1;
}

/* The library has found the chain good; is it for us, too? Refuses or asks the judge. */
static int verify_chain(struct hearing *h, const STACK_OF(X509) * chain)
{
	const struct dtls_profile *const p = h->p;
	const char *const weakness = dtls_chain_weakness(chain, h->of_client, p->set.chain_max);
	if (weakness)
		return refuse(h, DTLS_UNSUPPORTED_CERTIFICATE, DTLS_FAIL_CERTIFICATE, weakness);
	const size_t n = (size_t)sk_X509_num(chain);
	bool has_pin = false;
	for (size_t i = 0; i < n; i++) {
		const X509 *const x = sk_X509_value(chain, (int)i);
		if (!dtls_spki_digest(X509_get_X509_PUBKEY(x), h->digests[i]))
			return refuse(h, DTLS_INTERNAL_ERROR, DTLS_FAIL_CERTIFICATE,
				"its key cannot be written");
		has_pin = pinned(p, h->digests[i]) || has_pin;
	}
	if (!dtls_chain_belief(chain, &h->belief))
		return refuse(h, DTLS_INTERNAL_ERROR, DTLS_FAIL_CERTIFICATE,
			"what it is believed by cannot be noted");
	h->proof.chain.belief = &h->belief;
	h->proof.chain.pins = (const uint8_t(*)[DTLS_DIGEST_LEN])h->digests;
	h->proof.chain.pins_len = n;
	if (!h->of_client) {
		if (p->set.pins_len > 0 && !has_pin)
			return refuse(h, DTLS_BAD_CERTIFICATE, DTLS_FAIL_NAME,
				"no key of the server's chain is pinned");
		return ask_judge(h);
	}
	if (!dtls_certificate_name(sk_X509_value(chain, 0), p->set.names, &h->name))
		return refuse(h, DTLS_CERTIFICATE_UNKNOWN, DTLS_FAIL_NAME,
			"it has no name, or more than one, by the rules");
	h->proof.chain.name = h->name.octets;
	h->proof.chain.name_len = h->name.len;
	return ask_judge(h);
}

/* The library's own check; its alert is the right one for what it finds. */
static int verify_path(struct hearing *h)
{
	X509_VERIFY_PARAM *const param = X509_STORE_CTX_get0_param(h->x);
	if (!set_time(h->p, param))
		return refuse(h, DTLS_CERTIFICATE_UNKNOWN, DTLS_FAIL_CERTIFICATE,
			"the clock is not to be trusted");
	if (!set_rules(h, param))
		return refuse(h, DTLS_INTERNAL_ERROR, DTLS_FAIL_CERTIFICATE, "out of memory");
	if (X509_verify_cert(h->x) == 1)
		return verify_chain(h, X509_STORE_CTX_get0_chain(h->x));
	int error = X509_STORE_CTX_get_error(h->x);
	if (error == X509_V_OK)
		error = X509_V_ERR_UNSPECIFIED;
	const bool name = error == X509_V_ERR_HOSTNAME_MISMATCH;
	(void)refuse(h, 0, name ? DTLS_FAIL_NAME : DTLS_FAIL_CERTIFICATE,
		X509_verify_cert_error_string(error));
	X509_STORE_CTX_set_error(h->x, error);
	return 0;
}

static int verify_certificate(struct hearing *h, X509 *leaf)
{
	const ASN1_INTEGER *const serial = X509_get0_serialNumber(leaf);
	struct dtls_chain *const chain = &h->proof.chain;
	h->proof.kind = DTLS_PROOF_CERTIFICATE;
	chain->serial = ASN1_STRING_get0_data(serial);
	chain->serial_len = (size_t)ASN1_STRING_length(serial);
	if (!dtls_spki_digest(X509_get_X509_PUBKEY(leaf), h->proof.digest))
		return refuse(
			h, DTLS_INTERNAL_ERROR, DTLS_FAIL_CERTIFICATE, "its key cannot be written");
	if (!h->p->x509_peer)
		return refuse(h, DTLS_UNSUPPORTED_CERTIFICATE, DTLS_FAIL_CERTIFICATE,
			"certificates are not taken: there are no anchors");
	/* Anchors may stand for many servers. */
	if (!h->of_client && h->p->server_name[0] == '\0' && h->p->set.pins_len == 0)
		return refuse(h, DTLS_BAD_CERTIFICATE, DTLS_FAIL_NAME,
			"neither a name nor a pin says which server it must be");
	return verify_path(h);
}

static int hear(struct hearing *h)
{
	EVP_PKEY *const raw = dtls_raw_shown(h->x);
	X509 *const leaf = X509_STORE_CTX_get0_cert(h->x);
	if (raw)
		return verify_raw(h, raw);
	if (leaf)
		return verify_certificate(h, leaf);
	return refuse(h, DTLS_HANDSHAKE_FAILURE, DTLS_FAIL_CERTIFICATE, "it has shown nothing");
}

/* The library would keep all that it was shown until the end of the handshake, and anybody may show
   certificates that lead nowhere beside one that he has overheard: what 16 KB of them become in
   memory is not counted. Only the holder's own is needed from here on. */
static void lighten(STACK_OF(X509) * shown)
{
	while (sk_X509_num(shown) > 1)
		X509_free(sk_X509_pop(shown));
}

int dtls_profile_verify(X509_STORE_CTX *x, void *arg)
{
	struct hearing h = {
		.p = arg,
		.ssl = X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx()),
		.x = x,
	};
	h.of_client = SSL_is_server(h.ssl) == 1;
	/* An error that is left behind would end the handshake, also where it means nothing. */
	(void)ERR_set_mark();
	const int good = hear(&h);
	lighten(X509_STORE_CTX_get0_untrusted(x));
	(void)ERR_pop_to_mark();
	return good;
}
