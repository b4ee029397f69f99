/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a certificate. */
#include "dtls/certificate.h"

#include "base/attr.h"

#include <openssl/x509v3.h>
#include <string.h>

enum { EUI64_OCTETS = 8 };

/* What a rule has found so far. */
struct search {
	struct dtls_name name; /* len 0: nothing yet */
	bool spoilt;           /* not clean, or a different one, too */
};

/* --- octets ---------------------------------------------------------------------------------- */

/* One octet a character in all of them but UTF8String. Others are not octets as a store has
   them. */
static bool legible(const ASN1_STRING *s)
{
	const int type = ASN1_STRING_type(s);
	return type == V_ASN1_UTF8STRING || type == V_ASN1_PRINTABLESTRING ||
	       type == V_ASN1_IA5STRING;
}

/* UTF-8, and no control character, neither of the first 32 nor of the second. */
static bool clean(const uint8_t *at, size_t len)
{
	while (len > 0) {
		unsigned long c = 0;
		const int n = UTF8_getc(at, (int)len, &c);
		if (n <= 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* Eight octets in hex, with the same sign between all of them or none. */
static bool is_eui64(const uint8_t *at, size_t len)
{
	enum { BARE = EUI64_OCTETS * 2, PARTED = EUI64_OCTETS * 3 - 1 };
	if (len != BARE && len != PARTED)
		return false;
	const bool parted = len == PARTED;
	const size_t step = parted ? 3 : 2;
	if (parted && at[2] != '-' && at[2] != ':')
		return false;
	for (size_t i = 0; i < len; i += step) {
		if (!is_hex(at[i]) || !is_hex(at[i + 1]))
			return false;
		if (parted && i + 2 < len && at[i + 2] != at[2])
			return false;
	}
	return true;
}

/* The same name twice is one name. */
static void found(struct search *s, const ASN1_STRING *text)
{
	const uint8_t *const at = ASN1_STRING_get0_data(text);
	const size_t len = (size_t)ASN1_STRING_length(text);
	const bool good =
		legible(text) && len > 0 && len <= sizeof(s->name.octets) && clean(at, len);
	const bool again = good && s->name.len == len && memcmp(s->name.octets, at, len) == 0;
	if (again)
		return;
	if (!good || s->name.len > 0) {
		s->spoilt = true;
		return;
	}
	memcpy(s->name.octets, at, len);
	s->name.len = len;
}

static void found_eui64(struct search *s, const ASN1_STRING *text)
{
	if (legible(text) &&
		is_eui64(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)))
		found(s, text);
}

/* --- where they stand ------------------------------------------------------------------------ */

typedef void taker(struct search *s, const ASN1_STRING *text);

/* Of the alternative names, those of a type (GEN_URI, GEN_DNS). */
static void search_alternatives(const X509 *leaf, int type, taker *take, struct search *s)
{
	GENERAL_NAMES *const names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		int is = 0;
		const ASN1_STRING *const text =
			GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &is);
		if (is == type)
			take(s, text);
	}
	GENERAL_NAMES_free(names);
}

/* "Leftmost" is how a subject is written: its last, most specific part stands first (RFC 4514
   2.1). Two in this one part are two names. */
static void search_common_name(const X509 *leaf, taker *take, struct search *s)
{
	X509_NAME *const subject = X509_get_subject_name(leaf);
	int last = -1;
	for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;)
		last = i;
	if (last < 0)
		return;
	const int part = X509_NAME_ENTRY_set(X509_NAME_get_entry(subject, last));
	for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;) {
		const X509_NAME_ENTRY *const e = X509_NAME_get_entry(subject, i);
		if (X509_NAME_ENTRY_set(e) == part)
			take(s, X509_NAME_ENTRY_get_data(e));
	}
}

static void search_serial(const X509 *leaf, struct search *s)
{
	X509_NAME *const subject = X509_get_subject_name(leaf);
	for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_serialNumber, i)) >= 0;)
		found(s, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));
}

static void search_by(const X509 *leaf, enum dtls_name_rule rule, struct search *s)
{
	switch (rule) {
	case DTLS_NAME_EUI64:
		search_alternatives(leaf, GEN_DNS, found_eui64, s);
		search_alternatives(leaf, GEN_URI, found_eui64, s);
		search_common_name(leaf, found_eui64, s);
		break;
	case DTLS_NAME_URI:
		search_alternatives(leaf, GEN_URI, found, s);
		break;
	case DTLS_NAME_DNS:
		search_alternatives(leaf, GEN_DNS, found, s);
		break;
	case DTLS_NAME_CN:
		search_common_name(leaf, found, s);
		break;
	case DTLS_NAME_SERIAL:
		search_serial(leaf, s);
		break;
	case DTLS_NAME_NONE:
		break;
	}
}

bool dtls_certificate_name(
	const X509 *leaf, const enum dtls_name_rule *rules, struct dtls_name *out)
{
	for (size_t i = 0; i < DTLS_NAME_RULES && rules[i] != DTLS_NAME_NONE; i++) {
		struct search s = { .spoilt = false };
		search_by(leaf, rules[i], &s);
		if (s.name.len > 0 && !s.spoilt) {
			*out = s.name;
			return true;
		}
	}
	return false;
}
