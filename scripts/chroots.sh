# SPDX-License-Identifier: Apache-2.0
# Sourced after packages.sh by scripts/check: Debian systems in folders, for what is better not
# installed in this one.

chroots=${CHROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/safetensorsfs/chroots}

# make_chroot NAME SUITE OPTION...: by debootstrap, once.
make_chroot() {
	local dir=$chroots/$1 suite=$2
	shift 2
	[ ! -e "$dir/ready" ] || return 0
	install_packages debootstrap
	mkdir -p "$chroots"
	as_root rm -rf --one-file-system "$dir" # what a run that was stopped left
	as_root debootstrap --variant=minbase "$@" "$suite" "$dir" >"$dir.log" 2>&1 ||
		{ cat "$dir.log" >&2; die "cannot make a system in $dir"; }
	# Some mirrors are older than their lists may be.
	echo 'Acquire::Check-Valid-Until "false";' |
		as_root tee "$dir/etc/apt/apt.conf.d/mirror" >/dev/null
	as_root touch "$dir/ready"
}

# in_chroot NAME SCRIPT: a script for bash, with these scripts sourced, as the system's root. This
# folder is /src there, and cannot be written to. Processes and mounts end with it.
in_chroot() {
	# shellcheck disable=SC2016
	as_root unshare --mount --pid --fork --kill-child bash -euc '
		mount --bind "$1" "$1"
		cd "$1"
		mount -t proc proc proc
		mount --rbind /dev dev
		mount --rbind /sys sys
		mkdir -p src build
		mount --bind "$2" src
		mount -o remount,bind,ro src
		pivot_root . mnt
		cd /src
		umount -l /mnt
		export HOME=/root PYTHONDONTWRITEBYTECODE=1
		exec bash -euc "here=/src; . scripts/packages.sh; . scripts/testing.sh; $3" check
	' - "$chroots/$1" "$here" "$2"
}
