#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build the documentation as HTML: docs.sh [FOLDER], by default out/docs.
# Any warning is an error.

source "$(dirname "$0")/lib/common.sh"
source "$TOP/scripts/build/kernel.sh"

main() {
	local html=${1:-$OUT/docs}

	kernel_src 6.12
	# Debian's own python: another one on the PATH has no Sphinx.
	KSRC=$KSRC PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m sphinx -q -E -a -W --keep-going \
		-b html -c "$TOP/scripts/docs" -d "$html/.doctrees" "$TOP/Documentation" "$html"
	echo "documentation: $html/vtd_shadow.html"
}

main "$@"
