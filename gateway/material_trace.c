/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a material afterwards: whether it is another, what it says of who is in. */
#include "gateway/clock.h"
#include "gateway/material_parts.h"
#include "store/store.h"

#include <string.h>

_Static_assert((int)GW_TRACE_PINS == (int)DTLS_PIN_MAX, "each pin has a trace");
_Static_assert((int)GW_WAVE_PLACES >= (int)GW_PARTS, "each place has its waves");

uint64_t gw_material_wave(const struct gw_material *m, enum gw_wave which, size_t place)
{
	return m && place < GW_WAVE_PLACES ? m->waves.at[which][place] : 0;
}

uint64_t gw_material_newest(const struct gw_material *m)
{
	uint64_t newest = 0;
	for (size_t i = 0; m && i < (size_t)GW_WAVES * GW_WAVE_PLACES; i++) {
		const uint64_t at = m->waves.at[i / GW_WAVE_PLACES][i % GW_WAVE_PLACES];
		newest = at > newest ? at : newest;
	}
	return newest;
}

void gw_material_set_waves(struct gw_material *m, const struct gw_waves *w)
{
	m->waves = *w;
}

const char *gw_material_name(const struct gw_material *m, size_t place)
{
	return m->parts[place].name;
}

/* A place that there is not any more vouches for nobody. */
enum gw_vouch gw_material_vouches(
	const struct gw_material *m, size_t place, const struct store_proof *p, uint64_t wall_ms)
{
	if (!m || p->len == 0)
		return GW_VOUCH_FINE;
	if (place >= GW_PARTS || !m->parts[place].vouchers)
		return GW_VOUCH_ANCHOR_REMOVED;
	return gw_vouch_ask(
		m->parts[place].vouchers, p, gw_clock_trusted_s((int64_t)(wall_ms / 1000)));
}

/* The certificate has the key in it; without one the key is all there is. */
static bool trace_own(const struct gw_part *p, uint8_t out[GW_TRACE])
{
	uint8_t digest[DTLS_DIGEST_LEN];
	uint8_t *der = NULL;
	if (!p->settings.key)
		return true;
	if (!dtls_key_digest(p->settings.key, digest))
		return false;
	const int len = p->settings.certificate ? i2d_X509(p->settings.certificate, &der) : 0;
	const bool good = len >= 0 && gw_trace_of(digest, sizeof(digest), der, (size_t)len, out);
	OPENSSL_free(der);
	return good;
}

/* Where the server is known by its name, another name is another server. */
static bool trace_anchors(const struct gw_part *p, uint8_t out[GW_TRACE])
{
	uint8_t anchors[GW_TRACE];
	if (!gw_vouch_trace_anchors(p->vouchers, anchors))
		return false;
	if (!p->settings.server_name) {
		memcpy(out, anchors, GW_TRACE);
		return true;
	}
	return gw_trace_of(anchors, sizeof(anchors), p->settings.server_name,
		strlen(p->settings.server_name), out);
}

bool gw_material_trace(const struct gw_material *m, size_t place, struct gw_trace *out)
{
	const struct gw_part *const p = &m->parts[place];
	*out = (struct gw_trace){ .own = { 0 } };
	for (size_t i = 0; i < p->settings.pins_len; i++)
		memcpy(out->pins[i], p->settings.pins[i], GW_TRACE);
	return trace_own(p, out->own) && trace_anchors(p, out->anchors) &&
	       gw_vouch_trace_revoked(p->vouchers, out->revoked);
}
