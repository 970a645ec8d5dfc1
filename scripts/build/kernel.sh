# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The test kernels: unpacks and builds them in the cache, once. Sourced by whatever boots
# one or compiles against one; scripts/build.sh builds one by hand.
#
#   kernel_src VERSION              sets KSRC
#   kernel_build VERSION FLAVOUR    sets KSRC and KDIR
#
# VERSION is 6.12 or 7 (the newest 7.x), FLAVOUR is plain (also runs guests), debug
# (with sanitizers, no guests), guest-debug (both) or kcsan (looks for data races).
# VERSION debian is the stock kernel that Debian ships, plain: see debian/kernel.sh.

# shellcheck source=scripts/build/debian/kernel.sh
source "$TOP/scripts/build/debian/kernel.sh"

KCONFIGS=$TOP/tools/testing/selftests/vtd_shadow

# The version of the Debian package that the source comes from
source_package() { # VERSION
	local deb
	case $1 in
	6.12)
		dpkg-query -W -f '${Version}' linux-source-6.12
		;;
	7)
		deb=$(echo "$CACHE"/linux-source-7/*.deb)
		dpkg-deb -f "$deb" Version
		;;
	*) die "no kernel $1: KERNEL is 6.12, 7 or debian" ;;
	esac
}

unpack_kernel() { # VERSION DIRECTORY
	case $1 in
	6.12) tar -xJf /usr/src/linux-source-6.12.tar.xz -C "$2" --strip-components=1 ;;
	7)
		dpkg-deb --fsys-tarfile "$CACHE"/linux-source-7/*.deb |
			tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
			tar -xJ -C "$2" --strip-components=1
		;;
	esac
}

# The configuration fragments of a kernel, one path a line
fragments() { # VERSION FLAVOUR
	local parts part
	case $2 in
	plain) parts="guest" ;;
	debug) parts="debug debug-$1" ;;
	guest-debug) parts="guest debug debug-$1" ;;
	kcsan) parts="kcsan" ;;
	*) die "no kernel flavour $2: it is plain, debug, kcsan or guest-debug" ;;
	esac
	echo "$KCONFIGS/config"
	for part in $parts; do
		[ ! -e "$KCONFIGS/config.$part" ] || echo "$KCONFIGS/config.$part"
	done
}

# Every line of the fragments must hold in the final configuration: Kconfig
# drops silently what it cannot have.
check_config() { # CONFIG FRAGMENT...
	local config=$1 line symbol lost=0
	shift
	while read -r line; do
		case $line in
		CONFIG_*) grep -qxF "$line" "$config" && continue ;;
		"# CONFIG_"*" is not set")
			symbol=${line#\# }
			grep -q "^${symbol% is not set}=" "$config" || continue
			;;
		*) continue ;;
		esac
		echo "not in effect: $line"
		lost=1
	done < <(cat "$@")
	return "$lost"
}

build_kernel() { # VERSION FLAVOUR KSRC DIRECTORY
	local src=$3 dir=$4 files
	mapfile -t files < <(fragments "$1" "$2")
	make -C "$src" O="$dir" tinyconfig
	# The last line of a symbol counts.
	cat "${files[@]}" >>"$dir/.config"
	make -C "$src" O="$dir" olddefconfig
	check_config "$dir/.config" "${files[@]}"
	# All of it at once: one part compiles while another one links.
	make -C "$src" O="$dir" -j"$(nproc)" bzImage modules headers
	# The directory moves to its place when it is complete: 7.x wrote its name.
	# shellcheck disable=SC2016  # for make
	local here='$(dir $(abspath $(lastword $(MAKEFILE_LIST))))'
	sed -i "s|^\\(export KBUILD_OUTPUT\\).*|\\1 := $here|" "$dir/Makefile"
}

kernel_src() { # VERSION: sets KSRC
	local version
	version=$(source_package "$1")
	KSRC=$CACHE/src/linux-${version//[~+:]/-}
	publish "$KSRC" step "unpack kernel $version" unpack_kernel "$1"
}

kernel_build() { # VERSION FLAVOUR: sets KSRC and KDIR
	local files name
	if [ "$1" = debian ]; then
		[ "$2" = plain ] || die "the kernel that Debian ships has no flavour $2"
		debian_build_kernel
		return
	fi
	kernel_src "$1"
	mapfile -t files < <(fragments "$1" "$2")
	name=$CACHE/kernel/$1-$2
	KDIR=$name-$({ echo "$KSRC" && gcc --version && grep -h CONFIG_ "${files[@]}"; } |
		sha256sum | cut -c1-12)
	publish "$KDIR" step "build kernel ${KSRC##*/linux-} $2" build_kernel "$1" "$2" "$KSRC"
	prune "$name-" "$KDIR"
}
