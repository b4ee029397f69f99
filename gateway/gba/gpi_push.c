/* SPDX-License-Identifier: Apache-2.0 */
#include "gba/gpi_push.h"

#include "base/rd.h"
#include "base/wr.h"

#include <string.h>

enum {
	TID = 0x00,
	PUSH = 0x06,
	APPLICATION_ID = 0x80 | 0x2f, /* a well-known header is a short integer */
	VERSION = 0x01,
	UINTVAR_ONE = 0x7f, /* what one octet of a uintvar holds */
};

/* With the octet 0 that ends each. */
static const char content_type[] = "application/vnd.3gpp.gba.gpi";
static const char application[] = "x-wap-application:gba.ua";
enum { HEADERS = sizeof(content_type) + 1 + sizeof(application) };
_Static_assert((int)HEADERS <= (int)UINTVAR_ONE, "their length is one octet");

size_t gba_gpi_push(uint32_t session, const uint8_t *gpi, size_t len, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	if (len == 0 || len > GBA_GPI_MAX)
		return 0;
	wr_u8(&w, TID);
	wr_u8(&w, PUSH);
	wr_u8(&w, HEADERS);
	wr_bytes(&w, content_type, sizeof(content_type));
	wr_u8(&w, APPLICATION_ID);
	wr_bytes(&w, application, sizeof(application));
	wr_u8(&w, VERSION);
	wr_u32(&w, session);
	wr_bytes(&w, gpi, len);
	return wr_ok(&w) ? w.len : 0;
}

static bool expect(struct rd *r, const void *wanted, size_t len)
{
	const uint8_t *const at = rd_bytes(r, len);
	return at && memcmp(at, wanted, len) == 0;
}

bool gba_gpi_read(
	const uint8_t *push, size_t len, uint32_t *session, const uint8_t **gpi, size_t *gpi_len)
{
	static const uint8_t head[] = { PUSH, HEADERS };
	static const uint8_t id = APPLICATION_ID, version = VERSION;
	struct rd r = rd_from(push, len);
	rd_skip(&r, 1); /* the TID is whoever's */
	if (!expect(&r, head, sizeof(head)) || !expect(&r, content_type, sizeof(content_type)) ||
		!expect(&r, &id, 1) || !expect(&r, application, sizeof(application)) ||
		!expect(&r, &version, 1))
		return false;
	*session = rd_u32(&r);
	*gpi_len = r.left;
	*gpi = rd_bytes(&r, r.left);
	return rd_ok(&r) && *gpi_len > 0 && *gpi_len <= GBA_GPI_MAX;
}
