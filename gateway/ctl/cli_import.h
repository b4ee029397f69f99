/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/cli_import: "credential import", for its files alone.
 *
 *   cli_import.c       the talk with the gateway; CSV, libconfig
 *   cli_import_text.c  what is read whole: Leshan's JSON, contents of Security Objects
 *   cli_import_try.c   --dry-run
 *
 * Memory:  one struct, in memory for secrets.
 */
#ifndef LWG_CTL_CLI_IMPORT_H
#define LWG_CTL_CLI_IMPORT_H

#include "base/attr.h"
#include "base/wr.h"
#include "ctl/cli.h"
#include "ctl/csv_cred.h"
#include "ctl/security_object.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLI_READ_AT_ONCE = 65536 };

enum cli_format {
	CLI_FORMAT_CONF, /* lwgate-credentials(5) */
	CLI_FORMAT_CSV,
	CLI_FORMAT_OBJECT_CSV, /* resources of Security Objects */
	CLI_FORMAT_LESHAN,
	CLI_FORMAT_TLV, /* and the rest: content of a Security Object */
	CLI_FORMAT_SENML_JSON,
	CLI_FORMAT_SENML_CBOR,
	CLI_FORMAT_LWM2M_JSON,
	CLI_FORMAT_JSON, /* one of those; it is seen which */
	CLI_FORMATS
};

struct importing {
	struct cli *cli;
	const char *name;
	int status; /* the first that was not CLI_DONE */
	enum cli_format format;
	bool dry;
	struct ctl_out refused; /* dry: by us, before the gateway has heard of it; ctl/tried */
	struct csv_cred csv;
	struct security_object object;
	char read[CLI_READ_AT_ONCE];
	struct wr w; /* into body */
	uint8_t body[CTL_BODY_MAX];
};

/* False: the status is not CLI_DONE any more. */
MUST_USE bool cli_import_ask(struct importing *i, const struct ctl_request *q, int timeout_ms);
MUST_USE bool cli_import_begin(struct importing *i);
/* What has been added goes to the gateway. */
MUST_USE bool cli_import_stage(struct importing *i);
/* ctx: struct importing. */
MUST_USE bool cli_import_add(void *ctx, const struct ctl_cred *c);
/* All of it, or the gateway forgets what has come when we hang up; or what it would be. */
MUST_USE int cli_import_commit(struct importing *i);
void cli_import_tell_private_keys(const struct importing *i, size_t n);

/* From there to the end. */
MUST_USE int cli_import_text(struct importing *i, const char *file);

MUST_USE bool cli_import_refused(void *ctx, unsigned line, const char *endpoint, const char *why);
MUST_USE int cli_import_try(struct importing *i);

#endif
