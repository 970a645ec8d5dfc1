#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests that the driver asks a kernel for its features and not for its version: vendors
# put newer interfaces into kernels that keep an older number. Builds it for trees whose
# label is wrong: one interface of a newer kernel each under 6.12, and whole kernels under
# each other's number. Warnings are errors.
#
# Also: a kernel without the options that the driver needs gets one error, which names
# them, from plain kbuild.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=scripts/build/kernel.sh
source "$TOP/scripts/build/kernel.sh"
# shellcheck source=scripts/build/modules.sh
source "$TOP/scripts/build/modules.sh"

# tree NAME: links to KSRC and KDIR, in which files can be replaced. Sets TREE.
tree() {
	TREE=$TMP/$1
	mkdir -p "$TREE"
	ln -s "$KSRC" "$TREE/src"
	ln -s "$KDIR" "$TREE/build"
	own src/Makefile build/Makefile
	sed -i "s|^include .*/Makefile|include $TREE/src/Makefile|" "$TREE/build/Makefile"
}

# open_up DIRECTORY: if it is a link, a directory of links in its place
open_up() {
	local target
	[ -L "$1" ] || return 0
	target=$(realpath "$1")
	rm "$1"
	mkdir "$1"
	find "$target" -mindepth 1 -maxdepth 1 -exec ln -s -t "$1" {} +
}

# own FILE...: copies of files of TREE in place of the links
own() {
	local file part path
	for file; do
		path=$TREE
		for part in ${file//\// }; do
			open_up "$path"
			path=$path/$part
		done
		[ ! -L "$path" ] || cp --remove-destination "$(realpath "$path")" "$path"
	done
}

label() { # VERSION PATCHLEVEL
	own build/include/generated/uapi/linux/version.h
	sed -i -e "s/^VERSION = .*/VERSION = $1/" -e "s/^PATCHLEVEL = .*/PATCHLEVEL = $2/" \
		"$TREE/src/Makefile"
	sed -i "s/\(LINUX_VERSION_CODE\) .*/\1 $((($1 << 16) + ($2 << 8)))/" \
		"$TREE/build/include/generated/uapi/linux/version.h"
}

# compile TARGET...: of the driver, for TREE; what make said is in TREE/log
compile() {
	[ -e "$TREE/drivers" ] || copy_modules "$TREE"
	make -C "$TREE/build" M="$TREE/$MODULE_DIR" -j"$(nproc)" W=1e KBUILD_MODPOST_WARN=1 \
		CONFIG_VTD_SHADOW_KUNIT_TEST=n "$@" >"$TREE/log" 2>&1
}

# judge_tree NAME COMMAND...: COMMAND says whether what was built is right
judge_tree() {
	local name=$1
	shift
	if ! compile "${TARGETS[@]}"; then
		fail "compat: $name" "$(grep -m 1 error "$TREE/log")"
	elif ! "$@"; then
		fail "compat: $name" "builds, but not: $*"
	else
		pass "compat: $name"
	fi
	rm -rf "$TREE"
}

calls() { # OBJECT FUNCTION: it knows of it
	nm "$TREE/$MODULE_DIR/$1" | grep -q " $2\$"
}

imports() { # NAMESPACE
	strings -a "$TREE/$MODULE_DIR/main.o" | grep -qx "import_ns=$1"
}

# The object of info.c is not the same: it announces that write-only can be read, or not.
write_only() { # yes|no
	local found=no
	! grep -q -- -DVTDS_HAS_INTEL_WRITE_ONLY "$TREE/$MODULE_DIR/.info.o.cmd" || found=yes
	[ "$found" = "$1" ]
}

header() { echo "$TREE/src/include/linux/$1"; }

# insert before|after LINE HEADER: standard input goes to the line that begins so
insert() {
	local file
	file=$(header "$3")
	own "src/include/linux/$3"
	awk -v where="$1" -v line="$2" -v text="$(cat)" '
		{ here = !done && index($0, line) == 1 }
		here && where == "before" { print text }
		{ print }
		here && where == "after" { print text }
		here { done = 1 }' "$file" >"$file.new"
	! cmp -s "$file" "$file.new" || die "$3 has no line that begins with $2"
	mv "$file.new" "$file"
}

# remove FIRST HEADER: the declaration that begins so
remove() {
	own "src/include/linux/$2"
	sed -i "/^$1/{:more;/;/!{N;b more};d}" "$(header "$2")"
}

# What newer kernels have, each as a vendor would put it into 6.12

test_attach_pasid() {
	tree pasid
	remove 'int iommufd_device_attach' iommufd.h
	remove 'void iommufd_device_detach' iommufd.h
	insert before 'int iommufd_device_replace' iommufd.h <<-'END'
		int iommufd_device_attach(struct iommufd_device *idev, ioasid_t pasid,
					  u32 *pt_id);
		void iommufd_device_detach(struct iommufd_device *idev, ioasid_t pasid);
	END
	TARGETS=(identity.o)
	judge_tree "6.12 with attachments that name a PASID" calls identity.o iommufd_device_attach
}

test_token() {
	tree token
	insert after 'struct vfio_device_ops {' vfio.h <<-'END'
		int (*match_token_uuid)(struct vfio_device *vdev, const uuid_t *uuid);
	END
	insert before 'int vfio_pci_core_init_dev' vfio_pci_core.h <<-'END'
		int vfio_pci_core_match_token_uuid(struct vfio_device *vdev,
						   const uuid_t *uuid);
	END
	TARGETS=(vfio_pci.o)
	judge_tree "6.12 with an operation for VF tokens" \
		calls vfio_pci.o vfio_pci_core_match_token_uuid
}

test_namespace() {
	tree namespace
	own src/include/linux/module.h
	sed -i '/^#define MODULE_IMPORT_NS/d' "$(header module.h)"
	insert before '#define MODULE_FIRMWARE' module.h <<-'END'
		#define MODULE_IMPORT_NS(ns) MODULE_INFO(import_ns, ns)
	END
	TARGETS=(main.o)
	judge_tree "6.12 with namespaces that are strings" imports IOMMUFD
}

test_regions() {
	tree regions
	insert before 'struct vfio_device_ops {' vfio.h <<<'struct vfio_info_cap;'
	insert after 'struct vfio_device_ops {' vfio.h <<-'END'
		int (*get_region_info_caps)(struct vfio_device *vdev,
					    struct vfio_region_info *info,
					    struct vfio_info_cap *caps);
	END
	insert before 'int vfio_pci_core_init_dev' vfio_pci_core.h <<-'END'
		int vfio_pci_ioctl_get_region_info(struct vfio_device *vdev,
						   struct vfio_region_info *info,
						   struct vfio_info_cap *caps);
	END
	TARGETS=(vfio_pci.o)
	judge_tree "6.12 with an operation for regions" \
		calls vfio_pci.o vfio_pci_ioctl_get_region_info
}

test_device_ops() {
	tree ops
	insert after $'\tstruct pci_dev\t\t*pdev;' vfio_pci_core.h \
		<<<'const struct vfio_pci_device_ops *pci_ops;'
	insert before 'struct vfio_pci_core_device {' vfio_pci_core.h <<-'END'
		struct vfio_pci_core_device;
		struct vfio_pci_device_ops {
			int (*get_dmabuf_phys)(struct vfio_pci_core_device *vdev);
		};
		int vfio_pci_core_get_dmabuf_phys(struct vfio_pci_core_device *vdev);
	END
	TARGETS=(vfio_pci.o)
	judge_tree "6.12 with operations of a PCI device" \
		calls vfio_pci.o vfio_pci_core_get_dmabuf_phys
}

no_core_params() { ! calls vfio_pci.o vfio_pci_core_set_params; }

test_params() {
	tree params
	remove 'void vfio_pci_core_set_params' vfio_pci_core.h
	remove '.*disable_idle_d3:1' vfio_pci_core.h
	insert after $'\tstruct pci_dev\t\t*pdev;' vfio_pci_core.h <<-'END'
		bool nointxmask:1;
		bool disable_vga:1;
		bool disable_idle_d3:1;
	END
	TARGETS=(vfio_pci.o)
	judge_tree "6.12 with parameters of each device" no_core_params
}

# Intel's driver on generic_pt keeps read and write apart
test_write_only() {
	local patchlevel
	tree wo
	own src/include/linux/module.h
	mkdir "$TREE/src/include/linux/generic_pt"
	echo 'struct pt_iommu_vtdss_cfg {};' >"$(header generic_pt/iommu.h)"
	TARGETS=(info.o)
	judge_tree "6.12 with tables of generic_pt" write_only yes
	tree plain
	judge_tree "6.12 as it is announces that write-only can be read" write_only no
	for patchlevel in 15:no 16:yes; do
		tree "wo${patchlevel%:*}"
		label 6 "${patchlevel%:*}"
		judge_tree "6.${patchlevel%:*}: write-only is kept: ${patchlevel#*:}" \
			write_only "${patchlevel#*:}"
	done
}

# Whole kernels under another number
test_label() { # NAME VERSION PATCHLEVEL
	tree label
	label "$2" "$3"
	TARGETS=(modules)
	judge_tree "$1 that says it is $2.$3" true
}

# one_error NAME WORD: kbuild ends with one error, which has WORD
one_error() {
	local said
	if compile modules; then
		fail "compat: $1" "was built"
		return
	fi
	said=$(grep 'error:' "$TREE/log")
	if [ "$(wc -l <<<"$said")" -ne 1 ] || [[ $said != *"$2"* ]]; then
		fail "compat: $1" "said: $said"
	else
		pass "compat: $1"
	fi
	rm -rf "$TREE"
}

test_unfit() {
	local option
	for option in IOMMUFD VFIO_DEVICE_CDEV VFIO_PCI; do
		tree "no-$option"
		own build/include/config/auto.conf build/include/generated/autoconf.h
		sed -i "/CONFIG_$option\(_MODULE\)\?\b/d" \
			"$TREE/build/include/config/auto.conf" \
			"$TREE/build/include/generated/autoconf.h"
		one_error "kbuild without $option says so once" "CONFIG_$option"
	done
	tree old
	label 6 11
	one_error "kbuild on 6.11 says so once" "6.12 or newer"
}

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
kernel_build 6.12 plain
test_attach_pasid
test_token
test_namespace
test_regions
test_device_ops
test_params
test_write_only
test_unfit
test_label "6.12" 7 3
kernel_build 7 debug
test_label "7.x" 6 12
summary
