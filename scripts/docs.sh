#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build the documentation. Any warning is an error.
#
#   docs.sh [FOLDER]       as HTML, by default in out/docs
#   docs.sh pdf [FOLDER]   as one PDF, by default in out/pdf; LaTeX is installed for it
#
# In a PDF nothing may be cut either: LaTeX warns of what is wider than its place.

source "$(dirname "$0")/lib/common.sh"
source "$TOP/scripts/lib/packages.sh"
source "$TOP/scripts/build/kernel.sh"

PDF_PACKAGES=(fonts-dejavu-core fonts-dejavu-extra latexmk librsvg2-bin texlive-latex-extra
	texlive-latex-recommended texlive-xetex)

# Debian's own python: another one on the PATH has no Sphinx.
build() { # BUILDER FOLDER
	KSRC=$KSRC PYTHONDONTWRITEBYTECODE=1 PATH=/usr/bin:/bin python3 -m sphinx -q -E -a -W \
		--keep-going -b "$1" -c "$TOP/scripts/docs" -d "$2/.doctrees" \
		"$TOP/Documentation" "$2"
}

run_latex() { # FOLDER
	cd "$1"
	PATH=/usr/bin:/bin latexmk -xelatex -interaction=nonstopmode -halt-on-error vtd_shadow.tex
	# That of the last run, after which nothing is undefined any more
	if grep -E 'Warning|Overfull|Missing character' vtd_shadow.log; then
		return 1
	fi
}

main() {
	local dir

	kernel_src 6.12
	if [ "${1:-}" = pdf ]; then
		dir=${2:-$OUT/pdf}
		need "LaTeX" "${PDF_PACKAGES[@]}"
		build latex "$dir"
		step "typeset the documentation" run_latex "$(realpath "$dir")"
		echo "documentation: $dir/vtd_shadow.pdf"
	else
		dir=${1:-$OUT/docs}
		build html "$dir"
		echo "documentation: $dir/vtd_shadow.html"
	fi
}

main "$@"
