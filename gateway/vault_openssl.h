/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/vault_openssl: what OpenSSL keeps in memory is kept in the vault (I5, R-195).
 *
 * Promise: all that libcrypto and libssl allocate is out of core dumps and is wiped when freed.
 * Errors:  false: OpenSSL has allocated already, and goes on with what it had.
 * Threads: called once, before any other call of OpenSSL, and before there are threads.
 */
#ifndef LWG_GATEWAY_VAULT_OPENSSL_H
#define LWG_GATEWAY_VAULT_OPENSSL_H

#include "base/attr.h"

#include <stdbool.h>

MUST_USE bool gw_vault_install(void);

#endif
