/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over inputs that are known: replay FOLDER|FILE...
 * One TAP line per argument. A folder without inputs fails: a corpus that is lost must be seen.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_LEN = 4096 };

/* The target gets a block of exactly the file's size: one byte too far is seen under ASan. */
static bool replay_file(const char *path)
{
	struct stat st;
	FILE *const file = fopen(path, "rb");
	if (!file)
		return false;
	bool good = false;
	if (fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 0) {
		const size_t size = (size_t)st.st_size;
		uint8_t *const data = malloc(size ? size : 1);
		good = data && fread(data, 1, size, file) == size;
		if (good)
			(void)LLVMFuzzerTestOneInput(data, size);
		free(data);
	}
	(void)fclose(file);
	return good;
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static bool replay_entry(const char *folder, const char *name)
{
	char path[PATH_LEN];
	const int len = snprintf(path, sizeof(path), "%s/%s", folder, name);
	const bool good = len > 0 && (size_t)len < sizeof(path) && replay_file(path);
	if (!good)
		printf("# cannot read %s/%s\n", folder, name);
	return good;
}

/* Returns the number of inputs; 0 also when one could not be read. */
static size_t replay(const char *name)
{
	struct dirent **entries = NULL;
	const int count = scandir(name, &entries, visible, alphasort);
	if (count < 0)
		return replay_file(name) ? 1 : 0;
	bool good = true;
	for (int i = 0; i < count; i++) {
		good = replay_entry(name, entries[i]->d_name) && good;
		free(entries[i]);
	}
	free(entries);
	return good ? (size_t)count : 0;
}

int main(int argc, char **argv)
{
	printf("1..%d\n", argc - 1);
	(void)fflush(stdout); /* if a target dies, the plan stands and the line is missing */
	bool good = argc > 1;
	for (int i = 1; i < argc; i++) {
		const size_t count = replay(argv[i]);
		printf("%sok %d - R321 %zu inputs of %s\n", count ? "" : "not ", i, count, argv[i]);
		(void)fflush(stdout);
		good = good && count > 0;
	}
	return good ? 0 : 1;
}
