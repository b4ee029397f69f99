/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms-bridge/smpp/pdu.h"

/* The example of SMPP 3.4, 3.2.1, a bind_transmitter, as bind_transceiver, which has its layout
   (4.1.5). */
static const uint8_t bind_frame[] = { 0x00, 0x00, 0x00, 0x2f, 0x00, 0x00, 0x00, 0x09, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 'S', 'M', 'P', 'P', '3', 'T', 'E', 'S', 'T', 0, 's',
	'e', 'c', 'r', 'e', 't', '0', '8', 0, 'S', 'U', 'B', 'M', 'I', 'T', '1', 0, 0x00, 0x01,
	0x01, 0x00 };

/* submit_sm by the table of 4.4.1: a command packet of class 1 to a device. */
static const uint8_t submit_frame[] = { 0x00, 0x00, 0x00, 0x3d, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x02, /* header */
	0x00, 0x03, 0x01, '4', '0', '4', '0', 0x00, 0x01, 0x01, '3', '5', '8', '4', '0', '1', '2',
	'3', 0x00, /* service type, source, destination */
	0x40, 0x7d, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf5, 0x00, /* esm_class to sm_default_msg_id */
	0x05, 0x02, 0x70, 0x00, 0xde, 0xad,                   /* short_message */
	0x00, 0x05, 0x00, 0x01, 0x02,                         /* dest_addr_subunit: ME */
	0x02, 0x04, 0x00, 0x02, 0x12, 0x34,                   /* user_message_reference */
	0x00 };

static enum smpp_status read_exact(const uint8_t *data, size_t len, struct smpp_pdu *out)
{
	/* Its text points into what is gone: only what is no text may be looked at. */
	uint8_t *const exact = malloc(len);
	assert_non_null(exact);
	memcpy(exact, data, len);
	const enum smpp_status s = smpp_read(exact, len, out);
	free(exact);
	return s;
}

static void test_bind_is_the_example_of_the_specification(void **state)
{
	(void)state;
	struct smpp_pdu p;
	uint8_t out[64];
	assert_int_equal(sizeof(bind_frame), 0x2f);
	assert_int_equal(smpp_read(bind_frame, sizeof(bind_frame), &p), SMPP_OK);
	assert_int_equal(p.id, SMPP_BIND_TRANSCEIVER);
	assert_int_equal(p.sequence, 1);
	assert_string_equal(p.bind.system_id, "SMPP3TEST");
	assert_string_equal(p.bind.password, "secret08");
	assert_string_equal(p.bind.system_type, "SUBMIT1");
	assert_int_equal(p.bind.ton, 1);
	assert_int_equal(p.bind.npi, 1);
	assert_string_equal(p.bind.address_range, "");
	assert_int_equal(smpp_write(&p, out, sizeof(out)), sizeof(bind_frame));
	assert_memory_equal(out, bind_frame, sizeof(bind_frame));
}

static void test_submit_is_read_field_by_field(void **state)
{
	(void)state;
	struct smpp_pdu p;
	/* Without the octet behind it. */
	const size_t len = sizeof(submit_frame) - 1;
	assert_int_equal(smpp_read(submit_frame, len, &p), SMPP_OK);
	assert_int_equal(p.id, SMPP_SUBMIT_SM);
	assert_int_equal(p.sequence, 2);
	assert_string_equal(p.sm.service_type, "");
	assert_int_equal(p.sm.source.ton, 3);
	assert_int_equal(p.sm.source.npi, 1);
	assert_string_equal(p.sm.source.digits, "4040");
	assert_int_equal(p.sm.destination.ton, 1);
	assert_string_equal(p.sm.destination.digits, "35840123");
	assert_int_equal(p.sm.esm_class, SMPP_ESM_HEADER);
	assert_int_equal(p.sm.pid, 0x7d);
	assert_int_equal(p.sm.dcs, 0xf5);
	assert_int_equal(p.sm.text_len, 5);
	assert_memory_equal(p.sm.text, "\x02\x70\x00\xde\xad", 5);
	assert_int_equal(p.sm.subunit, 2);
	assert_false(p.sm.sar);
	assert_null(p.sm.payload);
}

static void test_submit_is_written_octet_by_octet(void **state)
{
	(void)state;
	uint8_t out[128];
	const struct smpp_pdu p = { .id = SMPP_SUBMIT_SM,
		.sequence = 2,
		.sm = { .source = { 3, 1, "4040" },
			.destination = { 1, 1, "35840123" },
			.esm_class = SMPP_ESM_HEADER,
			.pid = 0x7d,
			.dcs = 0xf5,
			.text = (const uint8_t *)"\x02\x70\x00\xde\xad",
			.text_len = 5,
			.subunit = 2 } };
	/* As above, but for the TLV that we do not know. */
	const size_t len = sizeof(submit_frame) - 7;
	assert_int_equal(smpp_write(&p, out, sizeof(out)), len);
	assert_int_equal(out[3], len);
	assert_memory_equal(out + 4, submit_frame + 4, len - 4);
	for (size_t cap = 0; cap < len; cap++) /* no octet beyond */
		assert_int_equal(smpp_write(&p, out, cap), 0);
}

static void test_frame_lengths_16_to_4096(void **state)
{
	(void)state;
	static const struct {
		uint8_t octets[4];
		enum smpp_frame is;
	} lengths[] = {
		{ { 0, 0, 0, 0 }, SMPP_BROKEN },
		{ { 0, 0, 0, 15 }, SMPP_BROKEN },
		{ { 0, 0, 0, 16 }, SMPP_MORE },
		{ { 0, 0, 0x10, 0 }, SMPP_MORE },
		{ { 0, 0, 0x10, 1 }, SMPP_BROKEN },
		{ { 0xff, 0xff, 0xff, 0xff }, SMPP_BROKEN },
	};
	size_t len;
	for (size_t i = 0; i < COUNT_OF(lengths); i++)
		assert_int_equal(smpp_frame(lengths[i].octets, 4, &len), lengths[i].is);
	for (size_t n = 0; n < sizeof(bind_frame); n++)
		assert_int_equal(smpp_frame(bind_frame, n, &len), SMPP_MORE);
	assert_int_equal(smpp_frame(bind_frame, sizeof(bind_frame), &len), SMPP_WHOLE);
	assert_int_equal(len, sizeof(bind_frame));
}

/* Whatever is missing at the end: never read, and refused unless only TLVs are missing. */
static void test_I7_a_message_that_ends_early_is_refused(void **state)
{
	(void)state;
	struct smpp_pdu p;
	const size_t mandatory = sizeof(submit_frame) - 1 - 5 - 6;
	for (size_t n = 1; n < sizeof(submit_frame) - 1; n++) {
		const enum smpp_status s = read_exact(submit_frame, n, &p);
		if (n < mandatory)
			assert_int_equal(s, SMPP_BAD_LENGTH);
		else if (n == mandatory || n == mandatory + 5)
			assert_int_equal(s, SMPP_OK);
		else
			assert_int_equal(s, SMPP_BAD_TLVS);
		if (n >= SMPP_HEADER)
			assert_int_equal(p.sequence, 2); /* to be answered under its number */
	}
	assert_int_equal(read_exact(submit_frame, sizeof(submit_frame), &p), SMPP_BAD_TLVS);
}

static void test_texts_are_bounded_by_their_field(void **state)
{
	(void)state;
	uint8_t out[256];
	struct smpp_pdu p = { .id = SMPP_BIND_TRANSCEIVER,
		.sequence = 1,
		.bind = { .system_id = "fifteen-letters" } };
	assert_true(smpp_write(&p, out, sizeof(out)) > 0);
	p.bind.system_id = "sixteen-letters-";
	assert_int_equal(smpp_write(&p, out, sizeof(out)), 0);
	/* And as read: a system_id of 16 octets has no NUL in its field. */
	uint8_t frame[64] = { 0, 0, 0, 64, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1 };
	memset(frame + SMPP_HEADER, 'x', 15);
	assert_int_equal(smpp_read(frame, sizeof(frame), &p), SMPP_OK);
	frame[SMPP_HEADER + 15] = 'x';
	assert_int_equal(smpp_read(frame, sizeof(frame), &p), SMPP_BAD_LENGTH);
}

/* libsmpp34 refuses each of these, and an operator would not see why a log-in failed. */
static void test_answers_are_read_as_smscs_write_them(void **state)
{
	(void)state;
	struct smpp_pdu p;
	static const uint8_t bare[] = { 0, 0, 0, 16, 0x80, 0, 0, 9, 0, 0, 0, 0x0e, 0, 0, 0, 1 };
	assert_int_equal(smpp_read(bare, sizeof(bare), &p), SMPP_OK);
	assert_int_equal(p.status, SMPP_BAD_PASSWORD);
	assert_string_equal(p.name, "");
	static const uint8_t with_body[] = { 0, 0, 0, 21, 0x80, 0, 0, 4, 0, 0, 4, 0x21, 0, 0, 0, 7,
		'a', 'b', 'c', 'd', 0 };
	assert_int_equal(smpp_read(with_body, sizeof(with_body), &p), SMPP_OK);
	assert_int_equal(p.status, 0x421);
	assert_string_equal(p.name, "abcd");
	static const uint8_t no_nul[] = { 0, 0, 0, 18, 0x80, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 7, 'a',
		'b' };
	assert_int_equal(smpp_read(no_nul, sizeof(no_nul), &p), SMPP_OK);
	assert_string_equal(p.name, "");
	static const uint8_t tlv_behind[] = { 0, 0, 0, 24, 0x80, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1,
		'm', 'c', 0, 0x02, 0x10, 0, 1, 0x34 };
	assert_int_equal(smpp_read(tlv_behind, sizeof(tlv_behind), &p), SMPP_OK);
	assert_string_equal(p.name, "mc");
}

static void test_unknown_requests_and_answers(void **state)
{
	(void)state;
	struct smpp_pdu p;
	uint8_t frame[] = { 0, 0, 0, 16, 0, 0, 0, 0x0b, 0, 0, 0, 0, 0, 0, 0, 5 };
	assert_int_equal(smpp_read(frame, sizeof(frame), &p), SMPP_BAD_ID); /* outbind */
	assert_int_equal(p.sequence, 5);
	frame[4] = 0x80;
	assert_int_equal(smpp_read(frame, sizeof(frame), &p), SMPP_OK);
}

/* deliver_sm with these TLVs behind it. */
static enum smpp_status with_tlvs(
	const uint8_t *tlvs, size_t len, size_t text_len, struct smpp_pdu *out)
{
	static uint8_t frame[256];
	const struct smpp_pdu p = { .id = SMPP_DELIVER_SM,
		.sequence = 1,
		.sm = { .text = (const uint8_t *)"abc", .text_len = text_len } };
	const size_t head = smpp_write(&p, frame, sizeof(frame));
	memcpy(frame + head, tlvs, len);
	return smpp_read(frame, head + len, out);
}

static void test_TLVs(void **state)
{
	(void)state;
	struct smpp_pdu p;
	static const uint8_t unknown[] = { 0x14, 0x00, 0, 3, 1, 2, 3, 0x02, 0x0c, 0, 2, 1, 2, 0x02,
		0x0e, 0, 1, 3, 0x02, 0x0f, 0, 1, 2 };
	assert_int_equal(with_tlvs(unknown, sizeof(unknown), 3, &p), SMPP_OK);
	assert_true(p.sm.sar);
	assert_int_equal(p.sm.sar_reference, 0x0102);
	assert_int_equal(p.sm.sar_total, 3);
	assert_int_equal(p.sm.sar_number, 2);
	/* Two of the three are no concatenation. */
	assert_int_equal(with_tlvs(unknown, sizeof(unknown) - 5, 3, &p), SMPP_OK);
	assert_false(p.sm.sar);
	assert_int_equal(p.sm.sar_reference, 0);
	static const uint8_t longer[] = { 0x02, 0x0e, 0, 2, 0, 3 };
	assert_int_equal(with_tlvs(longer, sizeof(longer), 3, &p), SMPP_BAD_TLV_LENGTH);
	static const uint8_t beyond[] = { 0x14, 0x00, 0, 3, 1, 2 };
	assert_int_equal(with_tlvs(beyond, sizeof(beyond), 3, &p), SMPP_BAD_TLVS);
}

static void test_short_message_and_message_payload_exclude_each_other(void **state)
{
	(void)state;
	struct smpp_pdu p;
	static const uint8_t payload[] = { 0x04, 0x24, 0, 2, 'x', 'y' };
	assert_int_equal(with_tlvs(payload, sizeof(payload), 0, &p), SMPP_OK);
	assert_int_equal(p.sm.payload_len, 2);
	assert_memory_equal(p.sm.payload, "xy", 2);
	assert_int_equal(with_tlvs(payload, sizeof(payload), 3, &p), SMPP_TLV_NOT_ALLOWED);
	uint8_t out[128];
	const struct smpp_pdu both = { .id = SMPP_DELIVER_SM,
		.sm = { .text = payload, .text_len = 1, .payload = payload, .payload_len = 1 } };
	assert_int_equal(smpp_write(&both, out, sizeof(out)), 0);
}

static void test_short_message_is_at_most_254(void **state)
{
	(void)state;
	uint8_t data[255] = { 0 }, out[512];
	struct smpp_pdu p = { .id = SMPP_DELIVER_SM, .sm = { .text = data, .text_len = 254 } }, q;
	const size_t len = smpp_write(&p, out, sizeof(out));
	assert_true(len > 0);
	assert_int_equal(smpp_read(out, len, &q), SMPP_OK);
	assert_int_equal(q.sm.text_len, 254);
	p.sm.text_len = 255;
	assert_int_equal(smpp_write(&p, out + 256, sizeof(out) - 256), 0);
	out[len - 255] = 255; /* sm_length */
	assert_int_equal(smpp_read(out, len, &q), SMPP_BAD_TEXT_LENGTH);
}

static void test_data_sm_has_its_data_in_a_TLV(void **state)
{
	(void)state;
	/* By the table of 4.7.1. */
	static const uint8_t frame[] = { 0, 0, 0, 45, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 1,
		'3', '5', '8', '4', 0, 3, 1, '4', '0', '4', '0', 0, 0x40, 0, 0xf6, 0x04, 0x24, 0, 5,
		0x02, 0x70, 0x00, 0xca, 0xfe, 0, 0 };
	struct smpp_pdu p;
	uint8_t out[64];
	assert_int_equal(smpp_read(frame, sizeof(frame) - 2, &p), SMPP_OK);
	assert_string_equal(p.sm.source.digits, "3584");
	assert_int_equal(p.sm.esm_class, 0x40);
	assert_int_equal(p.sm.dcs, 0xf6);
	assert_int_equal(p.sm.payload_len, 5);
	assert_int_equal(smpp_write(&p, out, sizeof(out)), sizeof(frame) - 2);
	assert_memory_equal(out + 4, frame + 4, sizeof(frame) - 2 - 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind_is_the_example_of_the_specification),
		cmocka_unit_test(test_submit_is_read_field_by_field),
		cmocka_unit_test(test_submit_is_written_octet_by_octet),
		cmocka_unit_test(test_frame_lengths_16_to_4096),
		cmocka_unit_test(test_I7_a_message_that_ends_early_is_refused),
		cmocka_unit_test(test_texts_are_bounded_by_their_field),
		cmocka_unit_test(test_answers_are_read_as_smscs_write_them),
		cmocka_unit_test(test_unknown_requests_and_answers),
		cmocka_unit_test(test_TLVs),
		cmocka_unit_test(test_short_message_and_message_payload_exclude_each_other),
		cmocka_unit_test(test_short_message_is_at_most_254),
		cmocka_unit_test(test_data_sm_has_its_data_in_a_TLV),
	};
	return cmocka_run_group_tests_name("smpp/pdu", tests, NULL, NULL);
}
