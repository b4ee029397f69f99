/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool conf_fail(struct conf_error *e, const char *name, unsigned line, const char *form, ...)
{
	const int head = line == 0 ? snprintf(e->text, sizeof(e->text), "%s: ", name)
				   : snprintf(e->text, sizeof(e->text), "%s:%u: ", name, line);
	const size_t used = head < 0 ? 0 : (size_t)head;
	if (used < sizeof(e->text)) {
		va_list args;
		va_start(args, form);
		(void)vsnprintf(e->text + used, sizeof(e->text) - used, form, args);
		va_end(args);
	}
	for (char *c = e->text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '.';
	}
	return false;
}
