// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-pci variant driver for shadow-capable devices: vfio-pci, with the
 * iommufd operations of vtd_shadow, in vfio.c. It is bound with driver_override, by its
 * name.
 *
 * There is no table of devices, hence no module alias: it would have to match all, as
 * that of vfio-pci does, and tools that ask modules.alias for the VFIO driver that fits
 * best would take this one for everything that is assigned to a guest.
 *
 * The parameters are those of vfio-pci, with one more value: -1, not given. Older kernels
 * have one set of them for all VFIO drivers, which vfio-pci sets when it is loaded. As long
 * as none is given here, what it set stays.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>
#include <linux/vtd_shadow.h>

#include "compat.h"
#include "vfio_pci.h"

static int nointxmask = -1;
module_param(nointxmask, bint, 0444);
MODULE_PARM_DESC(nointxmask, "Do not rely on INTx masking of PCI 2.3");

static int disable_vga = -1;
module_param(disable_vga, bint, 0444);
MODULE_PARM_DESC(disable_vga, "No access to VGA resources");

static int disable_idle_d3 = -1;
module_param(disable_idle_d3, bint, 0444);
MODULE_PARM_DESC(disable_idle_d3, "Leave devices that nobody uses in D0");

static bool enable_sriov;
#ifdef CONFIG_PCI_IOV
module_param(enable_sriov, bool, 0644);
MODULE_PARM_DESC(enable_sriov,
		 "Let VFs of a device be made while it is assigned");
#endif

static bool disable_denylist;
module_param(disable_denylist, bool, 0444);
MODULE_PARM_DESC(disable_denylist,
		 "Take devices that vfio-pci denies for their errata");

/*
 * Devices with which a guest can do harm to the host, as in vfio-pci: QuickAssist and its
 * VFs (DH895xCC, C3xxx, C62x), data streaming and analytics accelerators of the first
 * generation.
 */
static const struct pci_device_id vtds_pci_denied[] = {
	{ PCI_VDEVICE(INTEL, 0x0435) },
	{ PCI_VDEVICE(INTEL, 0x0443) },
	{ PCI_VDEVICE(INTEL, 0x0b25) },
	{ PCI_VDEVICE(INTEL, 0x0cfe) },
	{ PCI_VDEVICE(INTEL, 0x19e2) },
	{ PCI_VDEVICE(INTEL, 0x19e3) },
	{ PCI_VDEVICE(INTEL, 0x37c8) },
	{ PCI_VDEVICE(INTEL, 0x37c9) },
	{}
};

VISIBLE_IF_KUNIT bool vtds_pci_is_denied(struct pci_dev *pdev)
{
	if (!pci_match_id(vtds_pci_denied, pdev))
		return false;
	pci_warn(pdev, "in the denylist of vfio-pci for its errata, %s\n",
		 disable_denylist ? "allowed by disable_denylist" : "refused");
	return !disable_denylist;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_pci_is_denied);

/*
 * The OpRegion of Intel's integrated graphics, and what their driver reads of host and
 * LPC bridge, are regions that vfio-pci itself adds. A VMM that does not find them says
 * nothing, and displays stay dark.
 */
static void note_graphics(struct pci_dev *pdev)
{
	if (pdev->vendor == PCI_VENDOR_ID_INTEL && pci_is_root_bus(pdev->bus) &&
	    pdev->class >> 16 == PCI_BASE_CLASS_DISPLAY)
		pci_notice(pdev, "no OpRegion: only vfio-pci has it\n");
}

static int vtds_pci_init_device(struct vfio_device *core_vdev)
{
	struct vfio_pci_core_device *vdev =
		container_of(core_vdev, struct vfio_pci_core_device, vdev);

	vtds_vfio_pci_params(vdev, nointxmask > 0, disable_vga > 0,
			     disable_idle_d3 > 0);
	return vfio_pci_core_init_dev(core_vdev);
}

static int vtds_pci_open_device(struct vfio_device *core_vdev)
{
	struct vfio_pci_core_device *vdev =
		container_of(core_vdev, struct vfio_pci_core_device, vdev);
	int ret;

	ret = vfio_pci_core_enable(vdev);
	if (ret)
		return ret;
	vfio_pci_core_finish_enable(vdev);
	return 0;
}

static const struct vfio_device_ops vtds_pci_ops = {
	/* That of the driver: the core puts it into driver_override of VFs that it makes */
	.name = "vtd_shadow_vfio_pci",
	.init = vtds_pci_init_device,
	.release = vfio_pci_core_release_dev,
	.open_device = vtds_pci_open_device,
	.close_device = vfio_pci_core_close_device,
	.ioctl = vfio_pci_core_ioctl,
	.device_feature = vfio_pci_core_ioctl_feature,
	.read = vfio_pci_core_read,
	.write = vfio_pci_core_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	.bind_iommufd = vtd_shadow_vfio_bind_iommufd,
	.unbind_iommufd = vtd_shadow_vfio_unbind_iommufd,
	.attach_ioas = vtd_shadow_vfio_attach_ioas,
	.detach_ioas = vtd_shadow_vfio_detach_ioas,
	VTDS_VFIO_PCI_TOKEN_OP VTDS_VFIO_PCI_REGION_OP
};

static int vtds_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vfio_pci_core_device *vdev;
	int ret;

	if (vtds_pci_is_denied(pdev))
		return -EINVAL;
	note_graphics(pdev);
	vdev = vfio_alloc_device(vfio_pci_core_device, vdev, &pdev->dev,
				 &vtds_pci_ops);
	if (IS_ERR(vdev))
		return PTR_ERR(vdev);

	dev_set_drvdata(&pdev->dev, vdev);
	vtds_vfio_pci_setup(vdev);
	ret = vfio_pci_core_register_device(vdev);
	if (ret)
		vfio_put_device(&vdev->vdev);
	return ret;
}

static void vtds_pci_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *vdev = dev_get_drvdata(&pdev->dev);

	vfio_pci_core_unregister_device(vdev);
	vfio_put_device(&vdev->vdev);
}

static int vtds_pci_sriov_configure(struct pci_dev *pdev, int nr)
{
	if (!enable_sriov)
		return -ENOENT;
	return vfio_pci_core_sriov_configure(dev_get_drvdata(&pdev->dev), nr);
}

static struct pci_driver vtds_pci_driver = {
	.name = "vtd_shadow_vfio_pci",
	.probe = vtds_pci_probe,
	.remove = vtds_pci_remove,
	.sriov_configure = vtds_pci_sriov_configure,
	.err_handler = &vfio_pci_core_err_handlers,
	.driver_managed_dma = true,
};

static int __init vtds_pci_init(void)
{
	if (nointxmask >= 0 || disable_vga >= 0 || disable_idle_d3 >= 0)
		vtds_vfio_pci_core_params(nointxmask > 0, disable_vga > 0,
					  disable_idle_d3 > 0);
	return pci_register_driver(&vtds_pci_driver);
}
module_init(vtds_pci_init);

static void __exit vtds_pci_exit(void)
{
	pci_unregister_driver(&vtds_pci_driver);
}
module_exit(vtds_pci_exit);

MODULE_DESCRIPTION("vfio-pci for devices behind a shadowed VT-d unit");
MODULE_LICENSE("GPL");
