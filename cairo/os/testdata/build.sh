#!/bin/sh
# Rebuilds the class of probe.cairo. Needs what contracts/build.sh needs.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$(cd "$STARKD_CORELIB" && pwd)" "$work/corelib"
mkdir "$work/probe" && cp probe.cairo "$work/probe/lib.cairo"
printf '[crate_roots]\nprobe = "."\n[config.global]\nedition = "2024_07"\n' >"$work/probe/cairo_project.toml"
(cd "$work" && starknet-compile probe --contract-path probe::probe class.json)
python3 - "$work/class.json" probe.contract_class.json <<'PY'
import json, sys
with open(sys.argv[1]) as f:
    contract_class = json.load(f)
contract_class.pop("sierra_program_debug_info", None)
with open(sys.argv[2], "w") as f:
    json.dump(contract_class, f)
    f.write("\n")
PY
starknet-sierra-compile probe.contract_class.json probe.compiled_contract_class.json
