/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/profiles.h"

#include "base/log.h"
#include "dtls/profile.h"
#include "gateway/link_session.h"
#include "gateway/material.h"
#include "gateway/worker.h"

_Static_assert((int)GW_PROFILES_MAX == (int)GW_LISTENERS_MAX, "each listener has one");
_Static_assert((int)GW_PROFILES_UPSTREAMS == (int)GW_MATERIAL_UPSTREAMS, "and each upstream");

bool gw_profiles_make(struct gw_profiles *out, const struct gw_material *m, const char **why)
{
	bool good = true;
	*out = (struct gw_profiles){ .told = *gw_material_told(m) };
	for (size_t i = 0; good && i < gw_material_listeners(m); i++) {
		out->listeners[i] = gw_material_profile(m, i, why);
		out->moves[i] = gw_material_move(m, i);
		good = out->listeners[i] != NULL;
	}
	for (size_t i = 0; good && i < gw_material_upstreams(m); i++) {
		out->upstreams[i] = gw_material_profile(m, GW_MATERIAL_UPSTREAM + i, why);
		out->upstream_keys[i] = gw_material_has_upstream_key(m, i);
		good = out->upstreams[i] != NULL;
	}
	if (good)
		return true;
	gw_profiles_fini(out);
	return false;
}

void gw_profiles_fini(struct gw_profiles *p)
{
	for (size_t i = 0; i < GW_PROFILES_MAX; i++) {
		if (p->listeners[i])
			dtls_profile_unref(p->listeners[i]);
	}
	for (size_t i = 0; i < GW_PROFILES_UPSTREAMS; i++) {
		if (p->upstreams[i])
			dtls_profile_unref(p->upstreams[i]);
	}
	*p = (struct gw_profiles){ .told = { .len = 0 } };
}

/* Tried by the main thread before: only memory can be short. */
void gw_profiles_received(struct gw_worker *w, const struct gw_renewed *r)
{
	struct gw_profiles next;
	const char *why = "";
	if (gw_profiles_make(&next, r->material, &why)) {
		gw_profiles_fini(&w->profiles);
		w->profiles = next;
		gw_link_sessions_drop(w);
		w->reloads++;
		log_say(&w->log, LOG_LEVEL_DEBUG, "reload", "in effect");
	} else {
		log_say(&w->log, LOG_LEVEL_ERROR, "reload",
			"this worker goes on with what it had: %s; remedy: reload again, or "
			"restart",
			why);
	}
	gw_material_unref(r->material);
}
