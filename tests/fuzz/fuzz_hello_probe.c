/* SPDX-License-Identifier: Apache-2.0 */
/* What answers the doctor's ClientHello: anybody, with anything. */
#include <stdint.h>
#include <stdlib.h>

#include "doctor/hello_probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t alert = 1;
	const enum hello_answer a = hello_probe_read(data, size, &alert);
	if ((a != HELLO_ANSWER_ALERT && alert != 0) || (a == HELLO_ANSWER_GOOD && size < 14))
		abort();
	return 0;
}
