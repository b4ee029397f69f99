/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/fleet_sms.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INTERNATIONAL = 1, ISDN = 1, ROOM = 1024 };

/* --- messages to the gateway ------------------------------------------------------------------ */

static void append(struct fleet_sms_queue *q, struct fleet_sms_message *m)
{
	m->next = NULL;
	if (!q->first)
		q->last = &q->first;
	*q->last = m;
	q->last = &m->next;
	q->len++;
}

static struct fleet_sms_message *take_first(struct fleet_sms_queue *q)
{
	struct fleet_sms_message *const m = q->first;
	if (m) {
		q->first = m->next;
		q->len--;
	}
	return m;
}

static struct fleet_sms_message *take_answered(struct fleet_sms_queue *q, uint32_t sequence)
{
	struct fleet_sms_message *found = NULL;
	for (size_t n = q->len; n > 0; n--) {
		struct fleet_sms_message *const m = take_first(q);
		if (!found && m->sequence == sequence)
			found = m;
		else
			append(q, m);
	}
	return found;
}

void fleet_sms_queue(struct fleet_sms *f, struct fleet_sms_message *m)
{
	append(&f->waiting, m);
}

void fleet_sms_forget(struct fleet_sms *f)
{
	struct fleet_sms_message *m;
	while ((m = take_first(&f->under_way)) || (m = take_first(&f->waiting)))
		free(m);
}

/* --- the stream ------------------------------------------------------------------------------- */

/* What had no answer goes again, before the rest. */
void fleet_sms_hang_up(struct fleet_sms *f)
{
	struct fleet_sms_message *m;
	if (f->line.fd < 0)
		return;
	(void)close(f->line.fd);
	f->line.fd = -1;
	f->line.bound = false;
	f->line.in_len = f->line.out_len = 0;
	while ((m = take_first(&f->waiting)))
		append(&f->under_way, m);
	f->waiting = f->under_way;
	if (f->waiting.first == NULL)
		f->waiting.last = &f->waiting.first;
	f->under_way = (struct fleet_sms_queue){ .first = NULL };
}

static bool put(struct fleet_sms *f, const struct smpp_pdu *p)
{
	struct fleet_sms_line *const l = &f->line;
	const size_t n = smpp_write(p, l->out + l->out_len, sizeof(l->out) - l->out_len);
	l->out_len += n;
	return n > 0;
}

static void answer(struct fleet_sms *f, const struct smpp_pdu *to, const char *name)
{
	const struct smpp_pdu p = {
		.id = to->id | SMPP_RESP, .sequence = to->sequence, .name = name
	};
	if (!put(f, &p))
		fleet_sms_hang_up(f);
}

static void deliver(struct fleet_sms *f)
{
	struct fleet_sms_line *const l = &f->line;
	while (l->bound && f->waiting.first && f->under_way.len < FLEET_SMS_WINDOW &&
		sizeof(l->out) - l->out_len > ROOM) {
		struct fleet_sms_message *const m = take_first(&f->waiting);
		const struct fleet_sms_device *const d = &f->devices[m->device];
		m->sequence = l->sequence = l->sequence % SMPP_SEQUENCE_MAX + 1;
		const struct smpp_pdu p = { .id = SMPP_DELIVER_SM,
			.sequence = m->sequence,
			.sm = { .source = { INTERNATIONAL, ISDN, d->peer.digits },
				.destination = { INTERNATIONAL, ISDN, f->set->own },
				.esm_class = m->header ? SMPP_ESM_HEADER : 0,
				.pid = d->around.pid,
				.dcs = d->around.dcs,
				.text = m->data,
				.text_len = m->len } };
		append(&f->under_way, m);
		if (!put(f, &p))
			fleet_sms_hang_up(f);
	}
}

static void delivered(struct fleet_sms *f, const struct smpp_pdu *p)
{
	struct fleet_sms_message *const m = take_answered(&f->under_way, p->sequence);
	if (!m)
		return;
	if (p->status == SMPP_OK) {
		free(m);
		return;
	}
	f->counts.refused++;
	append(&f->waiting, m);
}

static void heard(struct fleet_sms *f, const struct smpp_pdu *p)
{
	char id[16];
	switch (p->id) {
	case SMPP_BIND_TRANSCEIVER:
		f->line.bound = true;
		f->counts.binds++;
		answer(f, p, "fleet");
		fleet_sms_say(f, "bound");
		return;
	case SMPP_SUBMIT_SM:
		(void)snprintf(id, sizeof(id), "%x", (unsigned)f->counts.mt_segments);
		answer(f, p, id);
		fleet_sms_heard(f, &p->sm);
		return;
	case SMPP_ENQUIRE_LINK:
		answer(f, p, "");
		return;
	case SMPP_UNBIND:
		answer(f, p, "");
		f->line.bound = false;
		return;
	case SMPP_DELIVER_SM | SMPP_RESP:
		delivered(f, p);
		return;
	default:
		return;
	}
}

/* False: the stream is broken. */
static bool take_frames(struct fleet_sms *f)
{
	struct fleet_sms_line *const l = &f->line;
	static uint8_t frame[SMPP_FRAME_MAX];
	struct smpp_pdu p;
	size_t n;
	while (l->fd >= 0 && sizeof(l->out) - l->out_len > ROOM) {
		const enum smpp_frame how = smpp_frame(l->in, l->in_len, &n);
		if (how != SMPP_WHOLE)
			return how == SMPP_MORE;
		memcpy(frame, l->in, n);
		l->in_len -= n;
		memmove(l->in, l->in + n, l->in_len);
		if (smpp_read(frame, n, &p) == SMPP_OK)
			heard(f, &p);
	}
	return true;
}

static bool receive(struct fleet_sms *f)
{
	struct fleet_sms_line *const l = &f->line;
	for (;;) {
		if (!take_frames(f))
			return false;
		if (l->fd < 0 || l->in_len == sizeof(l->in))
			return l->fd >= 0;
		const ssize_t n =
			recv(l->fd, l->in + l->in_len, sizeof(l->in) - l->in_len, MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		l->in_len += (size_t)n;
	}
}

static bool flush(struct fleet_sms_line *l)
{
	while (l->fd >= 0 && l->out_len > 0) {
		const ssize_t n = send(l->fd, l->out, l->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		l->out_len -= (size_t)n;
		memmove(l->out, l->out + n, l->out_len);
	}
	return true;
}

static void accept_one(struct fleet_sms *f)
{
	const int one = 1;
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	const int fd = accept4(f->line.listener, (struct sockaddr *)&from, &from_len,
		SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	fleet_sms_hang_up(f);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	f->line.fd = fd;
}

void fleet_sms_serve(struct fleet_sms *f)
{
	accept_one(f);
	if (f->line.fd < 0)
		return;
	bool good = receive(f);
	deliver(f);
	good = good && flush(&f->line);
	if (!good)
		fleet_sms_hang_up(f);
}

bool fleet_sms_listen(struct fleet_sms *f)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(f->set->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int one = 1;
	f->line.fd = -1;
	f->line.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->line.listener >= 0 &&
		setsockopt(f->line.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
		bind(f->line.listener, (struct sockaddr *)&a, sizeof(a)) == 0 &&
		listen(f->line.listener, 4) == 0)
		return true;
	(void)fprintf(stderr, "lwgate-fleet: port %u: %s\n", f->set->port, strerror(errno));
	return false;
}
