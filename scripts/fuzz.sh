#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Fuzzes the engine: builds its files into a program (tools/testing/vtd_shadow) and runs
# that under libFuzzer. What it finds, and what is new, goes into out/fuzz.
#
#   fuzz.sh check            all inputs of the repository, then as many others, the same in
#                            each run: a suite, which does not depend on luck
#   fuzz.sh run              for SECONDS (600) from there and from what was new before
#   fuzz.sh cover            which lines these inputs reach, by file
#   fuzz.sh bugs [BUG...]    puts each bug of the folder bugs in, and runs until it is found
#   fuzz.sh corpus           keeps the fewest inputs that reach the same in the repository
#   fuzz.sh replay FILE...   shows what an input does

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"
# shellcheck source=scripts/build/kernel.sh
source "$TOP/scripts/build/kernel.sh"

HERE=$TOP/tools/testing/vtd_shadow
ENGINE=$TOP/drivers/iommu/vtd_shadow
WORK=$OUT/fuzz
NEW=$WORK/new
# Where those of a check go
TRIED=$WORK/tried
RUNS=2500
SEEDS=$WORK/seeds
LEAST_COVERED=85
# Bytes of an input that is kept though others reach the same lines
LONGEST=350
# All that parses what a guest or VMM wrote, or follows from it
PARSERS=(context.c domain.c guest_chunk.c guest_evict.c guest_fetch.c guest_mem.c
	guest_segment.c inval.c leaves.c mirror.c pasid.c queue.c refuse.c scalable.c settle.c
	superpage.c sync.c tables.c todo.c)
# A program has at most so many bytes, and is over in much less than so many seconds. The
# program itself looks for what is left allocated.
OPTIONS=(-max_len=972 -timeout=60 -reload=0 -print_final_stats=1)
export ASAN_OPTIONS=detect_leaks=0

build() { # DIRECTORY ARGUMENT...
	make -s -C "$HERE" KSRC="$KSRC" O="$1" -j"$(nproc)" "${@:2}"
}

# The inputs of the repository are lines of two texts: here is a file of each.
unpack_seeds() {
	rm -rf "$SEEDS"
	mkdir -p "$SEEDS" "$NEW"
	cat "$HERE"/{kept,corpus}.txt | python3 -c '
import sys
lines = [line for line in sys.stdin if line.strip() and not line.startswith("#")]
for nr, line in enumerate(lines):
    open(f"{sys.argv[1]}/{nr}", "wb").write(bytes.fromhex(line))
' "$SEEDS"
}

prepare() {
	kernel_src 7
	mkdir -p "$WORK"
	step "build the fuzzer" build "$WORK/build"
	step "unpack its inputs" unpack_seeds
}

# fuzz PROGRAM WHERE ARGUMENT...: what is found is in WHERE
fuzz() {
	mkdir -p "$2"
	nice "$1" "${OPTIONS[@]}" -artifact_prefix="$2/" "${@:3}"
}

# What went wrong, as the program or a sanitizer says
why() { # LOG
	grep -am 1 -E '^FAILED|ERROR: (Address|libFuzzer: (timeout|out))|runtime error' "$1" ||
		echo "no result"
}

judged() { # NAME LOG COMMAND...
	if step "$1" "${@:3}"; then
		pass "fuzz: $1"
	else
		fail "fuzz: $1" "$(why "$2"), input: $(grep -aoP 'Test unit written to \K.*' "$2" ||
			echo none)"
	fi
}

log_of() { # NAME, as step() has it
	echo "$LOGS/$(tr -cs 'a-zA-Z0-9._\n' - <<<"$1" | sed 's/-$//').log"
}

# What is not applied in this run must not rot.
bugs_apply() {
	local bug
	for bug in "$HERE"/bugs/*.patch; do
		patch --dry-run -s -d "$ENGINE" -p1 <"$bug"
	done
}

check() {
	local name
	prepare
	name="bugs can be put in"
	judged "$name" "$(log_of "$name")" bugs_apply
	name="all inputs again"
	judged "$name" "$(log_of "$name")" fuzz "$WORK/build/fuzz" "$WORK/found" -runs=0 "$SEEDS"
	rm -rf "$TRIED"
	mkdir "$TRIED"
	name="$RUNS runs with others"
	judged "$name" "$(log_of "$name")" fuzz "$WORK/build/fuzz" "$WORK/found" \
		-seed=1 -runs="$RUNS" "$TRIED" "$SEEDS"
	summary
}

run() {
	local status=0
	prepare
	fuzz "$WORK/build/fuzz" "$WORK/found" -max_total_time="$SECONDS_WANTED" "$NEW" "$SEEDS" \
		2>&1 | tee "$WORK/run.log" | grep -aE --line-buffered \
		'^#[0-9]+.*(pulse|INITED|DONE)|^FAILED|ERROR:|runtime error|^    #|Test unit' ||
		true
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || echo "what it does: $0 replay FILE"
	return "$status"
}

# Lines of each file that were reached, of how many, and those that were not
cover_table() {
	llvm-cov report "$WORK/cover/fuzz" -instr-profile="$WORK/cover/data" "${FILES[@]}" |
		awk '/\.c / { n = split($1, path, "/"); name = path[n]
			printf "%-18s %5d of %5d lines %6.1f %%\n", name, $8 - $9, $8,
				($8 - $9) * 100 / $8 }'
}

missed_lines() { # FILE
	llvm-cov show "$WORK/cover/fuzz" -instr-profile="$WORK/cover/data" "$ENGINE/$1" |
		awk -F'|' '$2 ~ /^ +0$/ { printf " %d", $1 }'
}

cover() {
	local name file low=0
	need "what tells coverage" llvm
	prepare
	step "build with counters" build "$WORK/cover" COVERAGE=1
	LLVM_PROFILE_FILE=$WORK/cover/raw step "all inputs" fuzz "$WORK/cover/fuzz" \
		"$WORK/found" -runs=0 "$SEEDS" "$NEW"
	llvm-profdata merge -sparse "$WORK/cover/raw" -o "$WORK/cover/data"
	FILES=("${PARSERS[@]/#/$ENGINE/}")
	cover_table | tee "$WORK/cover/table"
	for file in "${PARSERS[@]}"; do
		echo "$file, not reached:$(missed_lines "$file")"
	done >"$WORK/cover/missed"
	echo "lines that were not reached: $WORK/cover/missed"
	while read -r name file; do
		echo "too few of $name"
		low=1
	done < <(awk -v least=$LEAST_COVERED '$(NF - 1) < least' "$WORK/cover/table")
	return "$low"
}

# An engine with a bug, in a folder of its own; what did not change is not compiled again.
build_bug() { # BUG
	local dir=$WORK/bugs/$1
	rm -rf "$dir"
	mkdir -p "$dir/engine"
	cp -a "$ENGINE"/*.[ch] "$dir/engine"
	cp -a "$WORK/build/." "$dir"
	patch -s -d "$dir/engine" -p1 <"$HERE/bugs/$1.patch"
	build "$dir" ENGINE="$dir/engine"
}

bugs() { # [BUG...]
	local bug log begin took
	prepare
	[ $# -gt 0 ] || mapfile -t < <(cd "$HERE/bugs" && ls -- *.patch) BUGS
	[ $# -eq 0 ] || BUGS=("$@")
	for bug in "${BUGS[@]}"; do
		bug=${bug%.patch}
		log=$WORK/bugs/$bug.log
		step "build with $bug" build_bug "$bug"
		begin=$(now_us)
		fuzz "$WORK/bugs/$bug/fuzz" "$WORK/bugs/$bug/found" \
			-max_total_time="$SECONDS_WANTED" "$SEEDS" >"$log" 2>&1 || true
		took=$(tenths $(($(now_us) - begin)))
		if grep -aq 'Test unit written' "$log"; then
			pass "$bug: $took s: $(why "$log")"
		else
			fail "$bug" "not found in $took s"
		fi
	done
	summary
}

# Of the inputs that reach the same, how often counted, the short ones; and what it takes to
# reach the same lines. The comment stays, and each input is a line, the shortest first.
corpus() {
	local fewest=$WORK/fewest
	prepare
	rm -rf "$fewest" "$fewest.all"
	mkdir -p "$fewest" "$fewest.all"
	step "find the fewest" fuzz "$WORK/build/fuzz" "$WORK/found" -set_cover_merge=1 \
		"$fewest.all" "$SEEDS" "$NEW"
	step "find the fewest for all lines" fuzz "$WORK/build/fuzz" "$WORK/found" \
		-use_counters=0 -set_cover_merge=1 "$fewest" "$fewest.all"
	find "$fewest.all" -type f -size -"$LONGEST"c -exec cp {} "$fewest" \;
	python3 - "$HERE/corpus.txt" "$fewest"/* <<-'EOF'
		import sys
		head = [line for line in open(sys.argv[1]) if line.startswith("#")]
		inputs = {open(name, "rb").read() for name in sys.argv[2:]}
		inputs = sorted(inputs, key=lambda data: (len(data), data))
		with open(sys.argv[1], "w") as text:
		    text.writelines(head + [data.hex() + "\n" for data in inputs])
		print(len(inputs), "inputs,", sum(map(len, inputs)), "bytes")
	EOF
}

replay() { # FILE...
	VERBOSE=1 "$WORK/build/fuzz" "${OPTIONS[@]}" "$@"
}

main() {
	SECONDS_WANTED=${SECONDS_WANTED:-600}
	case ${1:-} in
	check | run | cover | corpus) "$1" ;;
	bugs | replay) "$@" ;;
	*) die "usage: fuzz.sh check|run|cover|bugs|corpus|replay" ;;
	esac
}

main "$@"
