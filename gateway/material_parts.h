/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/material_parts: what is in it, for material.c and material_say.c alone.
 */
#ifndef LWG_GATEWAY_MATERIAL_PARTS_H
#define LWG_GATEWAY_MATERIAL_PARTS_H

#include "gateway/material.h"
#include "gateway/profiles.h"

#include <stdatomic.h>
#include <stdbool.h>

enum { GW_PARTS = GW_MATERIAL_PLACES, GW_PART_NAME = 96 };

struct gw_part {
	struct dtls_profile_settings settings; /* what it points to is ours */
	STACK_OF(X509) * chain;
	struct gw_vouchers *vouchers;
	char *server_name, *certificate_file;
	char name[GW_PART_NAME]; /* for people */
	bool is_upstream;
	enum conf_move move; /* a listener's */
};

struct gw_material {
	atomic_uint refs;
	size_t listeners_len, upstreams_len;
	struct gw_routes *routes;
	struct gw_told told;
	struct gw_learn learn;
	char *learn_uris[CONF_URIS_MAX]; /* its texts */
	struct gw_waves waves;
	struct gw_part parts[GW_PARTS];
};

#endif
