# SPDX-License-Identifier: Apache-2.0
# Completion of safetensorsfs for bash; needs no other file.

# Sets words to those before the one at the cursor, and cur to that, as they were typed:
# readline takes them apart at '=' and ':' as well. Sets kept to what it will not replace.
_safetensorsfs_words() {
	local i rest=${COMP_LINE:0:COMP_POINT} bare word
	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		bare=${rest#"${rest%%[![:blank:]]*}"}
		word=${COMP_WORDS[i]}
		((i < COMP_CWORD)) || word=$bare # no further than the cursor
		if ((i > 0)) && [[ -n $rest && $bare == "$rest" ]]; then
			words[${#words[@]}-1]+=$word
		else
			words+=("$word")
		fi
		rest=${bare#"$word"}
	done
	cur=${words[${#words[@]}-1]}
	unset "words[${#words[@]}-1]"
	kept=
	[[ $COMP_WORDBREAKS != *:* ]] || kept=${cur%"${cur##*[=:]}"}
	[[ $cur != [\'\"]* ]] || kept=
}

# Sets plain: a word without its quotes. Nothing in it is carried out.
_safetensorsfs_plain() {
	plain=$1
	case $plain in
	\'*) plain=${plain#\'} plain=${plain%\'} && return ;;
	\"*) plain=${plain#\"} plain=${plain%\"} ;;
	\~/*) plain=$HOME${plain#\~} ;;
	esac
	IFS= read plain <<<"$plain" # takes the backslashes away
}

# Offers what begins like the word at the cursor; after "NAME=" and "FOLDER/" it goes on.
_safetensorsfs_offer() {
	local item
	for item; do
		[[ $item != "$cur"* ]] || COMPREPLY+=("$item")
	done
	[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *[=/] ]] || compopt -o nospace
}

# The word begins with $1, "-o" or nothing, and goes on with options between commas.
_safetensorsfs_mountopts() {
	local list=${cur#"$1"} values=() value head
	local item=${list##*,}
	case $item in
	view=*) values=(tensors npy f32 flat offload safetensors model torch npz sums) ;;
	io=*) values=(auto map pread) ;;
	missing=*) values=(error skip) ;;
	sandbox=*) values=(on require off) ;;
	*=*) ;;
	*) values=(view= io= missing= sandbox= idle= include= exclude= rename= direct xattr nonempty uid=
		gid= umask= allow_other) ;;
	esac
	head=${cur%"$item"}
	[[ $item != *=* ]] || head+=${item%%=*}=
	for value in "${values[@]}"; do
		_safetensorsfs_offer "$head$value"
	done
}

_safetensorsfs_files() {
	compopt -o filenames
	mapfile -t COMPREPLY < <(compgen "$@" -- "$cur")
}

# What may be a source; any file if there is none.
_safetensorsfs_sources() {
	local found=()
	_safetensorsfs_files -f -X '!*.safetensors'
	found=("${COMPREPLY[@]}")
	_safetensorsfs_files -f -X '!*.safetensors.index.json'
	found+=("${COMPREPLY[@]}")
	_safetensorsfs_files -d
	found+=("${COMPREPLY[@]}")
	COMPREPLY=("${found[@]}")
	[[ ${#found[@]} != 0 ]] || _safetensorsfs_files -f
}

# What is mounted; or folders, for who writes a relative path.
_safetensorsfs_mounts() {
	local line place
	while read -r line; do
		[[ $line == *" - fuse.safetensorsfs "* ]] || continue
		read -r _ _ _ _ place _ <<<"$line"
		printf -v place %b "${place//\\/\\0}"
		_safetensorsfs_offer "$place"
	done </proc/self/mountinfo
	compopt -o filenames
	[[ ${#COMPREPLY[@]} != 0 ]] || _safetensorsfs_files -d
}

# Paths of the tree of the source: the program lists them, one folder at a time. The word
# begins with $1, perhaps a quote.
_safetensorsfs_paths() {
	local plain found i
	_safetensorsfs_plain "${words[0]}"
	mapfile -t found < <("$plain" "${rules[@]}" --list --depth 1 -- "${operands[0]}" \
		"${cur%"${cur##*/}"}" 2>/dev/null </dev/null)
	[[ $cur != .* || $cur == */* ]] || found+=(.view/)
	_safetensorsfs_offer "${found[@]}"
	# readline quotes all that wants it, but for the '$' of what is no file.
	if [[ $1 = \' || ${COMPREPLY[*]} != *\$* ]]; then
		compopt -o filenames
		return
	fi
	for i in "${!COMPREPLY[@]}"; do
		if [[ $1 != \" ]]; then
			printf -v "COMPREPLY[i]" %q "${COMPREPLY[i]}"
		elif [[ ${COMPREPLY[i]} == *\$* ]]; then
			unset "COMPREPLY[i]"
		fi
	done
}

_safetensorsfs_operand() {
	local plain quote=${cur:0:1}
	_safetensorsfs_plain "$cur"
	[[ $cur == \~* ]] || cur=$plain
	case $1:${#operands[@]} in
	mount:0 | info:* | check:* | sum:* | list:0 | cat:0 | extract:0) _safetensorsfs_sources ;;
	mount:1 | extract:1) _safetensorsfs_files -d ;;
	unmount:*) _safetensorsfs_mounts ;;
	list:1 | cat:* | extract:*) _safetensorsfs_paths "$quote" ;;
	esac
}

_safetensorsfs() {
	local words cur kept plain word mode=mount wants= ended= rules=() operands=()
	COMPREPLY=()
	_safetensorsfs_words
	for word in "${words[@]:1}"; do
		_safetensorsfs_plain "$word"
		if [[ -n $wants ]]; then
			[[ $wants = --depth ]] || rules+=("$wants" "$plain")
			wants=
			continue
		fi
		case $ended$plain in
		--) ended=yes ;;
		--info | --check | --list | --cat | --extract | --unmount) mode=${plain#--} ;;
		--sum | --sum=*) mode=sum ;;
		-o | --include | --exclude | --rename | --depth) wants=$plain ;;
		-o* | --include=* | --exclude=* | --rename=*) rules+=("$plain") ;;
		--*) ;;
		-*u*) mode=unmount ;;
		-*) ;;
		*) operands+=("$plain") ;;
		esac
	done
	case $wants,$ended$cur in
	-o,*) _safetensorsfs_mountopts "" ;;
	-*,*) ;; # a pattern, a number: who knows
	,-o*) _safetensorsfs_mountopts -o ;;
	,--sum=*) _safetensorsfs_offer --sum=xxh128 --sum=sha256 ;;
	,-*)
		_safetensorsfs_offer -f -d -s -v --verbose -o -u --unmount -z --lazy --info --json \
			--check --list -l --depth --cat --extract --force --sum --include --exclude --rename -h --help \
			-V --version
		;;
	*) _safetensorsfs_operand "$mode" ;;
	esac
	COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}

complete -F _safetensorsfs safetensorsfs
