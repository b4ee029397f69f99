/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <sys/mman.h>

#include "base/wipe.h"

static size_t mapped(size_t len)
{
	return len == 0 ? 1 : len;
}

void *secret_new(size_t len)
{
	void *region =
		mmap(NULL, mapped(len), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region == MAP_FAILED)
		return NULL;
	/* Both are best effort: an unprivileged gateway with a small RLIMIT_MEMLOCK must still
	   start. */
	(void)madvise(region, mapped(len), MADV_DONTDUMP);
	(void)mlock(region, mapped(len));
	return region;
}

void secret_seal(void *region, size_t len)
{
	(void)mprotect(region, mapped(len), PROT_READ);
}

void secret_free(void *region, size_t len)
{
	if (region == NULL)
		return;
	if (mprotect(region, mapped(len), PROT_READ | PROT_WRITE) == 0)
		wipe(region, len);
	(void)munmap(region, mapped(len));
}
