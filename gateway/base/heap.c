/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>

void heap_trim(void)
{
	(void)malloc_trim(0);
}
#else
void heap_trim(void)
{
}
#endif
