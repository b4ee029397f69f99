# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For deploy/openssl and its like, which source it: builds a library from the source package of
# Debian 13 into the user's cache.
#
# Promise: a prefix in the cache is whole: it is renamed into place after its last file. The
#          machine's apt sources and lists are read, never changed; apt checks the source's
#          signatures with Debian's archive keys. Two builds at once: the second waits.
# Errors:  status 1 with the reason and the remedy on stderr.
#
# The caller sets: me, its own name; package; recipe, a number that changes with how it is built
# (empty: none yet); remedy, what else the user could do; and defines make_prefix DIR, which fills
# $work/stage$DIR from $work/src with the steps of step().

suite=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
home=~
cache=${XDG_CACHE_HOME:-$home/.cache}/lwgate
arch=$(uname -m)
tmp=
work=
version=

say() { printf '%s: %s\n' "$me" "$*"; }
die() { printf '%s: %s\n' "$me" "$*" >&2; exit 1; }

ending() { printf '%s\n' "$arch${recipe:+-r$recipe}"; }

# The newest in the cache; empty: none.
cached() { compgen -G "$cache/$package-[0-9]*-$(ending)" | sort -V | tail -n 1 || true; }

# The archive and the security archive that this machine uses, whatever the form of its sources:
# apt itself says what it would fetch. Prints "deb-src" lines for $suite.
source_lines()
{
	local codename uri base release options
	codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
	options="[signed-by=$keyring]"
	while read -r uri _; do
		uri=${uri//\'/}
		[[ $uri == */dists/*/InRelease ]] || continue
		base=${uri%/dists/*}
		release=${uri##*/dists/}
		release=${release%/InRelease}
		case $release in
		"$codename" | stable | oldstable)
			printf 'deb-src %s %s %s main\n' "$options" "$base" "$suite"
			printf 'deb-src %s %s %s-updates main\n' "$options" "$base" "$suite"
			;;
		"$codename-security" | stable-security | oldstable-security)
			printf 'deb-src %s %s %s-security main\n' "$options" "$base" "$suite"
			;;
		esac
	done < <(LC_ALL=C apt-get update --print-uris) | sort -u
}

check_keyring()
{
	compgen -G "${keyring%/*}/debian-archive-$suite-*" >/dev/null && [[ -r $keyring ]] && return
	die "the package debian-archive-keyring here does not know Debian's $suite." \
		"Remedy: deploy/setup openssl, or apt-get install debian-archive-keyring"
}

# apt with lists, cache and sources of its own under $tmp/apt.
apt()
{
	LC_ALL=C apt-get -q -o Dir::Etc::sourcelist="$tmp/apt/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$tmp/apt/lists" \
		-o Dir::Cache="$tmp/apt/cache" -o Acquire::Languages=none -o Acquire::Retries=3 \
		"$@" </dev/null
}

prepare_apt()
{
	check_keyring
	tmp=$(mktemp -d)
	chmod 755 "$tmp"
	mkdir -p "$tmp/apt/lists/partial" "$tmp/apt/cache/archives/partial" "$tmp/source"
	# As root apt fetches as the user _apt.
	((EUID != 0)) || chown _apt "$tmp/source" 2>/dev/null || true
	source_lines >"$tmp/apt/sources.list"
	[[ -s $tmp/apt/sources.list ]] ||
		die "no Debian archive in this machine's apt sources." \
			"Remedy: add Debian's 'main' there${remedy:+, or $remedy}"
	# A mirror without the security or updates suite is no obstacle; one without $suite is, and
	# then there is no source to be found below.
	apt update >"$tmp/log" 2>&1 || true
}

# The versions that the archive's index has, newest first.
versions()
{
	LC_ALL=C apt-cache -o Dir::Etc::sourcelist="$tmp/apt/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$tmp/apt/lists" \
		-o Dir::Cache="$tmp/apt/cache" showsrc --only-source "$package" 2>/dev/null |
		sed -n 's/^Version: //p' | sort -rVu
}

dir_of() { printf '%s\n' "$cache/$package-${1//\~/_}-$(ending)"; }

fetch()
{
	say "fetching the source of $package $1"
	(cd "$tmp/source" && apt source --download-only --only-source "$package=$1") \
		>>"$tmp/log" 2>&1
}

# Fetches the newest version that can be had, and sets it; a mirror may be some hours behind its
# own index, so an older one is tried too. One that is in the cache already needs no fetching.
fetch_newest()
{
	local -a all
	mapfile -t all < <(versions)
	for version in ${all[@]+"${all[@]}"}; do
		[[ ! -d $(dir_of "$version") ]] || return 0
		! fetch "$version" || return 0
		say "$package $version is not to be had here: $(grep -m1 '^E:' "$tmp/log" || true)"
		rm -f "$tmp"/source/*.dsc
	done
	tail -n 20 "$tmp/log" >&2
	die "the machine's Debian mirror gave no $package source of $suite (above)." \
		"Remedy: check the network${remedy:+, or $remedy}"
}

# Runs a step of the build with its output in the log; on failure shows the log's tail.
step()
{
	local name=$1 start=$SECONDS
	shift
	if ! "$@" >>"$work/log" 2>&1 </dev/null; then
		cp "$work/log" "$cache/$package-failed.log"
		tail -n 30 "$work/log" >&2
		die "$name failed (above; whole log: $cache/$package-failed.log)"
	fi
	say "$name: $((SECONDS - start)) s"
}

unpack() { dpkg-source -x "$tmp/source/$package"_*.dsc "$work/src"; }

build_version()
{
	local dir=$1 start=$SECONDS
	work=$(mktemp -d "$cache/$package-work.XXXXXX")
	say "building $package $version for $dir (once)"
	step unpack unpack
	make_prefix "$dir"
	cp "$work/log" "$work/stage$dir/build.log"
	mv -T "$work/stage$dir" "$dir"
	say "$dir: $((SECONDS - start)) s"
}

# Builds the newest version if it is not in the cache. $1: a command; status 1: somebody else has
# done what was wanted while we waited.
build_newest()
{
	local dir
	[[ $cache != *[[:space:]]* ]] ||
		die "the cache's path has blanks, which a library's build cannot take: $cache." \
			"Remedy: set XDG_CACHE_HOME"
	# Called from a makefile, that one's flags and variables must not reach the library's.
	unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL GNUMAKEFLAGS DESTDIR \
		CC CXX AR RANLIB CPPFLAGS CFLAGS CXXFLAGS LDFLAGS LDLIBS
	mkdir -p "$cache"
	exec 9>"$cache/$package.lock"
	flock -n 9 || { say 'waiting for another build'; flock 9; }
	"$1" || return 0
	rm -rf "$cache/$package-work".??????
	prepare_apt
	fetch_newest
	dir=$(dir_of "$version")
	[[ ! -d $dir ]] || { say "$dir is the newest to be had"; return 0; }
	build_version "$dir"
}

cleanup() { rm -rf ${tmp:+"$tmp"} ${work:+"$work"}; }
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
