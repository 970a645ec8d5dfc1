/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sample as JSON, see json.c
 */
#ifndef JSON_H
#define JSON_H

#include <stdio.h>

struct sample;

void json_print(FILE *to, const struct sample *sample);

#endif /* JSON_H */
