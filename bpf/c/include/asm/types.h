/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* So that one folder of headers serves whatever machine compiles. */
#include <asm-generic/types.h>
