/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/config.h"
#include "gateway/keylog.h"
#include "gateway/notify.h"
#include "gateway/privilege.h"

/* What changes the process for good is tried in a child. */
static void in_child(bool (*act)(void))
{
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(act() ? 0 : 1);
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static bool seals(void)
{
	struct conf_error error = { .text = "" };
	return gw_privilege_seal(&error) && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
	       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static void test_I5_no_core_dump_is_made(void **state)
{
	(void)state;
	in_child(seals);
}

static bool drops(void)
{
	struct conf_error error = { .text = "" };
	return gw_privilege_drop("nobody", "", &error) && geteuid() != 0 && getgid() != 0 &&
	       setuid(0) != 0 && getgroups(0, NULL) <= 1;
}

static bool names_the_missing_user(void)
{
	struct conf_error error = { .text = "" };
	return !gw_privilege_drop("no-such-user", "", &error) &&
	       strstr(error.text, "no-such-user") && strstr(error.text, "useradd") &&
	       !gw_privilege_drop("nobody", "no-such-group", &error) &&
	       strstr(error.text, "no-such-group");
}

static bool stays(void)
{
	struct conf_error error = { .text = "" };
	const uid_t before = geteuid();
	return gw_privilege_drop("", "", &error) && geteuid() == before;
}

static void test_root_is_dropped_for_good(void **state)
{
	(void)state;
	in_child(stays);
	if (geteuid() != 0)
		skip();
	in_child(drops);
	in_child(names_the_missing_user);
}

static bool raises(void)
{
	struct rlimit limit = { .rlim_cur = 64, .rlim_max = 128 };
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return false;
	gw_privilege_raise_files();
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 128;
}

static void test_all_descriptors_that_are_allowed_are_used(void **state)
{
	(void)state;
	in_child(raises);
}

static void test_the_service_manager_is_told(void **state)
{
	(void)state;
	char folder[] = "/tmp/lwgate-test-XXXXXX";
	assert_non_null(mkdtemp(folder));
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", folder);
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	char got[32];
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	gw_notify("READY=1");
	assert_int_equal(recv(fd, got, sizeof(got), 0), -1);
	assert_int_equal(setenv("NOTIFY_SOCKET", at.sun_path, 1), 0);
	gw_notify("READY=1");
	assert_int_equal(recv(fd, got, sizeof(got), 0), 7);
	assert_memory_equal(got, "READY=1", 7);
	(void)close(fd);
	(void)unlink(at.sun_path);
	(void)rmdir(folder);
}

static void test_R323_a_key_log_line_is_of_the_nss_format(void **state)
{
	(void)state;
	char path[] = "/tmp/lwgate-test-XXXXXX";
	const int made = mkstemp(path);
	assert_true(made >= 0);
	const int fd = gw_keylog_open(path);
	assert_true(fd >= 0);
	uint8_t random[GW_KEYLOG_RANDOM], master[GW_KEYLOG_MASTER];
	memset(random, 0xa5, sizeof(random));
	memset(master, 0x0f, sizeof(master));
	gw_keylog_write(fd, random, master);
	gw_keylog_write(fd, random, master);
	char text[512] = "";
	assert_int_equal(read(made, text, sizeof(text) - 1), 2 * (14 + 64 + 1 + 96 + 1));
	assert_memory_equal(text, "CLIENT_RANDOM a5a5", 18);
	assert_memory_equal(text + 14 + 62, "a5 0f0f", 7);
	assert_memory_equal(text + 14 + 64 + 1 + 94, "0f\nCLIENT_RANDOM", 16);
	(void)close(fd);
	(void)close(made);
	(void)unlink(path);
	assert_true(gw_keylog_open("/nonexistent/file") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I5_no_core_dump_is_made),
		cmocka_unit_test(test_root_is_dropped_for_good),
		cmocka_unit_test(test_all_descriptors_that_are_allowed_are_used),
		cmocka_unit_test(test_the_service_manager_is_told),
		cmocka_unit_test(test_R323_a_key_log_line_is_of_the_nss_format),
	};
	return cmocka_run_group_tests_name("gateway/system", tests, NULL, NULL);
}
