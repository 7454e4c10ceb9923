#!/bin/sh
# Rebuilds the class of restless.cairo. Needs what contracts/build.sh needs.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$(cd "$STARKD_CORELIB" && pwd)" "$work/corelib"
mkdir "$work/restless" && cp restless.cairo "$work/restless/lib.cairo"
printf '[crate_roots]\nrestless = "."\n[config.global]\nedition = "2024_07"\n' >"$work/restless/cairo_project.toml"
(cd "$work" && starknet-compile restless --contract-path restless::restless class.json)
python3 - "$work/class.json" restless.contract_class.json <<'PY'
import json, sys
with open(sys.argv[1]) as f:
    contract_class = json.load(f)
contract_class.pop("sierra_program_debug_info", None)
with open(sys.argv[2], "w") as f:
    json.dump(contract_class, f)
    f.write("\n")
PY
starknet-sierra-compile restless.contract_class.json restless.compiled_contract_class.json
