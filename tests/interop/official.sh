#!/usr/bin/env bash
# The official Python and JavaScript clients against our emulator: over HTTP, over HTTPS with a verified certificate, and
# over HTTP with four partitions: items, queries, and every operation on items. What they wrote is read by our client. (The
# Python client never verifies on a loopback address; the other two do.)
set -euo pipefail
cd "$(dirname "$0")/../.."

work=${INTEROP_DIR:-target/interop}
mkdir -p "$work/official"
work=$(cd "$work/official" && pwd)
scripts=$PWD/tests/interop

if [ ! -d "$work/node_modules/@azure/cosmos" ]; then
  (cd "$work" && echo '{"private":true}' >package.json &&
    npm install --no-audit --no-fund --loglevel=error @azure/cosmos@4.9.3)
fi
if ! "$work/venv/bin/python" -c 'import azure.cosmos' 2>/dev/null; then
  rm -rf "$work/venv"
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet azure-cosmos==4.17.1
fi
cargo build --quiet --features server --bin cosmosdb-emulator

. tests/interop/serve.sh

# check [CERTIFICATE]: both clients on $endpoint, then ours on what they left.
check() {
  local script
  for script in python_client python_operations; do
    timeout 60 "$work/venv/bin/python" -W ignore "$scripts/$script.py" "$endpoint" "$key" "$@"
  done
  for script in js_client js_operations; do
    (cd "$work" && env ${1:+"NODE_EXTRA_CA_CERTS=$1"} timeout 60 node "$scripts/$script.mjs" "$endpoint" "$key")
  done
  env ${1:+"COSMOS_ROOT_CERTIFICATE=$1"} COSMOS_TEST_WRITTEN="interop-python interop-js" \
    COSMOS_TEST_OPERATED="operations-python operations-js" \
    COSMOS_TEST_CONNECTION_STRING="AccountEndpoint=$endpoint;AccountKey=$key;" \
    cargo test --quiet --test suite written_by_others -- --nocapture
}

serve
check
stop
serve --tls --certificate "$work/emulator.pem"
check "$work/emulator.pem"
stop
serve --partitions 4
check
stop
