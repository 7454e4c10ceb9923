#!/bin/sh
# Rebuilds classes/ and testdata/ from src/.
#
# Needs starknet-compile and starknet-sierra-compile 2.20.0 on PATH (cargo install starknet-compile@2.20.0
# starknet-sierra-compile@2.20.0 --locked), python3, and in STARKD_CORELIB the corelib folder of the compiler's
# repository at tag v2.20.0 (no crate contains it). The result depends only on the sources: a second run changes nothing.
set -eu
cd "$(dirname "$0")"
want=2.20.0
for tool in starknet-compile starknet-sierra-compile; do
    have=$("$tool" --version | awk '{print $2}')
    [ "$have" = "$want" ] || { echo "build.sh: $tool is $have, want $want" >&2; exit 1; }
done
[ -f "${STARKD_CORELIB:?the corelib folder of cairo v$want}/src/lib.cairo" ] ||
    { echo "build.sh: no corelib in $STARKD_CORELIB" >&2; exit 1; }

# Outside its own source tree the compiler looks only for ./corelib/src.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$(cd "$STARKD_CORELIB" && pwd)" "$work/corelib"
here=$(pwd)
mkdir -p classes testdata

for contract in account counter erc20 factorial fibonacci universal_deployer; do
    class=classes/$contract.contract_class.json
    (cd "$work" && starknet-compile "$here" --contract-path "starkd::$contract::$contract" "$contract.json")
    # Debug names are not part of the class hash.
    python3 - "$work/$contract.json" "$class" <<'PY'
import json, sys
with open(sys.argv[1]) as f:
    contract_class = json.load(f)
contract_class.pop("sierra_program_debug_info", None)
with open(sys.argv[2], "w") as f:
    json.dump(contract_class, f, indent=1)
    f.write("\n")
PY
    starknet-sierra-compile "$class" "testdata/$contract.compiled_contract_class.json"
done
