#!/bin/sh
# Rebuilds the classes of the contracts in this folder. Needs what contracts/build.sh needs.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$(cd "$STARKD_CORELIB" && pwd)" "$work/corelib"
for contract in probe workload eth_account joint_account; do
    mkdir "$work/$contract" && cp $contract.cairo "$work/$contract/lib.cairo"
    printf '[crate_roots]\n%s = "."\n[config.global]\nedition = "2024_07"\n' $contract >"$work/$contract/cairo_project.toml"
    (cd "$work" && starknet-compile $contract --contract-path $contract::$contract $contract.json)
    python3 - "$work/$contract.json" $contract.contract_class.json <<'PY'
import json, sys
with open(sys.argv[1]) as f:
    contract_class = json.load(f)
contract_class.pop("sierra_program_debug_info", None)
with open(sys.argv[2], "w") as f:
    json.dump(contract_class, f)
    f.write("\n")
PY
    starknet-sierra-compile $contract.contract_class.json $contract.compiled_contract_class.json
done
