/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smpp/status.h"

#include "sms-bridge/smpp/pdu.h"

bool smpp_status_pauses(uint32_t status)
{
	/* An SMSC that has an error of its own gains nothing by more of the same, either. */
	return smpp_status_fate(status) == WAY_AGAIN;
}

enum way_fate smpp_status_fate(uint32_t status)
{
	switch (status) {
	case SMPP_OK:
		return WAY_SENT;
	case SMPP_THROTTLED:
	case SMPP_QUEUE_FULL:
	case SMPP_SYSTEM_ERROR:
	case SMPP_LATER:
	case SMPP_BAD_STATE: /* it does not know our log-in any more: this one is good */
		return WAY_AGAIN;
	default:
		return WAY_REFUSED;
	}
}

const char *smpp_status_of_bind(uint32_t status)
{
	switch (status) {
	case SMPP_BAD_PASSWORD:
		return "the password is wrong: correct it";
	case SMPP_BAD_SYSTEM_ID:
		return "the system_id is unknown there: correct it";
	case SMPP_BAD_SYSTEM_TYPE:
		return "the system_type is not the one of the contract: correct it";
	case SMPP_BIND_FAILED:
		return "system_id, password, or the address that we come from: ask the operator";
	case SMPP_ALREADY_BOUND:
		return "it still has our last connection, or another program has this log-in";
	case SMPP_BAD_ID:
		return "it does not know bind_transceiver: ask the operator for a transceiver";
	case SMPP_THROTTLED:
	case SMPP_QUEUE_FULL:
	case SMPP_SYSTEM_ERROR:
	case SMPP_LATER:
		return "it cannot take us now";
	default:
		return "ask the operator what this status means";
	}
}
