/* SPDX-License-Identifier: Apache-2.0 */
#include "swtpm.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STARTS = 20, READY_MS = 20000, TEXT = 128, PATH_LEN = 512 };

bool swtpm_exists(void)
{
	const char *const path = getenv("PATH");
	char text[PATH_LEN * 8];
	(void)snprintf(text, sizeof(text), "%s", path ? path : "");
	char *rest = NULL;
	for (char *at = strtok_r(text, ":", &rest); at; at = strtok_r(NULL, ":", &rest)) {
		char file[PATH_LEN];
		(void)snprintf(file, sizeof(file), "%s/swtpm", at);
		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static int bound(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* The TCTI wants the control channel at the port above the commands'. 0: try again. */
static uint16_t two_ports(void)
{
	struct sockaddr_in a = { .sin_port = 0 };
	socklen_t len = sizeof(a);
	const int one = bound(0);
	if (one < 0 || getsockname(one, (struct sockaddr *)&a, &len) != 0)
		return 0;
	const uint16_t port = ntohs(a.sin_port);
	const int two = port < UINT16_MAX ? bound((uint16_t)(port + 1)) : -1;
	(void)close(one);
	if (two < 0)
		return 0;
	(void)close(two);
	return port;
}

static _Noreturn void become(const struct swtpm *s, uint16_t port, int alive)
{
	char server[TEXT];
	char ctrl[TEXT];
	char state[TEXT];
	char pid[TEXT];
	(void)snprintf(server, sizeof(server), "type=tcp,port=%u,bindaddr=127.0.0.1", port);
	(void)snprintf(ctrl, sizeof(ctrl), "type=tcp,port=%u,bindaddr=127.0.0.1", port + 1U);
	(void)snprintf(state, sizeof(state), "dir=%s", s->folder);
	(void)snprintf(pid, sizeof(pid), "file=%s/pid", s->folder);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)fcntl(alive, F_SETFD, 0);
	const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	(void)dup2(nowhere, STDOUT_FILENO);
	(void)dup2(nowhere, STDERR_FILENO);
	(void)execlp("swtpm", "swtpm", "socket", "--tpm2", "--server", server, "--ctrl", ctrl,
		"--tpmstate", state, "--flags", "not-need-init,startup-clear", "--pid", pid,
		(char *)NULL);
	_exit(127);
}

static bool is_told(const char *events, size_t len)
{
	struct inotify_event e;
	for (size_t at = 0; at + sizeof(e) <= len; at += sizeof(e) + e.len) {
		memcpy(&e, events + at, sizeof(e));
		if (e.len > 0 && strcmp(events + at + sizeof(e), "pid") == 0)
			return true;
	}
	return false;
}

/* It writes its number down when its sockets are open; the pipe ends when it dies before. */
static bool hear(int written, int alive)
{
	char events[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
	struct pollfd p[] = { { .fd = written, .events = POLLIN }, { .fd = alive } };
	while (poll(p, 2, READY_MS) > 0 && p[0].revents == POLLIN) {
		const ssize_t n = read(written, events, sizeof(events));
		if (n <= 0 || is_told(events, (size_t)n))
			return n > 0;
	}
	return false;
}

static bool start_at(struct swtpm *s, uint16_t port)
{
	int pipes[2];
	const int written = inotify_init1(IN_CLOEXEC);
	if (written < 0 || inotify_add_watch(written, s->folder, IN_CLOSE_WRITE) < 0 ||
		pipe2(pipes, O_CLOEXEC) != 0)
		abort();
	s->pid = fork();
	if (s->pid == 0)
		become(s, port, pipes[1]);
	(void)close(pipes[1]);
	const bool ready = s->pid > 0 && hear(written, pipes[0]);
	(void)close(pipes[0]);
	(void)close(written);
	if (!ready)
		swtpm_stop(s);
	return ready;
}

void swtpm_prepare(struct swtpm *s)
{
	*s = (struct swtpm){ .pid = -1 };
	(void)snprintf(s->folder, sizeof(s->folder), "/tmp/lwgate-swtpm-XXXXXX");
	if (!mkdtemp(s->folder))
		abort();
}

bool swtpm_start(struct swtpm *s)
{
	for (int i = 0; i < STARTS; i++) {
		const uint16_t port = two_ports();
		(void)snprintf(s->tcti, sizeof(s->tcti), "swtpm:port=%u", port);
		if (port != 0 && start_at(s, port))
			return true;
	}
	return false;
}

void swtpm_stop(struct swtpm *s)
{
	if (s->pid <= 0)
		return;
	(void)kill(s->pid, SIGTERM);
	(void)waitpid(s->pid, NULL, 0);
	s->pid = -1;
}

static int not_a_folder(const struct dirent *e)
{
	return e->d_type != DT_DIR;
}

void swtpm_forget(struct swtpm *s)
{
	swtpm_stop(s);
	struct dirent **entries = NULL;
	const int count = scandir(s->folder, &entries, not_a_folder, alphasort);
	for (int i = 0; i < count; i++) {
		char file[PATH_LEN];
		(void)snprintf(file, sizeof(file), "%s/%s", s->folder, entries[i]->d_name);
		(void)unlink(file);
		free(entries[i]);
	}
	free(entries);
	(void)rmdir(s->folder);
}
