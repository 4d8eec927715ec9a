dnl SPDX-License-Identifier: GPL-3.0-or-later

dnl NV_INSTRUMENT(NAME, FLAGS, HELP): --enable-NAME adds FLAGS to the compiler and linker and NAME to nv_instruments.
AC_DEFUN([NV_INSTRUMENT], [
	AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [$3 (default: no)])], [], [enable_$1=no])
	AS_IF([test "$enable_$1" = yes], [
		NV_CFLAGS="$NV_CFLAGS $2"
		NV_LDFLAGS="$NV_LDFLAGS $2"
		nv_instruments="${nv_instruments:+$nv_instruments }$1"
	])
])

dnl NV_SANITIZERS: what a test build can be instrumented with.
AC_DEFUN([NV_SANITIZERS], [
	nv_instruments=
	NV_INSTRUMENT([asan], [-fsanitize=address -fno-omit-frame-pointer], [find misuse of memory, and leaks])
	NV_INSTRUMENT([ubsan], [-fsanitize=undefined -fno-sanitize-recover=all], [find undefined behaviour])
	NV_INSTRUMENT([tsan], [-fsanitize=thread], [find data races])
	NV_INSTRUMENT([coverage], [--coverage], [count the lines that tests reach])
	AS_IF([test "$enable_asan$enable_tsan" = yesyes], [AC_MSG_ERROR([--enable-asan and --enable-tsan exclude each other])])
	AC_ARG_ENABLE([fuzzing],
		[AS_HELP_STRING([--enable-fuzzing], [build the fuzzers with libFuzzer; needs CC=clang (default: no)])],
		[], [enable_fuzzing=no])
	AS_IF([test "$enable_fuzzing" = yes], [
		nv_saved_cflags=$CFLAGS
		CFLAGS="$CFLAGS -fsanitize=fuzzer-no-link"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [],
			[AC_MSG_ERROR([--enable-fuzzing needs libFuzzer: configure CC=clang; on Debian: apt-get install clang])])
		CFLAGS=$nv_saved_cflags
		NV_CFLAGS="$NV_CFLAGS -fsanitize=fuzzer-no-link"
		nv_instruments="${nv_instruments:+$nv_instruments }fuzzing"
	])
	AM_CONDITIONAL([FUZZING], [test "$enable_fuzzing" = yes])
	AM_CONDITIONAL([COVERAGE], [test "$enable_coverage" = yes])
])
