# SPDX-License-Identifier: Apache-2.0
# Sourced after packages.sh by the scripts that run tests: what those need.

venv=$here/build-test/venv

# What tests use beside what a build needs.
install_test_packages() {
	install_build_packages
	install_packages libcmocka-dev attr binutils e2fsprogs fio mount procps unzip util-linux xfsprogs xxhash
	install_packages bash-completion fish man-db mandoc systemd zsh
}

# What scripts/bench measures beside us; not all of it is in each release.
install_bench_packages() {
	install_packages fuse-zip squashfs-tools squashfuse zip
}

# install_python REQUIREMENTS: a virtual environment with these packages.
install_python() {
	python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
	[ -x "$venv/bin/python" ] || python3 -m venv "$venv" || return 1
	"$venv/bin/python" -m pip install -q --disable-pip-version-check -r "$1"
}
