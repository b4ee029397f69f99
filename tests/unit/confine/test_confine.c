/* SPDX-License-Identifier: Apache-2.0 */
/* Each in a process of its own: who is confined stays so. */
#include "base/attr.h"
#include "base/log.h"
#include "base/sip.h"
#include "confine/calls.h"
#include "confine/caps.h"
#include "confine/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH = 64, NAME = 32, GOOD = 7, NOT_CONFINED = 8 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

struct folder {
	char path[PATH], mine[PATH * 2], other[PATH * 2];
};

static void make_file(const char *path)
{
	const int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	(void)close(fd);
}

static void make_folder(struct folder *f)
{
	(void)snprintf(f->path, sizeof(f->path), "/tmp/lwgate-confine-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	(void)snprintf(f->mine, sizeof(f->mine), "%s/mine", f->path);
	(void)snprintf(f->other, sizeof(f->other), "%s/other", f->path);
	assert_int_equal(mkdir(f->mine, 0700), 0);
	make_file(f->other);
}

static void remove_folder(const struct folder *f)
{
	char name[PATH * 3];
	(void)snprintf(name, sizeof(name), "%s/made", f->mine);
	(void)unlink(name);
	(void)unlink(f->other);
	(void)rmdir(f->mine);
	(void)rmdir(f->path);
}

static bool enter(enum confine_who who, enum confine_mode mode, const struct folder *f)
{
	char error[256];
	const struct log log = { .fd = -1, .level = LOG_LEVEL_ERROR, .name = "test" };
	struct confine_plan *const p = confine_plan_new(who, mode);
	p->log = &log;
	if (f)
		confine_add(p, CONFINE_WRITE, f->mine);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	const bool good = confine_enter(p, error, sizeof(error));
	free(p);
	return good;
}

/* What became of a child that does this in the sandbox: its wait status. */
static int outcome(enum confine_who who, void (*does)(const struct folder *), const char *words)
{
	struct folder f;
	int said[2];
	int status = 0;
	char text[1024] = "";
	make_folder(&f);
	assert_int_equal(pipe(said), 0);
	const pid_t child = fork();
	if (child == 0) {
		(void)dup2(said[1], STDERR_FILENO);
		if (!enter(who, CONFINE_ON, &f))
			_exit(NOT_CONFINED);
		does(&f);
		_exit(GOOD);
	}
	(void)close(said[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	const ssize_t len = read(said[0], text, sizeof(text) - 1);
	assert_true(len >= 0);
	if (words && !strstr(text, words))
		fail_msg("\"%s\" is not in: %s", words, text);
	(void)close(said[0]);
	remove_folder(&f);
	return status;
}

/* A kernel in which a part is missing has nothing to test. */
static bool is_here(void)
{
	const pid_t child = fork();
	int status = 0;
	if (child == 0)
		_exit(enter(CONFINE_GATEWAY, CONFINE_ON, NULL) ? GOOD : NOT_CONFINED);
	assert_int_equal(waitpid(child, &status, 0), child);
	return !SANITIZED && WIFEXITED(status) && WEXITSTATUS(status) == GOOD;
}

#define SKIP_IF_NOT_HERE()                                                                         \
	do {                                                                                       \
		if (!is_here())                                                                    \
			skip();                                                                    \
	} while (0)

static void expect_sigsys(
	enum confine_who who, void (*does)(const struct folder *), const char *words)
{
	const int status = outcome(who, does, words);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void expect_good(enum confine_who who, void (*does)(const struct folder *))
{
	const int status = outcome(who, does, NULL);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), GOOD);
}

/* --- calls ------------------------------------------------------------------------------------ */

static void asks_to_trace(const struct folder *f)
{
	(void)f;
	(void)syscall(SYS_ptrace, 0, 0, 0, 0);
}

static void maps_both(const struct folder *f)
{
	(void)f;
	void *const at =
		mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)munmap(at, 4096);
}

static void turns_both(const struct folder *f)
{
	(void)f;
	void *const at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)mprotect(at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void opens_packets(const struct folder *f)
{
	(void)f;
	(void)close(socket(AF_PACKET, SOCK_RAW, 0));
}

static void makes_a_space(const struct folder *f)
{
	(void)f;
	(void)syscall(SYS_clone, 0x10000000UL /* CLONE_NEWUSER */ | SIGCHLD, 0, 0, 0, 0);
}

static void becomes_another(const struct folder *f)
{
	char *const argv[] = { NULL };
	(void)execve(f->other, argv, argv);
}

static void *forbidden(void *unused)
{
	(void)prctl(PR_SET_NAME, "in-a-thread", 0, 0, 0);
	(void)syscall(SYS_ptrace, 0, 0, 0, 0);
	return unused;
}

static void asks_in_a_thread(const struct folder *f)
{
	pthread_t thread;
	(void)f;
	if (pthread_create(&thread, NULL, forbidden, NULL) == 0)
		(void)pthread_join(thread, NULL);
}

static void test_forbidden_calls_end_the_process_with_a_line(void **state)
{
	(void)state;
	SKIP_IF_NOT_HERE();
	expect_sigsys(CONFINE_GATEWAY, asks_to_trace, "name=ptrace thread=");
	expect_sigsys(CONFINE_GATEWAY, maps_both, "name=mmap");
	expect_sigsys(CONFINE_GATEWAY, turns_both, "name=mprotect");
	expect_sigsys(CONFINE_GATEWAY, opens_packets, "name=socket");
	expect_sigsys(CONFINE_GATEWAY, makes_a_space, "name=clone");
	expect_sigsys(CONFINE_GATEWAY, asks_in_a_thread, "thread=in-a-thread ");
}

/* An upgrade executes; the bridge has none. */
static void test_only_the_gateway_may_execute(void **state)
{
	(void)state;
	SKIP_IF_NOT_HERE();
	expect_sigsys(CONFINE_BRIDGE, becomes_another, "name=execve");
	expect_good(CONFINE_GATEWAY, becomes_another); /* but no file of this place */
}

/* What other C libraries do in isatty(), raise() and abort(); TCGETS2 as most machines have it. */
static void does_as_others(const struct folder *f)
{
	(void)f;
	(void)syscall(SYS_ioctl, STDERR_FILENO, 0x802c542aUL, NULL);
	if (syscall(SYS_tkill, syscall(SYS_gettid), 0) != 0)
		_exit(1);
}

static void test_other_C_libraries_live(void **state)
{
	(void)state;
	SKIP_IF_NOT_HERE();
	expect_good(CONFINE_GATEWAY, does_as_others);
	expect_good(CONFINE_BRIDGE, does_as_others);
}

static bool refused(int error)
{
	return errno == error;
}

static void cannot_be_root(const struct folder *f)
{
	(void)f;
	if (setuid(0) == 0 || !refused(EPERM))
		_exit(1);
}

static void test_nobody_is_become(void **state)
{
	(void)state;
	SKIP_IF_NOT_HERE();
	expect_good(CONFINE_GATEWAY, cannot_be_root);
}

/* Each name once for a daemon: else one that is taken from a line is still in another. */
static void test_the_lists_have_each_name_once(void **state)
{
	static char seen[512][NAME];
	size_t len = 0;
	(void)state;
	for (size_t i = 0; i < confine_calls_len; i++) {
		const char *at = confine_calls[i].names;
		for (size_t n = strcspn(at, " "); n > 0; n = strcspn(at, " ")) {
			assert_true(n < NAME && len < COUNT_OF(seen));
			memcpy(seen[len], at, n);
			for (size_t k = 0; k < len; k++)
				assert_string_not_equal(seen[k], seen[len]);
			len++;
			at += n;
			at += strspn(at, " ");
		}
	}
	assert_true(len > 100);
}

/* Whoever makes a list longer gives it another number, and writes the new print here. */
static void test_longer_lists_have_another_number(void **state)
{
	static const struct sip_key key = { 0 };
	uint64_t print = CONFINE_CALLS_NUMBER;
	(void)state;
	for (size_t i = 0; i < confine_calls_len; i++) {
		const char *const names = confine_calls[i].names;
		print = print * 31 + sip_hash(&key, (const uint8_t *)names, strlen(names));
		print = print * 31 + confine_calls[i].who;
	}
	assert_int_equal(CONFINE_CALLS_NUMBER, 3);
	assert_int_equal(print, UINT64_C(0xdc9d8c32e03c4655));
}

/* --- files ------------------------------------------------------------------------------------ */

static bool opens(const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

static bool binds(int kind)
{
	const struct sockaddr any = { .sa_family = AF_INET };
	const int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	const bool is_bound = bind(fd, &any, 16) == 0;
	const int why = errno;
	(void)close(fd);
	errno = why;
	return is_bound;
}

static void lives_in_its_folder(const struct folder *f)
{
	char name[PATH * 3], moved[PATH * 3];
	(void)snprintf(name, sizeof(name), "%s/made", f->mine);
	(void)snprintf(moved, sizeof(moved), "%s/moved", f->mine);
	if (!opens(name, O_CREAT | O_RDWR | O_TRUNC) || rename(name, moved) != 0 ||
		unlink(moved) != 0)
		_exit(1);
	if (opens(f->other, O_RDONLY) || !refused(EACCES))
		_exit(2);
	(void)snprintf(name, sizeof(name), "%s/new", f->path);
	if (opens(name, O_CREAT | O_WRONLY) || !refused(EACCES))
		_exit(3);
	if (unlink(f->other) == 0 || !refused(EACCES))
		_exit(4);
	if (!opens("/etc/passwd", O_RDONLY))
		_exit(5);
	if (opens("/etc/passwd", O_WRONLY) || !refused(EACCES))
		_exit(6);
}

static void test_files_of_others_are_not_reached(void **state)
{
	(void)state;
	SKIP_IF_NOT_HERE();
	expect_good(CONFINE_GATEWAY, lives_in_its_folder);
	expect_good(CONFINE_BRIDGE, lives_in_its_folder);
}

static void listens(const struct folder *f)
{
	(void)f;
	/* An older Landlock has no ports. */
	if (!binds(SOCK_STREAM) && !refused(EACCES))
		_exit(1);
	if (!binds(SOCK_DGRAM))
		_exit(2);
}

static void test_datagrams_are_free(void **state)
{
	(void)state;
	SKIP_IF_NOT_HERE();
	expect_good(CONFINE_GATEWAY, listens);
}

static void test_the_root_is_never_opened_as_a_whole(void **state)
{
	struct confine_plan *const p = confine_plan_new(CONFINE_BRIDGE, CONFINE_TRY);
	(void)state;
	assert_non_null(p);
	const size_t before = p->len;
	confine_add_folder_of(p, CONFINE_WRITE, "/file");
	confine_add_folder_of(p, CONFINE_READ, "file");
	confine_add_folder_of(p, CONFINE_READ, "/a/b/c");
	confine_add_folder_of(p, CONFINE_READ, "/a/b/d"); /* the same */
	confine_add_folder_of(p, CONFINE_READ, NULL);
	confine_add(p, CONFINE_READ, "");
	assert_int_equal(p->len, before + 3);
	assert_string_equal(p->places[before].path, "/file");
	assert_string_equal(p->places[before + 1].path, ".");
	assert_string_equal(p->places[before + 2].path, "/a/b");
	free(p);
}

static void test_too_many_places_are_told(void **state)
{
	char error[256] = "", name[NAME];
	struct confine_plan *const p = confine_plan_new(CONFINE_BRIDGE, CONFINE_ON);
	(void)state;
	assert_non_null(p);
	for (int i = 0; i < CONFINE_PLACES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "/place/%d", i);
		confine_add(p, CONFINE_READ, name);
	}
	assert_true(p->overflows);
	assert_false(confine_enter(p, error, sizeof(error)));
	assert_non_null(strstr(error, "sandbox"));
	free(p);
}

static void test_words(void **state)
{
	enum confine_mode mode = CONFINE_TRY;
	(void)state;
	assert_true(confine_mode_parse("off", &mode));
	assert_int_equal(mode, CONFINE_OFF);
	assert_true(confine_mode_parse("on", &mode));
	assert_int_equal(mode, CONFINE_ON);
	assert_true(confine_mode_parse("try", &mode));
	assert_int_equal(mode, CONFINE_TRY);
	assert_false(confine_mode_parse("", &mode));
	assert_false(confine_mode_parse("offline", &mode));
}

static void test_who_is_not_confined_lacks_nothing(void **state)
{
	(void)state;
	assert_int_equal(setenv("LWGATE_CONFINED", "1 1", 1), 0);
	assert_false(confine_lacks(CONFINE_GATEWAY)); /* nobody filters us, whatever it says */
	(void)unsetenv("LWGATE_CONFINED");
}

static void drops(void)
{
	confine_caps_bound();
	if (!confine_caps_drop() || chroot("/") == 0 || !refused(EPERM))
		_exit(1);
	if (!confine_caps_drop()) /* there is nothing to drop */
		_exit(2);
	_exit(GOOD);
}

static void test_no_capability_is_kept(void **state)
{
	int status = 0;
	const pid_t child = fork();
	(void)state;
	if (child == 0)
		drops();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == GOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forbidden_calls_end_the_process_with_a_line),
		cmocka_unit_test(test_only_the_gateway_may_execute),
		cmocka_unit_test(test_other_C_libraries_live),
		cmocka_unit_test(test_nobody_is_become),
		cmocka_unit_test(test_the_lists_have_each_name_once),
		cmocka_unit_test(test_longer_lists_have_another_number),
		cmocka_unit_test(test_files_of_others_are_not_reached),
		cmocka_unit_test(test_datagrams_are_free),
		cmocka_unit_test(test_the_root_is_never_opened_as_a_whole),
		cmocka_unit_test(test_too_many_places_are_told),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_who_is_not_confined_lacks_nothing),
		cmocka_unit_test(test_no_capability_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
