# To be sourced: the emulator on a free port, for the scripts here. They set $work, a folder of their own.

emulator=${CARGO_TARGET_DIR:-target}/debug/cosmosdb-emulator
key="C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true' EXIT

# serve OPTION…: starts the emulator; sets $endpoint.
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

stop() {
  kill "$server"
  wait "$server"
  server=
}
