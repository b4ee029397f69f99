/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tests/lab/labserver.h"

static const char *const op_names[OP_KINDS] = { "read", "discover", "write", "execute", "observe",
	"cancel" };

const char *server_op_name(enum server_op op)
{
	return op_names[op];
}

bool server_op_named(const char *name, size_t len, enum server_op *out)
{
	for (int op = 0; op < OP_KINDS; op++) {
		if (strlen(op_names[op]) == len && memcmp(op_names[op], name, len) == 0) {
			*out = (enum server_op)op;
			return true;
		}
	}
	return false;
}

/* A JSON string; what comes from outside cannot break out of it. */
static void put_text(const char *text, size_t len)
{
	(void)putchar('"');
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)text[i];
		(void)putchar(c >= 0x80 || !isprint(c) || c == '"' || c == '\\' ? '.' : c);
	}
	(void)putchar('"');
}

static void open_event(const struct peer *p, const char *event)
{
	(void)printf("{\"event\":\"%s\",\"endpoint\":", event);
	put_text(p->entry->endpoint, strlen(p->entry->endpoint));
}

static void close_event(void)
{
	(void)puts("}");
	(void)fflush(stdout);
}

void server_say(const struct peer *p, const char *event)
{
	open_event(p, event);
	(void)printf(",\"location\":\"rd/%u\"", (unsigned)p->location);
	close_event();
}

void server_say_op(const struct peer *p, enum server_op op, const char *outcome)
{
	open_event(p, "op");
	(void)printf(",\"op\":\"%s\",\"outcome\":\"%s\"", op_names[op], outcome);
	close_event();
}

void server_say_note(const struct peer *p, const uint8_t *value, size_t len)
{
	open_event(p, "notify");
	(void)printf(",\"number\":%u,\"value\":", (unsigned)p->notes);
	put_text((const char *)value, len < 64 ? len : 64);
	close_event();
}

void server_say_wrong(const struct peer *p, const char *claimed)
{
	open_event(p, "wrong_endpoint");
	(void)printf(",\"claimed\":");
	put_text(claimed, strlen(claimed));
	close_event();
}

void server_say_twice(const struct peer *p, uint32_t serial, unsigned try)
{
	open_event(p, "twice");
	(void)printf(",\"serial\":%u,\"try\":%u", (unsigned)serial, try);
	close_event();
}

/* Registered peers now, and of them those that have answered since the order "mark". */
static void put_reach(const struct server *s)
{
	unsigned registered = 0, reached = 0;
	for (size_t i = 0; i < s->keys.len; i++) {
		const struct peer *p = &s->peers[i];
		registered += p->location != 0;
		reached += p->location != 0 && p->answered > p->answered_mark;
	}
	(void)printf(",\"present\":%u,\"reached\":%u", registered, reached);
}

static void put_op(const struct op_counts *c)
{
	const char *comma = "";
	(void)printf("{\"sent\":%llu,\"answered\":%llu,\"reset\":%llu,\"timeout\":%llu,\"closed\":%"
		     "llu,\"codes\":{",
		(unsigned long long)c->sent, (unsigned long long)c->ended[END_ANSWERED],
		(unsigned long long)c->ended[END_RESET], (unsigned long long)c->ended[END_TIMEOUT],
		(unsigned long long)c->ended[END_CLOSED]);
	for (size_t i = 0; i < SERVER_CODES && c->codes[i].code; i++) {
		(void)printf("%s\"%u.%02u\":%llu", comma, c->codes[i].code >> 5 & 7U,
			c->codes[i].code & 31U, (unsigned long long)c->codes[i].count);
		comma = ",";
	}
	(void)printf("}}");
}

void server_say_summary(const struct server *s)
{
	const struct server_counts *c = &s->counts;
	(void)printf(
		"{\"event\":\"summary\",\"handshakes\":%llu,\"registered\":%llu,\"updated\":%llu,"
		"\"deregistered\":%llu,\"wrong_endpoint\":%llu,\"unknown_location\":%llu,\"unknown_"
		"identity\":%llu,"
		"\"notified\":%llu,\"notify_short\":%llu,\"rounds\":%llu,\"late\":%llu,"
		"\"posts\":%llu,"
		"\"serial_once\":%llu,\"serial_twice\":%llu,\"serial_odd\":%llu",
		(unsigned long long)c->handshakes, (unsigned long long)c->registered,
		(unsigned long long)c->updated, (unsigned long long)c->deregistered,
		(unsigned long long)c->wrong_endpoint, (unsigned long long)c->unknown_location,
		(unsigned long long)c->strangers, (unsigned long long)c->notified,
		(unsigned long long)c->notify_short, (unsigned long long)c->rounds,
		(unsigned long long)c->late, (unsigned long long)c->posts,
		(unsigned long long)c->serial_once, (unsigned long long)c->serial_twice,
		(unsigned long long)c->serial_odd);
	put_reach(s);
	(void)printf(",\"ops\":{");
	for (int op = 0; op < OP_KINDS; op++) {
		(void)printf("%s\"%s\":", op ? "," : "", op_names[op]);
		put_op(&c->ops[op]);
	}
	(void)printf("}");
	close_event();
}
