#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make deb: builds vtd-shadow-dkms and vtd-shadow-tools with debhelper.
# make rpm: the same for systems with RPM.
#
#   package.sh deb|rpm     results in out/packages/
#
# In the environment: VERSION, of the packages (0.1 by default).

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"

VERSION=${VERSION:-0.1}
PACKAGES=$OUT/packages
STAT_PACKAGES=(libncurses-dev pkg-config python3-docutils)
MAINTAINER='vtd_shadow maintainers <iommu@lists.linux.dev>'

# stage DIRECTORY: the part of the repository that the packages are made of
stage() {
	mkdir -p "$1"
	(cd "$TOP" && cp -r --parents drivers/iommu/vtd_shadow/*.[ch] \
		drivers/iommu/vtd_shadow/{Makefile,Kconfig} include packaging tools/vtd_shadow \
		scripts/{modules,install}-debian.sh scripts/lib/{common,packages}.sh \
		scripts/build/modules.sh scripts/build/debian COPYING \
		Documentation/admin-guide/vtd_shadow_stat.rst "$1")
	make -s -C "$1/packaging" clean
}

# What Debian's tools want without a line about its licence
write_debian() { # DIRECTORY
	mv "$1/packaging/debian" "$1/debian"
	mkdir -p "$1/debian/source"
	echo '3.0 (native)' >"$1/debian/source/format"
	printf '%s (%s) unstable; urgency=medium\n\n  * %s\n\n -- %s  %s\n' vtd-shadow \
		"$VERSION" "The driver for DKMS, and tools for operators." "$MAINTAINER" \
		"$(date -R -d "@$(git -C "$TOP" log -1 --format=%ct)")" >"$1/debian/changelog"
}

build_deb() { # DIRECTORY
	local source=$1/vtd-shadow-$VERSION
	stage "$source"
	write_debian "$source"
	cd "$source"
	DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage -us -uc -b
	lintian --fail-on error,warning --info "$1"/*.changes
}

build_rpm() { # DIRECTORY
	local name=vtd-shadow-$VERSION
	mkdir -p "$1/SOURCES"
	stage "$1/$name"
	tar -C "$1" -czf "$1/SOURCES/$name.tar.gz" "$name"
	rpmbuild -bb --nodeps --define "_topdir $1" --define "version_wanted $VERSION" \
		"$TOP/packaging/vtd-shadow.spec"
	find "$1/RPMS" -name '*.rpm' -exec mv -t "$1" {} +
}

# keep PATTERN: those packages, and which they are
keep() {
	mkdir -p "$PACKAGES"
	find "$WORK" -maxdepth 1 -name "$1" -exec mv -t "$PACKAGES" {} +
	find "$PACKAGES" -name "$1" | sort | grep .
}

WORK=$(mktemp -d)
# prepare_root has one of its own
trap 'rm -rf "$WORK" ${LISTS:+"$LISTS"}' EXIT
case ${1:-} in
deb)
	need "what builds packages" dpkg-dev debhelper dh-dkms lintian "${STAT_PACKAGES[@]}"
	step "build packages of Debian $VERSION" build_deb "$WORK"
	keep "*_${VERSION}_*.deb"
	;;
rpm)
	need "what builds packages" rpm "${STAT_PACKAGES[@]}"
	step "build packages of RPM $VERSION" build_rpm "$WORK"
	keep "*-$VERSION-*.rpm"
	;;
*) die "usage: make deb, or make rpm" ;;
esac
