/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/cli_key_file: a file with a key in it, whatever it is: a private key, a public key or a
 *                   certificate, PEM or DER.
 *
 * Promise: nobody is asked for a passphrase; nothing of a private key is shown. What was read is
 *          wiped.
 * Errors:  an exit status, what is wrong and the remedy having been printed. Threads: one.
 */
#ifndef LWG_CTL_CLI_KEY_FILE_H
#define LWG_CTL_CLI_KEY_FILE_H

#include "base/attr.h"

#include <openssl/types.h>

enum cli_key_kind { CLI_KEY_PRIVATE, CLI_KEY_PUBLIC, CLI_KEY_CERTIFICATE };

struct cli_key_file {
	enum cli_key_kind kind;
	EVP_PKEY *key; /* the holder frees it */
};

/* CLI_DONE: *out is filled, with an EC key over P-256, P-384 or P-521. file: "-" is the standard
   input. */
MUST_USE int cli_key_file_read(const char *file, struct cli_key_file *out);

#endif
