/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/keys.h"

#include "base/suite.h"

#define MIB (UINT64_C(1) << 20)
/* As base/suite has them. */
#define SUITES_INITIAL                                                                             \
	"TLS_PSK_WITH_AES_128_CCM_8, TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, "                         \
	"TLS_PSK_WITH_AES_128_CBC_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"

const struct conf_row conf_rows[KEY_COUNT] = {
	[KEY_WORKERS] = { "workers", CONF_NUMBER, 0, 64, NULL, "0", NULL, "threads",
		"Threads that serve devices, each with its own sockets. 0: one per processor." },
	[KEY_USER] = { "user", CONF_TEXT, 0, 32, NULL, "lwgate", NULL, NULL,
		"User to become after the sockets are bound, when started as root. Empty: stay." },
	[KEY_GROUP] = { "group", CONF_TEXT, 0, 32, NULL, "lwgate", NULL, NULL,
		"Group to become, as user." },
	[KEY_SANDBOX] = { "sandbox", CONF_WORD, 0, 0, "try|on|off", "try", NULL, NULL,
		"System calls and files that lwgated does not need are out of its reach once it "
		"has started (seccomp, Landlock): what the kernel has; \"on\": no start without "
		"both; see Sandbox in lwgated(8)." },
	[KEY_CREDENTIALS] = { "credentials", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"File of the devices' names and keys, see lwgate-credentials(5). At each start the "
		"store is made to hold what the file says. Empty: the store alone says who may "
		"come in, see \"lwgatectl credential\"." },
	[KEY_LISTENERS] = { "listeners", CONF_GROUPS, 1, 16, NULL, "0.0.0.0 and ::, port 5684",
		NULL, NULL, "Where devices are heard: a list of groups of the keys below." },
	[KEY_LISTENER_ADDRESS] = { "listeners.address", CONF_TEXT, 1, 64, NULL, NULL,
		"listeners = ( { address = \"0.0.0.0\"; port = 5684; } );", NULL,
		"IPv4 or IPv6 address to listen on, in every group; \"::\" is IPv6 only, "
		"\"0.0.0.0\" IPv4 only. \"sms\": DTLS by short messages (RFC 7925, appendix A), "
		"from the numbers of credentials with profile=dtls; needs sms.socket." },
	[KEY_LISTENER_PORT] = { "listeners.port", CONF_NUMBER, 1, 65535, NULL, "5684", NULL, NULL,
		"UDP port to listen on." },
	[KEY_LISTENER_SUITES] = { "listeners.suites", CONF_TEXTS, 1, SUITES, NULL, SUITES_INITIAL,
		NULL, NULL,
		"Cipher suites by their IANA names, the preferred ones first. Those of ECDHE_ECDSA "
		"need "
		"private_key_file; without one the default is the two of PSK. Also known: those "
		"with AES_128_GCM_SHA256 and AES_128_CCM in the place of AES_128_CCM_8. None has "
		"SHA-1." },
	[KEY_LISTENER_PROFILE] = { "listeners.profile", CONF_WORD, 0, 0, "lwm2m|rfc7925", "lwm2m",
		NULL, NULL,
		"\"lwm2m\": CBC_SHA256 is among the suites, as LwM2M wants it; \"rfc7925\": it is "
		"not, as RFC 7925 wants it." },
	[KEY_LISTENER_PREFERENCE] = { "listeners.server_preference", CONF_BOOL, 0, 0, NULL, "true",
		NULL, NULL,
		"The order of our suites decides; false: the order of the device's offer." },
	[KEY_LISTENER_INITIAL] = { "listeners.initial_ms", CONF_NUMBER, 100, 60000, NULL,
		"handshake.device_initial_ms", NULL, "ms",
		"First retransmission of a handshake at this listener, for its radio." },
	[KEY_LISTENER_MTU] = { "listeners.mtu", CONF_NUMBER, 100, 16384, NULL, "1232", NULL,
		"bytes", "Largest datagram of a handshake, without the headers of IP and UDP." },
	[KEY_LISTENER_KEY] = { "listeners.private_key_file", CONF_TEXT, 0, 1024, NULL, "", NULL,
		NULL,
		"The gateway's private key: PEM, EC over P-256, P-384 or P-521, without a "
		"passphrase, not readable for others. Made by \"lwgatectl key new\". Empty: none, "
		"and only devices with a pre-shared key come in." },
	[KEY_LISTENER_RAW] = { "listeners.raw_public_key", CONF_BOOL, 0, 0, NULL, "false", NULL,
		NULL,
		"Raw public keys (RFC 7250) are shown to devices and taken from them. Needs "
		"OpenSSL 3.2." },
	[KEY_LISTENER_CERTIFICATE] = { "listeners.certificate_file", CONF_TEXT, 0, 1024, NULL, "",
		NULL, NULL,
		"The gateway's certificate and those above it, without the anchor: PEM, its own "
		"first. Empty: none." },
	[KEY_LISTENER_ANCHORS] = { "listeners.anchors_file", CONF_TEXT, 0, 1024, NULL, "", NULL,
		NULL,
		"Certificates (PEM) of the authorities whose devices may come in, if a credential "
		"has their name. Empty: no device is asked for a certificate." },
	[KEY_LISTENER_CRL] = { "listeners.crl_file", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"Revocation lists (PEM) of these authorities. Empty: none; revoke the "
		"credential." },
	[KEY_LISTENER_CHAIN] = { "listeners.chain_max", CONF_NUMBER, 1, 10, NULL, "5", NULL,
		"certificates", "A device's chain is not longer than this, without the anchor." },
	[KEY_LISTENER_NAMES] = { "listeners.name_from", CONF_TEXTS, 1, 5, NULL, "eui64, uri, cn",
		NULL, NULL,
		"Where the name of a certificate's credential stands, in this order: eui64 (EUI-64 "
		"as subjectAltName or common name, RFC 7925), uri (subjectAltName), dns "
		"(subjectAltName), cn (common name), serial (serialNumber of the subject)." },
	[KEY_LISTENER_CLOCK] = { "listeners.untrusted_clock", CONF_WORD, 0, 0, "ignore|refuse",
		"ignore", NULL, NULL,
		"What becomes of certificates while the machine's clock is before the day on which "
		"lwgated was built: \"ignore\" takes them without a look at their dates, "
		"\"refuse\" takes none." },
	[KEY_LISTENER_MTE] = { "listeners.mac_then_encrypt", CONF_BOOL, 0, 0, NULL, "false", NULL,
		NULL,
		"A device without encrypt-then-MAC (RFC 7366) may have a CBC suite. Without this "
		"line it gets another one, or none." },
	[KEY_LISTENER_CID] = { "listeners.connection_ids", CONF_WORD, 0, 0, "off|send|on", "on",
		NULL, NULL,
		"Connection ids (RFC 9146) with devices that offer them: \"on\", a device keeps "
		"its "
		"session when its address changes; \"send\", it may have its records marked for "
		"itself, but is found by its address; \"off\", the offer is not answered." },
	[KEY_LISTENER_MOVE] = { "listeners.address_check", CONF_WORD, 0, 0, "check|check-old|trust",
		"check", NULL, NULL,
		"What shows that a device is where its newest record came from: \"check\", it "
		"answers there before anything but an answer is sent to it; \"check-old\", the "
		"same, but where RFC 9853 was agreed its old address is asked first; \"trust\", "
		"the record itself, for networks in which no address is forged." },
	[KEY_LISTENER_RADIO] = { "listeners.radio", CONF_WORD, 0, 0, "ethernet|lte-m|nb-iot|sms",
		"ethernet", NULL, NULL,
		"What lies between this listener and its devices. On another than \"ethernet\" the "
		"gateway repeats by the radio's timers (RFC 7925, section 11) in place of the "
		"server's, whose own copies stay off the radio." },
	[KEY_LISTENER_SECURITY] = { "listeners.security", CONF_WORD, 0, 0, "dtls|nosec", "dtls",
		NULL, NULL,
		"\"nosec\": CoAP without DTLS, for devices whose network protects them, and whose "
		"credential says so. Needs the next four, and an address of its own; its port is "
		"5683 if none is written. See NoSec below." },
	[KEY_LISTENER_LINK] = { "listeners.link_security", CONF_TEXT, 0, 256, NULL, "", NULL, NULL,
		"Of a NoSec listener: what protects the devices' link, as in \"EPS encryption and "
		"integrity (128-EEA2, 128-EIA2)\"." },
	[KEY_LISTENER_LINK_ENDS] = { "listeners.link_security_ends", CONF_TEXT, 0, 256, NULL, "",
		NULL, NULL,
		"Of a NoSec listener: where that protection ends, as in \"the base station\". From "
		"there to the gateway nothing of this gateway's protects what is said." },
	[KEY_LISTENER_ANALYSIS] = { "listeners.threat_analysis", CONF_TEXT, 0, 256, NULL, "", NULL,
		NULL,
		"Of a NoSec listener: which threat analysis has found this to be enough: its "
		"name, number or place." },
	[KEY_LISTENER_PREFIXES] = { "listeners.source_prefixes", CONF_TEXTS, 1, 16, NULL, "", NULL,
		NULL,
		"Of a NoSec listener: from where its devices come, as in \"10.64.0.0/16\". "
		"Datagrams from elsewhere are dropped and counted." },
	[KEY_LISTENER_ECHO] = { "listeners.echo", CONF_WORD, 0, 0, "needed|always", "needed", NULL,
		NULL,
		"Of a NoSec listener: when a device must show by an Echo option (RFC 9175) that it "
		"is where it seems to be: \"needed\", before a registration goes over to another "
		"address, and before more than three times of what came from there is sent; "
		"\"always\", before its first request is passed on." },
	[KEY_LISTENER_AIR] = { "listeners.sessions", CONF_NUMBER, 1, 10000000, NULL, "10000", NULL,
		"addresses",
		"Of a NoSec listener: at most so many have a session. Each worker has its share." },
	[KEY_LISTENER_AIR_PREFIX] = { "listeners.sessions_per_network", CONF_NUMBER, 1, 1000000,
		NULL, "1024", NULL, "addresses",
		"The same, of one network: an IPv4 /24 or an IPv6 /56." },
	[KEY_UPSTREAMS] = { "upstreams", CONF_GROUPS, 1, 8, NULL, "the one of the group upstream",
		NULL, NULL,
		"Servers, where there are several, or one that has a name: a list of groups, each "
		"of a name and of the keys that the group upstream has. Several need routes." },
	[KEY_UPSTREAM_TITLE] = { "upstreams.name", CONF_TEXT, 1, 32, NULL, NULL,
		"upstreams = ( { name = \"meters\"; address = \"192.0.2.10\"; } );", NULL,
		"What the server is called in routes and in the log; sessions stay its own as "
		"long as it keeps the name. That of the group upstream is \"upstream\"." },
	[KEY_UPSTREAM_ADDRESS] = { "upstream.address", CONF_HOSTS, 1, 255, NULL, NULL,
		"upstream = { address = \"192.0.2.10\"; };", NULL,
		"Address or name of the LwM2M server, or several of them, of one family, the "
		"preferred ones first. One whose handshakes have timed out three times in a row "
		"is passed over for a minute where there is another. A name is resolved at the "
		"start, every five minutes, and when a link cannot be opened; links that are up "
		"stay where they are." },
	[KEY_UPSTREAM_PORT] = { "upstream.port", CONF_NUMBER, 1, 65535, NULL, "5684", NULL, NULL,
		"UDP port of the LwM2M server (coaps)." },
	[KEY_UPSTREAM_SOURCES] = { "upstream.sources", CONF_TEXTS, 0, 16, NULL, "", NULL, NULL,
		"Pool of local source addresses for links to the server, as addresses or prefixes "
		"(\"192.0.2.64/26\"), of the server's address family; they must not overlap, and "
		"the "
		"system must route them here. Empty: the system chooses one address." },
	[KEY_UPSTREAM_SOCKETS] = { "upstream.sockets", CONF_NUMBER, 1, 28000, NULL, "4096", NULL,
		"sockets",
		"Sockets for links to the server, per worker, at most; opened as needed. "
		"Links at once are at most workers times sockets times source addresses, of which "
		"there is one where upstream.sources is empty. All sockets of all upstreams and "
		"workers share 64511 ports: more are refused, and the default is less where it "
		"would be more." },
	[KEY_UPSTREAM_HANDSHAKES] = { "upstream.handshakes_per_s", CONF_NUMBER, 0, 1000000, NULL,
		"0", NULL, "handshakes",
		"Links that are opened a second, at most, by all workers together; the others wait "
		"their turn, in the order in which their devices had something to send, for at "
		"most 30 seconds (after that: 5.03). 0: 200 for each worker." },
	[KEY_UPSTREAM_UNDER_WAY] = { "upstream.handshakes_max", CONF_NUMBER, 0, 1000000, NULL, "0",
		NULL, "handshakes",
		"Links that are being opened at once, per worker, at most. 0: 1024." },
	[KEY_UPSTREAM_MASTER] = { "upstream.master_secret_file", CONF_TEXT, 0, 1024, NULL, "", NULL,
		NULL,
		"File with a secret of 32 or more random bytes as hex, from which the keys "
		"towards the server are derived for devices that have none of their own, see "
		"lwgate-credentials(5). Empty: nothing is derived." },
	[KEY_UPSTREAM_CREDENTIAL] = { "upstream.credential", CONF_WORD, 0, 0,
		"psk|raw_public_key|certificate", "psk", NULL, NULL,
		"What proves to the server who is there: \"psk\", each device's own key (see "
		"lwgate-credentials(5)); or, for all devices, the gateway's key from "
		"upstream.private_key_file, by itself or with upstream.certificate_file." },
	[KEY_UPSTREAM_SUITES] = { "upstream.suites", CONF_TEXTS, 1, SUITES, NULL, SUITES_INITIAL,
		NULL, NULL,
		"Cipher suites as in listeners.suites. The default is those two that fit "
		"upstream.credential." },
	[KEY_UPSTREAM_KEY] = { "upstream.private_key_file", CONF_TEXT, 0, 1024, NULL, "", NULL,
		NULL,
		"The gateway's private key towards the server, as listeners.private_key_file." },
	[KEY_UPSTREAM_CERTIFICATE] = { "upstream.certificate_file", CONF_TEXT, 0, 1024, NULL, "",
		NULL, NULL,
		"The gateway's certificate towards the server, as listeners.certificate_file." },
	[KEY_UPSTREAM_PINS] = { "upstream.server_public_key", CONF_TEXTS, 0, 4, NULL, "", NULL,
		NULL,
		"Public keys by one of which the server is known: each a file (PEM or DER) or "
		"\"sha-256:\" and the digest in hexadecimal, as \"lwgatectl key show\" prints it. "
		"With upstream.anchors_file one of them must be in the server's chain." },
	[KEY_UPSTREAM_ANCHORS] = { "upstream.anchors_file", CONF_TEXT, 0, 1024, NULL, "", NULL,
		NULL, "Certificates (PEM) of the authorities that may vouch for the server." },
	[KEY_UPSTREAM_CRL] = { "upstream.crl_file", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"Revocation lists (PEM) of these authorities." },
	[KEY_UPSTREAM_NAME] = { "upstream.server_name", CONF_TEXT, 0, 255, NULL, "", NULL, NULL,
		"Name that the server is asked for (SNI) and that its certificate must have. "
		"Empty: "
		"upstream.address, if that is a name." },
	[KEY_UPSTREAM_CLOCK] = { "upstream.untrusted_clock", CONF_WORD, 0, 0, "ignore|refuse",
		"ignore", NULL, NULL,
		"As listeners.untrusted_clock, for the server's certificate." },
	[KEY_UPSTREAM_FRAGMENT] = { "upstream.max_fragment_length", CONF_NUMBER, 0, 4096, NULL, "0",
		NULL, "bytes",
		"The server is asked for records of at most 512, 1024, 2048 or 4096 bytes (RFC "
		"6066). 0: it is not." },
	[KEY_UPSTREAM_MTE] = { "upstream.mac_then_encrypt", CONF_BOOL, 0, 0, NULL, "false", NULL,
		NULL, "As listeners.mac_then_encrypt, for the server." },
	[KEY_UPSTREAM_TICKETS] = { "upstream.tickets", CONF_BOOL, 0, 0, NULL, "false", NULL, NULL,
		"A server that keeps no sessions may give us tickets instead (RFC 5077). Devices "
		"never get one: it could not be called back." },
	[KEY_UPSTREAM_CID] = { "upstream.connection_ids", CONF_WORD, 0, 0, "off|send|on", "on",
		NULL, NULL,
		"Connection ids that are offered to the server: \"on\", both sides may have one; "
		"\"send\", only the server; \"off\", none are offered." },
	[KEY_ROUTES] = { "routes", CONF_GROUPS, 1, 64, NULL, "all to the only upstream", NULL, NULL,
		"Which session goes to which of the servers: a list of groups of the keys below. "
		"The first one whose conditions all hold decides; a session that fits none is "
		"refused. What a session fits is seen when it is made or comes back, and after a "
		"reload: if that is another server by then, its link and its registration end." },
	[KEY_ROUTE_TO] = { "routes.to", CONF_TEXT, 1, 32, NULL, NULL,
		"routes = ( { to = \"meters\"; } );", NULL, "Name of the server." },
	[KEY_ROUTE_PURPOSE] = { "routes.purpose", CONF_WORD, 0, 0, "any|server|bootstrap", "any",
		NULL, NULL,
		"Holds when the credential has this purpose, see lwgate-credentials(5). Where "
		"nothing is written, whatever it has." },
	[KEY_ROUTE_ENDPOINT] = { "routes.endpoint", CONF_TEXT, 1, 255, NULL, "*", NULL, NULL,
		"Holds when the endpoint's name fits: \"*\" is any characters, or none; \"?\" is "
		"one." },
	[KEY_ROUTE_LABELS] = { "routes.labels", CONF_TEXTS, 0, 16, NULL, "", NULL, NULL,
		"Holds when the credential has all of these labels." },
	[KEY_ROUTE_LISTENER] = { "routes.listener", CONF_TEXT, 0, 64, NULL, "", NULL, NULL,
		"Holds when the device came in by this listener: its address and port, as in "
		"\"0.0.0.0:5684\" or \"[::]:5684\"." },
	[KEY_CID_NODE] = { "connection_ids.node", CONF_NUMBER, 0, 255, NULL, "0", NULL, NULL,
		"This gateway's number, which is in each connection id that it gives. Gateways "
		"behind one address need different ones." },
	[KEY_CID_RANDOM] = { "connection_ids.random", CONF_NUMBER, 8, 16, NULL, "8", NULL, "bytes",
		"Random bytes in a connection id, which has three more, and is in each record of "
		"a device." },
	[KEY_CID_PADDING] = { "connection_ids.padding", CONF_NUMBER, 0, 1024, NULL, "0", NULL,
		"bytes",
		"Records with a connection id that the gateway sends are filled up to a multiple "
		"of this, which hides how long messages are. 0: they are not." },
	[KEY_CID_TELL] = { "connection_ids.tell", CONF_TEXTS, 0, 16, NULL, "", NULL, NULL,
		"Addresses or prefixes (\"10.64.0.0/16\") whose devices are told by an alert when "
		"nothing is known of their session any more; only of networks in which no address "
		"is forged. Empty: nobody is told (RFC 6347, section 4.1.2.7)." },
	[KEY_CID_TELL_RATE] = { "connection_ids.tell_rate", CONF_NUMBER, 1, 1000, NULL, "10", NULL,
		"alerts", "Alerts of connection_ids.tell in a second, at most, in all." },
	[KEY_DEVICE_INITIAL] = { "handshake.device_initial_ms", CONF_NUMBER, 100, 60000, NULL,
		"9000", NULL, "ms",
		"First retransmission of a handshake with a device; doubles each time. Less than "
		"9000 (RFC 7925, section 11) loads a slow radio with copies of what is still on "
		"its way." },
	[KEY_UPSTREAM_INITIAL] = { "handshake.upstream_initial_ms", CONF_NUMBER, 100, 60000, NULL,
		"9000", NULL, "ms", "The same towards the server. 1000 is right for a wired one." },
	[KEY_HANDSHAKE_MAX] = { "handshake.max_ms", CONF_NUMBER, 100, 600000, NULL, "60000", NULL,
		"ms", "Retransmissions are never further apart than this." },
	[KEY_HANDSHAKE_LIFETIME] = { "handshake.lifetime_s", CONF_NUMBER, 1, 3600, NULL, "180",
		NULL, "s", "A handshake that takes longer has failed." },
	/* The least of a value that the workers share is what one of them needs, see config.c. */
	[KEY_HANDSHAKE_COUNT] = { "handshake.count", CONF_NUMBER, 16, 1000000, NULL, "1024", NULL,
		"handshakes",
		"Handshakes under way at once, in all; others have to wait. Each worker has an "
		"equal share, and needs 16." },
	[KEY_HANDSHAKE_BYTES] = { "handshake.bytes", CONF_NUMBER, 4 * MIB, 65536 * MIB, NULL,
		"201326592", NULL, "bytes",
		"Memory for handshakes under way, in all. Each worker has an equal share, and "
		"needs 4194304; the default is more where there are more than 48 workers." },
	[KEY_QUEUE_MESSAGES] = { "relay.queue_messages", CONF_NUMBER, 1, 1024, NULL, "4", NULL,
		"messages",
		"Messages of one device that wait while its link to the server opens." },
	[KEY_QUEUE_BYTES] = { "relay.queue_bytes", CONF_NUMBER, 65536, 65536 * MIB, NULL, "8388608",
		NULL, "bytes",
		"Memory for all waiting messages, in all. Each worker has an equal share, and "
		"needs 65536." },
	[KEY_ANSWER] = { "relay.answer_s", CONF_NUMBER, 1, 3600, NULL, "93", NULL, "s",
		"A device is told 5.04 when the server does not answer within this time. 93 is "
		"MAX_TRANSMIT_WAIT of RFC 7252." },
	[KEY_MESSAGE_MAX] = { "relay.message_max", CONF_NUMBER, 64, 16384, NULL, "1280", NULL,
		"bytes",
		"Longest CoAP message that is relayed; a longer one is answered with 4.13." },
	[KEY_WRONG_ENDPOINT] = { "relay.wrong_endpoint", CONF_WORD, 0, 0, "4.00|4.03", "4.00", NULL,
		NULL, "What a device is told that registers under a name that is not its own." },
	[KEY_RELAY_UPDATE] = { "relay.update_after_handshake", CONF_WORD, 0, 0, "forward|4.04|auto",
		"forward", NULL, NULL,
		"What becomes of an Update by a device that has shaken hands since it registered: "
		"\"forward\", the server has it; \"4.04\", the device is told to register anew; "
		"\"auto\", the latter from LwM2M 1.1 on. With a store, who is not known to be "
		"registered is always told so: the location may be another device's." },
	[KEY_RELAY_AWAKE] = { "relay.awake_ms", CONF_NUMBER, 100, 3600000, NULL, "93000", NULL,
		"ms",
		"How long a device that has registered in queue mode listens after each of its "
		"messages. 93000 is MAX_TRANSMIT_WAIT of RFC 7252. It stays in memory for so long, "
		"whatever store.evict_after_s says." },
	[KEY_RELAY_AWAKE_BY] = { "relay.awake_by", CONF_WORD, 0, 0, "message|update", "message",
		NULL, NULL,
		"After which messages it does: \"message\", each; \"update\", Register and Update "
		"only, for devices that report and sleep on at once." },
	[KEY_RELAY_ASLEEP] = { "relay.asleep", CONF_WORD, 0, 0, "hold|5.03", "hold", NULL, NULL,
		"What becomes of a server's request to a device in queue mode that does not "
		"listen: "
		"\"hold\", it waits for the device's next message, the server having its empty ACK "
		"in time; \"5.03\", the server is told so, with Max-Age." },
	[KEY_RELAY_ASLEEP_MESSAGES] = { "relay.asleep_messages", CONF_NUMBER, 1, 64, NULL, "4",
		NULL, "messages",
		"Requests that wait so for one device, at most; to more the server is told 5.03. "
		"What waits is in memory only: a stop of lwgated loses it, and nobody is told." },
	[KEY_RELAY_ASLEEP_WAIT] = { "relay.asleep_wait_s", CONF_NUMBER, 1, 86400, NULL, "247", NULL,
		"s",
		"How long each of them waits; then the server is told 5.03. 247 is "
		"EXCHANGE_LIFETIME of RFC 7252: so long a message id means one exchange." },
	[KEY_REPOSITORY_PREFIX] = { "repository.prefix", CONF_TEXT, 0, 128, NULL, "", NULL, NULL,
		"Where the firmware is: a GET of a path below this one, \"fw\" or \"a/fw\", is "
		"answered from images that the gateway fetches itself, each once for all devices. "
		"For credentials with repository = true only, over DTLS only, registered or not. "
		"Empty: there is no repository; else the keys below without a default of their "
		"own are needed." },
	[KEY_REPOSITORY_ADDRESS] = { "repository.address", CONF_TEXT, 0, 255, NULL, "", NULL, NULL,
		"The repository: an address, or a name that is looked up at the start. It is asked "
		"for the same path." },
	[KEY_REPOSITORY_PORT] = { "repository.port", CONF_NUMBER, 1, 65535, NULL, "5684", NULL,
		NULL, "Its port: CoAP over DTLS." },
	[KEY_REPOSITORY_IDENTITY] = { "repository.identity", CONF_TEXT, 0, 128, NULL, "", NULL,
		NULL, "PSK identity of the gateway there." },
	[KEY_REPOSITORY_KEY] = { "repository.key_file", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"File with the PSK that belongs to it: 32 to 128 hexadecimal digits; not readable "
		"for others. The suite is TLS_PSK_WITH_AES_128_CCM_8." },
	[KEY_REPOSITORY_DIRECTORY] = { "repository.directory", CONF_TEXT, 0, 1024, NULL, "", NULL,
		NULL,
		"Folder of the images, made if it is missing; nothing else is kept there. What is "
		"not whole, or damaged, is fetched again." },
	[KEY_REPOSITORY_SIZE] = { "repository.size_mib", CONF_NUMBER, 1, 1048576, NULL, "256", NULL,
		"MiB",
		"The images together, at most; the ones that were not asked for longest make room. "
		"A single one is at most a quarter of it, and 1024 MiB." },
	[KEY_SMS_SOCKET] = { "sms.socket", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"Socket on which lwgate-smsd(8) brings and takes short messages, of devices whose "
		"credential has sms; at most 107 bytes with its folder. Empty: there are none. See "
		"Short messages below." },
	[KEY_SMS_GROUP] = { "sms.group", CONF_TEXT, 0, 32, NULL, "", NULL, NULL,
		"Group whose members may use the socket. Empty: only the gateway's own user." },
	[KEY_SMS_NUMBER] = { "sms.number", CONF_TEXT, 0, 15, NULL, "", NULL, NULL,
		"The gateway's own number, international, digits only. What was sent to another is "
		"dropped and counted. Empty: any." },
	[KEY_SMS_ALLOW_3DES] = { "sms.allow_3des", CONF_BOOL, 0, 0, NULL, "false", NULL, NULL,
		"Serve credentials whose packets are protected by 3DES with three keys, which is "
		"for cards that have no AES." },
	[KEY_SMS_TAG] = { "sms.tag", CONF_NUMBER, 0, 255, NULL, "5", NULL, NULL,
		"Tag of the BER-TLV around a CoAP message in a secured packet." },
	[KEY_SMS_SEGMENTS_MAX] = { "sms.segments_max", CONF_NUMBER, 1, 11, NULL, "8", NULL,
		"segments",
		"Length of one message to a device, at most, in short messages of 140 octets. What "
		"would be longer is refused with 4.13." },
	[KEY_SMS_SEGMENTS_A_DAY] = { "sms.segments_a_day", CONF_NUMBER, 0, 1000000, NULL, "0", NULL,
		"segments",
		"To one device in a day (UTC), at most; then nothing is sent to it until the next. "
		"0: no limit." },
	[KEY_SMS_VALID] = { "sms.valid_s", CONF_NUMBER, 300, 5184000, NULL, "86400", NULL, "s",
		"How long the network is to try to deliver a message, and the gateway to hand it "
		"over." },
	[KEY_SMS_KEYS_OVERLAP] = { "sms_keys.overlap_s", CONF_NUMBER, 0, 86400, NULL, "300", NULL,
		"s",
		"What comes under keys that were superseded is answered 4.00 for so long; then it "
		"is as a forger's. 0: at once. See Keys that are renewed below." },
	[KEY_SMS_KEYS_EARLY] = { "sms_keys.early_s", CONF_NUMBER, 0, 604800, NULL, "3600", NULL,
		"s",
		"Others are asked for so long before keys end, but not before half their life." },
	[KEY_SMS_KEYS_ANSWER] = { "sms_keys.answer_s", CONF_NUMBER, 1, 3600, NULL, "30", NULL, "s",
		"Whoever gives keys and does not answer is asked again after so long." },
	[KEY_SMS_KEYS_RETRY] = { "sms_keys.retry_s", CONF_NUMBER, 1, 86400, NULL, "60", NULL, "s",
		"Between two deliveries of the same keys; twice as long each time." },
	[KEY_SMS_KEYS_BACKOFF] = { "sms_keys.backoff_s", CONF_NUMBER, 1, 86400, NULL, "60", NULL,
		"s", "Between two questions that failed; twice as long each time." },
	[KEY_SMS_KEYS_MOST] = { "sms_keys.most_s", CONF_NUMBER, 1, 604800, NULL, "3600", NULL, "s",
		"The longest that either of the two becomes." },
	[KEY_SMS_KEYS_REST] = { "sms_keys.rest_s", CONF_NUMBER, 0, 2592000, NULL, "21600", NULL,
		"s",
		"After all tries, and while keys have ended and nobody wants others. 0: until the "
		"device is heard." },
	[KEY_SMS_KEYS_AN_HOUR] = { "sms_keys.refreshes_an_hour", CONF_NUMBER, 0, 3600, NULL, "30",
		NULL, "refreshes",
		"That begin for one device in an hour, at most, whatever asks for them. 0: no "
		"bound." },
	[KEY_SMS_KEYS_TRIES] = { "sms_keys.tries", CONF_NUMBER, 1, 100, NULL, "4", NULL,
		"deliveries", "Of the same keys, at most." },
	[KEY_SMS_KEYS_CARD_FILE] = { "sms_keys.card_file", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"What smartcards have in EF_LWM2M_Bootstrap, as octets: the account of this "
		"gateway in "
		"it (of sms.number, or the only one) gets the keys of credentials with "
		"renew=smartcard, the rest is written as it is. At most 960 octets. Empty: no card "
		"gets keys." },
	[KEY_BSF_URL] = { "bsf.url", CONF_TEXT, 0, 512, NULL, "", NULL, NULL,
		"Bootstrapping server function (BSF) that is asked for keys of secured packets by "
		"GBA Push (Nbsp_GBA, TS 29.309): https://HOST[:PORT][/PATH], what comes before "
		"/nbsp-gba/v1. Empty: there is none. See Keys by GBA Push below." },
	[KEY_BSF_TOKEN_URL] = { "bsf.token_url", CONF_TEXT, 0, 512, NULL, "", NULL, NULL,
		"Where tokens come from (OAuth2 client credentials, scope nbsp-gba), whole. Empty: "
		"the BSF wants none." },
	[KEY_BSF_CLIENT_ID] = { "bsf.client_id", CONF_TEXT, 0, 128, NULL, "", NULL, NULL,
		"The gateway's name there." },
	[KEY_BSF_CLIENT_SECRET] = { "bsf.client_secret_file", CONF_TEXT, 0, 1024, NULL, "", NULL,
		NULL,
		"File with the secret that belongs to it, one line; not readable for others." },
	[KEY_BSF_CA] = { "bsf.ca_file", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"Certificates (PEM) that the BSF and the token endpoint are believed by; no others "
		"are. Needed for https." },
	[KEY_BSF_CERTIFICATE] = { "bsf.certificate_file", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"The gateway's certificate towards both, and what leads to its root: PEM. Empty: "
		"none." },
	[KEY_BSF_KEY] = { "bsf.key_file", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"Its private key: PEM, without a passphrase; not readable for others." },
	[KEY_BSF_NAF_FQDN] = { "bsf.naf_fqdn", CONF_TEXT, 0, 253, NULL, "", NULL, NULL,
		"The gateway's name as Push-NAF, which goes into every key: a domain name. "
		"Needed." },
	[KEY_BSF_UA_ID] = { "bsf.ua_id", CONF_TEXT, 10, 10, NULL, "0100000005", NULL, NULL,
		"Ua security protocol identifier, which does, too: 10 hexadecimal digits. The "
		"default, Generic Push Layer, is a placeholder: ask who runs the BSF." },
	[KEY_BSF_UICC_APPLICATION] = { "bsf.uicc_application", CONF_TEXT, 1, 64, NULL, "USIM", NULL,
		NULL, "Label of the application on the card (uiccAppLabel)." },
	[KEY_BSF_LABELS] = { "bsf.labels", CONF_TEXT, 3, 65, NULL, "DMBEK DMBIK", NULL, NULL,
		"Labels by which the keys for ciphering and for checking are derived, in this "
		"order, "
		"with a space between. Interim: see Keys by GBA Push below." },
	[KEY_BSF_H2C] = { "bsf.h2c", CONF_BOOL, 0, 0, NULL, "false", NULL, NULL,
		"Allow http:// in both: HTTP/2 in clear, keys and all. For a lab on one machine "
		"only." },
	[KEY_BSF_TIMEOUT] = { "bsf.timeout_s", CONF_NUMBER, 1, 120, NULL, "10", NULL, "s",
		"How long one question may take, with its token." },
	[KEY_BSF_UNDER_WAY] = { "bsf.under_way", CONF_NUMBER, 1, 128, NULL, "16", NULL, NULL,
		"Questions at once, at most; others wait, as long as one may take." },
	[KEY_CONTROL_PATH] = { "control.path", CONF_TEXT, 1, 1024, NULL, "/run/lwgate/control",
		NULL, NULL, "Socket for lwgatectl(1); at most 107 bytes with its folder." },
	[KEY_CONTROL_GROUP] = { "control.group", CONF_TEXT, 0, 32, NULL, "lwgate", NULL, NULL,
		"Group whose members may use the socket. Empty: only the gateway's own group." },
	[KEY_POLICY_FILE] = { "policy.file", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"File of the rules by which it is decided what becomes of a session when its "
		"credential, or something else of it, has changed: see lwgate-policy(5). Empty: a "
		"credential that is replaced lets its session end within a day, one that is "
		"revoked ends it at once, and all else goes on." },
	[KEY_POLICY_PACE] = { "policy.pace", CONF_NUMBER, 1, 1000000, NULL, "200", NULL,
		"decisions",
		"Sessions that are decided upon in a second, at most, in all, when something has "
		"changed for many. One whose device or server says something is decided upon "
		"before that is passed on, whatever this says." },
	[KEY_POLICY_OVERLAP] = { "policy.overlap_s", CONF_NUMBER, 0, 31536000, NULL, "0", NULL, "s",
		"How long what a device has proved until now is taken beside what it is to prove, "
		"when its credential is replaced and nothing else is said there. 0: not at all." },
	[KEY_LEARN_URIS] = { "learn.server_uris", CONF_TEXTS, 0, 8, NULL, "", NULL, NULL,
		"URIs (\"coaps://gw.example:5684\") by which devices know this gateway. When a "
		"bootstrap server writes an account for one of them to a device through the "
		"gateway, what it says there becomes the device's next credential. Empty: "
		"credentials change only by lwgatectl(1) and the credentials file." },
	[KEY_LEARN_SETTLE] = { "learn.settle_s", CONF_NUMBER, 60, 31536000, NULL, "86400", NULL,
		"s",
		"How long what was learned and not used yet may stand beside the credential that "
		"the device has proved. Then it takes its place, if the device has said that its "
		"bootstrap has finished, and is forgotten if it has not." },
	[KEY_EVENTS_FILE] = { "events.file", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"File to which each decision upon a session is added as a line of JSON, see "
		"lwgate-policy(5). Empty: none." },
	[KEY_EVENTS_PATH] = { "events.path", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"Socket from which \"lwgatectl events\" and other subscribers have the same lines; "
		"at most 107 bytes with its folder. Empty: none." },
	[KEY_WEB_ADDRESS] = { "web.address", CONF_TEXT, 0, 64, NULL, "", NULL, NULL,
		"Loopback address on which the status page (/) and the metrics (/metrics) are "
		"served over HTTP, to whoever has a login on this machine. Empty: they are not." },
	[KEY_WEB_PORT] = { "web.port", CONF_NUMBER, 1, 65535, NULL, "9684", NULL, NULL,
		"Its port." },
	[KEY_LOG_LEVEL] = { "log.level", CONF_WORD, 0, 0, "error|warn|info|debug", "info", NULL,
		NULL, "How much is logged: lines of this level and of those before it." },
	[KEY_LOG_FORMAT] = { "log.format", CONF_WORD, 0, 0, "auto|text|logfmt|journal", "auto",
		NULL, NULL,
		"text: a line for people. logfmt: pairs key=value with a time, for programs. "
		"journal: fields of systemd's journal, LWGATE_EVENT and one for each pair of the "
		"line. auto: the journal where stderr is the journal's, else text. See "
		"lwgate-events(7)." },
	[KEY_STORE_PATH] = { "store.path", CONF_TEXT, 0, 1024, NULL, "/var/lib/lwgate", NULL, NULL,
		"Folder of the store, which is made (0700) if it does not exist. Empty: everything "
		"is kept in memory and lost with the process." },
	[KEY_STORE_KEY_FILE] = { "store.key_file", CONF_TEXT, 0, 1024, NULL,
		"/etc/lwgate/store.key", NULL, NULL,
		"File with the key under which the store's own keys are wrapped: 32 octets, or 64 "
		"hexadecimal digits. Made with a new store if it does not exist; must not lie in "
		"store.path. Copies of the store are worthless without it, and so is the store." },
	[KEY_STORE_KEY_CREDENTIAL] = { "store.key_credential", CONF_TEXT, 0, 255, NULL, "", NULL,
		NULL,
		"The same key as a credential of systemd (LoadCredentialEncrypted=): its name in "
		"$CREDENTIALS_DIRECTORY. Empty: store.key_file." },
	[KEY_STORE_KEY_TPM] = { "store.key_tpm", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"The same key sealed by a TPM 2.0: the file of the sealed object, which only this "
		"machine's TPM opens. Made with a new store. Empty: store.key_file." },
	[KEY_STORE_TPM] = { "store.tpm", CONF_TEXT, 1, 255, NULL, "device:/dev/tpmrm0", NULL, NULL,
		"How the TPM is reached (TCTI), for store.key_tpm and store.anchor." },
	[KEY_STORE_TOKEN] = { "store.token", CONF_TEXT, 1, 1024, NULL, "/run/lwgate/token", NULL,
		NULL,
		"File that must not outlive the machine's power, so on a tmpfs: it shows at a "
		"start that only the process was gone, and nothing else." },
	[KEY_STORE_HOT] = { "store.hot", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"File of what changes with each message. Empty: \"hot\" in store.path. On a "
		"tmpfs it does not wear the disk at all, and a power loss costs each session "
		"what store.after_power_loss says." },
	[KEY_STORE_ANCHOR] = { "store.anchor", CONF_TEXT, 0, 1024, NULL, "", NULL, NULL,
		"Counter elsewhere that shows a restored older copy of the store: a file on "
		"another medium, or \"tpm:0x01500001\" for a counter of the TPM. Empty: none." },
	[KEY_STORE_AFTER_POWER_LOSS] = { "store.after_power_loss", CONF_WORD, 0, 0,
		"resume|probe|gap", "resume", NULL, NULL,
		"What a session costs after power was lost: \"resume\" ends it at its next "
		"record, and the device comes back by the short handshake; \"probe\" has the "
		"device prove with an exchange of its own that it is there, now; \"gap\" lets in "
		"only numbers beyond all that could have been seen. The latter two need "
		"store.anchor, and are \"resume\" without." },
	[KEY_STORE_EVICT_AFTER] = { "store.evict_after_s", CONF_NUMBER, 1, 86400, NULL, "60", NULL,
		"s",
		"A device that has been silent for this long leaves memory, and comes back with "
		"its next record." },
	[KEY_STORE_ANY_FILESYSTEM] = { "store.any_filesystem", CONF_BOOL, 0, 0, NULL, "false", NULL,
		NULL,
		"Take a file system for store.path that cannot promise what the store needs "
		"(tmpfs, overlay, network). For tests." },
	[KEY_STORE_RESUMPTION] = { "store.resumption", CONF_NUMBER, 0, 100000000, NULL, "1000000",
		NULL, "entries",
		"Sessions that can be resumed by the short handshake, at most. 0: none." },
	[KEY_STORE_RESUMPTION_DAYS] = { "store.resumption_days", CONF_NUMBER, 1, 3650, NULL, "30",
		NULL, "days", "How long after its full handshake a session can be resumed." },
	[KEY_STORE_ROTATION_DAYS] = { "store.rotation_days", CONF_NUMBER, 0, 3650, NULL, "90", NULL,
		"days",
		"After so long a new data key is made; everything is sealed anew under it, then "
		"the old one is destroyed. 0: only by lwgatectl store rotate." },
};
