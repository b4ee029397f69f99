/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/store/small.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { CHILD_BAD = 1, CHILD_SKIP = 77 };

static bool mount_in(const char *folder, size_t size)
{
	char options[64];
	(void)snprintf(options, sizeof(options), "size=%zu,mode=0700", size);
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("small", folder, "tmpfs", 0, options) == 0;
}

void small_disk(const char *folder, size_t size, void (*body)(void *arg), void *arg)
{
	(void)fflush(NULL);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!mount_in(folder, size))
			_exit(CHILD_SKIP);
		body(arg);
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_SKIP) {
		print_message("# no small disk: nothing can be mounted here without root\n");
		skip();
	}
	assert_int_equal(status, 0);
}

void small_must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "# %s\n", what);
	_exit(CHILD_BAD);
}

void small_fill(const char *file, size_t left)
{
	struct statvfs st;
	const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	small_must(fd >= 0 && fstatvfs(fd, &st) == 0, "there is no other file");
	const size_t bytes = st.f_bavail * st.f_frsize;
	if (bytes > left)
		small_must(posix_fallocate(fd, 0, (off_t)(bytes - left)) == 0, "it is not filled");
	(void)close(fd);
}
