/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/cli: lwgatectl's half of the talk, and its commands.
 *
 * Promise: no key is taken from the command line or printed. What was asked with keys is wiped
 *          here; nng's copies are overwritten when they are freed (see cli_begin()).
 * Errors:  an exit status, what is wrong and the remedy having been printed.
 * Threads: one.
 */
#ifndef LWG_CTL_CLI_H
#define LWG_CTL_CLI_H

#include "base/attr.h"
#include "ctl/credential.h"
#include "ctl/out.h"
#include "ctl/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cli_wire; /* nng's */
struct nng_msg;

/* Exit statuses; their meanings do not change. CLI_USAGE: also of a file here that is not good. */
enum { CLI_DONE = 0, CLI_REFUSED = 1, CLI_USAGE = 2, CLI_UNREACHED = 3 };
/* How long a question may take: a short one, and one that the store's disk has a part in. */
enum { CLI_SHORT_MS = 5000, CLI_LONG_MS = 600000 };

enum cli_option {
	CLI_IDENTITY,
	CLI_IDENTITY_HEX,
	CLI_KEY_FILE,
	CLI_UPSTREAM_IDENTITY,
	CLI_UPSTREAM_KEY_FILE,
	CLI_CSV,
	CLI_REPLACE,
	CLI_PUBLIC_KEY,
	CLI_CERTIFICATE_NAME,
	CLI_PIN,
	CLI_SECURITY_OBJECT,
	CLI_ENDPOINT,
	CLI_WITH_SECRETS,
	CLI_CREDENTIAL,
	CLI_TPM,
	CLI_DNS,
	CLI_LABELS,
	CLI_VALID_UNTIL,
	CLI_OVERLAP,
	CLI_EVENT,
	CLI_POLICY,
	CLI_PURPOSE,
	CLI_REPOSITORY,
	CLI_NO_REPOSITORY,
	CLI_NOSEC,
	CLI_SMS,
	CLI_FOLLOW,
	CLI_RULE,
	CLI_SINCE,
	CLI_EVERY,
	CLI_PAYLOAD,
	CLI_FOR,
	CLI_CONFIG,
	CLI_DRY_RUN,
	CLI_FORMAT,
	CLI_NO_WAIT,
	CLI_OPTIONS
};

struct cli {
	const char *path; /* of the socket */
	bool socket_said; /* it is not the default */
	enum ctl_form form;
	const char *arg, *second;         /* behind the command; NULL: none */
	const char *options[CLI_OPTIONS]; /* NULL: not given */
	struct cli_wire *wire;            /* NULL: not connected yet */
};

struct cli_answer {
	enum ctl_status status;
	const uint8_t *body; /* until the next question */
	size_t len;
};

/* Before anything secret is read: no core dump, no trace in freed memory. */
void cli_begin(void);
void cli_end(struct cli *c);
/* CLI_DONE: *a is filled, whatever its status. */
MUST_USE int cli_ask(
	struct cli *c, const struct ctl_request *q, int timeout_ms, struct cli_answer *a);
/* The same, of what may be asked again: *lost: the gateway has gone amid the question; nothing was
   printed. */
MUST_USE int cli_ask_again(struct cli *c, const struct ctl_request *q, int timeout_ms,
	struct cli_answer *a, bool *lost);
/* As cli_ask(), and prints the answer. */
MUST_USE int cli_ask_print(struct cli *c, const struct ctl_request *q, int timeout_ms);
/* Prints a text that the gateway has sent: on the standard output, but people's errors. */
MUST_USE int cli_print(const struct cli *c, const struct cli_answer *a);
/* In which form the program speaks; before anything else. */
void cli_speak(enum ctl_form form);
/* "lwgatectl: sentence; remedy" on the standard error, or {"error", "remedy"} on the standard
   output. remedy NULL: none. Returns status. */
int cli_complain(int status, const char *remedy, const char *form, ...) PRINTF_LIKE(3, 4);
/* What was done, of a command that has no other answer. */
void cli_tell(const char *form, ...) PRINTF_LIKE(1, 2);
/* "lwgatectl: what detail; remedy" */
int cli_wrong(const char *what, const char *detail, const char *remedy);
int cli_not_understood(const struct cli *c);
/* Writes out to the standard output and empties it. */
MUST_USE int cli_put(struct ctl_out *o);

/* Octets of a key from hexadecimal in a file, "-" or NULL: the standard input, which is asked for
   without an echo when it is a terminal. what: "key". */
MUST_USE int cli_key(const char *file, const char *what, uint8_t *out, size_t cap, size_t *len);
/* The public key in a file, or of the certificate in it, see conf/spki; or its digest, written
   instead of the file's name. */
struct conf_spki;
MUST_USE int cli_public_key(const char *file, const char *option, bool pin, struct conf_spki *out);
/* The key of the store: 32 octets, or 64 hexadecimal digits. */
MUST_USE int cli_store_key(const char *file, uint8_t out[32]);
/* A file with keys: opened for reading if others may not read it, or the standard input ("-"); -1:
   said. */
MUST_USE int cli_open_secret(const char *file);

/* The commands. */
int cli_sessions(struct cli *c);
int cli_cred_put(struct cli *c, enum ctl_verb verb);
/* The options that say labels, end, overlap, purpose and right, into what does not say them. */
int cli_terms(const struct cli *c, struct ctl_cred *d);
/* --purpose, where an endpoint may have several. */
int cli_purpose(const struct cli *c, enum ctl_purpose *out);
/* Asks about an endpoint, or orders something of it, with that. */
int cli_one(struct cli *c, enum ctl_verb verb, int timeout_ms, struct cli_answer *a);
int cli_cred_show(struct cli *c);
int cli_cred_list(struct cli *c);
int cli_cred_import(struct cli *c);
int cli_cred_export(struct cli *c);
int cli_rewrap(struct cli *c);
int cli_policy_show(struct cli *c);
int cli_policy_explain(struct cli *c);
int cli_policy_test(struct cli *c);
int cli_policy_diff(struct cli *c);
int cli_events(struct cli *c);
int cli_top(struct cli *c);
int cli_trace(struct cli *c);
int cli_upgrade(struct cli *c);
/* These ask no gateway. */
int cli_key_new(struct cli *c);
int cli_key_csr(struct cli *c);
int cli_key_show(struct cli *c);

#endif
