package constants_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// reference returns blockifier's versioned constants of Starknet 0.14.4 (starkware-libs/sequencer, crates/blockifier/resources),
// which are in the corpus: a map from the path of each leaf to its value.
func reference(t *testing.T) map[string]any {
	text, err := os.ReadFile(golden.Corpus(t, "starknet", "versioned_constants_0_14_4.json"))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var root any
	if err := decoder.Decode(&root); err != nil {
		t.Fatal(err)
	}
	leaves := map[string]any{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, child := range v {
				walk(strings.TrimPrefix(path+"."+name, "."), child)
			}
		case []any:
			for i, child := range v {
				walk(fmt.Sprintf("%s.%d", path, i), child)
			}
		case json.Number:
			n, err := v.Int64()
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			leaves[path] = n
		default:
			leaves[path] = v
		}
	}
	walk("", root)
	return leaves
}

// notOurs says why leaves of the reference have no constant here, by a prefix of their paths.
var notOurs = map[string]string{
	"allocation_cost.blob_cost":                            "no blobs: data is billed in L2 gas",
	"allocation_cost.gas_cost.l1":                          "no L1 gas is billed",
	"archival_data_gas_costs.gas_per_proof":                "transactions with proof facts are rejected",
	"deprecated_l2_resource_gas_costs":                     "prices of transactions that bound L1 gas alone, which are rejected",
	"gateway.max_proof_size":                               "transactions with proof facts are rejected",
	"vm_resource_fee_cost.builtins.ecdsa":                  "no contract has this builtin",
	"vm_resource_fee_cost.builtins.output":                 "no contract has this builtin",
	"os_constants.v1_bound_accounts_cairo0":                "Cairo 0 classes",
	"os_constants.allowed_":                                "transactions with proof facts are rejected",
	"os_constants.builtin_gas_costs.ecdsa":                 "no contract has this builtin",
	"os_constants.default_entry_point_selector":            "of Cairo 0 classes",
	"os_constants.entry_point_type":                        "numbers that this implementation does not use",
	"os_constants.l1_":                                     "no messages from L1",
	"os_constants.l2_gas_index":                            "numbers that this implementation does not use",
	"os_constants.nop_entry_point_offset":                  "of Cairo 0 classes",
	"os_constants.os_contract_addresses.alias":             "no stateful compression",
	"os_constants.os_contract_addresses.reserved":          "no stateful compression",
	"os_resources.compute_os_kzg_commitment_info.n_memory": "minimal fees count steps only",
	"os_resources.compute_os_kzg_commitment_info.builtin":  "minimal fees count steps only",
	"os_resources.execute_syscalls.DelegateCall":           "of Cairo 0 classes",
	"os_resources.execute_syscalls.DelegateL1Handler":      "of Cairo 0 classes",
	"os_resources.execute_syscalls.GetBlockNumber":         "of Cairo 0 classes",
	"os_resources.execute_syscalls.GetBlockTimestamp":      "of Cairo 0 classes",
	"os_resources.execute_syscalls.GetCallerAddress":       "of Cairo 0 classes",
	"os_resources.execute_syscalls.GetContractAddress":     "of Cairo 0 classes",
	"os_resources.execute_syscalls.GetSequencerAddress":    "of Cairo 0 classes",
	"os_resources.execute_syscalls.GetTx":                  "of Cairo 0 classes",
	"os_resources.execute_syscalls.LibraryCallL1Handler":   "of Cairo 0 classes",
	"os_resources.execute_txs_inner.L1Handler":             "no messages from L1",
}

// TestReference checks that every number and short string of the reference is equal to a constant of this package, or is in notOurs.
func TestReference(t *testing.T) {
	leaves := reference(t)
	seen := map[string]bool{}
	leaf := func(path string) any {
		v, ok := leaves[path]
		if !ok {
			t.Errorf("the reference has no %s", path)
		}
		seen[path] = true
		return v
	}
	number := func(path string) uint64 {
		n, _ := leaf(path).(int64)
		return uint64(n)
	}
	gas := func(path string) uint64 { return number(path+".step_gas_cost") * constants.StepGas }
	ratio := func(path string) uint64 { // an integer
		n, d := number(path+".0"), number(path+".1")
		if d == 0 || n%d != 0 {
			t.Fatalf("%s is %d/%d", path, n, d)
		}
		return n / d
	}
	// weight returns the fee weight of a resource in steps.
	weight := func(path string) uint64 {
		n, d := number(path+".0"), number(path+".1")
		return n * constants.StepsPerL1Gas / d
	}
	const os, builtins = "os_constants.", "os_constants.builtin_gas_costs."
	for _, c := range []struct {
		name      string
		got, want uint64
	}{
		{"StepGas", constants.StepGas, number(os + "step_gas_cost")},
		{"MemoryHoleGas", constants.MemoryHoleGas, number(os + "memory_hole_gas_cost")},
		{"RangeCheckGas", constants.RangeCheckGas, number(builtins + "range_check")},
		{"RangeCheck96Gas", constants.RangeCheck96Gas, number(builtins + "range_check96")},
		{"PedersenGas", constants.PedersenGas, number(builtins + "pedersen")},
		{"BitwiseGas", constants.BitwiseGas, number(builtins + "bitwise")},
		{"EcOpGas", constants.EcOpGas, number(builtins + "ecop")},
		{"PoseidonGas", constants.PoseidonGas, number(builtins + "poseidon")},
		{"AddModGas", constants.AddModGas, number(builtins + "add_mod")},
		{"MulModGas", constants.MulModGas, number(builtins + "mul_mod")},
		{"BlakeGas", constants.BlakeGas, number(builtins + "blake")},
		{"KeccakGas", constants.KeccakGas, number(builtins + "keccak")},
		{"EntryPointGas", constants.EntryPointGas, gas(os + "entry_point_initial_budget")},
		{"SyscallBaseGas", constants.SyscallBaseGas, gas(os + "syscall_base_gas_cost")},
		{"MaxValidateGas", constants.MaxValidateGas, number(os + "validate_max_sierra_gas")},
		{"MaxExecuteGas", constants.MaxExecuteGas, number(os + "execute_max_sierra_gas")},
		{"FeeTransferGas", constants.FeeTransferGas, gas(os + "default_initial_gas_cost")},
		{"FeltGas", constants.FeltGas, ratio("archival_data_gas_costs.gas_per_data_felt")},
		{"EventKeyFelts", constants.EventKeyFelts, ratio("archival_data_gas_costs.event_key_factor")},
		{"CodeByteGas", constants.CodeByteGas, ratio("archival_data_gas_costs.gas_per_code_byte")},
		{"AllocatedSlotGas", constants.AllocatedSlotGas, number("allocation_cost.gas_cost.l2_gas")},
		{"StepsPerL1Gas", 1, weight("vm_resource_fee_cost.n_steps")},
		{"L1Gas", constants.L1Gas, constants.StepsPerL1Gas * constants.StepGas},
		{"RangeCheckWeight", constants.RangeCheckWeight, weight("vm_resource_fee_cost.builtins.range_check_builtin")},
		{"PedersenWeight", constants.PedersenWeight, weight("vm_resource_fee_cost.builtins.pedersen_builtin")},
		{"PoseidonWeight", constants.PoseidonWeight, weight("vm_resource_fee_cost.builtins.poseidon_builtin")},
		{"RangeCheck96Weight", constants.RangeCheck96Weight, weight("vm_resource_fee_cost.builtins.range_check96_builtin")},
		{"BitwiseWeight", constants.BitwiseWeight, weight("vm_resource_fee_cost.builtins.bitwise_builtin")},
		{"EcOpWeight", constants.EcOpWeight, weight("vm_resource_fee_cost.builtins.ec_op_builtin")},
		{"KeccakWeight", constants.KeccakWeight, weight("vm_resource_fee_cost.builtins.keccak_builtin")},
		{"AddModWeight", constants.AddModWeight, weight("vm_resource_fee_cost.builtins.add_mod_builtin")},
		{"MulModWeight", constants.MulModWeight, weight("vm_resource_fee_cost.builtins.mul_mod_builtin")},
		{"MaxValidateSteps", constants.MaxValidateSteps, number("validate_max_n_steps")},
		{"MaxExecuteSteps", constants.MaxExecuteSteps, number("invoke_tx_max_n_steps")},
		{"InfiniteGas", constants.InfiniteGas, gas(os + "default_initial_gas_cost")},
		{"BlobWordSteps", constants.BlobWordSteps, number("os_resources.compute_os_kzg_commitment_info.n_steps")},
		{"CalldataPerFactor", constants.CalldataPerFactor, number("os_resources.execute_txs_inner.InvokeFunction.calldata_factor.scaling_factor")},
		{"CalldataPerFactor", constants.CalldataPerFactor, number("os_resources.execute_txs_inner.DeployAccount.calldata_factor.scaling_factor")},
		{"MaxCallDepth", constants.MaxCallDepth, number("max_recursion_depth")},
		{"MaxEvents", constants.MaxEvents, number("tx_event_limits.max_n_emitted_events")},
		{"MaxEventKeys", constants.MaxEventKeys, number("tx_event_limits.max_keys_length")},
		{"MaxEventData", constants.MaxEventData, number("tx_event_limits.max_data_length")},
		{"BlockHashLag", constants.BlockHashLag, number(os + "stored_block_hash_buffer")},
		{"RoundBlock", constants.RoundBlock, number(os + "validate_rounding_consts.validate_block_number_rounding")},
		{"RoundTime", constants.RoundTime, number(os + "validate_rounding_consts.validate_timestamp_rounding")},
		{"MaxArrayLength", constants.MaxArrayLength, number(os + "sierra_array_len_bound")},
		{"MaxCalldata", constants.MaxCalldata, number("gateway.max_calldata_length")},
		{"MaxProgramFelts", constants.MaxProgramFelts, number("gateway.max_contract_bytecode_size")},
		{"starknet.BlockHashAddress", starknet.BlockHashAddress.Uint64(), number(os + "os_contract_addresses.block_hash_contract_address")},
	} {
		if c.got != c.want {
			t.Errorf("%s is %d, the reference has %d", c.name, c.got, c.want)
		}
	}
	selector := func(name string) string { v := keccak.Starknet([]byte(name)); return v.String() }
	for _, c := range []struct{ name, got, path string }{
		{"OutOfGas", constants.OutOfGas, "error_out_of_gas"},
		{"EntryPointFailed", constants.EntryPointFailed, "error_entry_point_failed"},
		{"EntryPointNotFound", constants.EntryPointNotFound, "error_entry_point_not_found"},
		{"InvalidArgument", constants.InvalidArgument, "error_invalid_argument"},
		{"InvalidInputLength", constants.InvalidInputLength, "error_invalid_input_len"},
		{"BlockOutOfRange", constants.BlockOutOfRange, "error_block_number_out_of_range"},
		{"Validated", constants.Validated, "validated"},
		{"L1GasName", constants.L1GasName, "l1_gas"},
		{"L2GasName", constants.L2GasName, "l2_gas"},
		{"L1DataGasName", constants.L1DataGasName, "l1_data_gas"},
		{"selector of Execute", selector(constants.Execute), "execute_entry_point_selector"},
		{"selector of Validate", selector(constants.Validate), "validate_entry_point_selector"},
		{"selector of ValidateDeclare", selector(constants.ValidateDeclare), "validate_declare_entry_point_selector"},
		{"selector of ValidateDeploy", selector(constants.ValidateDeploy), "validate_deploy_entry_point_selector"},
		{"selector of Constructor", selector(constants.Constructor), "constructor_entry_point_selector"},
		{"selector of Transfer", selector(constants.Transfer), "transfer_entry_point_selector"},
	} {
		if want := leaf(os + c.path); c.got != want {
			t.Errorf("%s is %q, the reference has %q", c.name, c.got, want)
		}
	}
	if got, want := fmt.Sprintf("%d.%d.0", constants.MinSierraMajor, constants.MinSierraMinor), leaf("min_sierra_version_for_sierra_gas"); got != want {
		t.Errorf("minimal Sierra version %s, the reference has %s", got, want)
	}

	accounts := func(name string, list []string) {
		for i, class := range list {
			if want := leaf(fmt.Sprintf("%s%s.%d", os, name, i)); class != want {
				t.Errorf("%s: class %d is %s, the reference has %v", name, i, class, want)
			}
		}
	}
	accounts("v1_bound_accounts_cairo1", constants.V1BoundAccounts())
	accounts("data_gas_accounts", constants.DataGasAccounts())
	if want, err := strconv.ParseUint(leaf(os+"v1_bound_accounts_max_tip").(string), 0, 64); err != nil || want != constants.V1BoundMaxTip {
		t.Errorf("V1BoundMaxTip is %d, the reference has %d (%v)", constants.V1BoundMaxTip, want, err)
	}
	if leaf("segment_arena_cells") != false || leaf("strip_vm_frames_in_sierra_gas") != true || leaf("enable_reverts") != true {
		t.Error("a flag that decides how VM resources are billed or failures reported has changed")
	}

	// resources reads an amount of resources, which is zero if the reference does not have the path.
	resources := func(path string) (r constants.Resources) {
		if _, ok := leaves[path+".n_steps"]; !ok {
			return r
		}
		r.Steps = number(path + ".n_steps")
		if n := number(path + ".n_memory_holes"); n != 0 {
			t.Errorf("%s has %d memory holes, which Resources does not have", path, n)
		}
		for name, to := range map[string]*uint64{
			"range_check": &r.RangeChecks, "pedersen": &r.Pedersens, "poseidon": &r.Poseidons, "bitwise": &r.Bitwises, "keccak": &r.Keccaks,
		} {
			if leaf := path + ".builtin_instance_counter." + name + "_builtin"; leaves[leaf] != nil {
				*to = number(leaf)
			}
		}
		return r
	}
	cost := func(path string) constants.Cost {
		if _, ok := leaves[path+".constant.n_steps"]; !ok {
			return constants.Cost{Constant: resources(path)}
		}
		linear := path + ".calldata_factor"
		if _, ok := leaves[linear+".resources.n_steps"]; ok {
			linear += ".resources"
		}
		return constants.Cost{Constant: resources(path + ".constant"), Linear: resources(linear)}
	}
	for path := range leaves {
		name, ok := strings.CutPrefix(path, "os_resources.execute_syscalls.")
		if !ok || excused(path) != "" {
			continue
		}
		name, _, _ = strings.Cut(name, ".")
		if name == "KeccakRound" {
			continue
		}
		want := cost("os_resources.execute_syscalls." + name)
		if name == "Keccak" {
			want.Linear = resources("os_resources.execute_syscalls.KeccakRound")
		}
		if got, ok := constants.Syscall(name); !ok || got != want {
			t.Errorf("%s: %+v, the reference has %+v", name, got, want)
		}
	}
	for name, got := range map[string]constants.Cost{
		"InvokeFunction": constants.InvokeOverhead(), "DeployAccount": constants.DeployAccountOverhead(), "Declare": constants.DeclareOverhead(),
	} {
		if want := cost("os_resources.execute_txs_inner." + name); got != want {
			t.Errorf("%s: %+v, the reference has %+v", name, got, want)
		}
	}

	for path, v := range leaves {
		if _, isFlag := v.(bool); !isFlag && !seen[path] && excused(path) == "" {
			t.Errorf("no constant was compared with %s, which is %v", path, v)
		}
	}
	for prefix := range notOurs {
		if !slices.ContainsFunc(keys(leaves), func(path string) bool { return strings.HasPrefix(path, prefix) && !seen[path] }) {
			t.Errorf("notOurs has %s, but the reference does not have it or it was compared", prefix)
		}
	}
}

// excused returns why the reference's leaf is not in this package, or "".
func excused(path string) string {
	for prefix, why := range notOurs {
		if strings.HasPrefix(path, prefix) {
			return why
		}
	}
	return ""
}

func keys(leaves map[string]any) []string {
	var out []string
	for path := range leaves {
		out = append(out, path)
	}
	return out
}

// TestSyscallUnknown checks that other names have no cost.
func TestSyscallUnknown(t *testing.T) {
	for _, name := range []string{"", "keccak", "KeccakRound", "GetBlockNumber"} {
		if c, ok := constants.Syscall(name); ok || c != (constants.Cost{}) {
			t.Errorf("Syscall(%q) is %+v, %t", name, c, ok)
		}
	}
}
