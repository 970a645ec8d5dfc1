#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the modules for every kernel whose source Debian's suites have today: without a
# warning, and with no symbol that the kernel does not export. Kernels older than 6.12 are
# not tried. The other suites of a check load the modules, on the oldest and on the newest.
#
# In the environment: SUITES_OF_DEBIAN, if not all of them.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"
# shellcheck source=scripts/build/kernel.sh
source "$TOP/scripts/build/kernel.sh"
# shellcheck source=scripts/build/modules.sh
source "$TOP/scripts/build/modules.sh"

read -ra SUITES <<<"${SUITES_OF_DEBIAN:-$DEBIAN-backports trixie-backports sid experimental}"

# Sources in the suite that APT_OPTIONS name, one a line: package and version
sources_there() {
	local package version
	apt-cache "${APT_OPTIONS[@]}" pkgnames linux-source- |
		grep -x 'linux-source-[0-9]*\.[0-9]*' | while read -r package; do
		version=$(apt-cache "${APT_OPTIONS[@]}" show --no-all-versions "$package" |
			sed -n 's/^Version: //p')
		echo "$package $version"
	done
}

download() { # PACKAGE VERSION DIRECTORY
	cd "$3"
	apt "${APT_OPTIONS[@]}" download "$1=$2"
}

# A kernel that is configured as those of the test bed, ready to build modules for
prepare() { # PACKAGE.deb DIRECTORY
	local files
	dpkg-deb --fsys-tarfile "$1" |
		tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		tar -xJ -C "$2" --strip-components=1
	mapfile -t files < <(fragments 6.12 plain)
	make -C "$2" tinyconfig
	cat "${files[@]}" >>"$2/.config"
	make -C "$2" olddefconfig
	make -C "$2" -j"$(nproc)" modules_prepare
}

build_for() { # KDIR DIRECTORY
	copy_modules "$2"
	make_modules "$1" "$2" W=1e CONFIG_VTD_SHADOW_KUNIT_TEST=n
}

# Names that the source KDIR exports, one a line. Some are put together by macros.
exports() { # KDIR
	{
		grep -rhoE --include='*.[chS]' 'EXPORT_\w*SYMBOL\w*\(\w+' "$1"
		grep -hoE 'define_dev_printk_level\(\w+' "$1/drivers/base/core.c"
		grep -hoE 'STANDARD_PARAM_DEF\(\w+' "$1/kernel/params.c" |
			sed 's/(/(param_ops_/'
	} | sed 's/.*(//' | sort -u
}

# What the modules need of the kernel KDIR and it does not export, one a line. What the
# compiler, tracepoints and static calls need is exported by macros, too.
not_exported() { # KDIR DIRECTORY
	exports "$1" >"$WORK/exported"
	nm -u "$2/$MODULE_DIR"/*.ko | sed -n 's/^ *U //p' | sort -u |
		grep -vxE "$(ours "$2")" | comm -23 - "$WORK/exported" |
		grep -vE '^(__tracepoint_|__traceiter_|__SCK__|__SCT__|__x86_|__fentry__$)' || true
}

# What one of our modules exports to the other
ours() { # DIRECTORY
	nm "$1/$MODULE_DIR/vtd_shadow.ko" | sed -n 's/.* [TtDdBb] //p' | paste -sd '|'
}

test_kernel() { # PACKAGE VERSION
	local name="kernels: $2" kdir=$WORK/$1 lacking
	step "download $1 $2" download "$1" "$2" "$WORK"
	mkdir "$kdir"
	step "prepare $2" prepare "$(echo "$WORK/$1"_*.deb)" "$kdir"
	if ! step "build modules for $2" build_for "$kdir" "$kdir/ours"; then
		fail "$name"
	else
		lacking=$(not_exported "$kdir" "$kdir/ours" | paste -sd ' ')
		if [ -z "$lacking" ]; then
			pass "$name: builds, and all it needs is exported"
		else
			fail "$name" "not exported: $lacking"
		fi
	fi
	rm -rf "$kdir" "$WORK/$1"_*.deb
}

# Plain kbuild refuses others by itself: test/compat-test.sh
new_enough() { printf '6.12\n%s\n' "${1#linux-source-}" | sort -VC; }

main() {
	local suite package version there
	local -A seen=()
	prepare_root
	trap 'as_root rm -rf "$WORK" "$LISTS"' EXIT
	for suite in "${SUITES[@]}"; do
		with_suite "$suite" >/dev/null
		# Before anything else asks apt
		there=$(sources_there)
		while read -r package version; do
			[ -z "${seen[$package $version]:-}" ] || continue
			seen[$package $version]=yes
			if new_enough "$package"; then
				test_kernel "$package" "$version"
			else
				skip "kernels: $version" "older than 6.12"
			fi
		done <<<"$there"
	done
}

WORK=$(mktemp -d)
main
summary
