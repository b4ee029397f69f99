/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask-bsf: the gateway's client of a BSF, alone: for tests.
 *
 * usage: ask-bsf FILE       the gateway's configuration, of which `bsf` and `log` are used
 *
 * Standard input has a command a line; standard output gets a JSON object a line; the log, which
 * must have no keys, goes to standard error.
 *
 *   ask TAG SUBSCRIBER me|u aes|3des LIFETIME_S [AUTS RAND]    an answer follows: with its keys
 *   reload            as SIGHUP does in the gateway
 *   counts
 */
#include "base/log.h"
#include "conf/config.h"
#include "conf/hex.h"
#include "gateway/bsf.h"
#include "gateway/vault_openssl.h"
#include "gateway/worker.h"
#include "io/inbox.h"

#include <ev.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 1024, WORDS = 8, HELD = 65536 };

struct asker {
	struct gw_shared shared;
	struct conf_gateway conf;
	const char *file;
	struct inbox *inboxes[1];
	struct ev_loop *loop;
	ev_io in, inbox;
	char held[HELD];
	size_t len;
};

static void print_hex(const char *name, const uint8_t *octets, size_t len)
{
	(void)printf(", \"%s\": \"", name);
	for (size_t i = 0; i < len; i++)
		(void)printf("%02x", octets[i]);
	(void)printf("\"");
}

static void print_answer(const struct gw_bsf_answer *a)
{
	(void)printf("{\"tag\": %" PRIu64
		     ", \"result\": \"%s\", \"status\": %u, \"retry_after_s\": %u",
		a->tag, gw_bsf_cause((enum gw_bsf_result)a->result), a->status, a->retry_after_s);
	print_hex("kic", a->kic, a->key_len);
	print_hex("kid", a->kid, a->key_len);
	print_hex("gpi", a->gpi, a->gpi_len);
	(void)printf(", \"until_ms\": %" PRIu64 ", \"p_tid\": \"%s\"}\n", a->until_ms, a->p_tid);
	(void)fflush(stdout);
}

static void on_inbox(struct ev_loop *loop, ev_io *io, int events)
{
	struct asker *const x = io->data;
	struct inbox_message m;
	(void)loop;
	(void)events;
	while (inbox_take(x->inboxes[0], &m)) {
		struct gw_bsf_told told;
		memcpy(&told, m.data, sizeof(told));
		print_answer(told.answer);
		gw_bsf_answer_free(told.answer);
	}
}

static void ask(struct asker *x, char *const words[], size_t len)
{
	struct gw_bsf_ask a = { .cred = 7 };
	if (len < 6 || strlen(words[2]) > GW_BSF_SUBSCRIBER_MAX)
		return;
	a.tag = strtoull(words[1], NULL, 10);
	memcpy(a.subscriber, words[2], strlen(words[2]));
	a.uicc = strcmp(words[3], "u") == 0;
	a.triple_des = strcmp(words[4], "3des") == 0;
	a.lifetime_s = (uint32_t)strtoul(words[5], NULL, 10);
	a.resync = len == WORDS && strlen(words[6]) == sizeof(a.auts) * 2 &&
		   strlen(words[7]) == sizeof(a.rand) * 2 &&
		   conf_hex_read(words[6], sizeof(a.auts) * 2, a.auts) &&
		   conf_hex_read(words[7], sizeof(a.rand) * 2, a.rand);
	if (!gw_bsf_ask(&x->shared, &a)) {
		(void)printf("{\"tag\": %" PRIu64 ", \"result\": \"not-asked\"}\n", a.tag);
		(void)fflush(stdout);
	}
}

static void reload(struct asker *x)
{
	struct conf_gateway *const next = calloc(1, sizeof(*next));
	struct conf_error error = { "" };
	struct gw_bsf_setup *setup = NULL;
	const bool good = next && conf_load(x->file, next, &error) &&
			  gw_bsf_read(x->shared.bsf, next, &setup, &error);
	gw_bsf_take(x->shared.bsf, setup);
	if (next)
		conf_free(next);
	free(next);
	(void)printf("{\"reloaded\": %s}\n", good ? "true" : "false");
	(void)fflush(stdout);
	if (!good)
		(void)fprintf(stderr, "ask-bsf: %s\n", error.text);
}

static void counts(const struct asker *x)
{
	struct gw_bsf_counts c;
	gw_bsf_counts(x->shared.bsf, &c);
	(void)printf("{\"asked\": %" PRIu64 ", \"tokens\": %" PRIu64 ", \"under_way\": %" PRIu64
		     ", \"waiting\": %" PRIu64,
		c.asked, c.tokens, c.under_way, c.waiting);
	for (int i = 0; i < GW_BSF_RESULTS; i++)
		(void)printf(
			", \"%s\": %" PRIu64, gw_bsf_cause((enum gw_bsf_result)i), c.results[i]);
	(void)printf("}\n");
	(void)fflush(stdout);
}

static void command(struct asker *x, char *line)
{
	char *words[WORDS], *rest = NULL;
	size_t len = 0;
	for (char *w = strtok_r(line, " ", &rest); w && len < WORDS; w = strtok_r(NULL, " ", &rest))
		words[len++] = w;
	if (len > 0 && strcmp(words[0], "ask") == 0)
		ask(x, words, len);
	else if (len > 0 && strcmp(words[0], "reload") == 0)
		reload(x);
	else if (len > 0 && strcmp(words[0], "counts") == 0)
		counts(x);
}

static void on_input(struct ev_loop *loop, ev_io *io, int events)
{
	struct asker *const x = io->data;
	const ssize_t n = read(io->fd, x->held + x->len, sizeof(x->held) - x->len);
	(void)events;
	if (n <= 0) {
		ev_break(loop, EVBREAK_ALL);
		return;
	}
	x->len += (size_t)n;
	char *at = x->held, *end;
	while ((end = memchr(at, '\n', (size_t)(x->held + x->len - at))) != NULL) {
		*end = '\0';
		command(x, at);
		at = end + 1;
	}
	x->len = (size_t)(x->held + x->len - at);
	memmove(x->held, at, x->len);
}

static void serve(struct asker *x)
{
	x->loop = ev_default_loop(EVFLAG_NOENV);
	ev_io_init(&x->in, on_input, STDIN_FILENO, EV_READ);
	ev_io_init(&x->inbox, on_inbox, inbox_fd(x->inboxes[0]), EV_READ);
	x->in.data = x->inbox.data = x;
	ev_io_start(x->loop, &x->in);
	ev_io_start(x->loop, &x->inbox);
	gw_bsf_begin(x->shared.bsf, x->loop);
	(void)puts("{\"ready\": true}");
	(void)fflush(stdout);
	(void)ev_run(x->loop, 0);
	gw_bsf_end(x->shared.bsf);
	on_inbox(x->loop, &x->inbox, 0); /* who waited is told */
}

int main(int argc, char **argv)
{
	struct conf_error error = { "memory is short" };
	const struct log log = { .fd = STDERR_FILENO, .level = LOG_LEVEL_INFO, .name = "ask-bsf" };
	struct asker *const x = argc == 2 && gw_vault_install() ? calloc(1, sizeof(*x)) : NULL;
	if (!x)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	x->file = argv[1];
	x->inboxes[0] = inbox_new();
	const bool good = conf_load(x->file, &x->conf, &error) &&
			  gw_bsf_open(&x->conf, &log, x->inboxes, &x->shared.bsf, &error);
	if (good && x->shared.bsf)
		serve(x);
	else
		(void)fprintf(stderr, "ask-bsf: %s\n", error.text);
	gw_bsf_free(x->shared.bsf);
	inbox_free(x->inboxes[0]);
	conf_free(&x->conf);
	free(x);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
