/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User data headers of a stranger (I7).
 *
 * What must hold: a header lies within the data; a concatenation is one that can be; what was read,
 * written and read again says the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms-bridge/pdu/udh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_udh: %s\n", what);
	abort();
}

static bool same(const struct udh *a, const struct udh *b)
{
	return a->joined == b->joined && a->wide == b->wide && a->reference == b->reference &&
	       a->total == b->total && a->number == b->number && a->marker == b->marker &&
	       a->ported == b->ported && a->to_port == b->to_port && a->from_port == b->from_port;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct udh u, again;
	size_t len = SIZE_MAX, used = 0;
	uint8_t out[UDH_MAX];
	if (!udh_read(data, size, &u, &len)) {
		must(len == 0 && !u.joined && u.marker == 0 && !u.ported, "something is left");
		return 0;
	}
	must(len > 0 && len <= size && len == (size_t)data[0] + 1, "a header of another length");
	must(!u.joined || (u.number > 0 && u.number <= u.total), "a number beyond the total");
	must(u.marker == 0 || u.marker == UDH_COMMAND || u.marker == UDH_RESPONSE, "a marker");
	const size_t n = udh_write(&u, out);
	must((n == 0) == (!u.joined && u.marker == 0 && !u.ported), "nothing is said of something");
	must(n <= len, "it grows");
	if (n > 0)
		must(udh_read(out, n, &again, &used) && used == n && same(&u, &again),
			"it says something else");
	return 0;
}
