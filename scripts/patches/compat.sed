# SPDX-License-Identifier: GPL-2.0-only
#
# What compat.h hides, written for the newest kernel: macros, which compat.cocci cannot
# have in the places where they stand. Used by split.py.
/^#include ".*compat\.h"$/d
s/^VTDS_IMPORT_NS(\(.*\));$/MODULE_IMPORT_NS("\1");/
s/^\tVTDS_VFIO_PCI_TOKEN_OP VTDS_VFIO_PCI_REGION_OP$/\t.match_token_uuid = vfio_pci_core_match_token_uuid,\n\t.get_region_info_caps = vfio_pci_ioctl_get_region_info,/
# The parameters of the VFIO driver are for its own devices alone, so none needs a value
# for "not given".
/^ \*$/{
	N
	/\n \* The parameters are those of vfio-pci, with one more value/{
		:paragraph
		N
		/\n \*\/\{0,1\}$/!b paragraph
		s/.*\n//
	}
}
s/^static int \(nointxmask\|disable_vga\|disable_idle_d3\) = -1;$/static bool \1;/
s/^\(module_param(\w*, \)bint\(, 0444);\)$/\1bool\2/
