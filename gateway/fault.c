/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/fault.h"

#include "base/attr.h"
#include "store/store.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A signal handler is told nothing but the address: this is the one thing that has to be known to
   all of the process. */
static _Atomic(const struct store *) watched;
static _Atomic(const char *) token;
static _Atomic(const char *) folder;
static _Atomic unsigned lost;

static const int faults[] = { SIGBUS, SIGSEGV, SIGABRT };

static bool say(const char *text)
{
	return write(STDERR_FILENO, text, strlen(text)) > 0;
}

static _Noreturn void end_of_database(void)
{
	const char *const where = atomic_load(&folder);
	const bool said = say("lwgated: ") && say(where ? where : "store.path") &&
			  say("/data.mdb: is damaged, or its disk cannot be read; look at the "
			      "disk, then put a copy back, or move the folder away to begin anew "
			      "(every device then shakes hands once)\n");
	_exit(said ? GW_FAULT_STATUS : GW_FAULT_STATUS + 1);
}

static void lose_page(void *address)
{
	const uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
	void *const page = (char *)address - (uintptr_t)address % size;
	const char *const file = atomic_load(&token);
	const void *const anew = mmap(
		page, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (anew == MAP_FAILED)
		end_of_database();
	if (file)
		(void)unlink(file);
	(void)atomic_fetch_add(&lost, 1);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	const struct store *const s = atomic_load(&watched);
	(void)context;
	/* What a damaged page led LMDB to write may be found out by the allocator. */
	switch (store_region(s, number == SIGABRT ? NULL : info->si_addr)) {
	case STORE_REGION_SLOTS:
		if (number == SIGBUS) {
			lose_page(info->si_addr);
			return;
		}
		break;
	case STORE_REGION_DATABASE:
		end_of_database();
	case STORE_REGION_NONE:
		break;
	}
	/* Not ours: the system deals with it. One that was sent does not happen again by itself. */
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

void gw_fault_install(const struct store *s, const char *path, const char *token_file)
{
	struct sigaction a = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	(void)sigemptyset(&a.sa_mask);
	atomic_store(&folder, path);
	atomic_store(&token, token_file);
	atomic_store(&watched, s);
	for (size_t i = 0; i < COUNT_OF(faults); i++)
		(void)sigaction(faults[i], &a, NULL);
}

void gw_fault_forget(void)
{
	for (size_t i = 0; i < COUNT_OF(faults); i++)
		(void)signal(faults[i], SIG_DFL);
	atomic_store(&watched, NULL);
	atomic_store(&token, NULL);
	atomic_store(&folder, NULL);
}

unsigned gw_fault_seen(void)
{
	return atomic_exchange(&lost, 0);
}
