/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/signals.h"

static void *mask_of(void *out)
{
	(void)pthread_sigmask(SIG_SETMASK, NULL, out);
	return NULL;
}

static void test_S16_a_thread_hears_of_its_own_faults_only(void **state)
{
	(void)state;
	static const int own[] = { SIGBUS, SIGSEGV, SIGABRT, SIGFPE, SIGILL };
	static const int others[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD, SIGPIPE };
	sigset_t first, before, inside;
	pthread_t thread;
	(void)mask_of(&first);
	signals_block(&before);
	assert_int_equal(pthread_create(&thread, NULL, mask_of, &inside), 0);
	signals_restore(&before);
	assert_int_equal(pthread_join(thread, NULL), 0);
	for (size_t i = 0; i < COUNT_OF(own); i++)
		assert_false(sigismember(&inside, own[i]));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_true(sigismember(&inside, others[i]));
	(void)mask_of(&before);
	for (int i = 1; i < SIGRTMIN; i++)
		assert_int_equal(sigismember(&before, i), sigismember(&first, i));
}

static void on_fault(int number)
{
	(void)number;
	_exit(42);
}

static void test_S16_a_fault_meets_its_handler(void **state)
{
	(void)state;
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		sigset_t before;
		(void)signal(SIGSEGV, on_fault);
		signals_block(&before);
		volatile uint8_t *const none =
			mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		*none = 1;
		_exit(1);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S16_a_thread_hears_of_its_own_faults_only),
		cmocka_unit_test(test_S16_a_fault_meets_its_handler),
	};
	return cmocka_run_group_tests_name("base/signals", tests, NULL, NULL);
}
