#!/usr/bin/env bash
# The Python client of the release line 1 to 3 (azure-cosmos 3.2.0) against our emulator, with one partition and with four:
# every kind of resource. It and our client read what the other wrote.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=${INTEROP_DIR:-target/interop}/seed
mkdir -p "$work"
work=$(cd "$work" && pwd)

if ! "$work/venv/bin/python" -c 'import azure.cosmos.murmur_hash' 2>/dev/null; then
  rm -rf "$work/venv"
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet azure-cosmos==3.2.0 'urllib3<2'
fi
cargo build --quiet --features server --bin cosmosdb-emulator

. tests/interop/serve.sh

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
  stop
done
