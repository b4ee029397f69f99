/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store/swtpm: a simulated TPM 2.0 (swtpm) as a child, on loopback.
 *
 * Promise: ends with swtpm_stop(), or with the test program, however that ends. Its state stays in
 *          its folder until swtpm_forget().
 */
#ifndef LWG_TESTS_UNIT_STORE_SWTPM_H
#define LWG_TESTS_UNIT_STORE_SWTPM_H

#include "base/attr.h"

#include <stdbool.h>
#include <sys/types.h>

struct swtpm {
	char folder[64];
	char tcti[32]; /* "swtpm:port=N" */
	pid_t pid;
};

/* Is there a swtpm on this machine? */
bool swtpm_exists(void);
void swtpm_prepare(struct swtpm *s);
MUST_USE bool swtpm_start(struct swtpm *s);
void swtpm_stop(struct swtpm *s);
void swtpm_forget(struct swtpm *s);

#endif
