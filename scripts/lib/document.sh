# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Commands of the documents, for tests that run them as they are. Sourced by
# test/operate-test.sh and test/bare-test.sh.
#
#   document_commands DOCUMENT DIRECTORY    makes DIRECTORY, with a file for each block of
#                                           commands, of the name that a comment before the
#                                           block gives: .. commands: NAME

document_commands() {
	mkdir -p "$2"
	awk -v dir="$2" '
		/^\.\. commands: / { file = dir "/" $3; next }
		file == "" || /^(::)?$/ { next }
		/^   / { print substr($0, 4) >file; next }
		{ file = "" }' "$1"
}
