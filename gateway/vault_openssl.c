/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/vault_openssl.h"

#include "base/vault.h"

#include <openssl/crypto.h>

static void *take(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return vault_alloc(size);
}

static void *resize(void *p, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return vault_resize(p, size);
}

static void give(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	vault_release(p);
}

bool gw_vault_install(void)
{
	return CRYPTO_set_mem_functions(take, resize, give) == 1;
}
