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
	build "$out/release" --buildtype=release
	unit_tests "$out/sanitizers"
	SAFETENSORSFS=$out/sanitizers/fs/safetensorsfs \
		SAFETENSORSFS_PLAIN=$out/release/fs/safetensorsfs python_tests tests/mount
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
