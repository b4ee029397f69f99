# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# bash completion of lwgatectl(1). What there is to complete it is told by lwgatectl itself, so that
# it is never behind; endpoints by the gateway, where its socket may be opened.

# Endpoints have colons, which are no ends of words here: into _lwg_line, up to the cursor.
_lwgatectl_join() {
	local i word glue=
	_lwg_line=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [ -n "$glue" ] || [[ $i -gt 0 && $word = :* ]]; then
			_lwg_line[${#_lwg_line[@]} - 1]+=$word
		else
			_lwg_line+=("$word")
		fi
		glue=
		[[ $word = *: ]] && glue=1
	done
}

# Of those before the cursor what is neither an option nor an option's; and the socket.
_lwgatectl_words() {
	local i word last=$((${#_lwg_line[@]} - 1))
	_lwg_words=() _lwg_socket=()
	for ((i = 1; i < last; i++)); do
		word=${_lwg_line[i]}
		if [[ $word != -* ]]; then
			_lwg_words+=("$word")
		elif [[ " $_lwg_valued " = *" $word "* ]]; then
			i=$((i + 1))
			[ "${_lwg_line[i]-}" = = ] && i=$((i + 1))
			[[ $word = -s || $word = --socket ]] && _lwg_socket=(-s "${_lwg_line[i]-}")
		fi
	done
}

_lwgatectl_endpoints() {
	"${COMP_WORDS[0]}" "${_lwg_socket[@]}" --json credential list 2>/dev/null |
		grep -o '"endpoint":"[^"\\]*"' | cut -d '"' -f 4 | sort -u
}

# Reads the table into options, choices and argument: what may stand at the cursor.
_lwgatectl_look() {
	local line name arg depth=${#_lwg_words[@]} words="${_lwg_words[*]}"
	local -a parts args
	while IFS= read -r line; do
		name=${line%%$'\t'*} line=${line#*$'\t'}
		arg=${line%%$'\t'*} line=${line#*$'\t'}
		read -ra parts <<<"$name"
		read -ra args <<<"$arg"
		if [ -z "$name" ]; then
			options+=" $line"
		elif [[ "$words " = "$name "* ]]; then
			options+=" $line"
			argument=${args[depth - ${#parts[@]}]-}
		elif [ -z "$words" ] || [[ "$name " = "$words "* ]]; then
			choices+=" ${parts[depth]}"
		fi
	done <<<"$1"
}

_lwgatectl_reply() {
	local cur=$1 colons
	mapfile -t COMPREPLY < <(compgen -W "$2" -- "$cur" | sort -u)
	[[ $cur = *:* && $COMP_WORDBREAKS = *:* ]] || return
	colons=${cur%"${cur##*:}"} # bash takes only what stands behind them for the word
	COMPREPLY=("${COMPREPLY[@]#"$colons"}")
}

_lwgatectl() {
	local table cur prev options='' choices='' argument='' _lwg_valued
	local -a _lwg_line _lwg_words _lwg_socket
	COMPREPLY=()
	_lwgatectl_join
	cur=${_lwg_line[-1]} prev=${_lwg_line[-2]-}
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${_lwg_line[-3]-}
	fi
	table=$("${COMP_WORDS[0]}" completion 2>/dev/null) || return
	_lwg_valued="-s $(grep -o -e '--[a-z-]*=' <<<"$table" | tr '=\n' '  ')"
	_lwgatectl_words
	_lwgatectl_look "$table"
	case $prev in
	-s | --socket | --*file | --public-key | --pin | --policy | --tpm | --with-secrets)
		argument=FILE
		;;
	--purpose) argument='' choices='any server bootstrap sms' ;;
	--endpoint) argument=ENDPOINT ;;
	-*) [[ " $_lwg_valued " = *" $prev "* ]] && return ;;
	esac
	if [[ $cur = -* ]]; then
		_lwgatectl_reply "$cur" "${options//=/}"
	elif [ "$argument" = ENDPOINT ]; then
		_lwgatectl_reply "$cur" "$(_lwgatectl_endpoints)"
	elif [ "$argument" = FILE ] || [ "$argument" = OUT ]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	else
		_lwgatectl_reply "$cur" "$choices"
	fi
}

complete -F _lwgatectl lwgatectl
