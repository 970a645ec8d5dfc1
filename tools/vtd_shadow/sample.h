/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What debugfs told about all units at one moment, see sample.c
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * enum kind - What a section is about
 * @UNIT: A unit; devices and domains that follow are its own
 * @DEVICE: A device
 * @DOMAIN: A domain
 */
enum kind {
	UNIT,
	DEVICE,
	DOMAIN,
};

/**
 * struct value - A line of the file
 * @name: What is before the blank
 * @text: What is after it
 */
struct value {
	char *name;
	char *text;
};

/**
 * struct section - The lines about one thing
 * @kind: What it is
 * @unit: Number of its unit
 * @id: Its own number; that of the unit, if it is one
 * @values: The lines, the first of which names the thing
 * @nr_values: How many
 */
struct section {
	enum kind kind;
	unsigned long long unit;
	unsigned long long id;
	struct value *values;
	size_t nr_values;
};

/**
 * struct sample - All units
 * @time: Seconds, of a clock that is never set
 * @sections: Units in the order of their numbers, each with its devices and domains
 * @nr_sections: How many
 */
struct sample {
	double time;
	struct section *sections;
	size_t nr_sections;
};

double sample_now(void);
int sample_take(struct sample *sample, const char *debugfs, pid_t pid);
void sample_free(struct sample *sample);
const struct section *sample_find(const struct sample *sample,
				  const struct section *like);
const char *section_text(const struct section *section, const char *name);
unsigned long long section_number(const struct section *section,
				  const char *name);

#endif /* SAMPLE_H */
