/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded before lwgated: the thread that has read a request of the web waits before it hands its
   question on, as one does that has lost the processor just then. */
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { LATE_US = 800000 };

static __thread int late;

const char *nng_http_req_get_header(void *request, const char *name)
{
	static const char *(*next)(void *, const char *);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "nng_http_req_get_header");
	late = strcmp(name, "Accept") == 0; /* the last that is looked at */
	return next(request, name);
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	static int (*next)(pthread_mutex_t *);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "pthread_mutex_lock");
	if (late) {
		late = 0;
		(void)usleep(LATE_US);
	}
	return next(mutex);
}
