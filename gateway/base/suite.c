/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suite.h"

#include <string.h>

/* Of the suites with ECDHE_PSK, OpenSSL has none with AES_128 and an AEAD mode: none is here. */
const struct suite suites[SUITES] = {
	{ .name = "TLS_PSK_WITH_AES_128_CCM_8",
		.openssl = "PSK-AES128-CCM8",
		.number = 0xc0a8,
		.initial = true,
		.guard = SUITE_CCM_8 },
	{ .name = "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
		.openssl = "ECDHE-ECDSA-AES128-CCM8",
		.number = 0xc0ae,
		.ecdsa = true,
		.initial = true,
		.guard = SUITE_CCM_8 },
	{ .name = "TLS_PSK_WITH_AES_128_GCM_SHA256",
		.openssl = "PSK-AES128-GCM-SHA256",
		.number = 0x00a8,
		.guard = SUITE_GCM },
	{ .name = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
		.openssl = "ECDHE-ECDSA-AES128-GCM-SHA256",
		.number = 0xc02b,
		.ecdsa = true,
		.guard = SUITE_GCM },
	{ .name = "TLS_PSK_WITH_AES_128_CCM",
		.openssl = "PSK-AES128-CCM",
		.number = 0xc0a4,
		.guard = SUITE_CCM },
	{ .name = "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
		.openssl = "ECDHE-ECDSA-AES128-CCM",
		.number = 0xc0ac,
		.ecdsa = true,
		.guard = SUITE_CCM },
	{ .name = "TLS_PSK_WITH_AES_128_CBC_SHA256",
		.openssl = "PSK-AES128-CBC-SHA256",
		.number = 0x00ae,
		.initial = true,
		.guard = SUITE_CBC },
	{ .name = "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
		.openssl = "ECDHE-ECDSA-AES128-SHA256",
		.number = 0xc023,
		.ecdsa = true,
		.initial = true,
		.guard = SUITE_CBC },
};

const struct suite *suite_find(uint16_t number)
{
	for (size_t i = 0; i < SUITES; i++) {
		if (suites[i].number == number)
			return &suites[i];
	}
	return NULL;
}

const struct suite *suite_named(const char *name)
{
	for (size_t i = 0; i < SUITES; i++) {
		if (strcmp(suites[i].name, name) == 0)
			return &suites[i];
	}
	return NULL;
}
