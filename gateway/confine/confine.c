/* SPDX-License-Identifier: Apache-2.0 */
#include "confine/confine.h"

#include "base/log.h"
#include "confine/calls.h"
#include "confine/files.h"
#include "confine/filter.h"
#include "confine/trap.h"

#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Sanitizers open, map and trace what no filter should let pass. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { FILTERED = 2 /* of PR_GET_SECCOMP */, NUMBERS = 32 };

static const char variable[] = "LWGATE_CONFINED"; /* "<number of the calls> <version of files>" */
static const char *const words[] = {
	[CONFINE_TRY] = "try", [CONFINE_ON] = "on", [CONFINE_OFF] = "off"
};

/* What every program needs: names and addresses of hosts, zones, libraries, random numbers. */
static const struct {
	const char *path;
	enum confine_access access;
} everywhere[] = {
	{ "/etc", CONFINE_READ },
	{ "/usr", CONFINE_READ },
	{ "/lib", CONFINE_READ },
	{ "/lib64", CONFINE_READ },
	{ "/proc", CONFINE_READ },
	{ "/sys", CONFINE_READ },
	{ "/run", CONFINE_READ }, /* resolv.conf leads there */
	{ "/dev/urandom", CONFINE_READ },
	{ "/dev/random", CONFINE_READ },
	{ "/dev/null", CONFINE_DEVICE },
};

bool confine_mode_parse(const char *word, enum confine_mode *out)
{
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(word, words[i]) != 0)
			continue;
		*out = (enum confine_mode)i;
		return true;
	}
	return false;
}

/* --- the plan -------------------------------------------------------------------------------- */

void confine_add(struct confine_plan *p, enum confine_access access, const char *path)
{
	const size_t len = path ? strlen(path) : 0;
	if (len == 0)
		return;
	for (size_t i = 0; i < p->len && i < CONFINE_PLACES_MAX; i++) {
		if (p->places[i].access == access && strcmp(p->places[i].path, path) == 0)
			return;
	}
	if (p->len < CONFINE_PLACES_MAX && len < CONFINE_PATH_MAX) {
		memcpy(p->places[p->len].path, path, len + 1);
		p->places[p->len++].access = access;
	} else {
		p->overflows = true;
	}
}

void confine_add_folder_of(struct confine_plan *p, enum confine_access access, const char *path)
{
	char folder[CONFINE_PATH_MAX] = ".";
	const char *const slash = path ? strrchr(path, '/') : NULL;
	if (!path || path[0] == '\0')
		return;
	if (slash == path) { /* never the root as a whole */
		confine_add(p, access, path);
		return;
	}
	if (slash && (size_t)(slash - path) < sizeof(folder)) {
		memcpy(folder, path, (size_t)(slash - path));
		folder[slash - path] = '\0';
	}
	confine_add(p, access, folder);
}

/* A library beside which the next program's will be. */
static int add_library(struct dl_phdr_info *info, size_t size, void *plan)
{
	(void)size;
	if (info->dlpi_name && info->dlpi_name[0] == '/')
		confine_add_folder_of(plan, CONFINE_READ, info->dlpi_name);
	return 0;
}

struct confine_plan *confine_plan_new(enum confine_who who, enum confine_mode mode)
{
	struct confine_plan *const p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->who = who;
	p->mode = mode;
	for (size_t i = 0; i < COUNT_OF(everywhere); i++)
		confine_add(p, everywhere[i].access, everywhere[i].path);
	(void)dl_iterate_phdr(add_library, p);
	return p;
}

/* --- entering -------------------------------------------------------------------------------- */

/* What we live under already. */
struct before {
	bool filtered;
	int calls, files; /* 0: none of ours */
};

static struct before look_before(void)
{
	struct before b = { .filtered = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == FILTERED };
	const char *const text = b.filtered ? getenv(variable) : NULL;
	char *rest = NULL, *end = NULL;
	const long calls = text ? strtol(text, &rest, 10) : 0;
	const long files = rest && *rest == ' ' ? strtol(rest, &end, 10) : -1;
	if (!end || *end != '\0' || calls < 1 || calls > INT_MAX || files < 0 || files > INT_MAX)
		return b;
	b.calls = (int)calls;
	b.files = (int)files;
	return b;
}

bool confine_is_in_force(void)
{
	return look_before().files > 0;
}

bool confine_lacks(enum confine_who who)
{
	const struct before b = look_before();
	(void)who;
	return b.calls > 0 && b.calls < CONFINE_CALLS_NUMBER;
}

static bool refuse(char *error, size_t error_len, const char *what, int why)
{
	(void)snprintf(error, error_len,
		"sandbox = \"on\": %s cannot be had here: %s; use a kernel and a build that have "
		"it, "
		"or set sandbox = \"try\"",
		what, strerror(why));
	return false;
}

static void remember(int calls, int files)
{
	char text[NUMBERS];
	(void)snprintf(text, sizeof(text), "%d %d", calls, files);
	(void)setenv(variable, text, 1);
}

static void say(const struct confine_plan *p, int calls, int files, bool again)
{
	log_say(p->log, calls > 0 && files > 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "sandbox",
		"seccomp=%s landlock=%s version=%d%s", calls > 0 ? "yes" : "no",
		files > 0 ? "yes" : "no", files > 0 ? files : 0,
		again ? " from=\"the program before\"" : "");
}

/* The domain of the program before is kept as it is: sixteen can be stacked, no more. */
static bool enter(const struct confine_plan *p, const struct before *b, char *error, size_t len)
{
	if (p->overflows && p->mode == CONFINE_ON)
		return refuse(error, len, "Landlock for so many files", E2BIG);
	const int files = b->files > 0 ? b->files : p->overflows ? -E2BIG : confine_files(p);
	if (files < 0 && p->mode == CONFINE_ON)
		return refuse(error, len, "Landlock", -files);
	if (!confine_trap())
		return refuse(error, len, "a handler of SIGSYS", errno);
	const bool same = b->calls == CONFINE_CALLS_NUMBER;
	const int calls = same ? 1 : confine_filter(p->who);
	if (calls < 0 && p->mode == CONFINE_ON)
		return refuse(error, len, "seccomp", -calls);
	if (calls > 0)
		remember(CONFINE_CALLS_NUMBER, files > 0 ? files : 0);
	say(p, calls, files, same);
	return true;
}

bool confine_enter(const struct confine_plan *p, char *error, size_t error_len)
{
	const struct before b = look_before();
	if (p->mode == CONFINE_OFF) {
		log_say(p->log, LOG_LEVEL_WARN, "sandbox", "%s",
			b.calls > 0
				? "off, but that of the program before stays: restart to be rid "
				  "of it"
				: "off");
		return !b.calls || confine_trap();
	}
	if (SANITIZED && p->mode == CONFINE_ON)
		return refuse(error, error_len, "seccomp with a sanitizer", ENOTSUP);
	if (SANITIZED) {
		say(p, 0, 0, false);
		return true;
	}
	return enter(p, &b, error, error_len);
}
