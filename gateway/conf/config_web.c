/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config_web.h"

#include "conf/address.h"
#include "conf/fail.h"

#include <string.h>

static bool is_loopback(const struct net_addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };
	return a->family == NET_IPV4 ? a->ip[0] == 127 : memcmp(a->ip, one, sizeof(one)) == 0;
}

bool conf_fill_web(const struct conf_draft *d, struct conf_gateway *out)
{
	const struct conf_value *const address = &d->values[KEY_WEB_ADDRESS];
	const struct conf_value *const port = &d->values[KEY_WEB_PORT];
	out->web = (struct net_addr){ .family = 0 };
	if (address->text[0] == '\0')
		return true;
	const char *const why =
		conf_address_parse(address->text, (uint16_t)port->number, &out->web);
	if (why)
		return conf_fail(
			d->error, d->name, address->line, "web.address: %s %s", address->text, why);
	return is_loopback(&out->web) ||
	       conf_fail(d->error, d->name, address->line,
		       "web.address: %s can be reached from elsewhere, and there is neither TLS "
		       "nor a password; use 127.0.0.1 or ::1, and a reverse proxy before it",
		       address->text);
}

bool conf_same_web(const struct conf_gateway *now, const struct conf_gateway *next)
{
	return now->web.family == next->web.family &&
	       (now->web.family == 0 || net_addr_same(&now->web, &next->web));
}
