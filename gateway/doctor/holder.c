/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 512, LINK_MAX_LEN = 64, PATH_LEN = 64, DECIMAL = 10, HEX = 16 };
enum { FIELD_LOCAL = 1, FIELD_UID = 7, FIELD_INODE = 9 };

bool holder_read(const char *line, uint16_t port, unsigned long *inode, uid_t *uid)
{
	char copy[LINE_MAX_LEN], *rest = NULL;
	unsigned field = 0;
	bool found = false;
	(void)snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " \n", &rest); word != NULL;
		word = strtok_r(NULL, " \n", &rest), field++) {
		const char *const colon = strchr(word, ':');
		if (field == FIELD_LOCAL)
			found = colon != NULL && strtoul(colon + 1, NULL, HEX) == port;
		if (field == FIELD_UID)
			*uid = (uid_t)strtoul(word, NULL, DECIMAL);
		if (field == FIELD_INODE) {
			*inode = strtoul(word, NULL, DECIMAL);
			return found && *inode > 0;
		}
	}
	return false;
}

static bool has_socket(const char *pid, unsigned long inode)
{
	char folder[PATH_LEN], wanted[LINK_MAX_LEN], link[LINK_MAX_LEN];
	bool found = false;
	(void)snprintf(folder, sizeof(folder), "/proc/%.16s/fd", pid);
	(void)snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	DIR *const fds = opendir(folder);
	/* cppcheck-suppress readdirCalled; it is nobody else's */
	for (const struct dirent *e; fds != NULL && !found && (e = readdir(fds)) != NULL;) {
		const ssize_t n = readlinkat(dirfd(fds), e->d_name, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
		found = strcmp(link, wanted) == 0;
	}
	if (fds != NULL)
		(void)closedir(fds);
	return found;
}

void holder_name(pid_t pid, char out[HOLDER_NAME])
{
	char path[PATH_LEN];
	(void)snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	FILE *const f = fopen(path, "re");
	out[0] = '\0';
	if (f == NULL)
		return;
	if (fgets(out, HOLDER_NAME, f) != NULL)
		out[strcspn(out, "\n")] = '\0';
	(void)fclose(f);
}

static void find_process(unsigned long inode, struct holder *out)
{
	DIR *const all = opendir("/proc");
	/* cppcheck-suppress readdirCalled; it is nobody else's */
	for (const struct dirent *e; all != NULL && out->pid == 0 && (e = readdir(all)) != NULL;) {
		const long pid = strtol(e->d_name, NULL, DECIMAL);
		if (pid > 0 && has_socket(e->d_name, inode))
			out->pid = (pid_t)pid;
	}
	if (all != NULL)
		(void)closedir(all);
}

/* Of several sockets that of p->first, or the first one there is; its inode; 0: there is none. */
static unsigned long find_socket(FILE *f, const struct holder_port *p, struct holder *out)
{
	char line[LINE_MAX_LEN], first[PATH_LEN];
	unsigned long inode = 0, found = 0;
	uid_t uid = 0;
	(void)snprintf(first, sizeof(first), "%ld", (long)p->first);
	while (out->pid == 0 && fgets(line, sizeof(line), f) != NULL) {
		if (!holder_read(line, p->port, &inode, &uid))
			continue;
		if (p->first != 0 && has_socket(first, inode))
			out->pid = p->first;
		if (found == 0 || out->pid != 0) {
			found = inode;
			out->uid = uid;
		}
	}
	return found;
}

bool holder_find(const struct holder_port *p, struct holder *out)
{
	char path[PATH_LEN];
	*out = (struct holder){ .pid = 0 };
	(void)snprintf(
		path, sizeof(path), "/proc/net/%s%s", p->tcp ? "tcp" : "udp", p->ipv6 ? "6" : "");
	FILE *const f = fopen(path, "re");
	if (f == NULL)
		return false;
	const unsigned long inode = find_socket(f, p, out);
	(void)fclose(f);
	if (inode != 0 && out->pid == 0)
		find_process(inode, out);
	if (out->pid != 0)
		holder_name(out->pid, out->name);
	return inode != 0;
}
