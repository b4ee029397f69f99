/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded before lwgated (LD_PRELOAD): ends the process like kill -9 right before, or right behind,
   the commit of the store that a test names. The file of KILL_AT has "ID N SIDE": the Nth commit
   from the first one that sees this ID, SIDE b or a. Without the file nothing happens. */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int mdb_txn_commit(void *txn); /* of liblmdb, whose types are not needed */

static int side_of_next(void)
{
	static long known = -1, left; /* the store has one writer */
	char text[64] = "", *at = text;
	const char *const name = getenv("KILL_AT");
	FILE *const f = name ? fopen(name, "re") : NULL;
	if (!f)
		return 0;
	const size_t len = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	const long id = len > 0 ? strtol(text, &at, 10) : 0, n = strtol(at, &at, 10);
	if (n <= 0 || *at != ' ')
		return 0;
	if (id != known) {
		known = id;
		left = n;
	}
	return --left == 0 ? at[1] : 0;
}

int mdb_txn_commit(void *txn)
{
	int (*const real)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "mdb_txn_commit");
	const int side = side_of_next();
	if (side == 'b')
		(void)kill(getpid(), SIGKILL);
	const int r = real(txn);
	if (side == 'a')
		(void)kill(getpid(), SIGKILL);
	return r;
}
