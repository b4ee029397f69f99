/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/config_air: from the draft to listeners without DTLS: what must be said for one to be
 *                  allowed.
 *
 * Promise: there is none but by `security = "nosec"`. One that is there has an address of its own,
 *          and says what protects its link, where that ends, by which threat analysis that is
 *          enough, and from where its devices come.
 * Errors:  false with *error filled; what was filled is freed by conf_free_airs().
 * Threads: any.
 * Source: .
 */
#ifndef LWG_CONF_CONFIG_AIR_H
#define LWG_CONF_CONFIG_AIR_H

#include "base/attr.h"
#include "conf/config.h"
#include "conf/draft.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The port of a listener: port, unless none was written and it is without DTLS (RFC 7252 12.6). */
uint16_t conf_air_port(const struct conf_draft *d, size_t listener, uint16_t port);
/* After the addresses of the listeners. */
MUST_USE bool conf_fill_airs(const struct conf_draft *d, struct conf_gateway *out);
void conf_free_airs(struct conf_gateway *c);
/* NULL: it has DTLS, or there is no such listener. */
const struct conf_air *conf_air(const struct conf_gateway *c, size_t listener);

#endif
