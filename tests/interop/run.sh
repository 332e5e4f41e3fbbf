#!/usr/bin/env bash
# Our client against a server that we did not write, over HTTPS, with real data: the CRUD part of the suite and the
# `import` example, verifying TLS by the server's certificate and once more without verification.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=${INTEROP_DIR:-target/interop}
key="C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
mkdir -p "$work"
work=$(cd "$work" && pwd)

if [ ! -d "$work/node_modules/@vercel/cosmosdb-server" ] || [ ! -d "$work/node_modules/vega-datasets" ]; then
  (cd "$work" && echo '{"private":true}' >package.json &&
    npm install --no-audit --no-fund --loglevel=error @vercel/cosmosdb-server@1.0.1 vega-datasets@2.11.0)
fi
package="$work/node_modules/@vercel/cosmosdb-server"
movies="$work/node_modules/vega-datasets/data/movies.json"

servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true' EXIT

# serve: starts the server on a free port and waits until it listens; sets $port.
serve() {
  local log
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  log="$work/server-$port.log"
  node "$package/lib/cli.js" -p "$port" --host localhost >"$log" 2>&1 &
  servers+=("$!")
  for _ in $(seq 100); do
    grep -q Ready "$log" && return 0
    sleep 0.1
  done
  cat "$log"
  return 1
}

# check: the suite's CRUD part and the import, against $COSMOS_TEST_CONNECTION_STRING.
check() {
  cargo test --quiet --test suite crud::live
  cargo run --quiet --example import -- "$movies" interop movies /id
  COSMOS_TEST_IMPORTED=$movies cargo test --quiet --test suite imported_data -- --nocapture
}

echo "as installed: its certificate expired in 2021, so the client refuses it"
serve
export COSMOS_TEST_CONNECTION_STRING="AccountEndpoint=https://localhost:$port/;AccountKey=$key;"
if COSMOS_CONNECTION_STRING=$COSMOS_TEST_CONNECTION_STRING cargo run --quiet --example items >"$work/refused" 2>&1; then
  echo "the expired certificate was accepted"
  exit 1
fi
grep -q danger_accept_invalid_certs "$work/refused" || { cat "$work/refused"; exit 1; }

echo "as installed, without verification"
export COSMOS_TEST_CONNECTION_STRING="AccountEndpoint=https://localhost:$port/;AccountKey=$key;DisableServerCertificateValidation=True;"
COSMOS_CONNECTION_STRING=$COSMOS_TEST_CONNECTION_STRING check

echo "with a certificate of today, given to the client as root"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
  -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
cp "$package/cert.pem" "$work/original-cert.pem"
cp "$package/key.pem" "$work/original-key.pem"
cp "$work/cert.pem" "$work/key.pem" "$package/"
serve
cp "$work/original-cert.pem" "$package/cert.pem"
cp "$work/original-key.pem" "$package/key.pem"
export COSMOS_TEST_CONNECTION_STRING="AccountEndpoint=https://localhost:$port/;AccountKey=$key;"
export COSMOS_ROOT_CERTIFICATE="$work/cert.pem"
COSMOS_CONNECTION_STRING=$COSMOS_TEST_CONNECTION_STRING check
