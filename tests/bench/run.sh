#!/usr/bin/env bash
# Counts what a point read and a create cost in bare ureq, in the transport and in the client:
# user-space instructions by callgrind, system calls by strace, CPU time by the shell.
# Instructions and calls are the difference of two runs over the difference of their lengths, so that start-up falls
# out; the CPU time is the best of many short runs, with client and server on one core, taken in turn.
#
#   tests/bench/run.sh [WHO...]        # ureq transport client; needs valgrind and strace
set -eu
here=$(dirname "$0")
target=${CARGO_TARGET_DIR:-$here/point_read/target}
few=200
many=1200
timed=3000
rounds=15

cargo build --quiet --release --manifest-path "$here/point_read/Cargo.toml" --target-dir "$target"
bench=$target/release/point_read
work=$(mktemp -d)
taskset -c 0 "$bench" server >"$work/endpoint" &
server=$!
trap 'kill $server; rm -r "$work"' EXIT
while ! [ -s "$work/endpoint" ]; do sleep 0.1; done
endpoint=$(cat "$work/endpoint")

instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$bench" "$1" "$2" "$3" "$endpoint" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

syscalls() {
    strace -f -c -o "$work/strace" "$bench" "$1" "$2" "$3" "$endpoint"
    awk '$NF == "total" { print $4 }' "$work/strace"
}

# User and system time of an operation in microseconds.
cpu() {
    { TIMEFORMAT='%U %S' && time taskset -c 0 "$bench" "$1" "$2" $timed "$endpoint"; } 2>&1 |
        awk -v n=$timed '{ printf "%.1f\n", ($1 + $2) * 1000000 / n }'
}

per_operation() {
    awk -v a="$1" -v b="$2" -v n="$3" 'BEGIN { printf "%.1f", (b - a) / n }'
}

clients=${*:-ureq transport client}
for ((round = 0; round < rounds; round++)); do
    for who in $clients; do
        for what in read create; do
            cpu "$who" "$what" >>"$work/cpu.$who.$what"
        done
    done
done

printf '%-10s %-7s %14s %10s %10s\n' who what instructions syscalls 'CPU us'
for who in $clients; do
    for what in read create; do
        i=$(per_operation "$(instructions "$who" "$what" $few)" "$(instructions "$who" "$what" $many)" $((many - few)))
        s=$(per_operation "$(syscalls "$who" "$what" $few)" "$(syscalls "$who" "$what" $many)" $((many - few)))
        c=$(sort -n "$work/cpu.$who.$what" | head -1)
        printf '%-10s %-7s %14s %10s %10s\n' "$who" "$what" "$i" "$s" "$c"
    done
done
