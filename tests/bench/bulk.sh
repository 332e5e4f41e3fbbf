#!/usr/bin/env bash
# Measures bulks; docs/testing.md says what the figures mean.
#
#   tests/bench/bulk.sh [WHAT...]      # rate load
set -eu
here=$(dirname "$0")
target=${CARGO_TARGET_DIR:-$here/bulk/target}
count=${BULK_COUNT:-100000}
seed=${BULK_SEED:-1}

cargo build --quiet --release --manifest-path "$here/bulk/Cargo.toml" --target-dir "$target"
bench=$target/release/bulk
work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null; rm -r "$work"' EXIT

# serve WHAT...: starts a server; sets endpoint.
serve() {
    "$bench" "$@" >"$work/endpoint.$1" &
    servers+=($!)
    while ! [ -s "$work/endpoint.$1" ]; do sleep 0.1; done
    endpoint=$(cat "$work/endpoint.$1")
}

for what in ${*:-rate load}; do
    case $what in
        rate) serve server 2 && "$bench" rate "$endpoint" "$count" ;;
        load) serve opponent "$seed" && "$bench" load "$endpoint" "$count" ;;
    esac
done
echo "load average: $(cut -d ' ' -f 1-3 /proc/loadavg)"
