/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What unit tests see of vfio_pci.c
 */
#ifndef VTDS_VFIO_PCI_H
#define VTDS_VFIO_PCI_H

#include <linux/kconfig.h>
#include <linux/types.h>

struct pci_dev;

#if IS_ENABLED(CONFIG_KUNIT)
bool vtds_pci_is_denied(struct pci_dev *pdev);
#endif

#endif /* VTDS_VFIO_PCI_H */
