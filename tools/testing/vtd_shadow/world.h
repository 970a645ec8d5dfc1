/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What of the kernel the engine lives in: memory, the IOMMU core, iommufd and VFIO, as far
 * as it uses them. Made in memory.c, host.c and devices.c.
 */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

/* --- Memory of the host --- */

#undef PAGE_SIZE
#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
#define PHYS_PFN(pa) ((unsigned long)((pa) >> PAGE_SHIFT))
#define PFN_PHYS(pfn) ((phys_addr_t)(pfn) << PAGE_SHIFT)
#define offset_in_page(p) ((unsigned long)(p) & (PAGE_SIZE - 1))
#define SZ_8K 0x2000UL

struct page {
	u8 what;
};

struct page *pfn_to_page(unsigned long pfn);
unsigned long page_to_pfn(const struct page *page);
void *page_address(const struct page *page);
bool pfn_valid(unsigned long pfn);
bool PageReserved(const struct page *page);
bool is_page_hwpoison(const struct page *page);
#define PageHWPoison(page) is_page_hwpoison(page)
#define is_zero_pfn(pfn) false
#define is_zone_device_page(page) false
#define is_pci_p2pdma_page(page) false
#define PageHuge(page) false
#define compound_head(page) (page)
#define page_to_phys(page) PFN_PHYS(page_to_pfn(page))
struct page *alloc_pages(gfp_t gfp, unsigned int order);
void __free_pages(struct page *page, unsigned int order);

struct mem_cgroup;
#define get_mem_cgroup_from_mm(mm) ((struct mem_cgroup *)NULL)
#define mem_cgroup_put(memcg) ((void)(memcg))
static inline struct mem_cgroup *set_active_memcg(struct mem_cgroup *memcg)
{
	return memcg;
}

struct scatterlist {
	struct page *page;
	unsigned int offset;
	unsigned int length;
};

#define sg_init_table(sg, nents) memset(sg, 0, (nents) * sizeof(*(sg)))
#define sg_phys(sg) (page_to_phys((sg)->page) + (sg)->offset)

static inline void sg_set_page(struct scatterlist *sg, struct page *page,
			       unsigned int len, unsigned int offset)
{
	*sg = (struct scatterlist){ page, offset, len };
}

/* --- Files --- */

#define O_NONBLOCK 04000
#define EPOLLIN 1
#define EPOLLRDNORM 0x40
#define MISC_DYNAMIC_MINOR 255
#define compat_ptr_ioctl NULL

struct inode;
struct poll_table_struct;

struct file {
	void *private_data;
	unsigned int f_flags;
};

struct file_operations {
	void *owner;
	int (*open)(struct inode *inode, struct file *file);
	int (*release)(struct inode *inode, struct file *file);
	ssize_t (*read)(struct file *file, char *to, size_t size, loff_t *pos);
	__poll_t (*poll)(struct file *file, struct poll_table_struct *wait);
	long (*unlocked_ioctl)(struct file *file, unsigned int cmd,
			       unsigned long arg);
	void *compat_ioctl;
};

struct miscdevice {
	int minor;
	const char *name;
	const struct file_operations *fops;
};

extern const struct file_operations *fuzz_fops;

static inline int misc_register(struct miscdevice *misc)
{
	fuzz_fops = misc->fops;
	return 0;
}

#define misc_deregister(misc) ((void)(misc))
#define stream_open(inode, file) 0
#define poll_wait(file, head, wait) ((void)(head))

/* A ring of a power of two */
#define DECLARE_KFIFO(name, type, nr) \
	struct {                      \
		unsigned int in, out; \
		type data[nr];        \
	} name
#define INIT_KFIFO(fifo) ((fifo).in = (fifo).out = 0)
#define kfifo_is_empty(fifo) ((fifo)->in == (fifo)->out)
#define kfifo_len(fifo) ((fifo)->in - (fifo)->out)
#define kfifo_put(fifo, value)                                            \
	((fifo)->in - (fifo)->out < ARRAY_SIZE((fifo)->data) ?            \
		 ((fifo)->data[(fifo)->in++ % ARRAY_SIZE((fifo)->data)] = \
			  (value),                                        \
		  1) :                                                    \
		 0)
#define kfifo_get(fifo, to)                                       \
	(kfifo_is_empty(fifo) ?                                   \
		 0 :                                              \
		 (*(to) = (fifo)->data[(fifo)->out++ %            \
				       ARRAY_SIZE((fifo)->data)], \
		  1))

/* --- The IOMMU core --- */

#define IOMMU_READ BIT(0)
#define IOMMU_WRITE BIT(1)
#define IOMMU_CACHE BIT(2)
#define IOMMU_NO_PASID 0U
#define __IOMMU_DOMAIN_PAGING BIT(0)
#define IOMMU_DOMAIN_BLOCKED 0U

enum iommu_cap {
	IOMMU_CAP_ENFORCE_CACHE_COHERENCY,
};

enum iommu_resv_type {
	IOMMU_RESV_DIRECT,
	IOMMU_RESV_DIRECT_RELAXABLE,
	IOMMU_RESV_RESERVED,
	IOMMU_RESV_MSI,
};

struct iommu_resv_region {
	struct list_head list;
	phys_addr_t start;
	size_t length;
	enum iommu_resv_type type;
};

struct iommu_domain;

struct iommu_domain_geometry {
	dma_addr_t aperture_start;
	dma_addr_t aperture_end;
};

struct iommu_domain_ops {
	bool (*enforce_cache_coherency)(struct iommu_domain *domain);
};

struct iommu_domain {
	unsigned int type;
	const struct iommu_domain_ops *ops;
	unsigned long pgsize_bitmap;
	struct iommu_domain_geometry geometry;
};

struct iommu_iotlb_gather {
	unsigned long start;
	unsigned long end;
	bool queued;
};

static inline void iommu_iotlb_gather_init(struct iommu_iotlb_gather *gather)
{
	*gather = (struct iommu_iotlb_gather){ .start = ULONG_MAX };
}

struct iommu_group;
struct iommufd_ctx;
struct iommufd_device;
struct iommufd_access;

struct dev_iommu {
	u32 max_pasids;
};

struct device {
	struct dev_iommu *iommu;
};

bool device_iommu_capable(struct device *dev, enum iommu_cap cap);
#define get_device(dev) (dev)
#define put_device(dev) ((void)(dev))
struct iommu_group *iommu_group_get(struct device *dev);
struct iommu_group *iommu_group_ref_get(struct iommu_group *group);
void iommu_group_put(struct iommu_group *group);
int iommu_group_id(struct iommu_group *group);
int iommu_get_group_resv_regions(struct iommu_group *group,
				 struct list_head *head);
struct iommu_domain *iommu_paging_domain_alloc(struct device *dev);
void iommu_domain_free(struct iommu_domain *domain);
struct iommu_domain *iommu_get_domain_for_dev(struct device *dev);
int iommu_attach_group(struct iommu_domain *domain, struct iommu_group *group);
void iommu_detach_group(struct iommu_domain *domain, struct iommu_group *group);
int iommu_attach_device_pasid(struct iommu_domain *domain, struct device *dev,
			      u32 pasid, void *handle);
void iommu_detach_device_pasid(struct iommu_domain *domain, struct device *dev,
			       u32 pasid);
int iommu_map(struct iommu_domain *domain, unsigned long iova, phys_addr_t pa,
	      size_t size, int prot, gfp_t gfp);
ssize_t iommu_map_sg(struct iommu_domain *domain, unsigned long iova,
		     struct scatterlist *sg, unsigned int nents, int prot,
		     gfp_t gfp);
size_t iommu_unmap(struct iommu_domain *domain, unsigned long iova,
		   size_t size);
size_t iommu_unmap_fast(struct iommu_domain *domain, unsigned long iova,
			size_t size, struct iommu_iotlb_gather *gather);
void iommu_iotlb_sync(struct iommu_domain *domain,
		      struct iommu_iotlb_gather *gather);
phys_addr_t iommu_iova_to_phys(struct iommu_domain *domain, dma_addr_t iova);

/* --- iommufd --- */

#define IOMMUFD_ACCESS_RW_READ 0u
#define IOMMUFD_ACCESS_RW_WRITE 1u

struct iommufd_access_ops {
	u8 needs_pin_pages : 1;
	void (*unmap)(void *data, unsigned long iova, unsigned long length);
};

struct iommufd_ctx *iommufd_ctx_from_fd(int fd);
void iommufd_ctx_put(struct iommufd_ctx *ictx);
struct iommufd_access *
iommufd_access_create(struct iommufd_ctx *ictx,
		      const struct iommufd_access_ops *ops, void *data,
		      u32 *id);
int iommufd_access_attach(struct iommufd_access *access, u32 ioas_id);
void iommufd_access_detach(struct iommufd_access *access);
void iommufd_access_destroy(struct iommufd_access *access);
int iommufd_access_pin_pages(struct iommufd_access *access, unsigned long iova,
			     unsigned long length, struct page **pages,
			     unsigned int flags);
void iommufd_access_unpin_pages(struct iommufd_access *access,
				unsigned long iova, unsigned long length);
int iommufd_device_attach(struct iommufd_device *idev, u32 pasid, u32 *pt_id);
void iommufd_device_detach(struct iommufd_device *idev, u32 pasid);

/* --- VFIO --- */

struct vfio_device {
	struct device *dev;
	struct iommufd_device *iommufd_device;
};

int vfio_iommufd_physical_bind(struct vfio_device *vdev,
			       struct iommufd_ctx *ictx, u32 *id);
void vfio_iommufd_physical_unbind(struct vfio_device *vdev);
int vfio_iommufd_physical_attach_ioas(struct vfio_device *vdev, u32 *pt_id);
void vfio_iommufd_physical_detach_ioas(struct vfio_device *vdev);

#endif /* FUZZ_WORLD_H */
