/* SPDX-License-Identifier: Apache-2.0 */
#include "base/events_rows.h"

static const struct event_row rows[] = {
	{ "forbidden-call", EVENT_ERROR, EVENT_SYSTEM,
		"The program has made a system call that its sandbox does not allow, and "
		"ends with SIGSYS.",
		"Report the line; sandbox = \"off\" goes without." },
	{ "log-lost", EVENT_WARN, EVENT_OPERATOR | EVENT_SYSTEM,
		"Who reads the log does not keep up: so many lines are lost, and nothing waited "
		"for them.",
		"A log driver, journald or pipe that reads faster; or less of log.level." },
	{ "privileges", EVENT_WARN, EVENT_OPERATOR, "The program runs as root.",
		"user = \"lwgate\"." },
	{ "ready", EVENT_INFO, EVENT_OPERATOR, "The program is at work.", "Nothing." },
	{ "reload", EVENT_ERROR | EVENT_WARN | EVENT_INFO | EVENT_DEBUG, EVENT_OPERATOR,
		"What a reload has done; error: it has changed nothing.", "As the line says." },
	{ "sandbox", EVENT_INFO | EVENT_WARN, EVENT_OPERATOR | EVENT_SYSTEM,
		"What confines the program; warn: a part is missing, or it is off.",
		"A kernel with seccomp and Landlock; sandbox = \"on\" makes it a "
		"condition." },
	{ "start", EVENT_ERROR, EVENT_OPERATOR,
		"The program cannot start; the line says what is wrong.",
		"As the line says; lwgatectl doctor." },
	{ "stopped", EVENT_INFO, EVENT_OPERATOR, "The program has ended.", "Nothing." },
};

const struct event_rows events_both = { rows, COUNT_OF(rows) };
