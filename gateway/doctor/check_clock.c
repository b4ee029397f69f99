/* SPDX-License-Identifier: Apache-2.0 */
/* The wall clock: certificates, ends of credentials and the store's time rest on it. */
#include "doctor/doctor.h"

#include "gateway/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>

enum { SLACK_S = 60, YEARS_AHEAD = 15 };
#define YEAR_S INT64_C(31557600)

static const char set_it[] = "timedatectl set-ntp true, or: date -u -s 'YYYY-MM-DD hh:mm:ss'";

static bool check_time(struct doctor *d, int64_t now_s)
{
	static const struct doctor_kind kind = { .id = "clock",
		.severity = DOCTOR_PROBLEM,
		.why = "dates of certificates are not looked at, or no certificate is taken, as "
		       "untrusted_clock says, and no credential ends" };
	static const struct doctor_kind ahead = { .id = "clock",
		.severity = DOCTOR_PROBLEM,
		.why = "certificates and credentials that are good count as expired" };
	char text[DOCTOR_DATE_MAX], built[DOCTOR_DATE_MAX];
	if (now_s < gw_clock_built_s()) {
		doctor_say(d, &kind, set_it,
			"it is %s by the clock, which is before lwgate was built (%s)",
			doctor_date(now_s, text), doctor_date(gw_clock_built_s(), built));
		return false;
	}
	if (now_s > gw_clock_built_s() + YEARS_AHEAD * YEAR_S) {
		doctor_say(d, &ahead, set_it,
			"it is %s by the clock, more than %d years after lwgate was built",
			doctor_date(now_s, text), YEARS_AHEAD);
		return false;
	}
	return true;
}

/* A file that the gateway wrote later than now: the clock has gone back since. */
static bool check_back(struct doctor *d, int64_t now_s)
{
	static const struct doctor_kind kind = { .id = "clock-jump",
		.severity = DOCTOR_PROBLEM,
		.why = "the clock is wrong now, or was then: what ends at a time ends at another "
		       "one" };
	char file[DOCTOR_PATH_MAX], text[DOCTOR_DATE_MAX], now[DOCTOR_DATE_MAX];
	struct stat st;
	if (!d->has_conf || d->conf.store_path == NULL)
		return true;
	(void)snprintf(file, sizeof(file), "%s/data.mdb", d->conf.store_path);
	if (stat(file, &st) != 0 || (int64_t)st.st_mtime <= now_s + SLACK_S)
		return true;
	doctor_say(d, &kind, set_it, "%s was written at %s, and it is %s by the clock", file,
		doctor_date((int64_t)st.st_mtime, text), doctor_date(now_s, now));
	return false;
}

static void check_sync(struct doctor *d)
{
	static const struct doctor_kind kind = { .id = "clock-sync",
		.severity = DOCTOR_ADVICE,
		.why = "a clock that nobody sets drifts by seconds a day, and begins anywhere "
		       "after "
		       "a power loss" };
	struct timex t = { 0 };
	const int state = adjtimex(&t);
	if (state < 0 || (t.status & STA_UNSYNC) == 0)
		doctor_good(
			d, kind.id, state < 0 ? "the kernel does not say" : "it is kept in time");
	else
		doctor_say(d, &kind, "timedatectl set-ntp true, or install chrony",
			"nothing keeps the clock in time (STA_UNSYNC)");
}

void doctor_check_clock(struct doctor *d)
{
	const int64_t now_s = (int64_t)(gw_clock_shown_ms() / 1000);
	char text[DOCTOR_DATE_MAX];
	const bool ok = check_time(d, now_s);
	const bool forth = check_back(d, now_s);
	if (ok && forth)
		doctor_good(d, "clock", "%s", doctor_date(now_s, text));
	check_sync(d);
}
