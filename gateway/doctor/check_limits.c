/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the process: the gateway's, where one runs; else those of who asks, whom prlimit knows
   as 0. */
#include "doctor/doctor.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* As gateway/advice counts them. */
enum { FILES_OF_WORKER = 4, FILES_OF_ALL = 64, LOCKED_ENOUGH = 64 << 20 };

static const char *whose(const struct doctor *d)
{
	return d->gateway != 0 ? "the gateway that runs" : "who asks here; a service has its own";
}

static void check_files(struct doctor *d)
{
	static const struct doctor_kind kind = { .id = "descriptors",
		.severity = DOCTOR_PROBLEM,
		.setting = "upstream",
		.why = "devices without a link to the server get 5.03" };
	const struct conf_gateway *const c = &d->conf;
	struct rlimit limit;
	uint64_t sockets = 0;
	bool alone = false;
	for (size_t i = 0; i < c->upstreams_len; i++) {
		sockets += c->upstreams[i].sockets;
		alone = alone || c->upstreams[i].sources_len == 0;
	}
	const uint64_t needed =
		c->workers * (sockets + c->listeners_len + FILES_OF_WORKER) + FILES_OF_ALL;
	if (prlimit(d->gateway, RLIMIT_NOFILE, NULL, &limit) != 0)
		return;
	/* Without sources each link has a socket; lwgated lifts its own limit to the hard one. */
	struct doctor_kind k = kind;
	if (limit.rlim_max >= FILES_OF_ALL + c->workers * (c->listeners_len + FILES_OF_WORKER))
		k.severity = DOCTOR_ADVICE;
	if (limit.rlim_max >= needed || (!alone && k.severity == DOCTOR_ADVICE))
		doctor_good(d, kind.id, "%" PRIu64 " for %s", (uint64_t)limit.rlim_max, whose(d));
	else
		doctor_say(d, &k,
			"LimitNOFILE=1048576 in the unit (systemctl edit lwgated), or ulimit -n; "
			"or "
			"upstream.sources; or a smaller upstream.sockets",
			"at most %" PRIu64 " descriptors (of %s), and %" PRIu64 " may be needed",
			(uint64_t)limit.rlim_max, whose(d), needed);
}

static void check_locked(struct doctor *d)
{
	static const struct doctor_kind kind = { .id = "memlock",
		.severity = DOCTOR_ADVICE,
		.why = "where more sessions are awake than fit, their keys may get into swap" };
	struct rlimit limit;
	if (prlimit(d->gateway, RLIMIT_MEMLOCK, NULL, &limit) != 0)
		return;
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= LOCKED_ENOUGH)
		doctor_good(d, kind.id, "enough memory may be locked");
	else
		doctor_say(d, &kind,
			"LimitMEMLOCK=infinity in the unit (systemctl edit lwgated), ulimit -l, or "
			"no "
			"swap",
			"at most %" PRIu64 " octets may be locked (of %s)",
			(uint64_t)limit.rlim_cur, whose(d));
}

void doctor_check_limits(struct doctor *d)
{
	check_files(d);
	check_locked(d);
}
