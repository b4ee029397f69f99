/* SPDX-License-Identifier: Apache-2.0 */
#include "base/signals.h"

#include <stddef.h>

#include "base/attr.h"

void signals_block(sigset_t *before)
{
	static const int own[] = { SIGBUS, SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGSYS };
	sigset_t others;
	(void)sigfillset(&others);
	for (size_t i = 0; i < COUNT_OF(own); i++)
		(void)sigdelset(&others, own[i]);
	(void)pthread_sigmask(SIG_SETMASK, &others, before);
}

void signals_restore(const sigset_t *before)
{
	(void)pthread_sigmask(SIG_SETMASK, before, NULL);
}
