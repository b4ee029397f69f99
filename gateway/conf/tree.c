/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/tree.h"

#include <libconfig.h>

#include "conf/fail.h"

bool conf_tree_read(
	struct config_t *tree, const char *text, const char *name, struct conf_error *error)
{
	config_init(tree);
	if (config_read_string(tree, text) == CONFIG_TRUE)
		return true;
	const char *why = config_error_text(tree);
	const int line = config_error_line(tree);
	return conf_fail(error, name, line > 0 ? (unsigned)line : 0,
		"%s; look for a missing quote, brace or semicolon, or a comma after the last "
		"member, here or just above",
		why == NULL ? "syntax error" : why);
}

const char *conf_tree_type(const struct config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return config_setting_get_format(s) == CONFIG_FORMAT_HEX ? "a hexadecimal number"
									 : "a number";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	case CONFIG_TYPE_STRING:
		return "a text";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_ARRAY:
		return "an array [ ]";
	case CONFIG_TYPE_LIST:
		return "a list ( )";
	default:
		return "nothing";
	}
}

bool conf_tree_number(const struct config_setting_t *s, int64_t *out)
{
	if (config_setting_type(s) != CONFIG_TYPE_INT &&
		config_setting_type(s) != CONFIG_TYPE_INT64)
		return false;
	if (config_setting_get_format(s) == CONFIG_FORMAT_HEX)
		return false;
	*out = config_setting_type(s) == CONFIG_TYPE_INT ? config_setting_get_int(s)
							 : config_setting_get_int64(s);
	return true;
}
