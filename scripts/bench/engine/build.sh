#!/bin/sh
# Rebuilds bench.contract_class.json from bench.cairo. Needs the tools of contracts/build.sh: starknet-compile 2.20.0 on PATH and the
# compiler's corelib folder in STARKD_CORELIB.
set -eu
cd "$(dirname "$0")"
here=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$(cd "$STARKD_CORELIB" && pwd)" "$work/corelib"
(cd "$work" && starknet-compile --single-file "$here/bench.cairo" class.json)
python3 - "$work/class.json" bench.contract_class.json <<'PY'
import json, sys
with open(sys.argv[1]) as f:
    contract_class = json.load(f)
contract_class.pop("sierra_program_debug_info", None)
with open(sys.argv[2], "w") as f:
    json.dump(contract_class, f, indent=1)
    f.write("\n")
PY
