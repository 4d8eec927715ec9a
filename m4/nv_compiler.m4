dnl SPDX-License-Identifier: GPL-3.0-or-later

dnl NV_CHECK_CFLAG(FLAG): adds FLAG to NV_CFLAGS when the compiler knows it. -Werror, because clang only warns of unknown ones.
AC_DEFUN([NV_CHECK_CFLAG], [
	AS_VAR_PUSHDEF([nv_cache], [nv_cv_cflag_$1])
	AC_CACHE_CHECK([whether $CC knows $1], [nv_cache], [
		nv_saved_cflags=$CFLAGS
		CFLAGS="-Werror $1"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [AS_VAR_SET([nv_cache], [yes])], [AS_VAR_SET([nv_cache], [no])])
		CFLAGS=$nv_saved_cflags
	])
	AS_VAR_IF([nv_cache], [yes], [NV_CFLAGS="$NV_CFLAGS $1"])
	AS_VAR_POPDEF([nv_cache])
])

dnl NV_COMPILER_FLAGS: the language and the warnings, in NV_CFLAGS; CFLAGS stay the user's.
AC_DEFUN([NV_COMPILER_FLAGS], [
	NV_CFLAGS=
	NV_LDFLAGS=
	NV_CHECK_CFLAG([-std=c17])
	AS_CASE([$NV_CFLAGS], [*-std=c17*], [], [AC_MSG_ERROR([the compiler does not know C17; on Debian: apt-get install gcc])])
	m4_foreach_w([nv_flag], [-Wall -Wextra -Wjump-misses-init -Wshadow -Wvla -Wwrite-strings -Wstrict-prototypes
		-Wmissing-prototypes -Wold-style-definition -Wformat=2 -Wundef -Wimplicit-fallthrough],
		[NV_CHECK_CFLAG(nv_flag)])
	AC_ARG_ENABLE([werror],
		[AS_HELP_STRING([--enable-werror], [make warnings errors (default: no)])], [], [enable_werror=no])
	AS_IF([test "$enable_werror" = yes], [NV_CFLAGS="$NV_CFLAGS -Werror"])
	NV_CFLAGS="$NV_CFLAGS -pthread"
	NV_LDFLAGS="$NV_LDFLAGS -pthread"
	AC_SUBST([NV_CFLAGS])
	AC_SUBST([NV_LDFLAGS])
])
