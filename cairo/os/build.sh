#!/bin/sh
# Rebuilds os.json from os.cairo, in both versions. Needs cairo-compile of PyPI cairo-lang 0.14.0.1 on PATH.
set -eu
cd "$(dirname "$0")"
want=0.14.0.1
have=$(cairo-compile --version | awk '{print $2}')
[ "$have" = "$want" ] || { echo "build.sh: cairo-compile is $have, want $want" >&2; exit 1; }
for name in os v1/os; do
	cairo-compile --proof_mode --no_debug_info $name.cairo --output $name.json
done
