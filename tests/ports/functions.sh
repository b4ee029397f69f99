# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
#
# Stands for OpenWrt's /lib/functions.sh, of which it has what lwgate-conf calls: config_load, and
# the three functions that it calls for what it reads. $UCI_FILE is in the form of "uci export", which
# OpenWrt, too, has the shell read.

package() { :; }
config() { config_cb "$@"; }

option()
{
	local name=$1
	shift
	option_cb "$name" "$*"
}

list()
{
	local name=$1
	shift
	list_cb "$name" "$*"
}

config_load()
{
	[ "$1" = lwgate ] || return 1
	# shellcheck disable=SC1090
	. "$UCI_FILE" || return 1
	config_cb
}
