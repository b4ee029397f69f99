/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/store/step.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Stops once before and once after the function. */
_Noreturn static void child(void (*run)(void *), void *arg)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(1);
	(void)raise(SIGSTOP);
	run(arg);
	(void)raise(SIGSTOP);
	_exit(0);
}

static bool stops_by(pid_t pid, int signal)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		assert(errno == EINTR);
	return WIFSTOPPED(status) && WSTOPSIG(status) == signal;
}

size_t step_through(void (*run)(void *), void (*look)(void *), void *arg)
{
#if defined(__SANITIZE_THREAD__)
	return 0; /* it would trace its own instructions, many for each, and there is one thread */
#endif
	const pid_t pid = fork();
	assert(pid >= 0);
	if (pid == 0)
		child(run, arg);
	if (!stops_by(pid, SIGSTOP))
		return 0;
	size_t steps = 0;
	bool more = true;
	while (more) {
		const bool stepped = ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0;
		assert(stepped);
		more = stops_by(pid, SIGTRAP);
		look(arg);
		steps++;
	}
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0)
		assert(errno == EINTR);
	return steps;
}

void *step_shared(size_t len)
{
	void *const p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert(p != MAP_FAILED);
	return p;
}
