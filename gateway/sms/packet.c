/* SPDX-License-Identifier: Apache-2.0 */
#include "sms/packet.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/rd.h"
#include "base/wipe.h"
#include "base/wr.h"
#include "sms/crypt.h"

/* What command and response packets have in common, by where their parts are:
     clear head | counter, padding counter (and status) | checksum | data, padding
   Ciphered is all behind the head. */
struct form {
	uint8_t head;   /* octets in the clear, the packet's own length included */
	uint8_t middle; /* counter, padding counter, and what else stands before the checksum */
	uint8_t fixed;  /* header length without checksum, as its octet says it */
	bool marked;    /* the UDH is checked, too */
};

enum { LENGTHS = 3, COUNTER = 5 };
static const struct form command = { .head = 10, .middle = 6, .fixed = 13 };
static const struct form response = { .head = 6, .middle = 7, .fixed = 10, .marked = true };
static const uint8_t response_udh[] = { 0x02, 0x71, 0x00 };

struct work { /* how one packet is protected */
	struct sms_cipher *c;
	const struct form *form;
	struct crypt_key cipher, check;
	size_t cc_len, block;
};

static struct work command_work(struct sms_cipher *c, const struct sms_settings *s)
{
	return (struct work){ .c = c,
		.form = &command,
		.cipher = { s->cipher, s->cipher_key_len, s->cipher_key },
		.check = { s->check, s->check_key_len, s->check_key },
		.cc_len = s->cc_len,
		.block = crypt_block((enum sms_algorithm)s->cipher) };
}

/* SPI2 of the command says how it is answered, with the command's algorithms and keys. */
static bool response_work(struct sms_cipher *c, const struct sms_settings *s, struct work *out)
{
	enum { CIPHERED = 0x10, CHECK = 0x0c, BY_RC = 0x04, BY_CC = 0x08 };
	const uint8_t how = s->spi[1] & CHECK;
	const bool is_rc = s->check == SMS_CRC16 || s->check == SMS_CRC32;
	*out = command_work(c, s);
	out->form = &response;
	if (!(s->spi[1] & CIPHERED)) {
		out->cipher.algorithm = SMS_NONE;
		out->block = 1;
	} else if (out->cipher.algorithm == SMS_NONE) {
		return false;
	}
	if (how == 0) {
		out->check.algorithm = SMS_NONE;
		out->cc_len = 0;
		return true;
	}
	return s->check != SMS_NONE && (how == BY_RC || how == BY_CC) && (how == BY_RC) == is_rc;
}

static bool check(const struct work *k, const uint8_t *packet, size_t len, uint8_t *out)
{
	const size_t before = (size_t)k->form->head + k->form->middle;
	const struct crypt_piece pieces[] = {
		{ response_udh, k->form->marked ? sizeof(response_udh) : 0 },
		{ packet, before },
		{ packet + before + k->cc_len, len - before - k->cc_len },
	};
	return crypt_check(k->c, &k->check, pieces, sizeof(pieces) / sizeof(pieces[0]), out);
}

/* --- opening ---------------------------------------------------------------------------------- */

static bool has_lengths(const struct work *k, const uint8_t *packet, size_t len)
{
	const size_t least = (size_t)k->form->head + k->form->middle + k->cc_len;
	struct rd r = rd_from(packet, len);
	const size_t said = rd_u16(&r);
	const uint8_t header = rd_u8(&r);
	return len >= least && len <= SMS_PACKET_MAX && said == len - 2 &&
	       header == k->form->fixed + k->cc_len && (len - k->form->head) % k->block == 0;
}

/* All octets from `from` on are looked at, whatever they are. */
static uint8_t gather(const uint8_t *packet, size_t from, size_t len)
{
	uint8_t any = 0;
	for (size_t i = from; i < len; i++)
		any |= packet[i];
	return any;
}

static bool is_ciphered(const struct work *k)
{
	return k->cipher.algorithm != SMS_NONE;
}

/* What is wrong is found out at the end: a forger sees no difference. */
static enum sms_fault open_packet(
	const struct work *k, uint8_t *packet, size_t len, size_t *data, size_t *data_len)
{
	uint8_t mac[CRYPT_MAC_MAX];
	const size_t start = (size_t)k->form->head + k->form->middle + k->cc_len;
	if (is_ciphered(k) &&
		!crypt_cipher(k->c, &k->cipher, false, packet + k->form->head, len - k->form->head))
		return SMS_FAILED;
	if (!check(k, packet, len, mac))
		return SMS_FAILED;
	const size_t padding = packet[k->form->head + COUNTER];
	const bool fits = padding < k->block && padding <= len - start;
	const size_t end = fits ? len - padding : len;
	const int forged = CRYPTO_memcmp(mac, packet + start - k->cc_len, k->cc_len);
	const uint8_t dirty = gather(packet, end, len);
	wipe(mac, sizeof(mac));
	if (forged != 0 || !fits || dirty != 0)
		return SMS_FORGED;
	*data = start;
	*data_len = end - start;
	return SMS_GOOD;
}

static uint64_t counter_at(const uint8_t *packet)
{
	uint64_t counter = 0;
	for (size_t i = 0; i < COUNTER; i++)
		counter = counter << 8 | packet[i];
	return counter;
}

/* The reserved bits of SPI are ignored (TS 102 225 5.1.1). */
static bool is_agreed(const struct sms_settings *s, const uint8_t *packet)
{
	enum { KNOWN = 0x1f };
	const uint8_t *const p = packet + LENGTHS;
	return (p[0] & KNOWN) == (s->spi[0] & KNOWN) && p[2] == s->kic && p[3] == s->kid &&
	       memcmp(p + 4, s->tar, sizeof(s->tar)) == 0;
}

enum sms_fault sms_open(struct sms_cipher *c, const struct sms_settings *s, uint8_t *packet,
	size_t len, struct sms_opened *out)
{
	const struct work k = command_work(c, s);
	size_t data = 0, data_len = 0;
	memset(out, 0, sizeof(*out));
	if (!has_lengths(&k, packet, len))
		return SMS_SHORT;
	const bool agreed = is_agreed(s, packet);
	const enum sms_fault fault = open_packet(&k, packet, len, &data, &data_len);
	if (fault == SMS_FAILED || !agreed)
		return fault == SMS_FAILED ? SMS_FAILED : SMS_OTHER;
	if (fault != SMS_GOOD)
		return fault;
	out->counter = counter_at(packet + command.head);
	out->data = packet + data;
	out->len = data_len;
	memcpy(out->cc, packet + data - k.cc_len, k.cc_len);
	return SMS_GOOD;
}

enum sms_fault sms_open_response(struct sms_cipher *c, const struct sms_settings *s,
	uint8_t *packet, size_t len, struct sms_response *out)
{
	struct work k;
	size_t data = 0, data_len = 0;
	memset(out, 0, sizeof(*out));
	if (!response_work(c, s, &k))
		return SMS_OTHER;
	if (!has_lengths(&k, packet, len))
		return SMS_SHORT;
	const bool agreed = memcmp(packet + LENGTHS, s->tar, sizeof(s->tar)) == 0;
	const enum sms_fault fault = open_packet(&k, packet, len, &data, &data_len);
	if (fault == SMS_FAILED || !agreed)
		return fault == SMS_FAILED ? SMS_FAILED : SMS_OTHER;
	if (fault != SMS_GOOD)
		return fault;
	out->counter = counter_at(packet + response.head);
	out->status = packet[response.head + response.middle - 1];
	out->data = packet + data;
	out->len = data_len;
	return SMS_GOOD;
}

/* --- sealing ---------------------------------------------------------------------------------- */

static size_t padding_of(const struct work *k, size_t len)
{
	const size_t over = (k->form->middle + k->cc_len + len) % k->block;
	return over == 0 ? 0 : k->block - over;
}

static size_t whole_len(const struct work *k, size_t len)
{
	return (size_t)k->form->head + k->form->middle + k->cc_len + len + padding_of(k, len);
}

static void write_lengths(struct wr *w, const struct work *k, size_t whole)
{
	wr_u16(w, (uint16_t)(whole - 2));
	wr_u8(w, (uint8_t)(k->form->fixed + k->cc_len));
}

static void write_counter(struct wr *w, const struct work *k, uint64_t counter, size_t len)
{
	for (size_t i = 0; i < COUNTER; i++)
		wr_u8(w, (uint8_t)(counter >> (8 * (COUNTER - 1 - i))));
	wr_u8(w, (uint8_t)padding_of(k, len));
}

/* Behind head and middle: the rest, checked, then ciphered. said: NULL, or for the checksum. */
static bool seal_packet(
	const struct work *k, struct wr *w, const uint8_t *data, size_t len, uint8_t *said)
{
	uint8_t mac[CRYPT_MAC_MAX];
	const size_t padding = padding_of(k, len);
	uint8_t *const cc = wr_room(w, k->cc_len);
	if (len > 0)
		wr_bytes(w, data, len);
	uint8_t *const pad = wr_room(w, padding);
	if (!wr_ok(w) || !cc || !pad)
		return false;
	memset(pad, 0, padding);
	if (!check(k, w->data, w->len, mac))
		return false;
	memcpy(cc, mac, k->cc_len);
	if (said)
		memcpy(said, mac, k->cc_len);
	wipe(mac, sizeof(mac));
	return !is_ciphered(k) || crypt_cipher(k->c, &k->cipher, true, w->data + k->form->head,
					  w->len - k->form->head);
}

/* Nothing in the clear is left of what was not sealed. */
static size_t sealed(struct wr *w, bool good)
{
	if (good)
		return w->len;
	wipe(w->data, w->len);
	return 0;
}

static bool can_seal(const struct work *k, uint64_t counter, size_t len)
{
	return counter <= SMS_COUNTER_MAX && len <= SMS_PACKET_MAX &&
	       whole_len(k, len) <= SMS_PACKET_MAX;
}

size_t sms_sealed_len(const struct sms_settings *s, size_t len)
{
	const struct work k = command_work(NULL, s);
	return whole_len(&k, len);
}

/* NOLINTNEXTLINE(readability-function-size): what is sealed, how, and where to */
size_t sms_seal(struct sms_cipher *c, const struct sms_settings *s, uint64_t counter,
	const uint8_t *data, size_t len, uint8_t *out, size_t cap, uint8_t *cc)
{
	const struct work k = command_work(c, s);
	struct wr w = wr_into(out, cap);
	if (!can_seal(&k, counter, len))
		return 0;
	write_lengths(&w, &k, whole_len(&k, len));
	wr_bytes(&w, s->spi, sizeof(s->spi));
	wr_u8(&w, s->kic);
	wr_u8(&w, s->kid);
	wr_bytes(&w, s->tar, sizeof(s->tar));
	write_counter(&w, &k, counter, len);
	if (cc)
		memset(cc, 0, SMS_CC_MAX);
	return sealed(&w, seal_packet(&k, &w, data, len, cc));
}

size_t sms_seal_response(struct sms_cipher *c, const struct sms_settings *s,
	const struct sms_response *r, uint8_t *out, size_t cap)
{
	struct work k;
	struct wr w = wr_into(out, cap);
	if (!response_work(c, s, &k) || !can_seal(&k, r->counter, r->len))
		return 0;
	write_lengths(&w, &k, whole_len(&k, r->len));
	wr_bytes(&w, s->tar, sizeof(s->tar));
	write_counter(&w, &k, r->counter, r->len);
	wr_u8(&w, r->status);
	return sealed(&w, seal_packet(&k, &w, r->data, r->len, NULL));
}
