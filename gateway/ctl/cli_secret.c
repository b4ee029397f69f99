/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/wipe.h"
#include "conf/hex.h"

enum {
	TEXT_MAX = 1024,
	KEY_MIN = 16,
	STORE_KEY_LEN = 32,
	STORE_KEY_DIGITS = 64,
	HEX_MIN = 32,
	CANCEL = 3
};

/* Somebody has written the key itself where a file's name belongs. */
static bool looks_like_key(const char *text)
{
	return strlen(text) >= HEX_MIN && strspn(text, "0123456789abcdefABCDEF") == strlen(text);
}

static int refuse_key(void)
{
	return cli_wrong("a key is no name of a file, and others have seen it now", "",
		"make a new one, and put it into a file of mode 0600, or \"-\" reads it from the "
		"standard input");
}

/* What others may read is no secret. */
static bool kept_secret(int fd, const char *file)
{
	struct stat s;
	if (fstat(fd, &s) != 0) {
		(void)cli_wrong(file, " cannot be looked at", strerror(errno));
		return false;
	}
	if (!S_ISREG(s.st_mode) || (s.st_mode & S_IRWXO) == 0)
		return true;
	(void)cli_wrong(file, ": others can read the keys in it",
		"run chmod 0600 on it, and think whether they have");
	return false;
}

int cli_open_secret(const char *file)
{
	if (file == NULL || strcmp(file, "-") == 0)
		return STDIN_FILENO;
	const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		if (looks_like_key(file))
			(void)refuse_key();
		else
			(void)cli_wrong(file, " cannot be opened", strerror(errno));
		return -1;
	}
	if (kept_secret(fd, file))
		return fd;
	(void)close(fd);
	return -1;
}

/* A line of a terminal, or all there is. False: errno says why, or 0: too long. */
static bool read_up_to(int fd, char *text, size_t cap, bool line, size_t *len)
{
	*len = 0;
	while (*len < cap) {
		const ssize_t n = read(fd, text + *len, line ? 1 : cap - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0 || (line && text[*len] == '\n'))
			return true;
		if (line && text[*len] == CANCEL) {
			errno = ECANCELED;
			return false;
		}
		*len += (size_t)n;
	}
	errno = 0;
	return false;
}

/* No echo, and no signal that would leave the terminal so. */
static bool prompt(const char *what, char *text, size_t cap, size_t *len)
{
	struct termios before, quiet;
	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return false;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	quiet.c_lflag |= ICANON;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) != 0)
		return false;
	/* Not before: who sees it may type. */
	(void)fprintf(stderr, "%s, in hexadecimal: ", what);
	(void)fflush(stderr);
	const bool ok = read_up_to(STDIN_FILENO, text, cap, true, len);
	const int error = errno;
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	(void)fputc('\n', stderr);
	errno = error;
	return ok;
}

static int read_text(const char *file, const char *what, char text[TEXT_MAX], size_t *len)
{
	const int fd = cli_open_secret(file);
	if (fd < 0)
		return CLI_USAGE;
	const bool terminal = fd == STDIN_FILENO && isatty(fd) == 1;
	const bool ok = terminal ? prompt(what, text, TEXT_MAX, len)
				 : read_up_to(fd, text, TEXT_MAX, false, len);
	const int error = errno;
	if (fd != STDIN_FILENO)
		(void)close(fd);
	if (ok)
		return CLI_DONE;
	return error == 0 ? cli_wrong(what, " is too long to be one", "write it in hexadecimal")
			  : cli_wrong(what, " cannot be read", strerror(error));
}

static size_t without_blanks(char *text, size_t len)
{
	size_t kept = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\0' || strchr(" \t\r\n", text[i]) == NULL)
			text[kept++] = text[i];
	}
	return kept;
}

int cli_key(const char *file, const char *what, uint8_t *out, size_t cap, size_t *len)
{
	char text[TEXT_MAX];
	size_t text_len = 0;
	int status = read_text(file, what, text, &text_len);
	if (status == CLI_DONE) {
		text_len = without_blanks(text, text_len);
		*len = text_len / 2;
		if (*len < KEY_MIN || *len > cap)
			status = cli_wrong(what, " has a wrong length",
				"write 16 to 64 octets in hexadecimal, as from: openssl rand -hex "
				"16");
		else if (!conf_hex_read(text, text_len, out))
			status = cli_wrong(
				what, " is not hexadecimal", "write two digits 0-9, a-f an octet");
	}
	wipe(text, sizeof(text));
	return status;
}

int cli_store_key(const char *file, uint8_t out[32])
{
	static const char what[] = "the store's key";
	char text[TEXT_MAX];
	size_t len = 0;
	int status = read_text(file, what, text, &len);
	if (status == CLI_DONE && len == STORE_KEY_LEN) {
		memcpy(out, text, STORE_KEY_LEN);
	} else if (status == CLI_DONE) {
		const bool ok = without_blanks(text, len) == STORE_KEY_DIGITS &&
				conf_hex_read(text, STORE_KEY_DIGITS, out);
		if (!ok)
			status = cli_wrong(what, " is neither 32 octets nor 64 hexadecimal digits",
				"make one with: openssl rand -hex 32");
	}
	wipe(text, sizeof(text));
	return status;
}
