/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/kek: where the key-encryption key comes from: a file, a systemd credential, or a TPM 2.0.
 *
 * A file (and a systemd credential) holds 32 octets raw, or as 64 hexadecimal digits. It must not
 * be readable by others, nor lie in the store's folder. A TPM keeps a random KEK sealed under its
 * storage root key; the sealed object is a file that only this TPM can open.
 *
 * Promise: nothing is made up silently: a missing file is an error unless kek_make() was asked for.
 * Errors:  *error: the file, what is wrong, the remedy; never a byte of the key.
 * Source:  systemd.exec(5) LoadCredential; TPM 2.0 Library part 3, TPM2_Create, TPM2_Unseal.
 */
#ifndef LWG_STORE_KEK_H
#define LWG_STORE_KEK_H

#include "base/attr.h"
#include "store/error.h"
#include "store/keyring.h"

#include <stdbool.h>

enum kek_kind { KEK_FILE, KEK_SYSTEMD, KEK_TPM };

struct kek_source {
	enum kek_kind kind;
	const char *name;      /* file; name of the credential; TPM: file of the sealed object */
	const char *tcti;      /* TPM: how to reach it, "device:/dev/tpmrm0" or "swtpm:port=2321" */
	const char *store_dir; /* that the file must not lie in (TPM objects may); NULL: unknown */
};

MUST_USE bool kek_read(const struct kek_source *s, struct kek *out, struct store_error *error);
/* A fresh KEK, written to a new file (0600) or sealed by the TPM; an existing one is an error.
   KEK_SYSTEMD cannot be made from here: the error says how. */
MUST_USE bool kek_make(const struct kek_source *s, struct kek *out, struct store_error *error);
/* Is there something to read? */
MUST_USE bool kek_exists(const struct kek_source *s);

#endif
