/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "conf/spki.h"

enum { CAP = CONF_SPKI_FILE_MAX + 1 };

/* No file is called so. */
static bool is_digest(const char *text, bool pin)
{
	enum { DIGITS = 2 * CONF_SPKI_DIGEST };
	return strncmp(text, "sha-256:", 8) == 0 || strncmp(text, "ni:///", 6) == 0 ||
	       (pin && strlen(text) == DIGITS && strspn(text, "0123456789abcdefABCDEF") == DIGITS);
}

/* All of it, or CAP octets. False: errno says why. */
static bool read_all(int fd, char *out, size_t *len)
{
	*len = 0;
	while (*len < CAP) {
		const ssize_t n = read(fd, out + *len, CAP - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			return true;
		*len += (size_t)n;
	}
	return true;
}

static int wrong(const char *option, const char *file, const char *why)
{
	return cli_complain(CLI_USAGE, NULL, "%s %s: %s", option, file, why);
}

/* What is in the file may be a private key, by mistake: it is kept like one. */
static int from_file(const char *file, const char *option, bool pin, struct conf_spki *out)
{
	const bool input = strcmp(file, "-") == 0;
	const int fd = input ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;
	if (fd < 0)
		return cli_wrong(file, " cannot be opened", strerror(errno));
	char *const text = secret_new(CAP);
	const bool ok = text != NULL && read_all(fd, text, &len);
	const int error = errno;
	if (!input)
		(void)close(fd);
	int status = CLI_DONE;
	if (!ok) {
		status = cli_wrong(file, " cannot be read", strerror(error));
	} else {
		const char *const why =
			pin ? conf_spki_read_pin(text, len, out) : conf_spki_read(text, len, out);
		if (why != NULL)
			status = wrong(option, input ? "(standard input)" : file, why);
	}
	secret_free(text, CAP);
	return status;
}

/* A digest may be written instead of a file: it is no secret. */
int cli_public_key(const char *file, const char *option, bool pin, struct conf_spki *out)
{
	if (!is_digest(file, pin))
		return from_file(file, option, pin, out);
	const size_t len = strlen(file);
	const char *const why =
		pin ? conf_spki_read_pin(file, len, out) : conf_spki_read(file, len, out);
	return why == NULL ? CLI_DONE : wrong(option, "", why);
}
