/* SPDX-License-Identifier: Apache-2.0 */
#include "gba/kdf.h"

#include "base/wipe.h"
#include "base/wr.h"

#include <openssl/evp.h>
#include <string.h>

enum { FC = 0x01 };

static void parameter(struct wr *w, const void *p, size_t len)
{
	wr_bytes(w, p, len);
	wr_u16(w, (uint16_t)len);
}

size_t gba_s(const struct gba_s *in, uint8_t out[GBA_S_MAX])
{
	static const char *const names[] = { [GBA_IN_ME] = "gba-me", [GBA_IN_UICC] = "gba-u" };
	const size_t impi_len = strnlen(in->impi, GBA_IMPI_MAX + 1);
	if (impi_len > GBA_IMPI_MAX || in->naf_id_len > GBA_NAF_ID_MAX)
		return 0;
	struct wr w = wr_into(out, GBA_S_MAX);
	wr_u8(&w, FC);
	parameter(&w, names[in->where], strlen(names[in->where]));
	parameter(&w, in->rand, GBA_RAND);
	parameter(&w, in->impi, impi_len);
	parameter(&w, in->naf_id, in->naf_id_len);
	return wr_ok(&w) ? w.len : 0;
}

bool gba_ks_naf(const struct gba_s *in, const uint8_t ks[GBA_KEY], uint8_t out[GBA_KEY])
{
	uint8_t s[GBA_S_MAX];
	size_t made = 0;
	const size_t len = gba_s(in, s);
	const bool good = len > 0 &&
			  EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, ks, GBA_KEY, s, len, out,
				  GBA_KEY, &made) &&
			  made == GBA_KEY;
	if (!good)
		wipe(out, GBA_KEY);
	return good;
}
