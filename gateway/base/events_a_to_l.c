/* SPDX-License-Identifier: Apache-2.0 */
#include "base/events_rows.h"

static const struct event_row rows[] = {
	{ "address-check", EVENT_WARN, EVENT_OPERATOR,
		"A listener trusts the address of a device's newest record (address_check "
		"= \"trust\"): who is on the way can draw to himself, still encrypted, "
		"what is meant for the device.",
		"Nothing, if that was meant; else address_check = \"check\"." },
	{ "addresses", EVENT_WARN, EVENT_SERVER,
		"A server's name has led to too many addresses to which there are links "
		"yet; some are not used.",
		"Give that name fewer addresses." },
	{ "adrift", EVENT_INFO, EVENT_DEVICE,
		"Another device has the address at which this one was heard last.",
		"Nothing: its next record says where it is." },
	{ "certificate", EVENT_INFO, EVENT_OPERATOR,
		"A certificate of the gateway's own is in use: its end, and the pin of "
		"its key.",
		"Nothing." },
	{ "certificate-expired", EVENT_ERROR, EVENT_OPERATOR | EVENT_SYSTEM,
		"A certificate of the gateway's own is over its time: the other side "
		"refuses it.",
		"Put a new one in its place, then lwgatectl reload." },
	{ "certificate-expires", EVENT_WARN, EVENT_OPERATOR | EVENT_SYSTEM,
		"A certificate of the gateway's own ends within 30 days.",
		"Put a new one in its place, then lwgatectl reload." },
	{ "certificate-not-yet-valid", EVENT_ERROR, EVENT_OPERATOR | EVENT_SYSTEM,
		"A certificate of the gateway's own is not valid yet: the other side "
		"refuses it.",
		"Correct the clock, or wait." },
	{ "changed", EVENT_INFO, EVENT_OPERATOR,
		"After a start something that sessions rest on is not what it was; the "
		"policy decides of them.",
		"Nothing, if you have changed it." },
	{ "clock", EVENT_WARN, EVENT_SYSTEM,
		"The machine's clock is before the day on which lwgated was built, and is "
		"not trusted with the dates of certificates.",
		"Set the clock." },
	{ "credential", EVENT_INFO | EVENT_WARN, EVENT_OPERATOR,
		"A credential was added, replaced, revoked or exported by lwgatectl.",
		"Nothing, if that was you: an export (warn) has all keys in it." },
	{ "credentials", EVENT_INFO | EVENT_WARN, EVENT_OPERATOR,
		"What was imported; or (warn) credentials that nothing in the "
		"configuration can serve, or that differ from those that stand.",
		"As the line says." },
	{ "deregistered", EVENT_INFO | EVENT_DEBUG, EVENT_DEVICE,
		"A device has ended its registration, or that has lapsed.", "Nothing." },
	{ "descriptors", EVENT_WARN, EVENT_OPERATOR,
		"Fewer files may be open than sockets for links may be needed.",
		"LimitNOFILE= of the service, ulimit -n; or upstream.sockets." },
	{ "due", EVENT_DEBUG, EVENT_SYSTEM,
		"A worker is too busy to be told of a session that is due; it is told "
		"again.",
		"Nothing." },
	{ "events", EVENT_WARN, EVENT_SYSTEM,
		"All places of subscribers at events.path are taken; one more was turned "
		"away.",
		"End one of them." },
	{ "events-file", EVENT_ERROR | EVENT_INFO, EVENT_SYSTEM,
		"The file of events cannot be written, or (info) is written again; lines "
		"wait meanwhile, as many as fit.",
		"As the line says: disk, folder, rights." },
	{ "handshake-anew", EVENT_DEBUG, EVENT_STRANGER | EVENT_DEVICE,
		"A handshake was begun anew by the same address before it had ended.", "Nothing." },
	{ "handshake-failed", EVENT_WARN, EVENT_STRANGER | EVENT_DEVICE | EVENT_SERVER,
		"A handshake with a device, or with a server, has failed. The line has "
		"what was offered and what was missing.",
		"The line's remedy. Many from addresses that you do not know are scans: "
		"nothing." },
	{ "image", EVENT_WARN | EVENT_DEBUG, EVENT_SYSTEM,
		"An image cannot be renewed on the disk (warn); or an answer to a device "
		"was not sent (debug).",
		"Look at the disk of repository.directory." },
	{ "image-damaged", EVENT_WARN, EVENT_SYSTEM,
		"A kept image does not have its sums any more; it is fetched again.",
		"Look at the disk, if it comes again." },
	{ "image-failed", EVENT_WARN, EVENT_STRANGER | EVENT_SERVER,
		"An image could not be fetched.", "As the line says; look at the repository." },
	{ "image-fetched", EVENT_INFO, EVENT_DEVICE,
		"An image that a device has asked for was fetched, and is kept.", "Nothing." },
	{ "image-refused", EVENT_INFO, EVENT_DEVICE, "A device was refused an image.",
		"As the line says: right of its credential, path, repository." },
	{ "judge", EVENT_DEBUG, EVENT_SYSTEM,
		"A worker is too busy to decide; the sweep comes again.", "Nothing." },
	{ "learning", EVENT_INFO | EVENT_WARN, EVENT_SERVER | EVENT_DEVICE,
		"A credential that a bootstrap server writes was staged, armed or "
		"learned; or (warn) was refused.",
		"As the line says; see the events credential-staged to learning-refused." },
	{ "link-down", EVENT_DEBUG, EVENT_SERVER | EVENT_DEVICE,
		"The association with the server of this device has ended.", "Nothing." },
	{ "link-full", EVENT_WARN, EVENT_DEVICE,
		"A device got no link: sockets, addresses or descriptors are used up.",
		"The line's remedy." },
	{ "link-late", EVENT_WARN, EVENT_DEVICE | EVENT_SERVER,
		"Links wait to be opened longer than they should.",
		"Nothing, if the server or the gateway has just begun anew; else "
		"upstream.handshakes_per_s." },
	{ "link-up", EVENT_DEBUG, EVENT_SERVER | EVENT_DEVICE,
		"The association with the server of this device stands.", "Nothing." },
	{ "links", EVENT_INFO | EVENT_WARN, EVENT_OPERATOR | EVENT_SYSTEM,
		"How many links there can be at once; or (warn) the ports of a run before "
		"could not be opened again, so that links begin anew.",
		"Nothing; of a warning: who has these ports?" },
	{ "listen-fds", EVENT_INFO | EVENT_WARN, EVENT_OPERATOR,
		"A socket of the service manager fits nothing in the configuration "
		"(warn); or workers share one.",
		"Give the unit and the configuration the same address." },
	{ "listening", EVENT_INFO, EVENT_OPERATOR, "A listener is open.", "Nothing." },
	{ "loop", EVENT_ERROR, EVENT_SYSTEM, "The main loop cannot be made; lwgated ends.",
		"Look for what memory or descriptors are used by." },
};

const struct event_rows events_a_to_l = { rows, COUNT_OF(rows) };
