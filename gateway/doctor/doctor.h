/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor/doctor: why a gateway does not start, or will not run well, before somebody finds out at
 *                three in the morning: one file for each kind of check.
 *
 * A finding says what is seen and where, why it matters, and what would be right: a command
 * wherever there is one. Its id does not change between versions; lwgatectl(1) lists them.
 *
 * Promise: nothing is changed, on this machine or elsewhere; no secret is in a finding. What cannot
 *          be looked at is a finding, too. The checks run without a gateway, and beside one.
 * Errors:  findings. When there are more than DOCTOR_FINDINGS, the last one says so.
 * Memory:  one struct in memory for secrets (the key of the store is read to try it).
 * Threads: one.
 */
#ifndef LWG_DOCTOR_DOCTOR_H
#define LWG_DOCTOR_DOCTOR_H

#include "base/attr.h"
#include "conf/config.h"
#include "ctl/out.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	DOCTOR_FINDINGS = 256,
	DOCTOR_SEEN_MAX = 512,
	DOCTOR_FILE_MAX = 256,
	DOCTOR_REMEDY_MAX = 320,
	DOCTOR_PATH_MAX = 1200,
	DOCTOR_DATE_MAX = 32,
};

enum doctor_severity { DOCTOR_OK, DOCTOR_ADVICE, DOCTOR_PROBLEM };

struct doctor_finding {
	const char *id;
	enum doctor_severity severity;
	char file[DOCTOR_FILE_MAX]; /* "": none */
	unsigned line;              /* 0: none, or the whole file */
	char seen[DOCTOR_SEEN_MAX];
	const char *why;                /* "": it is clear */
	char remedy[DOCTOR_REMEDY_MAX]; /* "": there is none */
};

struct doctor {
	const char *file;   /* lwgate.conf */
	const char *socket; /* of the control room; NULL: as the configuration says */
	struct conf_gateway conf;
	bool has_conf; /* else nothing of conf may be looked at */
	struct doctor_lines *lines;
	pid_t gateway; /* of the gateway that runs; 0: none does, or nobody knows */
	uid_t gateway_uid;
	size_t len;
	struct doctor_finding findings[DOCTOR_FINDINGS];
};

/* What a finding needs besides its sentence. */
struct doctor_kind {
	const char *id;
	enum doctor_severity severity;
	const char *setting; /* where it stands in lwgate.conf, see doctor_lines; NULL: nowhere */
	const char *why;
};

/* Wiped and given back by doctor_free(). NULL: no memory. */
MUST_USE struct doctor *doctor_new(const char *file, const char *socket);
void doctor_free(struct doctor *d);
/* All checks. */
void doctor_run(struct doctor *d);
/* How many findings are as bad as that. */
size_t doctor_count(const struct doctor *d, enum doctor_severity severity);
void doctor_text(const struct doctor *d, struct ctl_out *out);
void doctor_json(const struct doctor *d, struct ctl_out *out);

/* --- for the checks --------------------------------------------------------------------------- */

void doctor_say(struct doctor *d, const struct doctor_kind *k, const char *remedy, const char *form,
	...) PRINTF_LIKE(4, 5);
/* The same of "FILE:LINE: what is wrong; what would be right", as the other rooms say it. */
void doctor_say_error(struct doctor *d, const struct doctor_kind *k, const char *text);
/* All is well. */
void doctor_good(struct doctor *d, const char *id, const char *form, ...) PRINTF_LIKE(3, 4);

/* Does the system know it? *uid stays if not. */
bool doctor_user(const char *name, uid_t *uid);

/* Returns out: of seconds since 1970, in UTC; "" where there is no such year. */
const char *doctor_date(int64_t s, char out[DOCTOR_DATE_MAX]);

/* Returns out: the path of a file of the store. */
const char *doctor_in_store(const struct doctor *d, const char *name, char out[DOCTOR_PATH_MAX]);
/* The remedy where what is in the store is lost. */
extern const char doctor_store_back[];
/* Who has the store open: 0: nobody, or it cannot be said; a process, or -1. */
long doctor_store_holder(const struct doctor *d);

/* Each looks at one kind of thing. But for the first two, they need conf. */
void doctor_check_configuration(struct doctor *d); /* reads conf */
void doctor_check_running(struct doctor *d);
void doctor_check_keys(struct doctor *d); /* credentials, policy, keys and certificates */
void doctor_check_user(struct doctor *d);
void doctor_check_modes(struct doctor *d);
void doctor_check_folders(struct doctor *d); /* of what lwgated makes */
void doctor_check_certificates(struct doctor *d);
void doctor_check_store(struct doctor *d);
void doctor_check_store_data(struct doctor *d); /* of one that is there */
void doctor_check_disk(struct doctor *d);
void doctor_check_clock(struct doctor *d);
void doctor_check_ports(struct doctor *d);
void doctor_check_kernel(struct doctor *d); /* buffers, port range */
void doctor_check_limits(struct doctor *d);
void doctor_check_openssl(struct doctor *d);
void doctor_check_upstreams(struct doctor *d);
void doctor_check_bridge(struct doctor *d);

#endif
