/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms-bridge/smpp/pdu_parts: what reading and writing of units have in common: sizes of texts with
 *                            their NUL, and numbers of TLVs. SMPP 3.4, 5.2 and 5.3.
 */
#ifndef LWG_SMS_BRIDGE_SMPP_PDU_PARTS_H
#define LWG_SMS_BRIDGE_SMPP_PDU_PARTS_H

enum {
	SIZE_SYSTEM_ID = 16,
	SIZE_PASSWORD = 9,
	SIZE_SYSTEM_TYPE = 13,
	SIZE_ADDRESS_RANGE = 41,
	SIZE_SERVICE_TYPE = 6,
	SIZE_ADDRESS = 21,
	SIZE_LONG_ADDRESS = 65, /* of data_sm */
	SIZE_TIME = 17,
	SIZE_MESSAGE_ID = 65,
};
enum {
	TLV_DEST_ADDR_SUBUNIT = 0x0005,
	TLV_SAR_REFERENCE = 0x020C,
	TLV_SAR_TOTAL = 0x020E,
	TLV_SAR_NUMBER = 0x020F,
	TLV_PAYLOAD = 0x0424,
};

#endif
