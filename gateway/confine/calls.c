/* SPDX-License-Identifier: Apache-2.0 */
#include "confine/calls.h"

enum {
	GATEWAY = 1 << CONFINE_GATEWAY,
	BRIDGE = 1 << CONFINE_BRIDGE,
	BOTH = GATEWAY | BRIDGE,
};

const struct confine_calls confine_calls[] = {
	{ "memory: malloc, thread stacks, LMDB's map, secrets that are locked and not dumped",
		"brk munmap mremap madvise mlock mlock2 munlock msync mincore mseal "
		"membarrier riscv_hwprobe",
		BOTH },
	{ "files: configuration, credentials, store, images, spool, tokens, zone and name files",
		"open openat read pread64 readv preadv preadv2 write pwrite64 writev pwritev "
		"pwritev2 close close_range lseek _llseek stat stat64 lstat lstat64 fstat fstat64 "
		"fstatat64 newfstatat statx access faccessat faccessat2 readlink readlinkat getcwd "
		"getdents getdents64 fcntl fcntl64 flock dup dup2 dup3 pipe pipe2 umask statfs "
		"statfs64 fstatfs fstatfs64",
		BOTH },
	{ "files that are written: group commit, rotation, renaming into place",
		"ftruncate ftruncate64 fallocate fsync fdatasync fadvise64 fadvise64_64 "
		"arm_fadvise64_64 rename renameat renameat2 unlink unlinkat rmdir mkdir mkdirat "
		"chmod fchmod fchmodat chown chown32 lchown lchown32 fchown fchown32 fchownat "
		"utimensat utimensat_time64",
		BOTH },
	{ "waiting: libev, nng, libcurl, OpenSSL",
		"poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create "
		"epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2 "
		"timerfd_create timerfd_settime timerfd_settime64 timerfd_gettime "
		"timerfd_gettime64 signalfd signalfd4",
		BOTH },
	{ "sockets: devices, servers, operators, the bridge, the service manager, name servers",
		"bind connect listen accept accept4 getsockname getpeername send sendto sendmsg "
		"sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 shutdown setsockopt "
		"getsockopt socketcall",
		BOTH },
	{ "time",
		"clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep "
		"clock_nanosleep_time64 nanosleep gettimeofday time times",
		BOTH },
	/* tkill: raise() and abort() of musl */
	{ "threads: workers, the store's writer, resolver, repository, nng, libcurl",
		"futex futex_time64 futex_waitv set_robust_list get_robust_list rseq "
		"set_tid_address set_thread_area set_tls sched_yield sched_getaffinity "
		"sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min "
		"getcpu gettid getpid getppid tgkill tkill exit exit_group",
		BOTH },
	{ "signals",
		"rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend "
		"rt_sigtimedwait rt_sigtimedwait_time64 sigreturn sigaction sigprocmask "
		"sigaltstack restart_syscall",
		BOTH },
	{ "who and where we are; limits; random numbers",
		"getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getgroups "
		"getgroups32 getresuid getresuid32 getresgid getresgid32 getpgrp getpgid getsid "
		"uname sysinfo getrandom getrlimit ugetrlimit setrlimit prlimit64 getrusage capget",
		BOTH },
	{ "an upgrade: the new program is tried, then executed; it may only give up more",
		"execve wait4 waitid waitpid arch_prctl memfd_create capset seccomp "
		"landlock_create_ruleset landlock_add_rule landlock_restrict_self",
		GATEWAY },
};
const size_t confine_calls_len = COUNT_OF(confine_calls);

/* clone3 has its flags in memory, where no filter sees them: the C library then uses clone. A
   successor that is root no more may still try to become somebody. */
const char confine_calls_refused[] =
	"setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid "
	"setresuid32 setresgid setresgid32 setgroups setgroups32";
