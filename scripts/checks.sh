# SPDX-License-Identifier: Apache-2.0
# Sourced by scripts/check: a function for each run. Each is called under `set -e`.

# strict_build DIR OPTION...: of all there is, with warnings as errors.
strict_build() {
	build "$@" -Dwerror=true
	ninja -C "$1" tests/sandbox/safetensorsfs-probe >>"$1/build.log" 2>&1 ||
		{ cat "$1/build.log" >&2; return 1; }
}

# unit_tests DIR WORD...: unit tests and the corpus. Some take long under a tool that watches.
unit_tests() {
	local dir=$1
	shift
	meson test -C "$dir" --quiet --print-errorlogs --timeout-multiplier 20 "$@"
}

# python_tests FILE...
python_tests() {
	install_python tests/requirements.txt
	"$venv/bin/python" -m pytest -q -p no:cacheprovider "$@"
}

# both_builds COMPILER: -O3 without assertions brings other warnings than -O2 with them.
both_builds() {
	install_packages libcmocka-dev
	CC=$1 strict_build "$out/$1" --buildtype=debugoptimized
	CC=$1 strict_build "$out/$1-release" --buildtype=release
	unit_tests "$out/$1"
}

check_gcc() {
	install_build_packages
	both_builds gcc
}

check_clang() {
	install_build_packages
	install_packages clang
	both_builds clang
}

check_sanitizers() {
	install_test_packages
	build "$out/sanitizers" --native-file build-dev.ini
	strict_build "$out/release" --buildtype=release
	unit_tests "$out/sanitizers"
	SAFETENSORSFS=$out/sanitizers/fs/safetensorsfs \
		SAFETENSORSFS_PLAIN=$out/release/fs/safetensorsfs python_tests tests/mount
}

check_threads() {
	install_test_packages
	build "$out/threads" --buildtype=debugoptimized -Db_sanitize=thread -Dwerror=true
	export SAFETENSORSFS=$out/threads/fs/safetensorsfs
	unit_tests "$out/threads" companion rename shared
	python3 -B tests/load.py --minutes 1 --readers 16 --listers 16 --cycles 5
	python_tests tests/mount/test_{hanging,stress,torn}.py \
		-k "test_hangs or test_stress or test_readers_and_a_writer"
}

# Left out: what valgrind 3.19 is wrong about (it rounds 64-bit integers to floats otherwise, and
# has no address space to take away), and what takes minutes under it.
check_valgrind() {
	local log=$out/valgrind/found tests
	install_test_packages
	install_packages valgrind
	build "$out/valgrind" --buildtype=debugoptimized -Dwerror=true
	rm -rf "$log" && mkdir "$log"
	set -- valgrind -q --leak-check=full --errors-for-leak-kinds=definite,indirect \
		--show-leak-kinds=definite,indirect --error-exitcode=9 "--log-file=$log/%p"
	tests=$(meson test -C "$out/valgrind" --list | sed -n '/safetensorsfs:/s/.*[ :]//p' |
		grep -vxE 'backing|cast|kept|limits|open')
	# shellcheck disable=SC2086
	unit_tests "$out/valgrind" --wrapper "$*" $tests || { grep -h '^==' "$log"/*; return 1; }
	SAFETENSORSFS=$out/valgrind/fs/safetensorsfs \
		python3 -B tests/load.py --minutes 1 --readers 2 --listers 1 --prefix "$*"
	! grep -h '^==' "$log"/*
}

check_coverage() {
	scripts/coverage --least 99 95
}

check_fuzz() {
	local targets
	targets=$(ls tests/fuzz/corpus | wc -l)
	scripts/fuzz $((60 / targets))
}

check_soak() {
	scripts/soak 1 --cycles 50
}

check_format() {
	install_packages clang-format
	find core fs tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run --Werror
}

check_tidy() {
	install_build_packages
	install_packages clang clang-tidy libcmocka-dev
	CC=clang build "$out/clang" --buildtype=debugoptimized -Dwerror=true
	run-clang-tidy -quiet -p "$out/clang" -j "$(nproc)" "$here/(core|fs)/.*\.c$" \
		>"$out/tidy.log" 2>&1 || { grep -v '^clang-tidy' "$out/tidy.log"; return 1; }
}

check_cppcheck() {
	install_packages cppcheck
	cppcheck --quiet -j "$(nproc)" --error-exitcode=1 --std=c11 --platform=unix64 \
		--enable=warning,style,performance,portability --suppressions-list=.cppcheck \
		-I . -D_FILE_OFFSET_BITS=64 core fs
}

check_layers() {
	install_build_packages
	install_packages binutils
	build "$out/release" --buildtype=release
	BUILD=$out/release python_tests tests/test_layers.py
}

check_docs() {
	install_test_packages
	build "$out/release" --buildtype=release
	BUILD=$out/release SAFETENSORSFS=$out/release/fs/safetensorsfs REQUIRE=all \
		python_tests tests/test_{docs,completions,install}.py
}

check_m32() {
	make_chroot i386 bookworm --arch=i386
	in_chroot i386 '
		install_build_packages
		install_packages libcmocka-dev
		build /build/unit --buildtype=debugoptimized -Dwerror=true
		meson test -C /build/unit --quiet --print-errorlogs
	'
}

# Compiled here: only the tests themselves run as slowly as qemu plays that machine.
check_s390x() {
	make_chroot s390x bookworm
	# C.UTF-8 is a file in the byte order of its machine.
	in_chroot s390x '
		dpkg --add-architecture s390x
		install_packages gcc-s390x-linux-gnu libc6-dev:s390x libcjson-dev:s390x \
			libcmocka-dev:s390x libdeflate-dev:s390x libxxhash-dev:s390x nettle-dev:s390x \
			meson ninja-build pkg-config qemu-user
		[ -d /build/libc ] || {
			cd /build
			apt-get -qq download libc-bin:s390x
			dpkg-deb -x libc-bin_*_s390x.deb libc
			cd /src
		}
		export LOCPATH=/build/libc/usr/lib/locale
		build /build/unit --cross-file scripts/s390x.ini --buildtype=debugoptimized \
			-Dwerror=true -Dfuse=disabled
		meson test -C /build/unit --quiet --print-errorlogs --timeout-multiplier 10
	'
}

# debian SUITE: unit tests with its sanitizers, mount tests with a driver as it is shipped.
debian() {
	make_chroot "$1" "$1"
	in_chroot "$1" '
		apt-get -qq update
		DEBIAN_FRONTEND=noninteractive apt-get -qq dist-upgrade -y >/dev/null
		install_test_packages
		install_packages python3-numpy python3-pytest python3-xxhash
		build /build/dev --native-file build-dev.ini
		build /build/release --buildtype=release -Dwerror=true
		ninja -C /build/release tests/sandbox/safetensorsfs-probe
		meson test -C /build/dev --quiet --print-errorlogs
		BUILD=/build/release SAFETENSORSFS=/build/release/fs/safetensorsfs \
			python3 -m pytest -q -rs -p no:cacheprovider tests/mount \
			tests/test_{layers,docs,completions,install}.py
	'
}

check_trixie() {
	debian trixie
}

check_sid() {
	debian sid
}
