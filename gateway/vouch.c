/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/vouch.h"

#include "dtls/certificate.h"
#include "store/store.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)GW_TRACE == (int)STORE_TRACE, "a proof has the same");

struct traces { /* in order, each once */
	uint8_t (*of)[GW_TRACE];
	size_t len, cap;
};

struct gw_vouchers {
	struct traces anchors, revoked;
};

bool gw_trace_of(const void *a, size_t a_len, const void *b, size_t b_len, uint8_t out[GW_TRACE])
{
	uint8_t digest[DTLS_DIGEST_LEN];
	EVP_MD_CTX *const md = EVP_MD_CTX_new();
	const bool good = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
			  EVP_DigestUpdate(md, a, a_len) == 1 &&
			  (!b || EVP_DigestUpdate(md, b, b_len) == 1) &&
			  EVP_DigestFinal_ex(md, digest, NULL) == 1;
	EVP_MD_CTX_free(md);
	if (good)
		memcpy(out, digest, GW_TRACE);
	return good;
}

/* --- lists ----------------------------------------------------------------------------------- */

static bool add(struct traces *t, const uint8_t one[GW_TRACE])
{
	if (t->len == t->cap) {
		const size_t cap = t->cap ? 2 * t->cap : 16;
		void *const more = realloc(t->of, cap * sizeof(t->of[0]));
		if (!more)
			return false;
		t->of = more;
		t->cap = cap;
	}
	memcpy(t->of[t->len++], one, GW_TRACE);
	return true;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, GW_TRACE);
}

static void settle(struct traces *t)
{
	size_t kept = 0;
	if (t->len > 1)
		qsort(t->of, t->len, sizeof(t->of[0]), compare);
	for (size_t i = 0; i < t->len; i++) {
		if (kept == 0 || compare(t->of[i], t->of[kept - 1]) != 0)
			memmove(t->of[kept++], t->of[i], GW_TRACE);
	}
	t->len = kept;
}

static bool has(const struct traces *t, const uint8_t one[GW_TRACE])
{
	return t->len > 0 && bsearch(one, t->of, t->len, sizeof(t->of[0]), compare) != NULL;
}

static bool trace_all(const struct traces *t, uint8_t out[GW_TRACE])
{
	memset(out, 0, GW_TRACE);
	return t->len == 0 || gw_trace_of(t->of, t->len * sizeof(t->of[0]), NULL, 0, out);
}

/* --- what a store has in it ------------------------------------------------------------------- */

static bool add_anchor(struct gw_vouchers *v, const X509 *x)
{
	uint8_t digest[DTLS_DIGEST_LEN];
	return dtls_spki_digest(X509_get_X509_PUBKEY(x), digest) && add(&v->anchors, digest);
}

/* An entry of a delta list may say that a certificate is revoked no more. */
static bool takes_back(const X509_REVOKED *one)
{
	ASN1_ENUMERATED *const reason = X509_REVOKED_get_ext_d2i(one, NID_crl_reason, NULL, NULL);
	const bool back = reason && ASN1_ENUMERATED_get(reason) == CRL_REASON_REMOVE_FROM_CRL;
	ASN1_ENUMERATED_free(reason);
	return back;
}

static bool add_revoked(struct gw_vouchers *v, const X509_NAME *issuer, const X509_REVOKED *one)
{
	uint8_t trace[DTLS_TRACE];
	_Static_assert((int)DTLS_TRACE == (int)GW_TRACE, "both are of the same length");
	return dtls_certificate_trace(issuer, X509_REVOKED_get0_serialNumber(one), trace) &&
	       add(&v->revoked, trace);
}

static bool add_list(struct gw_vouchers *v, X509_CRL *list)
{
	STACK_OF(X509_REVOKED) *const all = X509_CRL_get_REVOKED(list);
	bool good = true;
	for (int i = 0; good && i < sk_X509_REVOKED_num(all); i++) {
		const X509_REVOKED *const one = sk_X509_REVOKED_value(all, i);
		good = takes_back(one) || add_revoked(v, X509_CRL_get_issuer(list), one);
	}
	return good;
}

struct gw_vouchers *gw_vouch_new(X509_STORE *anchors)
{
	struct gw_vouchers *const v = calloc(1, sizeof(*v));
	const STACK_OF(X509_OBJECT) *const all = anchors ? X509_STORE_get0_objects(anchors) : NULL;
	bool good = v != NULL;
	for (int i = 0; good && all && i < sk_X509_OBJECT_num(all); i++) {
		const X509_OBJECT *const one = sk_X509_OBJECT_value(all, i);
		if (X509_OBJECT_get_type(one) == X509_LU_X509)
			good = add_anchor(v, X509_OBJECT_get0_X509(one));
		else if (X509_OBJECT_get_type(one) == X509_LU_CRL)
			good = add_list(v, X509_OBJECT_get0_X509_CRL(one));
	}
	if (good) {
		settle(&v->anchors);
		settle(&v->revoked);
		return v;
	}
	gw_vouch_free(v);
	return NULL;
}

void gw_vouch_free(struct gw_vouchers *v)
{
	if (!v)
		return;
	free(v->anchors.of);
	free(v->revoked.of);
	free(v);
}

/* --- asking ---------------------------------------------------------------------------------- */

/* What is worst comes first. */
enum gw_vouch gw_vouch_ask(const struct gw_vouchers *v, const struct store_proof *p, int64_t now_s)
{
	const size_t len = p->len < STORE_CHAIN_MAX ? p->len : STORE_CHAIN_MAX;
	for (size_t i = 0; i < len; i++) {
		if (has(&v->revoked, p->chain[i]))
			return GW_VOUCH_REVOKED;
	}
	if (len > 0 && !has(&v->anchors, p->anchor))
		return GW_VOUCH_ANCHOR_REMOVED;
	return len > 0 && p->until_ms > 0 && now_s >= (int64_t)(p->until_ms / 1000)
		       ? GW_VOUCH_EXPIRED
		       : GW_VOUCH_FINE;
}

bool gw_vouch_trace_anchors(const struct gw_vouchers *v, uint8_t out[GW_TRACE])
{
	return trace_all(&v->anchors, out);
}

bool gw_vouch_trace_revoked(const struct gw_vouchers *v, uint8_t out[GW_TRACE])
{
	return trace_all(&v->revoked, out);
}
