/* SPDX-License-Identifier: Apache-2.0 */
/* Any file where a database should be: nothing behind its end is read, and what is sound has no
   number that leads out of it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Without it nothing but the first octets would be looked at. */
static void mend(uint8_t *file, size_t len)
{
	static const uint8_t head[] = { 0xde, 0xc0, 0xef, 0xbe, 1, 0, 0, 0 };
	const uint32_t page = 256;
	for (size_t at = 0; at + (size_t)2 * page <= len && at <= page; at += page) {
		file[at + 10] = 8;
		file[at + 11] = 0;
		memcpy(file + at + 16, head, sizeof(head));
		memcpy(file + at + 40, &page, sizeof(page));
	}
}

static void look(const uint8_t *file, size_t len)
{
	struct pages_fault fault;
	const bool sound = pages_are_sound(file, len, &fault);
	assert(sound || fault.what != NULL);
	assert(sound || fault.need == 0 || fault.need > len / 32768 * 256);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *const exact = calloc(size > 0 ? size : 1, 1); /* the sanitizers know its end */
	if (exact == NULL)
		return 0;
	if (size > 0)
		memcpy(exact, data, size);
	look(exact, size);
	mend(exact, size);
	look(exact, size);
	free(exact);
	return 0;
}
