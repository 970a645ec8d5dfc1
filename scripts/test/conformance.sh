#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Checks the conformance tables of the documentation: every row names a test, and
# every test named there exists and is among those that are run.
#
#   conformance.sh [DOCUMENT]

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DOCUMENT=${1:-$TOP/Documentation/dev-tools/vtd_shadow_conformance.rst}
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
		sed -nE "s/^TEST_F\((\w+), (\w+)\).*/$name: \1.\2/p" "$SELFTESTS/$name.c"
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

main() {
	local wrong nr_rows nr_tests
	nr_rows=$(rows | wc -l)
	nr_tests=$(tests_in <"$DOCUMENT" | sort -u | wc -l)
	wrong=$(rows_without_test && tests_that_are_missing)
	if [ -n "$wrong" ] || [ "$nr_rows" -eq 0 ]; then
		echo "${wrong:-no rows in $DOCUMENT}"
		return 1
	fi
	echo "$nr_rows rows, $nr_tests tests"
}

main
