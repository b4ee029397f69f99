/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a store, which nobody has open, one of another version: schema_set FOLDER VERSION. What
   else is in it stays; that is what versions before the last few differ by, too. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <lmdb.h>

enum { TABLES = 32, VERSION_LEN = 4 };

static int put(MDB_env *env, uint32_t version)
{
	char name[] = "schema";
	uint8_t octets[VERSION_LEN];
	MDB_val key = { sizeof(name) - 1, name }, value = { sizeof(octets), octets };
	MDB_txn *txn = NULL;
	MDB_dbi meta;
	for (unsigned i = 0; i < VERSION_LEN; i++)
		octets[i] = (uint8_t)(version >> (24 - 8 * i));
	int rc = mdb_txn_begin(env, NULL, 0, &txn);
	if (rc != 0)
		return rc;
	rc = mdb_dbi_open(txn, "meta", 0, &meta);
	if (rc == 0)
		rc = mdb_put(txn, meta, &key, &value, 0);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

int main(int argc, char **argv)
{
	MDB_env *env = NULL;
	if (argc != 3)
		return 2;
	int rc = mdb_env_create(&env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(env, TABLES);
	if (rc == 0)
		rc = mdb_env_open(env, argv[1], 0, 0600);
	if (rc == 0)
		rc = put(env, (uint32_t)strtoul(argv[2], NULL, 10));
	if (env != NULL)
		mdb_env_close(env);
	if (rc != 0)
		(void)fprintf(stderr, "schema_set: %s\n", mdb_strerror(rc));
	return rc == 0 ? 0 : 1;
}
