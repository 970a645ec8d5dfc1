// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints a sample as one line of JSON: all that debugfs told, under the same names. Serves
 * main.c; calls sample.c.
 *
 * Decimal numbers are numbers; all else is a string, hexadecimal numbers included, since
 * many readers of JSON lose the low bits of an address.
 */
#include <stdbool.h>
#include <string.h>

#include "json.h"
#include "sample.h"

static void print_string(FILE *to, const char *text)
{
	fputc('"', to);
	/* There is nothing in it that cannot be printed, see copy() in sample.c */
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

/* As JSON has it: without a zero in front. Words of the VMM never are numbers. */
static bool is_number(const struct value *value)
{
	const char *text = value->text;

	if (!strcmp(value->name, "comm") || !strcmp(value->name, "name"))
		return false;
	return *text && text[strspn(text, "0123456789")] == 0 &&
	       (*text != '0' || !text[1]);
}

static void print_value(FILE *to, const struct value *value)
{
	if (is_number(value))
		fputs(value->text, to);
	else
		print_string(to, value->text);
}

/* Values of one name that there may be several of */
static void print_source_ids(FILE *to, const struct section *section)
{
	const char *comma = "";

	fputs(",\"source_ids\":[", to);
	for (size_t i = 0; i < section->nr_values; i++) {
		const struct value *value = &section->values[i];

		if (strcmp(value->name, "source_id"))
			continue;
		fputs(comma, to);
		print_value(to, value);
		comma = ",";
	}
	fputc(']', to);
}

static void print_values(FILE *to, const struct section *section)
{
	const char *comma = "";

	for (size_t i = 0; i < section->nr_values; i++) {
		const struct value *value = &section->values[i];

		if (!strcmp(value->name, "source_id"))
			continue;
		fputs(comma, to);
		print_string(to, value->name);
		fputc(':', to);
		print_value(to, value);
		comma = ",";
	}
	if (section->kind == DEVICE)
		print_source_ids(to, section);
}

/* What a unit has of one kind, as a list */
static void print_list(FILE *to, const struct sample *sample, size_t unit,
		       enum kind kind, const char *name)
{
	const char *comma = "";

	fprintf(to, ",\"%s\":[", name);
	for (size_t i = unit + 1;
	     i < sample->nr_sections && sample->sections[i].kind != UNIT; i++) {
		if (sample->sections[i].kind != kind)
			continue;
		fprintf(to, "%s{", comma);
		print_values(to, &sample->sections[i]);
		fputc('}', to);
		comma = ",";
	}
	fputc(']', to);
}

/* One object, on a line of its own */
void json_print(FILE *to, const struct sample *sample)
{
	const char *comma = "";

	fprintf(to, "{\"time\":%.3f,\"units\":[", sample->time);
	for (size_t i = 0; i < sample->nr_sections; i++) {
		if (sample->sections[i].kind != UNIT)
			continue;
		fprintf(to, "%s{", comma);
		print_values(to, &sample->sections[i]);
		print_list(to, sample, i, DEVICE, "device");
		print_list(to, sample, i, DOMAIN, "domain");
		fputc('}', to);
		comma = ",";
	}
	fputs("]}\n", to);
}
