/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel as the engine sees it in a program: types, macros and functions of the
 * headers that it includes, which are empty here. Included before each of its files.
 * What has a state is in kernel.c, sched.c, xarray.c and the files of the world.
 */
#ifndef FUZZ_KERNEL_H
#define FUZZ_KERNEL_H

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef u64 phys_addr_t, dma_addr_t;
typedef unsigned int gfp_t;
typedef unsigned int __poll_t;

#define U16_MAX ((u16)~0U)
#define U32_MAX ((u32)~0U)
#define U64_MAX (~0ULL)

/* --- Compiler --- */

#define __user
#define __init
#define __exit
#define __iomem
#define __rcu
#define __maybe_unused __attribute__((unused))
#define __uninitialized
#define noinline __attribute__((noinline))
#define noinline_for_stack noinline
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define __must_check
#define __printf(a, b) __attribute__((format(printf, a, b)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier() __asm__ __volatile__("" ::: "memory")
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))
#define smp_rmb() barrier()
#define smp_store_release(p, value) WRITE_ONCE(*(p), value)
#define smp_load_acquire(p) READ_ONCE(*(p))
#define cmpxchg(p, old, new)                     \
	({                                       \
		__auto_type _old = *(p);         \
		if (_old == (typeof(_old))(old)) \
			*(p) = (new);            \
		_old;                            \
	})
#define prefetch(p) __builtin_prefetch(p)
#define fallthrough __attribute__((fallthrough))

#define ___PASTE(a, b) a##b
#define __PASTE(a, b) ___PASTE(a, b)
#define __UNIQUE_ID(prefix) __PASTE(prefix, __COUNTER__)

#define container_of(ptr, type, member)                 \
	({                                              \
		char *_at = (char *)(ptr);              \
		(type *)(_at - offsetof(type, member)); \
	})
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define sizeof_field(type, member) sizeof(((type *)0)->member)
#define offsetofend(type, member) \
	(offsetof(type, member) + sizeof_field(type, member))
#define static_assert(...) _Static_assert(__VA_ARGS__, "")
#define BUILD_BUG_ON(cond) _Static_assert(!(cond), #cond)
#define BUILD_BUG_ON_ZERO(cond) ((int)sizeof(char[1 - 2 * !!(cond)]) - 1)
#define BUILD_BUG_ON_MSG(cond, msg) BUILD_BUG_ON(0)
#define IS_ENABLED(option) (option)
#define IS_REACHABLE(option) 0

#define TASK_COMM_LEN 16

/* --- Numbers --- */

#define BIT(n) (1UL << (n))
#define BIT_ULL(n) (1ULL << (n))
#define GENMASK(h, l) ((~0UL << (l)) & (~0UL >> (63 - (h))))
#define GENMASK_ULL(h, l) ((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#define FIELD_GET(mask, word) (((word) & (mask)) >> __builtin_ctzll(mask))
#define FIELD_PREP(mask, value) \
	(((u64)(value) << __builtin_ctzll(mask)) & (mask))
#define BITS_PER_TYPE(type) (sizeof(type) * 8)
#define ALIGN(x, a) (-ALIGN_DOWN(-(x), a))
#define ALIGN_DOWN(x, a) ((x) & -(typeof(x))(a))
#define IS_ALIGNED(x, a) (!((x) % (a)))
#define DIV_ROUND_UP(n, d) ((n) / (d) + !!((n) % (d)))

#define min(a, b)                     \
	({                            \
		__auto_type _a = (a); \
		__auto_type _b = (b); \
		_a < _b ? _a : _b;    \
	})
#define max(a, b)                     \
	({                            \
		__auto_type _a = (a); \
		__auto_type _b = (b); \
		_a > _b ? _a : _b;    \
	})
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))
#define swap(a, b)                  \
	do {                        \
		typeof(a) _t = (a); \
		(a) = (b);          \
		(b) = _t;           \
	} while (0)

static inline u32 rol32(u32 word, unsigned int shift)
{
	return (word << (shift & 31)) | (word >> ((-shift) & 31));
}

static inline u32 __get_unaligned_cpu32(const void *p)
{
	u32 word;

	memcpy(&word, p, sizeof(word));
	return word;
}

#define __ffs64(x) ((unsigned int)__builtin_ctzll(x))
#define __fls(x) (63 - (unsigned int)__builtin_clzl(x))
#define ilog2(x) (63 - __builtin_clzll(x))

/* --- Errors and messages --- */

#define ERESTARTSYS 512

#define MAX_ERRNO 4095
#define IS_ERR_VALUE(x) ((unsigned long)(x) >= (unsigned long)-MAX_ERRNO)

static inline void *ERR_PTR(long error)
{
	return (void *)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return IS_ERR_VALUE(ptr);
}

void fuzz_warn(const char *file, int line, const char *what);

/* The engine warns of its own mistakes alone: there must be none. */
#define WARN_ON_ONCE(cond)                                    \
	({                                                    \
		bool _warn = !!(cond);                        \
		if (_warn)                                    \
			fuzz_warn(__FILE__, __LINE__, #cond); \
		_warn;                                        \
	})
#define WARN_ON(cond) WARN_ON_ONCE(cond)

struct device;

static inline void no_printk(const char *format, ...)
{
}

#define pr_err(...) no_printk(__VA_ARGS__)
#define pr_err_ratelimited(...) no_printk(__VA_ARGS__)
#define dev_err(dev, ...) ((void)(dev))
#define dev_notice_ratelimited(dev, ...) no_printk("", dev, __VA_ARGS__)
#define dev_warn_ratelimited(dev, ...) ((void)(dev))

/* --- Modules, tests, tracing --- */

/* The options that the engine asks for, and the newest kernel's features: see compat.h */
#define CONFIG_IOMMUFD 1
#define CONFIG_VFIO_DEVICE_CDEV 1
#define VTDS_HAS_ATTACH_PASID
#define VTDS_HAS_INTEL_WRITE_ONLY

#define __stringify_1(...) #__VA_ARGS__
#define __stringify(...) __stringify_1(__VA_ARGS__)
#define THIS_MODULE NULL
#define MODULE_PARM_DESC(...)
#define MODULE_DESCRIPTION(...)
#define MODULE_LICENSE(...)
#define MODULE_INFO(...)
#define module_param_named(...)
#define module_init(function)      \
	int fuzz_module_init(void) \
	{                          \
		return function(); \
	}
#define module_exit(function)       \
	void fuzz_module_exit(void) \
	{                           \
		function();         \
	}
int fuzz_module_init(void);
void fuzz_module_exit(void);
#define EXPORT_SYMBOL_GPL(symbol)
#define EXPORT_SYMBOL_IF_KUNIT(symbol)
#define VISIBLE_IF_KUNIT static
#define KUNIT_STATIC_STUB_REDIRECT(...) \
	do {                            \
	} while (0)

#define TP_PROTO(...) __VA_ARGS__
#define TP_ARGS(...)
#define TP_STRUCT__entry(...)
#define TP_fast_assign(...)
#define TP_printk(...)
#define TRACE_EVENT(name, proto, ...)                   \
	static inline bool trace_##name##_enabled(void) \
	{                                               \
		return true;                            \
	}                                               \
	static inline void trace_##name(proto)          \
	{                                               \
		progress_trace(#name);                  \
	}
void progress_trace(const char *event);

/* --- Memory --- */

#define GFP_KERNEL 0x1u
#define __GFP_ACCOUNT 0x2u
#define __GFP_ZERO 0x4u
#define __GFP_NOWARN 0x8u
#define __GFP_NOFAIL 0x10u
#define GFP_NOWAIT 0x20u
#define GFP_KERNEL_ACCOUNT (GFP_KERNEL | __GFP_ACCOUNT)

void *fuzz_alloc(size_t size, gfp_t gfp);
void kfree(const void *ptr);
#define kzalloc(size, gfp) fuzz_alloc(size, gfp)
#define kmalloc(size, gfp) fuzz_alloc(size, gfp)
#define kcalloc(n, size, gfp) fuzz_alloc((size_t)(n) * (size), gfp)
#define kvcalloc(n, size, gfp) fuzz_alloc((size_t)(n) * (size), gfp)
#define kvmalloc(size, gfp) fuzz_alloc(size, gfp)
#define kvmalloc_array(n, size, gfp) fuzz_alloc((size_t)(n) * (size), gfp)
#define kvfree(ptr) kfree(ptr)
#define get_zeroed_page(gfp) ((unsigned long)fuzz_alloc(PAGE_SIZE, gfp))
#define free_page(addr) kfree((void *)(addr))

static inline void *memset64(u64 *to, u64 value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = value;
	return to;
}

static inline void *memchr_inv(const void *start, int c, size_t bytes)
{
	const u8 *at = start;

	for (size_t i = 0; i < bytes; i++)
		if (at[i] != (u8)c)
			return (void *)&at[i];
	return NULL;
}

/* --- Memory of the caller: that of the program, NULL cannot be accessed --- */

unsigned long copy_from_user(void *to, const void *from, unsigned long n);
unsigned long copy_to_user(void *to, const void *from, unsigned long n);
int copy_struct_from_user(void *to, size_t ksize, const void *from,
			  size_t usize);
void *vmemdup_array_user(const void *from, size_t n, size_t size);
void *vmemdup_user(const void *from, size_t size);
#define u64_to_user_ptr(x) ((void *)(uintptr_t)(x))
#define get_user(x, ptr) \
	(copy_from_user(&(x), ptr, sizeof(*(ptr))) ? -EFAULT : 0)
#define access_ok(ptr, size) ((ptr) != NULL)

/* --- Lists and references --- */

struct list_head {
	struct list_head *next, *prev;
};

size_t list_count_nodes(struct list_head *head);

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

typedef struct {
	int counter;
} atomic_t;

#define atomic_set(v, i) ((v)->counter = (i))
#define atomic_read(v) READ_ONCE((v)->counter)
#define atomic_inc(v) ((v)->counter++)
#define atomic_dec(v) ((v)->counter--)
#define atomic_inc_return(v) (++(v)->counter)

static inline bool atomic_add_unless(atomic_t *v, int a, int u)
{
	if (v->counter == u)
		return false;
	v->counter += a;
	return true;
}

struct kref {
	int refs;
};

void kref_init(struct kref *kref);
void kref_get(struct kref *kref);
int kref_put(struct kref *kref, void (*release)(struct kref *kref));

#include "sched.h"
#include "world.h"

#endif /* FUZZ_KERNEL_H */
