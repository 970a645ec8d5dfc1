#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests the packages: they are built, lintian has nothing to say, a small Debian installs
# them, DKMS builds the modules there for 6.12 and 7.x and skips a kernel without IOMMUFD, a
# newer package replaces an older one, and nothing is left behind. The emulated host then
# runs what DKMS built, and the tools (package-boot-test.sh). RPM packages are installed and
# erased as well. With KERNEL=7 the demo also runs on what DKMS built for 7.x, which takes
# minutes more.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/chroot.sh
source "$TOP/scripts/lib/chroot.sh"
# shellcheck source=scripts/build/kernel.sh
source "$TOP/scripts/build/kernel.sh"

OLD=0.0.9 NEW=0.1
# What the packages depend on, and rpm
NEEDED=(adduser dkms gcc kmod libc6-dev libelf1 libncurses6 make rpm)

# A kernel whose modules DKMS is to build, in the Debian at ROOT
add_kernel() { # KDIR
	local release base
	release=$(<"$1/include/config/kernel.release")
	base=$ROOT/lib/modules/$release
	mkdir -p "$base" "$ROOT$1"
	cp "$1"/modules.{order,builtin,builtin.modinfo} "$base"
	ln -s "$1" "$base/build"
}

# The same kernel, but for an option
add_lacking() { # KDIR OPTION
	local dir=$ROOT/usr/src/lacking
	mkdir -p "$dir/include/config" "$ROOT/lib/modules/6.12.0-lacking"
	sed "/^CONFIG_$2=/d" "$1/.config" >"$dir/.config"
	sed "/^CONFIG_$2=/d" "$1/include/config/auto.conf" >"$dir/include/config/auto.conf"
	echo 6.12.0-lacking >"$dir/include/config/kernel.release"
	ln -s /usr/src/lacking "$ROOT/lib/modules/6.12.0-lacking/build"
}

# All that packages or DKMS may leave: not logs, nor what dpkg, rpm and adduser keep for
# themselves, nor a directory that belongs to a base package of RPM systems
NOT_OURS='/modules\.[a-z.]*$|^etc/(group|gshadow|passwd)-$|^root/\.rpmdb|^run/adduser$'
NOT_OURS+='|^usr/share/licenses$'
files() {
	as_root find "$ROOT" -xdev \( -path "$ROOT/proc" -o -path "$ROOT/dev" \
		-o -path "$ROOT$CACHE" -o -path "$ROOT/var/lib/dpkg" \
		-o -path "$ROOT/var/lib/rpm" -o -path "$ROOT/var/log" -o -path "$ROOT/tmp" \
		-o -path "$ROOT/var/tmp" \) \
		-prune -o -printf '%P\n' | grep -vE "$NOT_OURS" |
		sort
	as_root cat "$ROOT/etc/group"
}

check() { # NAME COMMAND...
	local name=$1
	shift
	if "$@" >>"$LOGS/package-test.log" 2>&1; then
		pass "package: $name"
	else
		fail "package: $name" "log: $LOGS/package-test.log"
		tail -n 8 "$LOGS/package-test.log" | sed 's/^/    /'
	fi
}

install_deb() { # VERSION
	cp "$OUT"/packages/vtd-shadow-{dkms,tools}_"$1"_*.deb "$ROOT/tmp"
	inside sh -c "dpkg -i /tmp/vtd-shadow-*_$1_*.deb"
}

# As a package of a kernel asks for it
dkms_build() { # RELEASE
	inside dkms autoinstall -k "$1"
}

status() { inside dkms status -m vtd-shadow; }

# has VERSION RELEASE...: DKMS installed that version for these kernels, and no other one
has() {
	local version=$1 release said
	shift
	said=$(status)
	echo "$said"
	for release; do
		grep -q "^vtd-shadow/$version, $release, .*: installed" <<<"$said" || return 1
	done
	! grep -vq "^vtd-shadow/${version}[,:]" <<<"$said"
}

# It is not only that it does not build there
skips() { # RELEASE
	refuses "BUILD_EXCLUSIVE" inside dkms build "vtd-shadow/$NEW" -k "$1"
}

group_is() { # PRESENT
	local present=no
	! grep -q '^vtd_shadow:' "$ROOT/etc/group" || present=yes
	[ "$present" = "$1" ]
}

remove_deb() { inside dpkg --purge vtd-shadow-dkms vtd-shadow-tools; }

# The folder of a kernel that came meanwhile is not of the packages.
unchanged_files() { # FILE
	local later differ
	later="> (usr/)?lib/modules/$(release "$KDIR7")(/build)?"
	differ=$(files | diff "$1" - | grep '^[<>]' | grep -vxE "$later") || true
	echo "$differ"
	[ -z "$differ" ]
}

release() { cat "$1/include/config/kernel.release"; }

test_deb() {
	local r612 r7
	r612=$(release "$KDIR612")
	r7=$(release "$KDIR7")
	add_kernel "$KDIR612"
	add_lacking "$KDIR612" IOMMUFD
	files >"$WORK/before"
	check "Debian installs $OLD" install_deb $OLD
	check "DKMS builds $OLD for $r612" dkms_build "$r612"
	check "DKMS has $OLD" has $OLD "$r612"
	check "Debian replaces it by $NEW" install_deb $NEW
	# A kernel that comes later
	add_kernel "$KDIR7"
	check "DKMS builds $NEW for $r612" dkms_build "$r612"
	check "DKMS builds $NEW for $r7" dkms_build "$r7"
	check "DKMS has $NEW alone" has $NEW "$r612" "$r7"
	check "DKMS skips a kernel without IOMMUFD" skips 6.12.0-lacking
	check "there is a group" group_is yes
	BUILT=$OUT/packages/modules
	rm -rf "$BUILT" "$BUILT-7"
	mkdir -p "$BUILT" "$BUILT-7"
	cp "$ROOT/lib/modules/$r612"/updates/dkms/vtd_shadow*.ko "$BUILT"
	cp "$ROOT/lib/modules/$r7"/updates/dkms/vtd_shadow*.ko "$BUILT-7"
	dpkg-deb -x "$OUT/packages/vtd-shadow-tools_${NEW}_amd64.deb" "$WORK/tools"
	check "Debian removes them" remove_deb
	check "the group is gone" group_is no
	check "nothing is left behind" unchanged_files "$WORK/before"
}

rpm_inside() { inside rpm --nodeps "$@"; }

test_rpm() {
	cp "$OUT"/packages/vtd-shadow-*"-$NEW-"*.rpm "$ROOT/tmp"
	files >"$WORK/before"
	check "RPM installs $NEW" rpm_inside -i "/tmp/vtd-shadow-dkms-$NEW-1.noarch.rpm" \
		"/tmp/vtd-shadow-tools-$NEW-1.x86_64.rpm"
	check "RPM: DKMS has the source" has $NEW
	check "RPM: there is a group" group_is yes
	check "RPM erases them" rpm_inside -e vtd-shadow-dkms vtd-shadow-tools
	check "RPM: nothing is left behind" unchanged_files "$WORK/before"
}

# What is for Debian's own kernels does nothing by itself. SUITE=debian runs what it does.
test_debian() {
	files >"$WORK/before"
	cp "$OUT/packages/vtd-shadow-debian_${NEW}_all.deb" "$ROOT/tmp"
	check "Debian installs what is for its kernels" \
		inside dpkg --force-depends -i "/tmp/vtd-shadow-debian_${NEW}_all.deb"
	check "it refuses a kernel that is not Debian's" refuses "not a kernel of Debian" \
		inside env RELEASE="$(release "$KDIR612")" vtd_shadow_modules_debian build
	check "Debian removes it" inside dpkg --purge vtd-shadow-debian
	check "nothing is left behind of it" unchanged_files "$WORK/before"
}

make_there() { # TARGET RELEASE
	inside make -C /tmp/vtd_shadow "$1" "RELEASE=$2"
}

finds_modules() { # RELEASE
	inside modinfo -k "$1" vtd_shadow_vfio_pci && inside modinfo -k "$1" vtd_shadow
}

# Without a package, from a copy of the repository
test_make_install() {
	local r612
	r612=$(release "$KDIR612")
	mkdir "$ROOT/tmp/vtd_shadow"
	(cd "$TOP" && cp -r --parents Makefile scripts include packaging tools/vtd_shadow \
		drivers/iommu/vtd_shadow "$ROOT/tmp/vtd_shadow")
	files >"$WORK/before"
	check "make install" make_there install "$r612"
	check "make install: modprobe finds the modules" finds_modules "$r612"
	check "make install: there is a group" group_is yes
	check "make install names what vtd_shadow_stat lacks" \
		grep -q 'vtd_shadow_stat is left out' "$LOGS/package-test.log"
	check "make uninstall" make_there uninstall "$r612"
	check "make uninstall: nothing is left behind" unchanged_files "$WORK/before"
	check "make install says what a kernel lacks" \
		refuses "lacks CONFIG_IOMMUFD" make_there install 6.12.0-lacking
}

# COMMAND fails and says WORD
refuses() { # WORD COMMAND...
	local word=$1 said
	shift
	! said=$("$@" 2>&1) || return 1
	grep "$word" <<<"$said"
}

WORK=$(mktemp -d)
clean_up() {
	as_root rm -rf "$WORK" ${LISTS:+"$LISTS"}
}
need "what builds packages and a small Debian" dpkg-dev debhelper dh-dkms lintian mmdebstrap rpm \
	udev driverctl
trap clean_up EXIT
: >"$LOGS/package-test.log"
kernel_build 6.12 plain
KDIR612=$KDIR
kernel_build 7 debug
KDIR7=$KDIR
check "builds $NEW for Debian, and lintian is content" bash "$TOP/scripts/package.sh" deb
check "builds $OLD" env VERSION=$OLD bash "$TOP/scripts/package.sh" deb
check "builds $NEW for RPM" bash "$TOP/scripts/package.sh" rpm
chroot_unpack "$WORK/root" "${NEEDED[@]}"
test_deb
test_debian
test_rpm
test_make_install
bash "$TOP/scripts/test/doctor-test.sh" || true
bash "$TOP/scripts/test/package-boot-test.sh" "$BUILT" "$WORK/tools" || true
[ "${KERNEL:-}" != 7 ] || bash "$TOP/scripts/test/package-boot-test.sh" "$BUILT-7" || true
summary
