/* SPDX-License-Identifier: Apache-2.0 */
#include "confine/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/landlock.h. The numbers are the same on every architecture. */
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 };
enum { ASK_VERSION = 1, PATH_BENEATH = 1, NET_PORT = 2 };
enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_MAKE_SOCK = 1 << 9,
	FS_FIRST = (1 << 13) - 1, /* all of the first version */
	FS_REFER = 1 << 13,       /* since 2 */
	FS_TRUNCATE = 1 << 14,    /* since 3 */
	FS_IOCTL_DEV = 1 << 15,   /* since 5 */
	NET_BIND_TCP = 1 << 0,    /* since 4 */
	SCOPE_ABSTRACT = 1 << 0,  /* since 6 */
	SCOPE_SIGNAL = 1 << 1,    /* since 6 */
};
enum { V_REFER = 2, V_TRUNCATE = 3, V_NET = 4, V_IOCTL = 5, V_SCOPE = 6 };
enum {
	OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV,
	READS = FS_READ_FILE | FS_READ_DIR,
	WRITES = READS | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR |
		 FS_MAKE_REG | FS_MAKE_SOCK | FS_REFER | FS_TRUNCATE,
};

struct handled {
	uint64_t fs, net, scoped;
};

struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

struct port_rule {
	uint64_t allowed, port;
};

static const uint64_t rights[] = {
	[CONFINE_READ] = READS,
	[CONFINE_WRITE] = WRITES,
	[CONFINE_EXECUTE] = READS | FS_EXECUTE,
	[CONFINE_DEVICE] = FS_READ_FILE | FS_WRITE_FILE | FS_IOCTL_DEV,
};

/* A manager may hear us at an abstract name. */
static bool is_abstract(const char *name)
{
	return name && name[0] == '@';
}

static struct handled handled_by(int version)
{
	struct handled h = { .fs = FS_FIRST };
	h.fs |= version >= V_REFER ? FS_REFER : 0U;
	h.fs |= version >= V_TRUNCATE ? FS_TRUNCATE : 0U;
	h.fs |= version >= V_IOCTL ? FS_IOCTL_DEV : 0U;
	h.net = version >= V_NET ? NET_BIND_TCP : 0U;
	if (version >= V_SCOPE)
		h.scoped =
			SCOPE_SIGNAL | (is_abstract(getenv("NOTIFY_SOCKET")) ? 0U : SCOPE_ABSTRACT);
	return h;
}

/* An older kernel takes a shorter struct. */
static size_t size_of(int version)
{
	const struct handled h = { .fs = 0 };
	return version >= V_SCOPE ? sizeof(h)
	       : version >= V_NET ? sizeof(h.fs) + sizeof(h.net)
				  : sizeof(h.fs);
}

/* What is not there yet is reached by its folder, which is not the root's. -1: nothing. */
static int reach(const char *path)
{
	char folder[CONFINE_PATH_MAX];
	const int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	const char *const slash = strrchr(path, '/');
	const size_t len = slash ? (size_t)(slash - path) : 0;
	if (len == 0)
		return -1;
	memcpy(folder, path, len);
	folder[len] = '\0';
	return open(folder, O_PATH | O_CLOEXEC);
}

static void allow(int rules, const struct confine_place *place, const struct handled *h)
{
	struct stat st;
	const int fd = reach(place->path);
	if (fd < 0)
		return;
	struct path_rule rule = { .allowed = rights[place->access] & h->fs, .parent = fd };
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed &= OF_FILES;
	/* It fails for what no path leads to, such as a pipe: that is open already. */
	(void)syscall(ADD_RULE, rules, PATH_BENEATH, &rule, 0);
	(void)close(fd);
}

int confine_files(const struct confine_plan *p)
{
	const long version = syscall(CREATE_RULESET, NULL, (size_t)0, ASK_VERSION);
	if (version < 1)
		return version < 0 ? -errno : -ENOSYS;
	const struct handled h = handled_by((int)version);
	const int rules = (int)syscall(CREATE_RULESET, &h, size_of((int)version), 0);
	if (rules < 0)
		return -errno;
	for (size_t i = 0; i < p->len; i++)
		allow(rules, &p->places[i], &h);
	const struct port_rule port = { .allowed = NET_BIND_TCP, .port = p->tcp_port };
	if (h.net != 0 && p->tcp_port != 0)
		(void)syscall(ADD_RULE, rules, NET_PORT, &port, 0);
	const int failed = syscall(RESTRICT_SELF, rules, 0) == 0 ? 0 : -errno;
	(void)close(rules);
	return failed == 0 ? (int)version : failed;
}
