#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Checks the tables of the documentation that say what was shown: every row names a test,
# and every test named there exists and is among those that are run.
#
#   conformance.sh [DOCUMENT...]   the conformance tables and the security chapter by default

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SELFTESTS=$TOP/tools/testing/selftests/vtd_shadow
MODULE=$TOP/drivers/iommu/vtd_shadow

# Names of tests: "program: fixture.test" or "file: case", in quotes
tests_in() { grep -oP '``\K\w+: [\w.]+(?=``)' || true; }

# The rows of all tables, one a line; the first one of each table is its head.
rows() {
	awk '
		/^\.\. list-table::/ { head = 1 }
		/^   \* - / { flush(); row = $0; next }
		/^     / && row != "" { row = row " " $0; next }
		{ flush() }
		END { flush() }
		function flush() {
			if (row != "" && !head)
				print row
			if (row != "")
				head = 0
			row = ""
		}' "$DOCUMENT"
}

rows_without_test() {
	rows | grep -vP '``\w+: [\w.]+``' | sed 's/^/no test in the row: /' || true
}

# All tests that are run, by the names of the tables. What a guest of several kernels does,
# test.$KERNEL, is one there.
existing_tests() {
	local name
	sed -n 's/^TEST_GEN_PROGS [+:]= //p' "$SELFTESTS/Makefile" | while read -r name; do
		sed -nE "s/^TEST_F(_TIMEOUT)?\((\w+), (\w+)[,)].*/$name: \2.\3/p" \
			"$SELFTESTS/$name.c"
	done
	grep -oP 'tests/\K\w+_kunit(?=\.o)' "$MODULE/Makefile" | while read -r name; do
		grep -oP 'KUNIT_CASE(_PARAM|_SLOW)?\(\K\w+' "$MODULE/tests/$name.c" |
			sed "s/^/$name: /"
	done
	for name in "$SELFTESTS"/guest/*.sh; do
		sed -nE "s/^\t*check \"?([^ \"$]+)(\.[$]\w+\")? .*/$(basename "$name" .sh): \1/p" \
			"$name"
	done
}

tests_that_are_missing() {
	comm -23 <(tests_in <"$DOCUMENT" | sort -u) <(existing_tests | sort -u) |
		sed 's/^/no such test: /'
}

check_document() { # FILE: sets DOCUMENT
	local wrong nr_rows nr_tests
	DOCUMENT=$1
	nr_rows=$(rows | wc -l)
	nr_tests=$(tests_in <"$DOCUMENT" | sort -u | wc -l)
	wrong=$(rows_without_test && tests_that_are_missing)
	if [ -n "$wrong" ] || [ "$nr_rows" -eq 0 ]; then
		echo "${wrong:-no rows in $DOCUMENT}"
		return 1
	fi
	echo "$(basename "$DOCUMENT"): $nr_rows rows, $nr_tests tests"
}

main() {
	local document status=0
	[ $# -gt 0 ] || set -- "$TOP"/Documentation/dev-tools/vtd_shadow_conformance.rst \
		"$TOP"/Documentation/admin-guide/vtd_shadow_security.rst
	for document; do
		check_document "$document" || status=1
	done
	return "$status"
}

main "$@"
