/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Odds and ends: time, files of the kernel, and who holds how much memory (lib/misc.c).
 */
#ifndef VTDS_MISC_H
#define VTDS_MISC_H

double vtds_seconds(void);
void vtds_sleep_ms(unsigned int ms);
int vtds_withhold(void *hva, size_t size, int flags);
int vtds_write_file(const char *path, const char *text);
long vtds_number_in(const char *path, const char *name);
long vtds_vm_pin_kb(void);
long vtds_pins_in_system(void);
void vtds_tell_stacks(int pid);

#endif /* VTDS_MISC_H */
