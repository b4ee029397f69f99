/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rd.h"
#include "base/wipe.h"
#include "base/wr.h"
#include "ctl/csv_cred.h"
#include "ctl/show.h"

enum { EXPORT_MODE = 0600 };

/* --- sessions --------------------------------------------------------------------------------- */

struct page {
	uint32_t from;
	uint8_t widths[CTL_WIDTHS];
};

/* One page; rest is what the gateway has formatted. */
static int ask_page(struct cli *c, struct page *p, struct cli_answer *a)
{
	struct ctl_request q = { .form = c->form, .verb = CTL_SESSIONS };
	uint8_t body[4 + CTL_WIDTHS];
	struct wr w = wr_into(body, sizeof(body));
	wr_u32(&w, p->from);
	wr_bytes(&w, p->widths, sizeof(p->widths));
	q.body = body;
	q.body_len = w.len;
	const int status = cli_ask(c, &q, CLI_SHORT_MS, a);
	if (status != CLI_DONE || a->status != CTL_DONE)
		return status != CLI_DONE ? status : cli_print(c, a);
	struct rd r = rd_from(a->body, a->len);
	p->from = rd_u32(&r);
	rd_copy(&r, p->widths, sizeof(p->widths));
	if (!rd_ok(&r))
		return cli_not_understood(c);
	a->body = r.at;
	a->len = r.left;
	return CLI_DONE;
}

/* The members of the pages become one list. */
static void put_members(struct ctl_out *o, const struct cli_answer *a, bool *comma)
{
	if (*comma && a->len > 0)
		ctl_out_bytes(o, ",", 1);
	*comma = *comma || a->len > 0;
	ctl_out_bytes(o, a->body, a->len);
}

int cli_sessions(struct cli *c)
{
	struct page p = { 0 };
	struct ctl_out o = { 0 };
	bool comma = false;
	int status = CLI_DONE;
	const bool json = c->form == CTL_JSON;
	/* Begun with the first page: an error must be the whole answer. */
	for (bool first = true; status == CLI_DONE && (first || p.from != 0); first = false) {
		struct cli_answer a;
		status = ask_page(c, &p, &a);
		if (status != CLI_DONE)
			break;
		if (json && first)
			ctl_out_text(&o, "{\"sessions\":[");
		if (json)
			put_members(&o, &a, &comma);
		else
			ctl_out_bytes(&o, a.body, a.len);
		status = cli_put(&o);
	}
	if (json && status == CLI_DONE) {
		ctl_out_text(&o, "]}\n");
		status = cli_put(&o);
	}
	ctl_out_fini(&o);
	return status;
}

/* --- credentials ------------------------------------------------------------------------------ */

struct listing {
	struct cli *cli;
	bool secrets;
	void (*row)(struct listing *l, const struct ctl_cred *c);
	int (*put)(struct listing *l); /* what has gathered in out */
	struct ctl_out out;
	bool comma;
	int fd; /* of the file that it goes to */
	size_t count;
};

/* The rows of one page; *from moves on. */
static int list_page(struct listing *l, uint32_t *from)
{
	struct ctl_request q = { .form = l->cli->form, .verb = CTL_CRED_PAGE };
	struct cli_answer a;
	uint8_t body[5];
	struct wr w = wr_into(body, sizeof(body));
	wr_u32(&w, *from);
	wr_u8(&w, l->secrets);
	q.body = body;
	q.body_len = w.len;
	const int status = cli_ask(l->cli, &q, CLI_LONG_MS, &a);
	if (status != CLI_DONE || a.status != CTL_DONE)
		return status != CLI_DONE ? status : cli_print(l->cli, &a);
	struct rd r = rd_from(a.body, a.len);
	struct ctl_cred c;
	*from = rd_u32(&r);
	while (rd_ok(&r) && r.left > 0) {
		if (!ctl_cred_read(&r, &c))
			return cli_not_understood(l->cli);
		l->row(l, &c);
		wipe(&c, sizeof(c));
	}
	return rd_ok(&r) ? l->put(l) : cli_not_understood(l->cli);
}

static int list_all(struct listing *l)
{
	uint32_t from = 0;
	int status = CLI_DONE;
	do {
		status = list_page(l, &from);
	} while (status == CLI_DONE && from != 0);
	return status;
}

static void list_row(struct listing *l, const struct ctl_cred *c)
{
	if (l->comma && l->cli->form == CTL_JSON)
		ctl_out_bytes(&l->out, ",", 1);
	l->comma = true;
	ctl_show_cred_row(&l->out, l->cli->form, c);
}

/* The frame's beginning waits for the first page, like above. */
static int list_put(struct listing *l)
{
	struct ctl_out titles = { 0 };
	int status = CLI_DONE;
	if (l->count++ == 0) {
		if (l->cli->form == CTL_JSON)
			ctl_out_text(&titles, "{\"credentials\":[");
		else
			ctl_show_cred_titles(&titles);
		status = cli_put(&titles);
		ctl_out_fini(&titles);
	}
	return status == CLI_DONE ? cli_put(&l->out) : status;
}

int cli_cred_list(struct cli *c)
{
	struct listing l = { .cli = c, .row = list_row, .put = list_put };
	int status = list_all(&l);
	if (status == CLI_DONE && c->form == CTL_JSON) {
		ctl_out_text(&l.out, "]}\n");
		status = cli_put(&l.out);
	}
	ctl_out_fini(&l.out);
	return status;
}

int cli_cred_show(struct cli *c)
{
	struct cli_answer a;
	struct ctl_cred found;
	int status = cli_one(c, CTL_CRED_SHOW, CLI_SHORT_MS, &a);
	if (status != CLI_DONE || a.status != CTL_DONE)
		return status != CLI_DONE ? status : cli_print(c, &a);
	struct rd r = rd_from(a.body, a.len);
	struct ctl_out o = { 0 };
	if (!ctl_cred_read(&r, &found) || !rd_end(&r))
		return cli_not_understood(c);
	ctl_show_cred(&o, c->form, &found);
	status = cli_put(&o);
	ctl_out_fini(&o);
	return status;
}

/* --- export ----------------------------------------------------------------------------------- */

static void export_row(struct listing *l, const struct ctl_cred *c)
{
	if (l->secrets && c->state == CTL_CRED_REVOKED)
		return; /* it has no key any more */
	csv_cred_row(&l->out, l->secrets, c);
	l->count++;
}

static int export_put(struct listing *l)
{
	if (l->fd < 0)
		return cli_put(&l->out);
	size_t done = 0;
	while (!l->out.bad && done < l->out.len) {
		const ssize_t n = write(l->fd, l->out.data + done, l->out.len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cli_wrong("the file cannot be written", "", strerror(errno));
		done += (size_t)n;
	}
	wipe(l->out.data, l->out.len);
	l->out.len = 0;
	return l->out.bad ? cli_wrong("no memory", "", "free some") : CLI_DONE;
}

/* A new file, that nobody else had the time to open: never one that is there. */
static int export_file(struct listing *l, const char *file)
{
	l->fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, EXPORT_MODE);
	if (l->fd < 0)
		return cli_wrong(file, errno == EEXIST ? " is there already" : " cannot be made",
			errno == EEXIST ? "keys go to a new file only: name another"
					: strerror(errno));
	int status = fchmod(l->fd, EXPORT_MODE) == 0
			     ? list_all(l)
			     : cli_wrong(file, " is not ours", "name another");
	if (status == CLI_DONE && fsync(l->fd) != 0)
		status = cli_wrong(file, " cannot be written", strerror(errno));
	if (close(l->fd) != 0 && status == CLI_DONE)
		status = cli_wrong(file, " cannot be written", strerror(errno));
	if (status != CLI_DONE)
		(void)unlink(file);
	return status;
}

int cli_cred_export(struct cli *c)
{
	const char *file = c->options[CLI_WITH_SECRETS];
	if (file == NULL && c->form == CTL_JSON)
		return cli_cred_list(c); /* the same, in the form that was asked for */
	struct listing l = {
		.cli = c,
		.secrets = file != NULL,
		.row = export_row,
		.put = export_put,
		.fd = -1,
	};
	l.out.secret = l.secrets;
	csv_cred_titles(&l.out, l.secrets);
	const int status = file != NULL ? export_file(&l, file) : list_all(&l);
	ctl_out_fini(&l.out);
	if (status == CLI_DONE && file != NULL)
		cli_tell("%zu credentials with their keys are in %s", l.count, file);
	return status;
}
