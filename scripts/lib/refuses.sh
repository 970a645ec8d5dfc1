# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# One result for a command that must fail and say why. Sourced by test/debian-test.sh and
# test/setup-test.sh.

# refuses NAME WORD COMMAND...: COMMAND fails, and its last line has WORD
refuses() {
	local name=$1 word=$2 said
	shift 2
	if said=$("$@" 2>&1); then
		fail "debian: $name" "was not refused"
	elif [[ $(tail -n 1 <<<"$said") == *"$word"* ]]; then
		pass "debian: $name"
	else
		fail "debian: $name" "said: $(tail -n 1 <<<"$said")"
	fi
}
