#!/bin/sh
# Compiles accounts of other makers for TestMixedBlock, into the folder that the argument names: OpenZeppelin's account and its account with
# secp256k1 (MIT), and Argent's (GPL). Their classes are not in this repository. Then STARKD_ACCOUNTS=FOLDER go test ./watcher uses them.
#
# Needs git, python3, and starknet-compile with its corelib in STARKD_CORELIB. Compiler 2.12.0-dev.0 takes these sources; it is in the wheel of
# cairo-lang 0.14.0.1 on PyPI (starkware/starknet/compiler/v1), and its corelib is that of the compiler's repository at tag v2.12.0-dev.0.
# The compiler finds the corelib beside its own folder, or as ./corelib.
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
get() { # repository, tag, folder
    git -c advice.detachedHead=false clone -q --depth 1 --branch "$2" "https://github.com/$1" "$3"
}
get OpenZeppelin/cairo-contracts v2.0.0 openzeppelin
get OpenZeppelin/cairo-contracts v1.0.0 openzeppelin1
get argentlabs/argent-contracts-starknet v0.5.0 argent
get keep-starknet-strange/alexandria v0.4.0 alexandria

project() { # folder, then name=path for each crate
    folder=$1
    shift
    {
        echo '[crate_roots]'
        for crate; do echo "${crate%%=*} = \"${crate#*=}\""; done
        printf '[config.global]\nedition = "2024_07"\n[config.global.dependencies]\n'
        for crate; do echo "${crate%%=*} = { discriminator = \"${crate%%=*}\" }"; done
    } >"$folder/cairo_project.toml"
    ln -s "$(cd "$STARKD_CORELIB" && pwd)" "$folder/corelib"
}
compile() { # folder, contract, name
    (cd "$1" && starknet-compile . --contract-path "$2" --allow-warnings "$work/class.json")
    python3 - "$work/class.json" "$out/$3.contract_class.json" <<'PY'
import json, sys
with open(sys.argv[1]) as f:
    contract_class = json.load(f)
contract_class.pop("sierra_program_debug_info", None)
with open(sys.argv[2], "w") as f:
    json.dump(contract_class, f)
PY
}

# Modules of the libraries that the accounts do not use are left out, with what they need.
printf 'pub mod account;\npub mod eth_account;\npub mod interfaces;\n' >openzeppelin/packages/presets/src/lib.cairo
printf 'pub mod account;\npub mod eth_account;\n' >openzeppelin/packages/presets/src/interfaces.cairo
for crate in account introspection utils upgrades presets; do echo "openzeppelin_$crate=packages/$crate/src"; done | xargs >crates
project openzeppelin $(cat crates)
compile openzeppelin openzeppelin_presets::account::AccountUpgradeable openzeppelin_account
compile openzeppelin openzeppelin_presets::eth_account::EthAccountUpgradeable openzeppelin_eth_account

python3 - <<'PY'
import re
def change(path, f):
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(f(text))
change("openzeppelin1/packages/security/src/lib.cairo", lambda s: "pub mod interface;\npub mod reentrancyguard;\n")
packages = "alexandria/packages/"
change(packages + "encoding/src/lib.cairo", lambda s: "pub mod base64;\n")
change(packages + "merkle_tree/src/lib.cairo", lambda s: "pub mod merkle_tree;\n")
change(packages + "data_structures/src/lib.cairo", lambda s: "pub mod array_ext;\npub mod span_ext;\n")
change(packages + "math/src/lib.cairo", lambda s: re.sub(r"^(#\[cfg\(test\)\]|(pub )?mod [a-z0-9_]+;)\n", "", s, flags=re.M))
def arrays(s):  # functions that compiler 2.12 refuses and nothing uses
    head, body = s.split("impl ArrayImpl", 1)
    head = re.sub(r" *fn extend_from_span.*\n", "", head)
    head = re.sub(r"(fn (?:min|max)(?:_position)?)<\+PartialOrd<T>[^>]*>", r"\1<+PartialOrd<@T>>", head)
    body = re.sub(r"    fn extend_from_span.*?\n    }\n", "", body, count=1, flags=re.S)
    return head + "impl ArrayImpl" + body
change(packages + "data_structures/src/array_ext.cairo", arrays)
change(packages + "data_structures/src/span_ext.cairo", lambda s: re.sub(r"ret\.extend_from_span\((\w+)\);", r"for e in \1 { ret.append(e.clone()); };", s))
PY
project argent argent=src openzeppelin_security=../openzeppelin1/packages/security/src \
    alexandria_encoding=../alexandria/packages/encoding/src alexandria_merkle_tree=../alexandria/packages/merkle_tree/src \
    alexandria_data_structures=../alexandria/packages/data_structures/src alexandria_math=../alexandria/packages/math/src
compile argent argent::multiowner_account::argent_account::ArgentAccount argent_account
