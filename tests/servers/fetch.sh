#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Fetches the MongoDB-compatible servers that tests start, and the Mongoose that writes beside a mount, each pinned by version and by the
# hash of every file:
#
#   sh tests/servers/fetch.sh [secantusdb] [mongo-java-server] [mongoose] [ferretdb]
#
# They land in ${NV_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/netviewfs-tests}; what is there is not fetched again. Needs python3 with pip
# for the first, Maven and a Java runtime for the second, Node and npm for the third. The fourth, which is built here, is left out unless it
# is named: it wants Go 1.24 or later, which Debian 12 has not. tests/lib/mongo_server.h starts them. No test fetches anything by itself.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${NV_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/netviewfs-tests}
work=

finish() {
	[ -z "$work" ] || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# get NAME-VERSION: makes the directory by the function fetch_NAME, which works in the current one; whole or not at all.
get() {
	if [ -e "$cache/$1" ]; then
		return 0
	fi
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/.fetch.XXXXXX")
	(cd "$work" && "$2")
	# Another fetch may have been faster.
	mv -T "$work" "$cache/$1" 2>/dev/null || [ -e "$cache/$1" ]
	rm -rf "$work"
	work=
}

# The server is two folders of a wheel. Its own Python code is not used.
fetch_secantusdb() {
	wheel=secantusdb-0.6.0b17-cp311-cp311-manylinux_2_28_x86_64.whl
	printf '%s --hash=sha256:%s\n' 'SecantusDB==0.6.0b17' \
		fe8ccfd1295c872c92a4c4c13c5a6a1dead88b2ff3b9aafb361406ec8aac4d14 >requirements.txt
	python3 -m pip download -q --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
		--implementation cp --python-version 3.11 --abi cp311 --platform manylinux_2_28_x86_64 -r requirements.txt -d .
	python3 -m zipfile -e "$wheel" wheel
	mv wheel/secantusdb.scripts wheel/secantusdb.libs .
	rm -rf wheel "$wheel" requirements.txt
	chmod 755 secantusdb.scripts/secantusd-rs
	sha256sum -c --quiet "$here/secantusdb.sha256"
}

fetch_mongo_java_server() {
	mvn -q -B -Dstyle.color=never -f "$here/mongo-java-server/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$PWD/lib"
	(cd lib && sha256sum -c --quiet "$here/mongo-java-server/jars.sha256")
	[ "$(find lib -name '*.jar' | wc -l)" -eq "$(wc -l <"$here/mongo-java-server/jars.sha256")" ]
	# A runtime has the compiler's module too, if not the command javac.
	java -m jdk.compiler/com.sun.tools.javac.Main --release 17 -cp "$(printf '%s:' lib/*.jar)" -d . \
		"$here/mongo-java-server/Run.java"
}

# The lock file has the hashes.
fetch_mongoose() {
	cp "$here/mongoose/package.json" "$here/mongoose/package-lock.json" .
	npm ci --silent --no-audit --no-fund --ignore-scripts --no-update-notifier
}

# A module's zip has no version.txt, without which the program ends at once.
fetch_ferretdb() {
	sum=$(go mod download -json github.com/FerretDB/FerretDB@v1.24.2 | tr -d ' \t",' >module && sed -n 's/^Sum://p' module)
	[ "$sum" = h1:trrUU0LbmusMbyubhPS1IELncvrIwKrsRT2LW1UUWCw= ]
	cp -r "$(sed -n 's/^Dir://p' module)" source
	chmod -R u+w source
	echo v1.24.2 >source/build/version/version.txt
	# The module's own go.sum has the hashes of what it needs.
	(cd source && go build -buildvcs=false -o ../ferretdb ./cmd/ferretdb)
	rm -rf source module
}

[ $# -gt 0 ] || set -- secantusdb mongo-java-server mongoose
for server in "$@"; do
	case $server in
	secantusdb) get secantusdb-0.6.0b17 fetch_secantusdb ;;
	mongo-java-server) get mongo-java-server-1.47.0 fetch_mongo_java_server ;;
	ferretdb) get ferretdb-1.24.2 fetch_ferretdb ;;
	mongoose) get mongoose-8.24.10 fetch_mongoose ;;
	*)
		echo "fetch.sh: no such server: $server" >&2
		exit 1
		;;
	esac
done
