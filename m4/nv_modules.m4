dnl SPDX-License-Identifier: GPL-3.0-or-later

dnl NV_REQUIRE_MODULE(PREFIX, MODULE, DEBIAN-PACKAGE): a library that must be there. All that is missing is reported at once.
AC_DEFUN([NV_REQUIRE_MODULE], [
	PKG_CHECK_MODULES([$1], [$2], [
		AS_VAR_SET([nv_version_$1], [$($PKG_CONFIG --modversion m4_car(m4_unquote(m4_split([$2]))))])
	], [
		nv_missing="$nv_missing
  $2 (Debian package $3)"
		nv_missing_packages="$nv_missing_packages $3"
	])
])

dnl NV_BSON: libbson is needed always (the sqlite store keeps BSON), libmongoc for the MongoDB store, which can be left out. Their
dnl second versions have other module names.
AC_DEFUN([NV_BSON], [
	AS_IF([$PKG_CONFIG --exists bson2], [nv_bson=bson2], [nv_bson=libbson-1.0])
	PKG_CHECK_MODULES([BSON], [$nv_bson >= 1.23], [nv_version_BSON=$($PKG_CONFIG --modversion $nv_bson)], [
		nv_missing="$nv_missing
  libbson-1.0 >= 1.23 (Debian package libbson-dev)"
		nv_missing_packages="$nv_missing_packages libbson-dev"
	])
	AC_ARG_WITH([mongo],
		[AS_HELP_STRING([--with-mongo=auto|yes|no], [the MongoDB store, docs=mongodb:// (default: auto, when libmongoc is there)])],
		[], [with_mongo=auto])
	AS_CASE([$with_mongo], [auto|yes|no], [], [AC_MSG_ERROR([--with-mongo= takes auto, yes or no])])
	nv_version_MONGOC=none
	AS_IF([test "$with_mongo" != no], [
		AS_IF([$PKG_CONFIG --exists mongoc2], [nv_mongoc=mongoc2], [nv_mongoc=libmongoc-1.0])
		PKG_CHECK_MODULES([MONGOC], [$nv_mongoc >= 1.23], [
			nv_version_MONGOC=$($PKG_CONFIG --modversion $nv_mongoc)
			AC_DEFINE([NV_WITH_MONGO], [1], [The MongoDB store is compiled in.])
		], [
			AS_IF([test "$with_mongo" = yes], [
				nv_missing="$nv_missing
  libmongoc-1.0 >= 1.23 (Debian package libmongoc-dev; or --with-mongo=no)"
				nv_missing_packages="$nv_missing_packages libmongoc-dev"
			])
		])
	])
	AM_CONDITIONAL([WITH_MONGO], [test "$nv_version_MONGOC" != none])
])

dnl NV_REPORT_MISSING: stops when a required library is missing.
AC_DEFUN([NV_REPORT_MISSING], [
	AS_IF([test -n "$nv_missing"], [
		AC_MSG_ERROR([these libraries are missing:$nv_missing
On Debian: apt-get install$nv_missing_packages])
	])
])

dnl NV_SUMMARY: what was found, once for the end of configure and once compiled in for --version.
AC_DEFUN([NV_SUMMARY], [
	nv_compiler=$($CC --version 2>/dev/null | $SED -n 1p | tr -d '\\"')
	nv_libraries="fuse3 $nv_version_FUSE, hiredis $nv_version_HIREDIS, libbson $nv_version_BSON, libcjson $nv_version_CJSON, sqlite3 $nv_version_SQLITE"
	nv_stores="sqlite, redis"
	AS_IF([test "$nv_version_MONGOC" != none], [
		nv_libraries="$nv_libraries, libmongoc $nv_version_MONGOC"
		nv_stores="sqlite, mongodb, redis"
	])
	nv_instruments_text=${nv_instruments:-none}
	AC_DEFINE_UNQUOTED([NV_BUILD_COMPILER], ["$nv_compiler"], [The compiler, for --version.])
	AC_DEFINE_UNQUOTED([NV_BUILD_LIBRARIES], ["$nv_libraries"], [The libraries built against, for --version.])
	AC_DEFINE_UNQUOTED([NV_BUILD_STORES], ["$nv_stores"], [The stores compiled in, for --version.])
	AC_DEFINE_UNQUOTED([NV_BUILD_INSTRUMENTS], ["$nv_instruments_text"], [Sanitizers and the like, for --version.])
	nv_summary_text="
netviewfs $PACKAGE_VERSION
  stores:      $nv_stores
  libraries:   $nv_libraries
  compiler:    $nv_compiler
  werror:      $enable_werror
  instruments: $nv_instruments_text
  tests:       cmocka $nv_cmocka, bats $BATS
"
])
