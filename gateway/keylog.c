/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/keylog.h"

#include "base/wipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char label[] = "CLIENT_RANDOM ";

enum {
	HEX_LEN = 2 * (GW_KEYLOG_RANDOM + GW_KEYLOG_MASTER),
	LINE_LEN = sizeof(label) - 1 + HEX_LEN + 2, /* a blank and a newline */
};

int gw_keylog_open(const char *file)
{
	const int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return -errno;
	return fd;
}

static char *hex(char *at, const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		*at++ = digits[data[i] >> 4];
		*at++ = digits[data[i] & 15];
	}
	return at;
}

void gw_keylog_write(int fd, const uint8_t client_random[GW_KEYLOG_RANDOM],
	const uint8_t master[GW_KEYLOG_MASTER])
{
	char line[LINE_LEN];
	memcpy(line, label, sizeof(label) - 1);
	char *at = hex(line + sizeof(label) - 1, client_random, GW_KEYLOG_RANDOM);
	*at++ = ' ';
	at = hex(at, master, GW_KEYLOG_MASTER);
	*at = '\n';
	const ssize_t ignored = write(fd, line, sizeof(line));
	(void)ignored;
	wipe(line, sizeof(line));
}
