/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/fleet_gen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/wipe.h"

enum { KEY = 16, HEX = 2 * KEY + 1 };

static FILE *create(const char *file)
{
	if (!file)
		return NULL;
	const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 && fchmod(fd, 0600) == 0 ? fdopen(fd, "w") : NULL;
	if (!f)
		(void)fprintf(stderr, "%s: %s\n", file, strerror(errno));
	if (!f && fd >= 0)
		close(fd);
	return f;
}

static bool random_hex(char out[HEX])
{
	uint8_t key[KEY];
	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return false;
	for (size_t i = 0; i < sizeof(key); i++)
		(void)snprintf(out + 2 * i, 3, "%02x", key[i]);
	wipe(key, sizeof(key));
	return true;
}

struct files {
	FILE *credentials, *keys, *direct;
};

static bool write_device(const struct files *f, uint32_t n, bool last)
{
	char device_key[HEX], upstream_key[HEX];
	if (!random_hex(device_key) || !random_hex(upstream_key))
		return false;
	if (f->credentials)
		(void)fprintf(f->credentials,
			"\t{ endpoint = \"urn:lwgate:lab-%05u\"; identity = \"lab-%05u\"; key = "
			"\"%s\";\n"
			"\t  upstream_identity = \"up-%05u\"; upstream_key = \"%s\"; }%s\n",
			n, n, device_key, n, upstream_key, last ? "" : ",");
	if (f->keys)
		(void)fprintf(f->keys, "up-%05u %s urn:lwgate:lab-%05u\n", n, upstream_key, n);
	if (f->direct)
		(void)fprintf(f->direct, "lab-%05u %s urn:lwgate:lab-%05u\n", n, device_key, n);
	wipe(device_key, sizeof(device_key));
	wipe(upstream_key, sizeof(upstream_key));
	return true;
}

static bool finish(FILE *f)
{
	return !f || (ferror(f) | fclose(f)) == 0;
}

bool fleet_generate(const struct fleet_gen *g)
{
	const struct files f = { create(g->credentials), create(g->keys), create(g->direct_keys) };
	bool good = (!g->credentials || f.credentials) && (!g->keys || f.keys) &&
		    (!g->direct_keys || f.direct);
	if (f.credentials)
		(void)fputs(
			"# Made by lwgate-fleet for a lab; the keys are random.\ncredentials = (\n",
			f.credentials);
	for (uint32_t n = 1; good && n <= g->devices; n++)
		good = write_device(&f, n, n == g->devices);
	if (f.credentials)
		(void)fputs(");\n", f.credentials);
	const bool a = finish(f.credentials), b = finish(f.keys), c = finish(f.direct);
	if (!good || !a || !b || !c)
		(void)fprintf(stderr, "lwgate-fleet: the files could not be written whole\n");
	return good && a && b && c;
}
