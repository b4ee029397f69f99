/* SPDX-License-Identifier: Apache-2.0 */
#include "confine/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LAST = 63 };

void confine_caps_bound(void)
{
	for (unsigned long cap = 0; cap <= LAST; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); /* EINVAL: the kernel has no such one */
}

bool confine_caps_drop(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
	memset(none, 0, sizeof(none));
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* older than 4.3: none */
	if (syscall(SYS_capset, &head, none) == 0)
		return true;
	/* A manager's own filter may refuse the call: then there must be nothing to drop. */
	struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3];
	memset(now, 0xff, sizeof(now));
	const int error = errno;
	const bool empty =
		syscall(SYS_capget, &head, now) == 0 && memcmp(now, none, sizeof(now)) == 0;
	errno = error;
	return empty;
}
