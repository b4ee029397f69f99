/* SPDX-License-Identifier: Apache-2.0 */
#include "confine/filter.h"

#include "confine/calls.h"

#include <errno.h>
#include <string.h>

#if LWG_SECCOMP
#include <asm/termbits.h> /* TCGETS2: termios.h has it not */
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41 /* names of mappings, by the C library; linux/prctl.h of 5.17 */
#endif

enum {
	NAME_MAX_LEN = 32,
	SPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
		 CLONE_NEWPID | CLONE_NEWNET
};

struct making {
	scmp_filter_ctx filter;
	int count;
	int error; /* the first */
};

static void add(struct making *m, uint32_t action, const char *name, unsigned checks,
	const struct scmp_arg_cmp *check)
{
	const int number = seccomp_syscall_resolve_name(name);
	if (number == __NR_SCMP_ERROR)
		return; /* younger than the library */
	const int rc = seccomp_rule_add_array(m->filter, action, number, checks, check);
	/* EDOM: it is another architecture's. */
	if (rc == 0)
		m->count++;
	else if (rc != -EDOM && m->error == 0)
		m->error = rc;
}

static void add_all(struct making *m, uint32_t action, const char *names)
{
	while (*names != '\0') {
		char name[NAME_MAX_LEN];
		const size_t len = strcspn(names, " ");
		if (len < sizeof(name)) {
			memcpy(name, names, len);
			name[len] = '\0';
			add(m, action, name, 0, NULL);
		}
		names += len;
		names += strspn(names, " ");
	}
}

/* The argument is one of these. */
static void add_one_of(
	struct making *m, const char *name, unsigned arg, const uint64_t *values, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const struct scmp_arg_cmp is = SCMP_CMP(arg, SCMP_CMP_EQ, values[i], 0);
		add(m, SCMP_ACT_ALLOW, name, 1, &is);
	}
}

/* Of the bits, only these. */
static void add_bits(
	struct making *m, const char *name, unsigned arg, uint64_t mask, uint64_t value)
{
	const struct scmp_arg_cmp is = SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, mask, value);
	add(m, SCMP_ACT_ALLOW, name, 1, &is);
}

static void add_memory(struct making *m)
{
	static const char *const names[] = { "mmap", "mmap2", "mprotect" };
	const uint64_t both = PROT_WRITE | PROT_EXEC;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		add_bits(m, names[i], 2, both, 0);
		add_bits(m, names[i], 2, both, PROT_WRITE);
		add_bits(m, names[i], 2, both, PROT_EXEC);
	}
}

static void add_sockets(struct making *m)
{
	static const uint64_t families[] = { AF_UNIX, AF_INET, AF_INET6 };
	const struct scmp_arg_cmp routes[] = { SCMP_CMP(0, SCMP_CMP_EQ, AF_NETLINK, 0),
		SCMP_CMP(2, SCMP_CMP_EQ, 0 /* NETLINK_ROUTE: getaddrinfo(3) */, 0) };
	add_one_of(m, "socket", 0, families, COUNT_OF(families));
	add(m, SCMP_ACT_ALLOW, "socket", COUNT_OF(routes), routes);
	add_one_of(m, "socketpair", 0, families, 1);
}

static void add_threads(struct making *m)
{
	add_bits(m, "clone", 0, (uint64_t)(unsigned)SPACES, 0);
	/* Its flags are in memory, where no filter sees them: the C library then uses clone. */
	add(m, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL);
}

static void add_prctl(struct making *m, enum confine_who who)
{
	static const uint64_t both[] = { PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_SET_DUMPABLE,
		PR_GET_NO_NEW_PRIVS, PR_SET_NO_NEW_PRIVS, PR_CAPBSET_READ, PR_GET_SECCOMP,
		PR_SET_VMA };
	static const uint64_t successor[] = { PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_CAP_AMBIENT };
	add_one_of(m, "prctl", 0, both, COUNT_OF(both));
	if (who == CONFINE_GATEWAY)
		add_one_of(m, "prctl", 0, successor, COUNT_OF(successor));
}

static void add_ioctl(struct making *m, enum confine_who who)
{
	static const uint64_t both[] = {
		TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, SIOCGIFNAME, SIOCGIFINDEX,
#ifdef TCGETS2
		TCGETS2 /* isatty() of younger C libraries */
#endif
	};
	static const uint64_t modem[] = { TCSETS, TCSETSW, TCSETSF, TCFLSH, TCSBRK, TCSBRKP, TCXONC,
		TIOCMGET, TIOCMSET, TIOCMBIS, TIOCMBIC, TIOCEXCL, TIOCNXCL, TIOCOUTQ, TIOCGPGRP,
#ifdef TCGETS2
		TCSETS2, TCSETSW2, TCSETSF2
#endif
	};
	add_one_of(m, "ioctl", 1, both, COUNT_OF(both));
	if (who == CONFINE_BRIDGE)
		add_one_of(m, "ioctl", 1, modem, COUNT_OF(modem));
}

static void make(struct making *m, enum confine_who who)
{
	for (size_t i = 0; i < confine_calls_len; i++) {
		if ((confine_calls[i].who & 1U << who) != 0)
			add_all(m, SCMP_ACT_ALLOW, confine_calls[i].names);
	}
	add_all(m, SCMP_ACT_ERRNO(EPERM), confine_calls_refused);
	add_memory(m);
	add_sockets(m);
	add_threads(m);
	add_prctl(m, who);
	add_ioctl(m, who);
}

int confine_filter(enum confine_who who)
{
	struct making m = { .filter = seccomp_init(SCMP_ACT_TRAP) };
	if (!m.filter)
		return -ENOSYS;
	m.error = seccomp_attr_set(m.filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (m.error == 0)
		m.error = seccomp_attr_set(m.filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (m.error == 0)
		make(&m, who);
	if (m.error == 0)
		m.error = seccomp_load(m.filter);
	seccomp_release(m.filter);
	return m.error == 0 ? m.count : m.error;
}
#else
int confine_filter(enum confine_who who)
{
	(void)who;
	return -ENOSYS;
}
#endif
