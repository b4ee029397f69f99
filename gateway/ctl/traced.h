/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/traced: what became of one datagram of a device that an operator looks at.
 *
 * Promise: no key, and what a message carries only where that was asked for and is none.
 * Errors:  latched in struct ctl_out. Threads: any; a struct of it is a copy.
 */
#ifndef LWG_CTL_TRACED_H
#define LWG_CTL_TRACED_H

#include "base/attr.h"
#include "base/net.h"
#include "ctl/proto.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl_out;

enum {
	CTL_TRACED_PATH = 192,
	CTL_TRACED_WHY = 256,
	CTL_TRACED_PAYLOAD = 1024, /* octets of it that are kept */
};
enum ctl_traced_leg { CTL_WITH_DEVICE, CTL_WITH_SERVER, CTL_WITH_NOBODY /* it is a decision */ };

struct ctl_traced_coap {
	bool is;
	bool payload_kept; /* it was asked for, and is none that may hold keys */
	uint8_t type, code, token_len;
	uint8_t token[8];
	uint16_t mid;
	uint16_t kept; /* octets in payload */
	uint32_t payload_len;
	char path[CTL_TRACED_PATH]; /* of a request, with its query; "": none */
	uint8_t payload[CTL_TRACED_PAYLOAD];
};

struct ctl_traced {
	uint64_t number; /* counts from 1 in each trace */
	uint64_t wall_ms;
	enum ctl_traced_leg leg;
	bool out;             /* we have sent it */
	bool numbered;        /* epoch and record are known */
	uint16_t epoch;       /* of its first record */
	uint32_t octets;      /* of the datagram; 0: none is */
	uint64_t record;      /* its number */
	struct net_addr peer; /* family 0: not known */
	struct ctl_traced_coap coap;
	const char *fate;               /* a word that stays: see lwgatectl(1) */
	char why[CTL_TRACED_WHY];       /* "": there is no more to say */
	char rule[POLICY_NAME_MAX + 1]; /* of the policy, by which; "": by none */
};

struct ctl_trace_ask {
	uint64_t after; /* the number of the last one that is known; 0: of none */
	bool payload;
};

struct ctl_trace {
	struct ctl_traced *lines; /* malloc'd, the caller's */
	size_t len;
	uint64_t next; /* to be asked with */
	uint64_t lost; /* that have gone before they were asked for */
};

/* One line. */
void ctl_show_traced(struct ctl_out *o, enum ctl_form form, const struct ctl_traced *t);

#endif
