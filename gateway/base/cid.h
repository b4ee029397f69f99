/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/cid: how our connection ids are laid out, for the rooms that make them (dtls) and that steer
 *           by them (io).
 *
 *   octet 0   format: version (upper 3 bits) and length in octets (lower 5)
 *   octet 1   node
 *   octet 2   worker
 *   then      8 to 16 random octets
 *
 * A record that carries one has it behind type, version, epoch and sequence number.
 *
 * Threads: any.
 * Source:  S25; RFC 9146 section 4.
 */
#ifndef LWG_BASE_CID_H
#define LWG_BASE_CID_H

enum {
	CID_VERSION = 1 << 5, /* in octet 0, as the next */
	CID_LENGTH_MASK = 31,
	CID_NODE = 1,   /* octet */
	CID_WORKER = 2, /* octet */
	CID_ROUTE = 3,  /* octets before the random ones */
	CID_RANDOM_MIN = 8,
	CID_RANDOM_MAX = 16,
	CID_MIN = CID_ROUTE + CID_RANDOM_MIN,
	CID_MAX = CID_ROUTE + CID_RANDOM_MAX,
	/* The first octets of all that are ours: of one version, the length is the rest. */
	CID_FORM_MIN = CID_VERSION | CID_MIN,
	CID_FORM_MAX = CID_VERSION | CID_MAX,
	/* Of a record. */
	CID_TYPE = 25,      /* RFC 9146 4: tls12_cid */
	CID_IN_RECORD = 11, /* octets before it */
};

#endif
