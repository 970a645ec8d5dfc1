// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-pci variant driver for shadow-capable devices: vfio-pci, with the
 * iommufd operations of vtd_shadow. It is bound with driver_override, by its name.
 *
 * There is no table of devices, hence no module alias: it would have to match all, as
 * that of vfio-pci does, and tools that ask modules.alias for the VFIO driver that fits
 * best would take this one for everything that is assigned to a guest.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>
#include <linux/vtd_shadow.h>

#include "compat.h"

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
	.name = "vtd-shadow-vfio-pci",
	.init = vfio_pci_core_init_dev,
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

static struct pci_driver vtds_pci_driver = {
	.name = "vtd_shadow_vfio_pci",
	.probe = vtds_pci_probe,
	.remove = vtds_pci_remove,
	.err_handler = &vfio_pci_core_err_handlers,
	.driver_managed_dma = true,
};
module_pci_driver(vtds_pci_driver);

MODULE_DESCRIPTION("vfio-pci for devices behind a shadowed VT-d unit");
MODULE_LICENSE("GPL");
