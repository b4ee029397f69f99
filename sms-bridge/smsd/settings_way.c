/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/settings_way.h"

#include "base/wipe.h"
#include "conf/fail.h"
#include "conf/text.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_MS = 1000, TEXT = SETTINGS_PATH_MAX, HOST = SETTINGS_HOST_MAX - 1, DAY_S = 86400 };
enum { SMPP_PORT = 2775, SMPP_TLS_PORT = 3550, SPEED = 115200, SPEED_MAX = 4000000 };
enum { WINDOW_MAX = 250, RATE_MAX = 100000, DIGITS = WIRE_DIGITS_MAX };
enum { INTERNATIONAL = 0x91, UNKNOWN = 0x81 }; /* TS 23.040 9.1.2.5, both with E.164's plan */

struct read_smpp { /* as it stands */
	char host[SETTINGS_HOST_MAX], server_name[SETTINGS_HOST_MAX];
	char anchors[SETTINGS_PATH_MAX], password[SETTINGS_PATH_MAX];
	char system_id[SMPP_SYSTEM_ID_MAX + 1], system_type[SMPP_SYSTEM_TYPE_MAX + 1];
	uint32_t port, window, enquire_s, answer_s, again_max_s, per_second;
	bool tls, subunit;
};

struct read_modem {
	char device[SETTINGS_PATH_MAX], pin[SETTINGS_PATH_MAX];
	char smsc[WIRE_DIGITS_MAX + 1];
	uint32_t speed, command_s, send_s, register_s, again_max_s;
};

struct read_way {
	char name[WIRE_NAME_MAX + 1], number[WIRE_DIGITS_MAX + 1];
	bool international;
};

#define AT(type, member) offsetof(struct type, member)
static const struct settings_key smpp_keys[] = {
	{ "host", AT(read_smpp, host), NULL, 1, HOST, 0, KEY_TEXT, true },
	{ "port", AT(read_smpp, port), NULL, 1, UINT16_MAX, 0, KEY_NUMBER, false },
	{ "system_id", AT(read_smpp, system_id), NULL, 1, SMPP_SYSTEM_ID_MAX, 0, KEY_TEXT, true },
	{ "password_file", AT(read_smpp, password), NULL, 1, TEXT - 1, 0, KEY_TEXT, true },
	{ "system_type", AT(read_smpp, system_type), NULL, 0, SMPP_SYSTEM_TYPE_MAX, 0, KEY_TEXT,
		false },
	{ "tls", AT(read_smpp, tls), NULL, 0, 0, 0, KEY_BOOL, false },
	{ "anchors_file", AT(read_smpp, anchors), NULL, 1, TEXT - 1, 0, KEY_TEXT, false },
	{ "server_name", AT(read_smpp, server_name), NULL, 1, HOST, 0, KEY_TEXT, false },
	{ "window", AT(read_smpp, window), NULL, 1, WINDOW_MAX, 10, KEY_NUMBER, false },
	{ "per_second", AT(read_smpp, per_second), NULL, 0, RATE_MAX, 0, KEY_NUMBER, false },
	{ "enquire_s", AT(read_smpp, enquire_s), NULL, 1, 3600, 30, KEY_NUMBER, false },
	{ "answer_s", AT(read_smpp, answer_s), NULL, 1, 300, 30, KEY_NUMBER, false },
	{ "again_max_s", AT(read_smpp, again_max_s), NULL, 1, 3600, 300, KEY_NUMBER, false },
	{ "subunit", AT(read_smpp, subunit), NULL, 0, 0, 0, KEY_BOOL, false },
};
static const struct settings_key modem_keys[] = {
	{ "device", AT(read_modem, device), NULL, 1, TEXT - 1, 0, KEY_TEXT, true },
	{ "speed", AT(read_modem, speed), NULL, 1200, SPEED_MAX, SPEED, KEY_NUMBER, false },
	{ "pin_file", AT(read_modem, pin), NULL, 1, TEXT - 1, 0, KEY_TEXT, false },
	{ "smsc", AT(read_modem, smsc), NULL, 1, DIGITS, 0, KEY_TEXT, false },
	{ "command_s", AT(read_modem, command_s), NULL, 1, 300, 5, KEY_NUMBER, false },
	{ "send_s", AT(read_modem, send_s), NULL, 5, 600, 60, KEY_NUMBER, false },
	{ "register_s", AT(read_modem, register_s), NULL, 5, 3600, 120, KEY_NUMBER, false },
	{ "again_max_s", AT(read_modem, again_max_s), NULL, 1, 3600, 300, KEY_NUMBER, false },
};
static const struct settings_key way_keys[] = {
	{ "name", AT(read_way, name), NULL, 1, WIRE_NAME_MAX, 0, KEY_TEXT, true },
	{ "number", AT(read_way, number), NULL, 1, DIGITS, 0, KEY_TEXT, false },
	{ "international", AT(read_way, international), NULL, 0, 0, 1, KEY_BOOL, false },
	{ "smpp", 0, NULL, 0, 0, 0, KEY_GROUP, false },
	{ "modem", 0, NULL, 0, 0, 0, KEY_GROUP, false },
};

struct reading {
	const struct settings_source *from;
	const char *folder;
	unsigned line; /* of the group */
	struct wire_number own;
};

static bool wrong(const struct reading *r, const char *what)
{
	return conf_fail(r->from->error, r->from->file, r->line, "%s", what);
}

static bool place(const struct reading *r, const char *written, char out[SETTINGS_PATH_MAX])
{
	char *const path = conf_path(r->folder, written);
	const bool fits = path && strlen(path) < SETTINGS_PATH_MAX;
	if (fits)
		memcpy(out, path, strlen(path) + 1);
	free(path);
	return fits ? true : wrong(r, "the name of a file is too long");
}

/* The first line of a file that only we may read. */
static bool read_secret(
	const struct reading *r, const char *written, const char *what, char *out, size_t cap)
{
	struct conf_text text = { 0 };
	char path[SETTINGS_PATH_MAX];
	if (!place(r, written, path) || !conf_text_read(path, true, &text, r->from->error))
		return false;
	const size_t len = strcspn(text.data, "\r\n");
	const bool fits = len < cap && len > 0;
	if (fits) {
		memcpy(out, text.data, len);
		out[len] = '\0';
	}
	conf_text_free(&text);
	return fits ? true
		    : conf_fail(r->from->error, path, 0,
			      "the first line must be %s of 1 to %zu "
			      "characters",
			      what, cap - 1);
}

static bool read_number(
	const struct reading *r, const char *digits, bool international, struct wire_number *out)
{
	if (digits[0] == '\0') {
		*out = (struct wire_number){ .type = 0 };
		return true;
	}
	if (!wire_number_from_text(digits, out))
		return wrong(r, "a number must be 1 to 20 digits, an international one without +");
	out->type = international ? INTERNATIONAL : UNKNOWN;
	return true;
}

static bool read_smpp(const struct reading *r, config_setting_t *group, struct settings_way *out)
{
	struct read_smpp s;
	memset(&s, 0, sizeof(s));
	if (!settings_read(r->from, group, smpp_keys, COUNT_OF(smpp_keys), &s))
		return false;
	if (s.tls && s.anchors[0] == '\0')
		return wrong(r, "with tls = true, anchors_file must name the certificates that the "
				"SMSC's is checked with");
	if (!s.tls && (s.anchors[0] != '\0' || s.server_name[0] != '\0'))
		return wrong(r, "anchors_file and server_name are of use with tls = true only");
	out->kind = SETTINGS_SMPP;
	memcpy(out->host, s.host, sizeof(out->host));
	memcpy(out->server_name, s.server_name[0] != '\0' ? s.server_name : s.host,
		sizeof(out->server_name));
	out->tls = s.tls;
	out->port = (uint16_t)(s.port > 0 ? s.port : s.tls ? SMPP_TLS_PORT : SMPP_PORT);
	out->smpp = smpp_settings_default();
	memcpy(out->smpp.system_id, s.system_id, sizeof(s.system_id));
	memcpy(out->smpp.system_type, s.system_type, sizeof(s.system_type));
	out->smpp.own = r->own;
	out->smpp.window = (uint8_t)s.window;
	out->smpp.per_second = s.per_second;
	out->smpp.enquire_ms = s.enquire_s * S_MS;
	out->smpp.answer_ms = s.answer_s * S_MS;
	out->smpp.again_max_ms = s.again_max_s * S_MS;
	out->smpp.dest_addr_subunit = s.subunit;
	return (!s.tls || place(r, s.anchors, out->anchors)) &&
	       read_secret(
		       r, s.password, "a password", out->smpp.password, sizeof(out->smpp.password));
}

static bool read_pin(const struct reading *r, const char *file, struct settings_way *out)
{
	if (file[0] == '\0')
		return true;
	if (!read_secret(r, file, "a PIN", out->modem.pin, sizeof(out->modem.pin)))
		return false;
	if (strspn(out->modem.pin, "0123456789") == strlen(out->modem.pin))
		return true;
	return wrong(r, "a PIN has digits only; correct what is in pin_file");
}

static bool read_modem(const struct reading *r, config_setting_t *group, struct settings_way *out)
{
	struct read_modem m;
	memset(&m, 0, sizeof(m));
	if (!settings_read(r->from, group, modem_keys, COUNT_OF(modem_keys), &m))
		return false;
	out->kind = SETTINGS_MODEM;
	out->speed = m.speed;
	out->modem = modem_settings_default();
	out->modem.own = r->own;
	out->modem.command_ms = m.command_s * S_MS;
	out->modem.send_ms = m.send_s * S_MS;
	out->modem.register_ms = m.register_s * S_MS;
	out->modem.again_max_ms = m.again_max_s * S_MS;
	return place(r, m.device, out->device) && read_number(r, m.smsc, true, &out->modem.smsc) &&
	       read_pin(r, m.pin, out);
}

bool settings_way_read(const struct settings_source *from, const char *folder,
	config_setting_t *group, struct settings_way *out)
{
	struct read_way w;
	struct reading r = {
		.from = from, .folder = folder, .line = config_setting_source_line(group)
	};
	memset(&w, 0, sizeof(w));
	if (!config_setting_is_group(group))
		return wrong(&r, "a way must be a group { }");
	if (!settings_read(from, group, way_keys, COUNT_OF(way_keys), &w) ||
		!read_number(&r, w.number, w.international, &r.own))
		return false;
	memcpy(out->name, w.name, sizeof(out->name));
	config_setting_t *const smpp = config_setting_get_member(group, "smpp");
	config_setting_t *const modem = config_setting_get_member(group, "modem");
	config_setting_t *const one = smpp ? smpp : modem;
	if (!one || (smpp && modem) || !config_setting_is_group(one))
		return wrong(&r, "a way must have one of the groups smpp { } and modem { }");
	return smpp ? read_smpp(&r, smpp, out) : read_modem(&r, modem, out);
}
