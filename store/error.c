/* SPDX-License-Identifier: Apache-2.0 */
#include "store/error.h"

#include <stdarg.h>
#include <stdio.h>

bool store_fail(struct store_error *error, const char *format, ...)
{
	if (error == NULL)
		return false;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return false;
}
