/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NV_OPTIONS_H
#define NV_OPTIONS_H
#endif
