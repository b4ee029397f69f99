/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/fleet_sms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { UPSTREAM_KEY = 16, FILES = 3 };
static const unsigned long long first_number = 447000000001;

static FILE *create(const char *file)
{
	const int fd = file ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
	FILE *const f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f && fd >= 0)
		(void)close(fd);
	return f;
}

static bool random_hex(size_t len, char *out)
{
	uint8_t key[FLEET_SMS_KEYS];
	if (getrandom(key, len, 0) != (ssize_t)len)
		return false;
	for (size_t i = 0; i < len; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", key[i]);
	return true;
}

static bool write_device(const struct fleet_sms_gen *g, FILE *const f[FILES], uint32_t n)
{
	char key[2 * FLEET_SMS_KEYS + 1], upstream[2 * UPSTREAM_KEY + 1];
	const char *const profile = sms_profile_name(g->profile);
	const unsigned long long number = first_number + n;
	if (!random_hex(FLEET_SMS_KEYS, key) || !random_hex(UPSTREAM_KEY, upstream))
		return false;
	(void)fprintf(f[0],
		"\t{ endpoint = \"urn:lwgate:sms-%05u\"; key = \"%s\";\n"
		"\t  sms = { number = \"%llu\"; profile = \"%s\"; };\n"
		"\t  upstream_identity = \"up-%05u\"; upstream_key = \"%s\"; }%s\n",
		n, key, number, profile, n, upstream, n + 1 == g->devices ? "" : ",");
	(void)fprintf(f[1], "up-%05u %s urn:lwgate:sms-%05u\n", n, upstream, n);
	(void)fprintf(f[2], "urn:lwgate:sms-%05u %llu %s %s\n", n, number, profile, key);
	return true;
}

bool fleet_sms_generate(const struct fleet_sms_gen *g)
{
	FILE *const f[FILES] = { create(g->credentials), create(g->keys), create(g->devices_file) };
	bool good = f[0] && f[1] && f[2];
	if (good)
		(void)fputs(
			"# Made by lwgate-fleet for a lab; the keys are random.\ncredentials = (\n",
			f[0]);
	for (uint32_t n = 0; good && n < g->devices; n++)
		good = write_device(g, f, n);
	if (good)
		(void)fputs(");\n", f[0]);
	for (size_t i = 0; i < FILES; i++)
		good = f[i] && (ferror(f[i]) | fclose(f[i])) == 0 && good;
	if (!good)
		(void)fprintf(stderr, "lwgate-fleet: the files could not be written whole: %s\n",
			strerror(errno));
	return good;
}
