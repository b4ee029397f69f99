/* SPDX-License-Identifier: Apache-2.0 */
#include "confine/trap.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if LWG_SECCOMP
#include <seccomp.h>
#endif

enum { LINE = 512, DIGITS = 12, THREAD_NAME = 16 };

/* The names that an attacker's call would have, and those of malloc's own. */
#define CALL(name)                                                                                 \
	{                                                                                          \
		SYS_##name, #name                                                                  \
	}
#ifdef SYS_mmap
#define MMAP CALL(mmap)
#else
#define MMAP CALL(mmap2)
#endif
static const struct {
	long number;
	const char *name;
} known[] = {
	CALL(ptrace),
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(execve),
	CALL(execveat),
	CALL(clone),
	CALL(unshare),
	CALL(setns),
	CALL(chroot),
	CALL(pivot_root),
	CALL(mount),
	CALL(umount2),
	MMAP,
	CALL(munmap),
	CALL(madvise),
	CALL(brk),
	CALL(mprotect),
	CALL(socket),
	CALL(socketpair),
	CALL(ioctl),
	CALL(prctl),
	CALL(kill),
	CALL(tkill),
	CALL(personality),
	CALL(init_module),
	CALL(finit_module),
	CALL(delete_module),
	CALL(bpf),
	CALL(perf_event_open),
	CALL(keyctl),
	CALL(add_key),
	CALL(request_key),
	CALL(reboot),
	CALL(kexec_load),
	CALL(swapon),
	CALL(syslog),
	CALL(sethostname),
	CALL(settimeofday),
	CALL(clock_settime),
	CALL(adjtimex),
	CALL(mknodat),
	CALL(linkat),
	CALL(symlinkat),
	CALL(acct),
	CALL(quotactl),
	CALL(open_by_handle_at),
	CALL(name_to_handle_at),
	CALL(userfaultfd),
	CALL(shmget),
	CALL(semget),
	CALL(msgget),
	CALL(inotify_init1),
	CALL(fanotify_init),
	CALL(setpriority),
	CALL(sched_setscheduler),
	CALL(sched_setaffinity),
	CALL(io_setup),
	CALL(splice),
	CALL(sendfile),
	CALL(getitimer),
	CALL(setitimer),
	CALL(sync),
	CALL(truncate),
	CALL(utimensat),
	CALL(getxattr),
	CALL(setxattr),
	CALL(capset),
	CALL(wait4),
#ifdef SYS_io_uring_setup
	CALL(io_uring_setup),
#endif
#ifdef SYS_fork
	CALL(fork),
	CALL(vfork),
#endif
#ifdef SYS_pidfd_open
	CALL(pidfd_open),
#endif
#ifdef SYS_memfd_create
	CALL(memfd_create),
#endif
};
#undef CALL
#undef MMAP

struct line {
	char text[LINE];
	size_t len;
};

static void put(struct line *l, const char *text)
{
	while (*text != '\0' && l->len < sizeof(l->text) - 1)
		l->text[l->len++] = *text++;
}

static void put_number(struct line *l, long n)
{
	char text[DIGITS];
	size_t at = sizeof(text) - 1;
	text[at] = '\0';
	if (n < 0)
		put(l, "-");
	unsigned long left = n < 0 ? 0UL - (unsigned long)n : (unsigned long)n;
	do {
		text[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0 && at > 0);
	put(l, text + at);
}

/* It allocates, so it is not for a call that malloc makes with its lock held: these are known
   above. Whoever else has the lock gives it back, as all threads go on. */
static const char *resolved(long number)
{
#if LWG_SECCOMP
	const char *const name =
		seccomp_syscall_resolve_num_arch(seccomp_arch_native(), (int)number);
	return name ? name : "?";
#else
	(void)number;
	return "?";
#endif
}

static const char *name_of(long number)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].number == number)
			return known[i].name;
	}
	return resolved(number);
}

static void on_trap(int signal_number, siginfo_t *info, void *context)
{
	struct sigaction end = { .sa_handler = SIG_DFL };
	char thread[THREAD_NAME + 1] = "";
	struct line l = { .len = 0 };
	sigset_t only;
	(void)context;
	(void)prctl(PR_GET_NAME, thread, 0, 0, 0);
	put(&l, program_invocation_short_name);
	put(&l, " error forbidden-call number=");
	put_number(&l, info->si_syscall);
	put(&l, " name=");
	put(&l, name_of(info->si_syscall));
	put(&l, " thread=");
	put(&l, thread);
	put(&l, " why=\"the sandbox lets no such system call pass\" remedy=\"report this line; "
		"sandbox = \\\"off\\\" goes without\"\n");
	if (write(STDERR_FILENO, l.text, l.len) < 0)
		l.len = 0; /* nobody reads it: the signal remains */
	(void)sigaction(signal_number, &end, NULL);
	(void)sigemptyset(&only);
	(void)sigaddset(&only, signal_number);
	(void)sigprocmask(SIG_UNBLOCK, &only, NULL);
	(void)raise(signal_number);
	_exit(128 + signal_number);
}

bool confine_trap(void)
{
	struct sigaction act = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	(void)sigfillset(&act.sa_mask);
	return sigaction(SIGSYS, &act, NULL) == 0;
}
