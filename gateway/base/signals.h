/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/signals: which signals reach which thread.
 *
 * Promise: between the two calls nothing interrupts the calling thread, nor ever the threads that
 *          it begins there, but what they do themselves: SIGBUS, SIGSEGV, SIGABRT and so on.
 *          Blocked, these would end the process whatever handler they have.
 * Threads: any. Source: sigprocmask(2), signal(7).
 */
#ifndef LWG_BASE_SIGNALS_H
#define LWG_BASE_SIGNALS_H

#include <signal.h>

void signals_block(sigset_t *before);
void signals_restore(const sigset_t *before);

#endif
