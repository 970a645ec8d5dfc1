# SPDX-License-Identifier: GPL-2.0-only
#
# What compat.h hides, written for the newest kernel: macros, which compat.cocci cannot
# have in the places where they stand. Used by split.py.
/^#include ".*compat\.h"$/d
s/^VTDS_IMPORT_NS(\(.*\));$/MODULE_IMPORT_NS("\1");/
s/^\tVTDS_VFIO_PCI_TOKEN_OP VTDS_VFIO_PCI_REGION_OP$/\t.match_token_uuid = vfio_pci_core_match_token_uuid,\n\t.get_region_info_caps = vfio_pci_ioctl_get_region_info,/
