# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts beside it: the system packages of a Debian-like machine.

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages NAME...: installs those that are missing; quick when none is.
install_packages() {
	local name missing=()
	command -v dpkg-query >/dev/null ||
		{ say "not a Debian system: please see to these yourself: $*"; return 0; }
	for name in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] ||
			missing+=("$name")
	done
	[ ${#missing[@]} = 0 ] && return 0
	say "installing: ${missing[*]}"
	# The lists may be old or, in a container, not there at all.
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2 || say "cannot update the package lists"
	# Another apt-get, as of a timer or of another of these scripts, is waited for.
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
		-o DPkg::Lock::Timeout=300 --no-install-recommends "${missing[@]}" >&2 ||
		die "cannot install: ${missing[*]}"
}

# What a build needs, and what a mount needs. A meson or ninja of the person's own is as good.
install_build_packages() {
	local packages=(gcc libc6-dev pkg-config libfuse3-dev fuse3 libcjson-dev libxxhash-dev libdeflate-dev nettle-dev python3)
	command -v meson >/dev/null || packages+=(meson)
	command -v ninja >/dev/null || packages+=(ninja-build)
	install_packages "${packages[@]}"
}

# clang with the runtime of its sanitizers, which is a package of its own in Debian.
install_fuzz_packages() {
	install_build_packages
	command -v clang >/dev/null || install_packages clang
	install_packages "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
}

# build DIR OPTION...: sets a build folder up once, and builds; quiet unless it fails.
build() {
	local dir=$1 log
	shift
	mkdir -p "$dir"
	log=$dir/build.log
	{ [ -f "$dir/build.ninja" ] || meson setup "$@" "$dir"; } >"$log" 2>&1 &&
		ninja -C "$dir" >>"$log" 2>&1 || { cat "$log" >&2; die "the build in $dir failed"; }
}
