# SPDX-License-Identifier: GPL-2.0-only
#
# What all programs are linked with: LIBVTDS_C has the sources, LIBVTDS_O the objects.
# For the Makefile of these selftests, after lib.mk.

LIBVTDS_C := lib/account.c
LIBVTDS_C += lib/cgroup.c
LIBVTDS_C += lib/edu.c
LIBVTDS_C += lib/fail.c
LIBVTDS_C += lib/fixture.c
LIBVTDS_C += lib/guest_queue.c
LIBVTDS_C += lib/guest_ram.c
LIBVTDS_C += lib/guest_scalable.c
LIBVTDS_C += lib/guest_tables.c
LIBVTDS_C += lib/history.c
LIBVTDS_C += lib/host.c
LIBVTDS_C += lib/isolation.c
LIBVTDS_C += lib/isolation_host.c
LIBVTDS_C += lib/load.c
LIBVTDS_C += lib/misc.c
LIBVTDS_C += lib/nvme.c
LIBVTDS_C += lib/options.c
LIBVTDS_C += lib/probe.c
LIBVTDS_C += lib/unit.c
LIBVTDS_C += lib/vfio.c
LIBVTDS_C += lib/vmm.c
LIBVTDS_C += lib/watch.c

LIBVTDS_O := $(LIBVTDS_C:%.c=$(OUTPUT)/%.o)

CFLAGS += -I$(VTDS_DIR)include
