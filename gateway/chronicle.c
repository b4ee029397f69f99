/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/chronicle.h"

#include "gateway/chronicle_parts.h"
#include "io/inbox.h"
#include "sms/keyset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
	ENTRIES_A_TURN = 256, /* the main thread has other things to do */
	AGAIN_MS = 5000,
	MS = 1000,
	NS_PER_MS = 1000000,
	SAY_MAX = 160,
};

_Static_assert(sizeof(struct gw_entry) <= INBOX_MESSAGE_MAX, "an entry is one message");

struct gw_chronicle {
	const struct log *log;
	struct inbox *inbox;
	int poll, again; /* -1 */
	uint32_t again_ms;
	uint64_t entries;
	struct log_limit keys, keys_failed;
	char *path, *file, *user, *group; /* NULL: none */
	struct gw_file to;
	struct gw_pub pub;
	struct gw_recent recent;
	struct gw_tally tally[GW_TALLY_RULES];
	size_t rules;
	/* Of the entry that is told now. */
	struct inbox_message message;
	struct gw_entry entry;
	char line[GW_ENTRY_LINE];
};

/* --- the log --------------------------------------------------------------------------------- */

static enum log_level level_of(const struct gw_entry *e)
{
	if (e->outcome == GW_FAILED)
		return LOG_LEVEL_ERROR;
	return e->alert ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
}

static void say_learned(const struct log *log, const struct gw_entry *e)
{
	const bool refused = e->kind == GW_ENTRY_NOT_LEARNED;
	const char *const kind = gw_credential_word(e->credential);
	log_say(log, refused ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "learning",
		"%s: event=%s kind=%s generation=%llu: %s", e->endpoint, gw_learned_word(e->kind),
		kind ? kind : "unknown", (unsigned long long)e->new_generation, e->reason);
}

/* There may be many devices, with short lives of their keys. What failed has a bound of its own: it
   is not held back by what went well. */
static void say_keys(struct gw_chronicle *c, const struct gw_entry *e)
{
	const bool failed = e->reason[0] != '\0';
	log_limited(c->log, failed ? &c->keys_failed : &c->keys, e->wall_ms,
		failed ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "sms-keys",
		"endpoint=%s was=%s is=%s generation=%llu cause=%s", e->endpoint,
		keyset_state_name(e->was), keyset_state_name(e->is),
		(unsigned long long)e->new_generation, failed ? e->reason : "none");
}

static void say(const struct log *log, const struct gw_entry *e)
{
	const struct policy_decision d = { .device = e->device,
		.upstream = e->upstream,
		.refuse_resumption = e->refuse_resumption,
		.alert = e->alert };
	char decision[SAY_MAX];
	log_say(log, level_of(e), "policy",
		"%s: event=%s rule=%s outcome=%s %s generation=%llu->%llu: %s (%s)", e->endpoint,
		policy_event_word(e->event), e->rule, gw_outcome_word(e->outcome),
		e->asleep ? "asleep" : "awake", (unsigned long long)e->old_generation,
		(unsigned long long)e->new_generation,
		policy_decision_say(&d, decision, sizeof(decision)), e->reason);
}

/* --- an entry -------------------------------------------------------------------------------- */

static bool is_terminated(const char *text, size_t cap)
{
	return memchr(text, '\0', cap) != NULL;
}

bool gw_chronicle_put(struct inbox *to, const struct gw_entry *e)
{
	/* Sure: entries come as fast as the policy's pace, and must not be lost. */
	return inbox_post(to, INBOX_SURE, 0, e, sizeof(*e));
}

static void count(struct gw_chronicle *c, const struct gw_entry *e)
{
	size_t i = 0;
	while (i < c->rules && strcmp(c->tally[i].rule, e->rule) != 0)
		i++;
	if (i == GW_TALLY_RULES) /* its last row has no name */
		i--;
	else if (i == c->rules && ++c->rules < GW_TALLY_RULES)
		(void)snprintf(c->tally[i].rule, sizeof(c->tally[i].rule), "%s", e->rule);
	c->tally[i].entries[e->outcome]++;
}

static void tell(struct gw_chronicle *c, const struct gw_entry *e)
{
	struct gw_piece piece = { .line = c->line, .wall_ms = e->wall_ms };
	c->entries++;
	if (e->kind == GW_ENTRY_DECISION)
		count(c, e);
	if (e->kind == GW_ENTRY_DECISION)
		say(c->log, e);
	else if (e->kind == GW_ENTRY_SMS_KEYS)
		say_keys(c, e);
	else
		say_learned(c->log, e);
	piece.len = gw_entry_line(e, c->line, sizeof(c->line));
	if (piece.len > 0) {
		gw_recent_add(&c->recent, c->line, piece.len);
		gw_file_add(&c->to, &piece);
		gw_pub_add(&c->pub, &piece);
		return;
	}
	log_say(c->log, LOG_LEVEL_ERROR, "memory", "no line for an event; free some");
	c->to.unwritten += c->to.path != NULL;
	c->to.queue.lost += c->to.path != NULL;
	c->to.queue.lost_ms = e->wall_ms;
}

/* False: there are no more. */
static bool take_one(struct gw_chronicle *c)
{
	struct gw_entry *const e = &c->entry;
	if (!inbox_take(c->inbox, &c->message))
		return false;
	if (c->message.len != sizeof(*e))
		return true;
	memcpy(e, c->message.data, sizeof(*e));
	if (e->kind < GW_ENTRY_KINDS && is_terminated(e->endpoint, sizeof(e->endpoint)) &&
		is_terminated(e->rule, sizeof(e->rule)) &&
		is_terminated(e->reason, sizeof(e->reason)))
		tell(c, e);
	return true;
}

/* --- serving --------------------------------------------------------------------------------- */

static void set_again(const struct gw_chronicle *c)
{
	const uint32_t ms = c->to.failing ? c->again_ms : 0;
	const struct itimerspec at = { .it_value = { .tv_sec = ms / MS,
					       .tv_nsec = (long)(ms % MS) * NS_PER_MS } };
	(void)timerfd_settime(c->again, 0, &at, NULL);
}

static void flush(struct gw_chronicle *c)
{
	const bool was_failing = c->to.failing;
	gw_file_flush(&c->to);
	if (c->to.failing || was_failing)
		set_again(c);
	gw_pub_flush(&c->pub);
}

void gw_chronicle_serve(struct gw_chronicle *c)
{
	gw_pub_serve(&c->pub);
	for (size_t i = 0; i < ENTRIES_A_TURN; i++) {
		if (!take_one(c))
			break;
	}
	flush(c);
}

void gw_chronicle_reopen(struct gw_chronicle *c)
{
	gw_file_reopen(&c->to);
	if (c->to.path)
		set_again(c);
}

int gw_chronicle_fd(const struct gw_chronicle *c)
{
	return c->poll;
}

struct inbox *gw_chronicle_inbox(const struct gw_chronicle *c)
{
	return c->inbox;
}

int gw_chronicle_listener(const struct gw_chronicle *c)
{
	return c->pub.door;
}

void gw_chronicle_recent(struct gw_chronicle *c, struct ctl_recent *recent, struct ctl_out *out)
{
	gw_recent_read(&c->recent, recent, out);
}

size_t gw_chronicle_tally(const struct gw_chronicle *c, const struct gw_tally **out)
{
	*out = c->tally;
	return c->rules;
}

void gw_chronicle_facts(const struct gw_chronicle *c, struct gw_chronicle_facts *out)
{
	*out = (struct gw_chronicle_facts){
		.entries = c->entries,
		.refused = inbox_refused(c->inbox),
		.unwritten = c->to.unwritten,
		.unheard = c->pub.unheard,
		.waiting = gw_file_waiting(&c->to),
		.subscribers = gw_pub_count(&c->pub),
		.failing = c->to.failing,
	};
}

/* --- its life -------------------------------------------------------------------------------- */

static bool copy(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

static bool watch(const struct gw_chronicle *c, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };
	return fd < 0 || epoll_ctl(c->poll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static bool prepare(struct gw_chronicle *c, const struct gw_chronicle_settings *s)
{
	c->inbox = inbox_new();
	c->poll = epoll_create1(EPOLL_CLOEXEC);
	c->again = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return c->inbox && c->poll >= 0 && c->again >= 0 && copy(&c->path, s->path) &&
	       copy(&c->file, s->file) && copy(&c->user, s->user) && copy(&c->group, s->group);
}

static bool open_all(struct gw_chronicle *c, const struct gw_chronicle_settings *s, char *error,
	size_t error_len)
{
	struct gw_chronicle_settings own = *s;
	if (!prepare(c, s)) {
		(void)snprintf(error, error_len, "events: no memory or too many open files");
		return false;
	}
	own.path = c->path;
	own.group = c->group;
	c->to = (struct gw_file){
		.path = c->file, .user = c->user, .group = c->group, .log = s->log, .fd = -1
	};
	if (!gw_file_open(&c->to, error, error_len) ||
		!gw_pub_open(&c->pub, &own, error, error_len))
		return false;
	if (watch(c, inbox_fd(c->inbox)) && watch(c, c->again) && watch(c, c->pub.poll))
		return true;
	(void)snprintf(error, error_len, "events: cannot be waited for: %s", strerror(errno));
	return false;
}

struct gw_chronicle *gw_chronicle_open(
	const struct gw_chronicle_settings *s, char *error, size_t error_len)
{
	struct gw_chronicle *c = calloc(1, sizeof(*c));
	if (!c) {
		(void)snprintf(error, error_len, "events: no memory; free some");
		return NULL;
	}
	c->log = s->log;
	c->again_ms = s->again_ms > 0 ? s->again_ms : AGAIN_MS;
	c->poll = c->again = c->to.fd = c->pub.door = c->pub.poll = -1;
	for (size_t i = 0; i < GW_SUBSCRIBERS; i++)
		c->pub.subscribers[i].fd = -1;
	if (open_all(c, s, error, error_len))
		return c;
	gw_chronicle_close(c);
	return NULL;
}

void gw_chronicle_close(struct gw_chronicle *c)
{
	if (!c)
		return;
	while (c->inbox && take_one(c))
		continue;
	gw_pub_flush(&c->pub);
	gw_pub_close(&c->pub);
	gw_file_close(&c->to);
	gw_recent_fini(&c->recent);
	inbox_free(c->inbox);
	if (c->poll >= 0)
		(void)close(c->poll);
	if (c->again >= 0)
		(void)close(c->again);
	free(c->path);
	free(c->file);
	free(c->user);
	free(c->group);
	free(c);
}
