#!/usr/bin/env bash
# The Python client of the release line 1 to 3 (azure-cosmos 3.2.0) against our emulator, with one partition and with four:
# every kind of resource. It and our client read what the other wrote.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=${INTEROP_DIR:-target/interop}/seed
key="C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
mkdir -p "$work"
work=$(cd "$work" && pwd)
emulator=${CARGO_TARGET_DIR:-target}/debug/cosmosdb-emulator

if ! "$work/venv/bin/python" -c 'import azure.cosmos.murmur_hash' 2>/dev/null; then
  rm -rf "$work/venv"
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet azure-cosmos==3.2.0 'urllib3<2'
fi
cargo build --quiet --features server --bin cosmosdb-emulator

server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true' EXIT

# serve OPTION…: starts the emulator on a free port; sets $endpoint.
serve() {
  "$emulator" --port 0 --quiet "$@" >"$work/ready" &
  server=$!
  for _ in $(seq 100); do
    endpoint=$(sed -n 's/^listening on //p' "$work/ready")
    [ -z "$endpoint" ] || return 0
    sleep 0.1
  done
  echo "the emulator does not start"
  return 1
}

python() {
  timeout 60 "$work/venv/bin/python" -W ignore tests/interop/python_seed.py "$endpoint" "$key" "$1"
}

ours() {
  COSMOS_TEST_SEED=$1 COSMOS_TEST_CONNECTION_STRING="AccountEndpoint=$endpoint;AccountKey=$key;" \
    cargo test --quiet --test suite interop_seed
}

for options in "--partitions 1" "--partitions 4"; do
  # shellcheck disable=SC2086
  serve $options
  python write
  ours read
  ours write
  python read
  kill "$server"
  wait "$server"
  server=
done
