// SPDX-License-Identifier: GPL-2.0-only
//
// What compat.h hides, written for the newest kernel: functions and conditions. Used by
// split.py, after compat.sed.

@@
expression idev, pasid, id;
@@
-vtds_iommufd_attach(idev, pasid, id)
+iommufd_device_attach(idev, pasid, id)

@@
expression idev, pasid;
@@
-vtds_iommufd_detach(idev, pasid)
+iommufd_device_detach(idev, pasid)

@@
expression name;
@@
-vtds_kthread_run_worker(name)
+kthread_run_worker(0, name)

// Since 7.0 Intel's second stage keeps R and W apart
@@
statement S;
@@
-if (!VTDS_INTEL_WRITE_ONLY) S

@@
expression vdev, intx, vga, d3;
@@
-vtds_vfio_pci_params(vdev, intx > 0, vga > 0, d3 > 0);
+vdev->nointxmask = intx;
+vdev->disable_vga = vga;
+vdev->disable_idle_d3 = d3;

// Of the core there are none any more
@@
expression condition;
@@
-if (condition) vtds_vfio_pci_core_params(...);

@ setup @
identifier probe;
expression vdev;
@@
 static int probe(...)
 {
 <+...
-vtds_vfio_pci_setup(vdev);
+vdev->pci_ops = &vtds_pci_device_ops;
 ...+>
 }

@ depends on setup @
identifier setup.probe;
@@
+static const struct vfio_pci_device_ops vtds_pci_device_ops = {
+	.get_dmabuf_phys = vfio_pci_core_get_dmabuf_phys,
+};
+
 static int probe(...) { ... }
