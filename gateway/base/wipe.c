/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"

#include <stdint.h>
#include <string.h>

void wipe(void *secret, size_t n)
{
	if (n == 0)
		return;
	explicit_bzero(secret, n);
}

bool same_secret(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *const x = a;
	const volatile uint8_t *const y = b;
	uint8_t differ = 0;
	for (size_t i = 0; i < n; i++)
		differ = (uint8_t)(differ | (x[i] ^ y[i]));
	return differ == 0;
}
