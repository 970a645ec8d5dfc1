/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * vtd_shadow: the host kernel shadows the second-stage tables of an emulated
 * VT-d unit for the devices that are assigned through it.
 *
 * One file of /dev/vtd_shadow stands for one unit. It is open while there are
 * devices: it keeps the IOAS that it is bound to, which goes with its last
 * device.
 *
 * All of this is called with the BQL held. A command of a guest that may take
 * long executes without it: the kernel puts calls in order, and reads only
 * memory.
 */

#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include <linux/iommufd.h>
#include <linux/vtd_shadow.h>

#include "hw/pci/pci_bus.h"
#include "migration/blocker.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "system/iommufd.h"
#include "trace.h"
#include "vtd_shadow.h"
#include "vtd_shadow-compat.h"

#define VTD_SHADOW_DEV "/dev/vtd_shadow"

typedef struct VTDShadowDevice {
    PCIBus *bus;
    int devfn;
    HostIOMMUDevice *hiod;
    uint32_t dev_id;
    uint32_t identity_pt_id;
    uint16_t source_id;
    bool added;             /* The kernel has it */
    QLIST_ENTRY(VTDShadowDevice) next;
} VTDShadowDevice;

/* A range of memory of which parts come and go, as virtio-mem has it */
typedef struct VTDShadowParts {
    VTDShadow *shadow;
    MemoryRegion *mr;
    hwaddr offset;
    RamDiscardListener listener;
    QLIST_ENTRY(VTDShadowParts) next;
} VTDShadowParts;

struct VTDShadow {
    int fd;                 /* -1 while there is no device */
    QemuMutex executing;    /* Held in calls without the BQL, not to take it */
    IOMMUFDBackend *be;
    uint32_t ioas_id;
    uint64_t cap;
    uint64_t ecap;
    uint8_t haw;
    bool translation;
    uint64_t rtaddr;
    VTDShadowFault *fault;
    void *opaque;
    Error *blocker;         /* Of migration, while there is a device */
    QLIST_HEAD(, VTDShadowDevice) devices;
    MemoryListener listener;
    bool ram_added;
    QLIST_HEAD(, VTDShadowParts) parts;
    bool parts_added;
};

/*
 * The kernel's errors here are its own trouble, or our bugs: what a guest does
 * wrong is in the output of the calls.
 */
static int vtd_shadow_ioctl(VTDShadow *shadow, unsigned long request, void *arg,
                            const char *what, bool may_unlock)
{
    int ret;

    if (may_unlock) {
        qemu_mutex_lock(&shadow->executing);
        bql_unlock();
    }
    ret = ioctl(shadow->fd, request, arg) ? -errno : 0;
    if (may_unlock) {
        qemu_mutex_unlock(&shadow->executing);
        bql_lock();
    }

    trace_vtd_shadow_ioctl(what, ret);
    if (ret) {
        error_report("vtd_shadow: %s: %s", what, strerror(-ret));
    }
    return ret;
}

/* What the guest's tables ask for and is not there is the guest's loss. */
static void vtd_shadow_install_errno(const char *what, uint32_t install_errno)
{
    if (install_errno) {
        trace_vtd_shadow_install_errno(what, install_errno);
    }
}

/* Faults */

/*
 * A device that is in no domain has no valid entries. The engine says so when
 * it reads them; a fault it would be if the device did DMA now.
 */
static bool vtd_shadow_is_idle(uint32_t reason)
{
    switch (reason) {
    case VTD_SHADOW_FR_ROOT_NOT_PRESENT:
    case VTD_SHADOW_FR_CTX_NOT_PRESENT:
    case VTD_SHADOW_FR_SM_ROOT_NOT_PRESENT:
    case VTD_SHADOW_FR_SM_CTX_NOT_PRESENT:
    case VTD_SHADOW_FR_DIR_NOT_PRESENT:
    case VTD_SHADOW_FR_PASID_NOT_PRESENT:
        return true;
    default:
        return false;
    }
}

static void vtd_shadow_event(VTDShadow *shadow,
                             const struct vtd_shadow_event *event)
{
    trace_vtd_shadow_event(event->type, event->source_id, event->iova,
                           event->reason, event->error);

    switch (event->type) {
    case VTD_SHADOW_EVENT_FAULT:
        if (!vtd_shadow_is_idle(event->reason)) {
            shadow->fault(shadow->opaque, event->reason, event->source_id,
                          event->iova);
        }
        break;
    case VTD_SHADOW_EVENT_INSTALL:
        warn_report_once("vtd_shadow: not all that the guest maps for its "
                         "device %02x:%02x.%x can be reached: iova 0x%llx: %s",
                         PCI_BUS_NUM(event->source_id),
                         PCI_SLOT(event->source_id),
                         PCI_FUNC(event->source_id),
                         event->iova, strerror(event->error));
        break;
    case VTD_SHADOW_EVENT_RECOVERED:
        info_report("vtd_shadow: what the host had refused for a while can be "
                    "reached now");
        break;
    case VTD_SHADOW_EVENT_CONFLICT:
        warn_report_once("vtd_shadow: the guest has different settings for "
                         "devices of one group of the host, that of device "
                         "%02x:%02x.%x: no DMA",
                         PCI_BUS_NUM(event->source_id),
                         PCI_SLOT(event->source_id),
                         PCI_FUNC(event->source_id));
        break;
    }
}

static void vtd_shadow_read_events(void *opaque)
{
    VTDShadow *shadow = opaque;
    struct vtd_shadow_event events[16];
    ssize_t len = read(shadow->fd, events, sizeof(events));

    for (ssize_t i = 0; i < len / (ssize_t)sizeof(events[0]); i++) {
        vtd_shadow_event(shadow, &events[i]);
    }
}

/* State */

static void vtd_shadow_send_state(VTDShadow *shadow, bool may_unlock)
{
    struct vtd_shadow_set_state state = {
        .size = sizeof(state),
        .flags = shadow->translation ? VTD_SHADOW_STATE_TE : 0,
        .rtaddr = shadow->rtaddr,
        .cap = shadow->cap,
        .ecap = shadow->ecap,
        .haw = shadow->haw,
    };

    trace_vtd_shadow_set_state(shadow->translation, shadow->rtaddr);
    vtd_shadow_ioctl(shadow, VTD_SHADOW_SET_STATE, &state, "SET_STATE",
                     may_unlock);
    vtd_shadow_install_errno("SET_STATE", state.install_errno);
}

/* Devices */

/*
 * Bus numbers are the guest's to give, at any time, and gone after a reset.
 * Until then devices behind bridges look alike, which does no harm while
 * nothing is translated.
 */
static uint16_t vtd_shadow_source_id(const VTDShadowDevice *dev)
{
    return PCI_BUILD_BDF(pci_bus_num(dev->hiod->aliased_bus),
                         dev->hiod->aliased_devfn);
}

static int vtd_shadow_ioctl_add(int fd, uint32_t dev_id, uint32_t pt_id,
                                uint16_t source_id)
{
    struct vtd_shadow_add_device add = {
        .size = sizeof(add),
        .dev_id = dev_id,
        .identity_pt_id = pt_id,
        .source_ids_uptr = (uintptr_t)&source_id,
        .nr_source_ids = 1,
    };
    int ret = ioctl(fd, VTD_SHADOW_ADD_DEVICE, &add) ? -errno : 0;

    trace_vtd_shadow_add_device(dev_id, pt_id, source_id, ret);
    vtd_shadow_install_errno("ADD_DEVICE", add.install_errno);
    return ret;
}

static void vtd_shadow_add_errno(Error **errp, int ret)
{
    if (ret == -ENOENT) {
        error_setg(errp, "vtd_shadow: the device is not bound to a driver that "
                   "supports it, as vtd_shadow_vfio_pci does");
    } else {
        error_setg_errno(errp, -ret, "vtd_shadow: ADD_DEVICE");
    }
}

static int vtd_shadow_add(VTDShadow *shadow, VTDShadowDevice *dev)
{
    int ret;

    dev->source_id = vtd_shadow_source_id(dev);
    ret = vtd_shadow_ioctl_add(shadow->fd, dev->dev_id, dev->identity_pt_id,
                               dev->source_id);
    dev->added = !ret;
    return ret;
}

static void vtd_shadow_remove(VTDShadow *shadow, VTDShadowDevice *dev)
{
    struct vtd_shadow_remove_device remove = {
        .size = sizeof(remove),
        .dev_id = dev->dev_id,
    };

    if (dev->added) {
        vtd_shadow_ioctl(shadow, VTD_SHADOW_REMOVE_DEVICE, &remove,
                         "REMOVE_DEVICE", false);
    }
    dev->added = false;
}

/*
 * To be called before the kernel reads context entries, and when a device may
 * have got another bus number.
 */
static void vtd_shadow_update_source_ids(VTDShadow *shadow)
{
    VTDShadowDevice *dev;
    int ret;

    QLIST_FOREACH(dev, &shadow->devices, next) {
        if (dev->added && dev->source_id == vtd_shadow_source_id(dev)) {
            continue;
        }
        vtd_shadow_remove(shadow, dev);
        ret = vtd_shadow_add(shadow, dev);
        if (ret) {
            error_report("vtd_shadow: %s: ADD_DEVICE: %s, no DMA",
                         dev->hiod->name, strerror(-ret));
        }
    }
}

/* Memory. What the guest had mapped before it came can be installed then. */

static void vtd_shadow_resync(VTDShadow *shadow)
{
    struct vtd_shadow_resync resync = { .size = sizeof(resync) };

    vtd_shadow_update_source_ids(shadow);
    vtd_shadow_ioctl(shadow, VTD_SHADOW_RESYNC, &resync, "RESYNC", false);
    vtd_shadow_install_errno("RESYNC", resync.install_errno);
}

static void vtd_shadow_parts_added(void *opaque)
{
    VTDShadow *shadow = opaque;

    shadow->parts_added = false;
    if (vtd_shadow_active(shadow)) {
        vtd_shadow_resync(shadow);
    }
}

/* VFIO maps it, perhaps after this. There is nothing to do before it has. */
static int vtd_shadow_part_added(RamDiscardListener *listener,
                                 MemoryRegionSection *section)
{
    VTDShadowParts *parts = container_of(listener, VTDShadowParts, listener);
    VTDShadow *shadow = parts->shadow;

    if (!shadow->parts_added) {
        aio_bh_schedule_oneshot(qemu_get_aio_context(), vtd_shadow_parts_added,
                                shadow);
    }
    shadow->parts_added = true;
    return 0;
}

/* The kernel hears of it when VFIO unmaps it. */
static void vtd_shadow_part_removed(RamDiscardListener *listener,
                                    MemoryRegionSection *section)
{
}

static void vtd_shadow_add_parts(VTDShadow *shadow,
                                 MemoryRegionSection *section)
{
    VTDShadowParts *parts = g_new0(VTDShadowParts, 1);

    parts->shadow = shadow;
    parts->mr = section->mr;
    parts->offset = section->offset_within_address_space;
    ram_discard_listener_init(&parts->listener, vtd_shadow_part_added,
                              vtd_shadow_part_removed, true);
    ram_discard_manager_register_listener(
        memory_region_get_ram_discard_manager(section->mr), &parts->listener,
        section);
    QLIST_INSERT_HEAD(&shadow->parts, parts, next);
}

static void vtd_shadow_region_add(MemoryListener *listener,
                                  MemoryRegionSection *section)
{
    VTDShadow *shadow = container_of(listener, VTDShadow, listener);

    if (memory_region_has_ram_discard_manager(section->mr)) {
        vtd_shadow_add_parts(shadow, section);
        return;
    }
    shadow->ram_added |= memory_region_is_ram(section->mr) &&
                         !memory_region_is_ram_device(section->mr);
}

static void vtd_shadow_region_del(MemoryListener *listener,
                                  MemoryRegionSection *section)
{
    VTDShadow *shadow = container_of(listener, VTDShadow, listener);
    VTDShadowParts *parts;

    QLIST_FOREACH(parts, &shadow->parts, next) {
        if (parts->mr == section->mr &&
            parts->offset == section->offset_within_address_space) {
            break;
        }
    }
    if (parts) {
        ram_discard_manager_unregister_listener(
            memory_region_get_ram_discard_manager(section->mr),
            &parts->listener);
        QLIST_REMOVE(parts, next);
        g_free(parts);
    }
}

/*
 * By now VFIO's listener has mapped what was added.
 *
 * A guest that wakes up from S3 gives bridges their bus numbers again after it
 * enabled translation, without an invalidation. Then it lets the devices behind
 * them master the bus, which is a change of memory regions and comes here.
 */
static void vtd_shadow_commit(MemoryListener *listener)
{
    VTDShadow *shadow = container_of(listener, VTDShadow, listener);

    if (shadow->ram_added) {
        shadow->ram_added = false;
        vtd_shadow_resync(shadow);
    } else if (shadow->translation) {
        vtd_shadow_update_source_ids(shadow);
    }
}

/* Opening and closing */

static int vtd_shadow_open_unit(int iommufd, uint32_t ioas_id, Error **errp)
{
    struct vtd_shadow_bind bind = {
        .size = sizeof(bind),
        .iommufd = iommufd,
        .ioas_id = ioas_id,
    };
    int fd = qemu_open(VTD_SHADOW_DEV, O_RDWR | O_NONBLOCK, errp);

    if (fd >= 0 && ioctl(fd, VTD_SHADOW_BIND, &bind)) {
        error_setg_errno(errp, errno, "vtd_shadow: BIND");
        qemu_close(fd);
        return -1;
    }
    return fd;
}

/*
 * No mode of migration brings a shadow to another process. CPR would leave it
 * behind, with the device attached to nothing that the new process knows of.
 */
static bool vtd_shadow_open(VTDShadow *shadow, IOMMUFDBackend *be,
                            uint32_t ioas_id, Error **errp)
{
    error_setg(&shadow->blocker, "vtd_shadow: the host kernel shadows the "
               "guest's tables for an assigned device");
    if (migrate_add_blocker(&shadow->blocker, errp)) {
        return false;
    }
    shadow->fd = vtd_shadow_open_unit(be->fd, ioas_id, errp);
    if (shadow->fd < 0) {
        migrate_del_blocker(&shadow->blocker);
        return false;
    }
    shadow->be = be;
    shadow->ioas_id = ioas_id;
    vtd_shadow_send_state(shadow, false);
    qemu_set_fd_handler(shadow->fd, vtd_shadow_read_events, NULL, shadow);
    memory_listener_register(&shadow->listener, &address_space_memory);
    return true;
}

static void vtd_shadow_close(VTDShadow *shadow)
{
    memory_listener_unregister(&shadow->listener);
    qemu_set_fd_handler(shadow->fd, NULL, NULL, NULL);
    /* The IOAS is free only when no call holds on to the file */
    qemu_mutex_lock(&shadow->executing);
    qemu_close(shadow->fd);
    shadow->fd = -1;
    qemu_mutex_unlock(&shadow->executing);
    migrate_del_blocker(&shadow->blocker);
}

/* The rest of the file is what the unit calls, see vtd_shadow.h. */

VTDShadow *vtd_shadow_new(uint64_t cap, uint64_t ecap, uint8_t haw,
                          VTDShadowFault *fault, void *opaque, Error **errp)
{
    ERRP_GUARD();
    struct vtd_shadow_get_info info = { .size = sizeof(info) };
    int fd = qemu_open(VTD_SHADOW_DEV, O_RDWR, errp);
    VTDShadow *shadow;
    int ret;

    if (fd < 0) {
        error_append_hint(errp, "Is the kernel's module vtd_shadow loaded?\n");
        return NULL;
    }
    ret = ioctl(fd, VTD_SHADOW_GET_INFO, &info) ? -errno : 0;
    qemu_close(fd);
    if (ret) {
        error_setg_errno(errp, -ret, "vtd_shadow: GET_INFO");
        return NULL;
    }
    if (info.version != VTD_SHADOW_API_VERSION) {
        error_setg(errp, "vtd_shadow: version %u of the kernel, not %u",
                   info.version, VTD_SHADOW_API_VERSION);
        return NULL;
    }
    if ((cap & ~info.cap_mask) || (info.cap_required & ~cap) ||
        (ecap & ~info.ecap_mask)) {
        error_setg(errp, "vtd_shadow: not for a unit with these features "
                   "(CAP 0x%" PRIx64 " of 0x%" PRIx64 ", ECAP 0x%" PRIx64
                   " of 0x%" PRIx64 ")", cap, (uint64_t)info.cap_mask,
                   ecap, (uint64_t)info.ecap_mask);
        return NULL;
    }

    shadow = g_new0(VTDShadow, 1);
    shadow->fd = -1;
    qemu_mutex_init(&shadow->executing);
    shadow->cap = cap;
    shadow->ecap = ecap;
    shadow->haw = haw;
    shadow->fault = fault;
    shadow->opaque = opaque;
    shadow->listener = (MemoryListener) {
        .name = "vtd_shadow",
        .region_add = vtd_shadow_region_add,
        .region_del = vtd_shadow_region_del,
        .commit = vtd_shadow_commit,
    };
    QLIST_INIT(&shadow->devices);
    QLIST_INIT(&shadow->parts);
    return shadow;
}

/*
 * A unit of its own, on an empty IOAS, takes the device for a moment. If a
 * device of its group has been added already (EBUSY) this one can be, too.
 */
bool vtd_shadow_probe(VTDShadow *shadow, HostIOMMUDevice *hiod, Error **errp)
{
    VFIODevice *vdev = hiod->agent;
    uint32_t ioas_id;
    int fd, ret;

    if (shadow->fd >= 0 && shadow->be != vdev->iommufd) {
        error_setg(errp, "vtd_shadow: the other devices are bound to another "
                   "iommufd object");
        return false;
    }
    if (!iommufd_backend_alloc_ioas(vdev->iommufd, &ioas_id, errp)) {
        return false;
    }
    fd = vtd_shadow_open_unit(vdev->iommufd->fd, ioas_id, errp);
    if (fd < 0) {
        iommufd_backend_free_id(vdev->iommufd, ioas_id);
        return false;
    }
    ret = vtd_shadow_ioctl_add(fd, vdev->devid, ioas_id, 0);
    qemu_close(fd);
    iommufd_backend_free_id(vdev->iommufd, ioas_id);

    if (ret && ret != -EBUSY) {
        vtd_shadow_add_errno(errp, ret);
        return false;
    }
    return true;
}

bool vtd_shadow_add_device(VTDShadow *shadow, PCIBus *bus, int devfn,
                           HostIOMMUDevice *hiod, Error **errp)
{
    VFIODevice *vdev = hiod->agent;
    VFIOIOMMUFDContainer *container = vtd_shadow_container(vdev);
    VTDShadowDevice *dev;
    int ret;

    if (shadow->fd >= 0 && (shadow->be != vdev->iommufd ||
                            shadow->ioas_id != container->ioas_id)) {
        error_setg(errp, "vtd_shadow: the device needs an IOAS of its own");
        return false;
    }
    if (shadow->fd < 0 && !vtd_shadow_open(shadow, vdev->iommufd,
                                           container->ioas_id, errp)) {
        return false;
    }

    dev = g_new0(VTDShadowDevice, 1);
    dev->bus = bus;
    dev->devfn = devfn;
    dev->hiod = hiod;
    dev->dev_id = vdev->devid;
    dev->identity_pt_id = vdev->hwpt->hwpt_id;
    ret = vtd_shadow_add(shadow, dev);
    if (ret) {
        vtd_shadow_add_errno(errp, ret);
        g_free(dev);
        if (QLIST_EMPTY(&shadow->devices)) {
            vtd_shadow_close(shadow);
        }
        return false;
    }
    object_ref(OBJECT(hiod));
    QLIST_INSERT_HEAD(&shadow->devices, dev, next);
    return true;
}

void vtd_shadow_remove_device(VTDShadow *shadow, PCIBus *bus, int devfn)
{
    VTDShadowDevice *dev;

    QLIST_FOREACH(dev, &shadow->devices, next) {
        if (dev->bus == bus && dev->devfn == devfn) {
            break;
        }
    }
    if (!dev) {
        return;
    }
    vtd_shadow_remove(shadow, dev);
    QLIST_REMOVE(dev, next);
    object_unref(OBJECT(dev->hiod));
    g_free(dev);
    if (QLIST_EMPTY(&shadow->devices)) {
        vtd_shadow_close(shadow);
    }
}

bool vtd_shadow_active(VTDShadow *shadow)
{
    return shadow->fd >= 0;
}

void vtd_shadow_set_state(VTDShadow *shadow, bool translation, uint64_t rtaddr,
                          bool may_unlock)
{
    shadow->translation = translation;
    shadow->rtaddr = rtaddr;
    if (vtd_shadow_active(shadow)) {
        vtd_shadow_update_source_ids(shadow);
        vtd_shadow_send_state(shadow, may_unlock);
    }
}

void vtd_shadow_invalidate(VTDShadow *shadow, uint64_t lo, uint64_t hi,
                           bool may_unlock)
{
    uint64_t desc[2] = { lo, hi };
    struct vtd_shadow_invalidate inval = {
        .size = sizeof(inval),
        .descs_uptr = (uintptr_t)desc,
        .nr_descs = 1,
        .desc_size = sizeof(desc),
    };

    vtd_shadow_update_source_ids(shadow);
    vtd_shadow_ioctl(shadow, VTD_SHADOW_INVALIDATE, &inval, "INVALIDATE",
                     may_unlock);
    vtd_shadow_install_errno("INVALIDATE", inval.install_errno);
}

bool vtd_shadow_run_queue(VTDShadow *shadow, VTDShadowQueue *queue,
                          bool may_unlock)
{
    struct vtd_shadow_run_queue run = {
        .size = sizeof(run),
        .iqa = queue->iqa,
        .head = queue->head,
        .tail = queue->tail,
    };
    unsigned int tries = 10;
    int ret;

    if (queue->contexts) {
        vtd_shadow_update_source_ids(shadow);
    }
    ret = vtd_shadow_ioctl(shadow, VTD_SHADOW_RUN_QUEUE, &run, "RUN_QUEUE",
                           may_unlock);
    /*
     * The host cannot give access to the queue, which is its own trouble and
     * may pass. A guest that is told of an error drops a descriptor.
     */
    while ((ret == -ENOMEM || ret == -EIO) && tries--) {
        g_usleep(10 * 1000);
        ret = vtd_shadow_ioctl(shadow, VTD_SHADOW_RUN_QUEUE, &run, "RUN_QUEUE",
                               may_unlock);
    }
    trace_vtd_shadow_run_queue(queue->head, run.head, queue->tail, run.iqei,
                               run.status);
    vtd_shadow_install_errno("RUN_QUEUE", run.install_errno);
    queue->head = run.head;
    queue->iqei = run.iqei;
    queue->interrupt = run.status & VTD_SHADOW_QUEUE_INTERRUPT;
    return !ret && !(run.status & VTD_SHADOW_QUEUE_STOPPED);
}
