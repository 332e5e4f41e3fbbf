#!/usr/bin/env bash
# Measures queries; docs/testing.md says what the figures mean.
#
#   tests/bench/query.sh [WHAT...]     # order-by scan evaluate
set -eu
here=$(dirname "$0")
target=${CARGO_TARGET_DIR:-$here/query/target}

cargo build --quiet --release --manifest-path "$here/query/Cargo.toml" --target-dir "$target"
bench=$target/release/query
work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null; rm -r "$work"' EXIT

# serve DELAY: starts a server whose pages take DELAY milliseconds and have 1,000 items unless the client names a number;
# sets endpoint.
serve() {
    "$bench" server "$1" 1000 >"$work/endpoint.$1" &
    servers+=($!)
    while ! [ -s "$work/endpoint.$1" ]; do sleep 0.1; done
    endpoint=$(cat "$work/endpoint.$1")
}

for what in ${*:-order-by scan evaluate}; do
    case $what in
        order-by) serve 5 && "$bench" order-by "$endpoint" ;;
        scan) serve 0 && "$bench" scan "$endpoint" ;;
        evaluate) "$bench" evaluate ;;
    esac
done
