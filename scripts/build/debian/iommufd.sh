# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# iommufd, and VFIO with it, for a kernel of Debian whose configuration leaves iommufd
# out: the kernel's own source, not patched, built as modules against its headers.
#
# Sourced by kernel.sh beside it and by modules-debian.sh:
#
#   debian_source PACKAGE DIRECTORY [kvmgt]   what is built, out of linux-source-*.deb or
#                                             linux-source-*.tar.xz
#   debian_kdir ROOT RELEASE SOURCE DIRECTORY the headers as if iommufd were configured
#   debian_build KDIR SOURCE                  the modules, in SOURCE; their symbols in KDIR
#   debian_layouts VMLINUX SOURCE MODULE...   fails if core and modules do not agree
#
# ROOT is where Debian's packages are: nothing, or a directory that they were unpacked in.

DEBIAN_FILES=$TOP/scripts/build/debian

# What iommufd needs switched on
DEBIAN_OPTIONS=(IOMMUFD=m VFIO_DEVICE_CDEV=y INTERVAL_TREE_SPAN_ITER=y)

# xz has threads
debian_tar() { # PACKAGE
	case $1 in
	*.deb)
		dpkg-deb --fsys-tarfile "$1" |
			tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | xz -T0 -dc
		;;
	*) xz -T0 -dc "$1" ;;
	esac
}

debian_source() { # PACKAGE DIRECTORY [kvmgt]
	local part parts=(drivers/iommu/iommufd drivers/iommu/iommu-priv.h drivers/vfio
		lib/interval_tree.c scripts/headers_install.sh scripts/unifdef.c
		tools/dma tools/testing/selftests/dma
		tools/testing/selftests/{lib.mk,kselftest.h,kselftest_harness.h})
	[ "${3:-}" != kvmgt ] || parts+=(drivers/gpu/drm/i915)
	# tar stops at a pattern without a match only at the end: not all kernels have
	# all parts.
	debian_tar "$1" | tar -x -C "$2" --strip-components=1 --wildcards \
		"${parts[@]/#/linux-source-*/}" 2>"$2/tar.log" || true
	for part in drivers/iommu/iommufd/Makefile drivers/vfio/Makefile lib/interval_tree.c; do
		[ -e "$2/$part" ] || die "$1 has no $part: $(head -n 1 "$2/tar.log")"
	done
	check_dirty "$2/drivers/iommu/iommufd"
	cp "$2/lib/interval_tree.c" "$DEBIAN_FILES/no_dirty_tracking.h" "$2/drivers/iommu/iommufd"
	cp "$DEBIAN_FILES/Kbuild.iommufd" "$2/drivers/iommu/iommufd/Kbuild"
	echo 'obj-m := drivers/iommu/iommufd/ drivers/vfio/' >"$2/Kbuild"
	if [ "${3:-}" = kvmgt ]; then
		cp "$DEBIAN_FILES/Kbuild.i915" "$2/drivers/gpu/drm/i915/Kbuild"
		echo 'obj-m += drivers/gpu/drm/i915/' >>"$2/Kbuild"
	fi
}

# no_dirty_tracking.h hides what is asked for in one way. A version of iommufd that asks in
# another would offer it again.
check_dirty() { # DIRECTORY
	local asks='device_iommu_capable(.*, IOMMU_CAP_DIRTY_TRACKING)' other
	other=$(grep -hE '\bIOMMU_CAP_DIRTY_TRACKING' "$1"/[!s]*.c | grep -v "$asks") || true
	[ -z "$other" ] || die "this iommufd asks for dirty tracking in a new way: $other"
	grep -q "$asks" "$1/hw_pagetable.c" ||
		die "this iommufd does not ask for dirty tracking when it makes a page table"
}

# switch_on DIRECTORY NAME=VALUE...: for make and for the compiler
switch_on() {
	local option name dir=$1
	shift
	for option; do
		name=CONFIG_${option%=*}
		! grep -q "^$name=" "$dir/include/config/auto.conf" || continue
		[ "${option#*=}" = y ] || name+=_MODULE
		echo "CONFIG_$option" >>"$dir/include/config/auto.conf"
		echo "#define $name 1" >>"$dir/include/generated/autoconf.h"
	done
}

# Links to the installed headers, and copies of the few files that change.
debian_kdir() { # ROOT RELEASE SOURCE DIRECTORY
	local headers=$1/usr/src/linux-headers-$2 dir=$4 file
	cp -as "$headers/." "$dir"
	for file in Makefile Module.symvers include/config/auto.conf \
		include/generated/autoconf.h; do
		cp --remove-destination "$(realpath "$headers/$file")" "$dir/$file"
	done
	# The Makefile is one line, on 7.x two, with absolute paths; the directory may
	# move to its place when it is complete.
	# shellcheck disable=SC2016  # for make
	local here='$(dir $(abspath $(lastword $(MAKEFILE_LIST))))'
	sed -i -e "s|^KBUILD_OUTPUT *=.*|KBUILD_OUTPUT := $here|" \
		-e "s|^\\(include \\)\\(/usr/src/\\)|\\1$1\\2|" "$dir/Makefile"
	switch_on "$dir" "${DEBIAN_OPTIONS[@]}"
	[ ! -e "$3/drivers/iommu/iommufd/driver.c" ] || switch_on "$dir" IOMMUFD_DRIVER_CORE=y
	# For make alone: there may be no complete vmlinux to take types from. The compiler
	# must go on to see it, as it changes struct module.
	sed -i '/^CONFIG_DEBUG_INFO_BTF_MODULES=/d' "$dir/include/config/auto.conf"
	# The stock vfio's symbols have versions of their own.
	sed -i '/\tdrivers\/vfio\//d' "$dir/Module.symvers"
}

debian_build() { # KDIR SOURCE
	if ! make -C "$1" M="$2" -j"$(nproc)" KCFLAGS="-fmacro-prefix-map=$2/=" modules 2>&1 |
		tee "$2/make.log"; then
		explain_build "$2/make.log"
	fi
	# For what is built on top
	cat "$2/Module.symvers" >>"$1/Module.symvers"
}

explain_build() { # LOG
	local symbols
	symbols=$(sed -n 's/^ERROR: modpost: "\([^"]*\)".*undefined!$/\1/p' "$1" | sort -u |
		paste -sd ' ')
	[ -z "$symbols" ] || die "the core of this kernel lacks what iommufd needs: $symbols"
	die "iommufd and VFIO do not build for this kernel"
}

# Structures and unions as pahole prints them, one a line: name, tab, all the rest
print_layouts() {
	awk '/^(struct|union) [A-Za-z_0-9]+ \{$/ { name = $1 " " $2; text = "" }
		name { text = text $0 "|" }
		/^\}/ && name { print name "\t" text; name = "" }'
}

# Those of the names on standard input that no file of SOURCE has for itself: what a .c
# file defines nobody shares, and the core may have something else of that name.
shared_names() { # SOURCE
	local name
	while read -r name; do
		grep -rqE --include='*.c' "^$name \{" "$1" || echo "$name"
	done
}

# Each structure that a module and the core name alike must have the same members at the
# same places: modules with another idea of one would write into the kernel's memory.
debian_layouts() { # VMLINUX SOURCE MODULE...
	local core=$1 source=$2 work module nr differ
	shift 2
	work=$(mktemp -d)
	# pahole has something to say about every tag that it does not know
	pahole -F btf "$core" 2>"$work/log" | print_layouts | sort -u >"$work/core"
	for module; do
		pahole --btf_encode_detached="$work/btf" "$module" 2>"$work/log"
		pahole -F btf "$work/btf" 2>"$work/log" | print_layouts
	done | sort -u >"$work/modules"
	cut -f1 "$work/core" | sort -u >"$work/names"
	nr=$(cut -f1 "$work/modules" | sort -u | comm -12 - "$work/names" | wc -l)
	differ=$(comm -23 "$work/modules" "$work/core" | cut -f1 | sort -u |
		comm -12 - "$work/names" | shared_names "$source" | paste -sd, | sed 's/,/, /g')
	rm -rf "$work"
	[ "$nr" -gt 50 ] || die "only $nr structures in common with the kernel: pahole failed"
	[ -z "$differ" ] || die "the modules would have another idea than the kernel of: $differ"
	echo "$nr structures in common with the kernel, none differs"
}
