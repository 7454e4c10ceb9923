package executor

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/starknet"
)

// vmResources is how the versioned constants write a usage.
type vmResources struct {
	Steps    uint64            `json:"n_steps"`
	Builtins map[string]uint64 `json:"builtin_instance_counter"`
}

func (r vmResources) usage() usage {
	b := r.Builtins
	return usage{r.Steps, b["range_check_builtin"], b["pedersen_builtin"], b["poseidon_builtin"], b["bitwise_builtin"], b["keccak_builtin"]}
}

// variable is a cost with or without a linear part.
type variable struct {
	vmResources
	Constant *vmResources
	Factor   json.RawMessage `json:"calldata_factor"`
}

func (v variable) parts(t *testing.T) (constant, linear usage, scale uint64) {
	if v.Constant == nil {
		return v.usage(), usage{}, 1
	}
	scaled := struct {
		Resources *vmResources
		Scale     uint64 `json:"scaling_factor"`
	}{}
	if err := json.Unmarshal(v.Factor, &scaled); err != nil {
		t.Fatal(err)
	}
	if scaled.Resources != nil {
		return v.Constant.usage(), scaled.Resources.usage(), scaled.Scale
	}
	var flat vmResources
	if err := json.Unmarshal(v.Factor, &flat); err != nil {
		t.Fatal(err)
	}
	return v.Constant.usage(), flat.usage(), 1
}

// Every cost and limit is that of the reference's versioned constants.
func TestVersionedConstants(t *testing.T) {
	b, err := os.ReadFile(golden.Corpus(t, "starknet/versioned_constants_0_14_4.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vc struct {
		Events struct {
			Data   int `json:"max_data_length"`
			Keys   int `json:"max_keys_length"`
			Events int `json:"max_n_emitted_events"`
		} `json:"tx_event_limits"`
		Depth    int `json:"max_recursion_depth"`
		Archival struct {
			Felt [2]uint64 `json:"gas_per_data_felt"`
			Key  [2]uint64 `json:"event_key_factor"`
			Byte [2]uint64 `json:"gas_per_code_byte"`
		} `json:"archival_data_gas_costs"`
		Allocation struct {
			Gas struct {
				L2 uint64 `json:"l2_gas"`
			} `json:"gas_cost"`
		} `json:"allocation_cost"`
		OS struct {
			Syscalls map[string]variable `json:"execute_syscalls"`
			Txs      map[string]variable `json:"execute_txs_inner"`
			Kzg      vmResources         `json:"compute_os_kzg_commitment_info"`
		} `json:"os_resources"`
		Constants struct {
			Step     uint64            `json:"step_gas_cost"`
			Execute  uint64            `json:"execute_max_sierra_gas"`
			Validate uint64            `json:"validate_max_sierra_gas"`
			Builtins map[string]uint64 `json:"builtin_gas_costs"`
			Initial  struct {
				Steps uint64 `json:"step_gas_cost"`
			} `json:"default_initial_gas_cost"`
			Base struct {
				Steps uint64 `json:"step_gas_cost"`
			} `json:"syscall_base_gas_cost"`
			Entry struct {
				Steps uint64 `json:"step_gas_cost"`
			} `json:"entry_point_initial_budget"`
			Rounding struct {
				Block uint64 `json:"validate_block_number_rounding"`
				Time  uint64 `json:"validate_timestamp_rounding"`
			} `json:"validate_rounding_consts"`
			Buffer   uint64 `json:"stored_block_hash_buffer"`
			Execute_ string `json:"execute_entry_point_selector"`
			Transfer string `json:"transfer_entry_point_selector"`
		} `json:"os_constants"`
	}
	if err := json.Unmarshal(b, &vc); err != nil {
		t.Fatal(err)
	}
	c := vc.Constants
	for name, pair := range map[string][2]uint64{
		"event data": {maxEventData, uint64(vc.Events.Data)}, "event keys": {maxEventKeys, uint64(vc.Events.Keys)},
		"events": {maxEvents, uint64(vc.Events.Events)}, "depth": {maxDepth, uint64(vc.Depth)},
		"felt": {gasPerFelt, vc.Archival.Felt[0]}, "key": {keyFactor, vc.Archival.Key[0]}, "byte": {gasPerByte, vc.Archival.Byte[0]},
		"slot": {gasPerSlot, vc.Allocation.Gas.L2}, "step": {stepGas, c.Step},
		"execute": {maxExecuteGas, c.Execute}, "validate": {maxValidateGas, c.Validate},
		"fee transfer": {feeTransferGas, c.Initial.Steps * c.Step}, "syscall base": {syscallBaseGas, c.Base.Steps * c.Step},
		"entry point": {entryPointGas, c.Entry.Steps * c.Step},
		"block":       {roundBlock, c.Rounding.Block}, "time": {roundTime, c.Rounding.Time}, "block hash": {starknet.BlockHashLag, c.Buffer},
		"range check": {usage{rangeCheck: 1}.gas(), c.Builtins["range_check"]}, "pedersen": {usage{pedersen: 1}.gas(), c.Builtins["pedersen"]},
		"poseidon": {usage{poseidon: 1}.gas(), c.Builtins["poseidon"]}, "bitwise": {usage{bitwise: 1}.gas(), c.Builtins["bitwise"]},
		"keccak": {usage{keccak: 1}.gas(), c.Builtins["keccak"]}, "word of a blob": {kzgSteps, vc.OS.Kzg.Steps},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %d, reference has %d", name, pair[0], pair[1])
		}
	}
	if executeSelector.String() != c.Execute_ || transferSelector.String() != c.Transfer {
		t.Errorf("selectors %v %v, reference has %s %s", executeSelector, transferSelector, c.Execute_, c.Transfer)
	}
	for name, cost := range syscallCosts {
		constant, linear, _ := vc.OS.Syscalls[string(name)].parts(t)
		if name == cairo.Keccak {
			linear = vc.OS.Syscalls["KeccakRound"].usage()
		}
		if cost.constant != constant || cost.linear != linear {
			t.Errorf("%s: %+v, reference has %+v and %+v", name, cost, constant, linear)
		}
	}
	for name, o := range map[string]overhead{"InvokeFunction": invokeOverhead, "DeployAccount": deployAccountOverhead, "Declare": declareOverhead} {
		constant, linear, scale := vc.OS.Txs[name].parts(t)
		if o.constant != constant || o.perTwoFelts != linear || (scale != 2 && linear != usage{}) {
			t.Errorf("%s: %+v, reference has %+v and %+v by %d", name, o, constant, linear, scale)
		}
	}
}

// The least bounds are those that blockifier states when it refuses a transaction, and for much calldata its formula's.
func TestLeastGas(t *testing.T) {
	for _, c := range []struct {
		tx   starknet.Transaction
		want uint64
	}{
		{&starknet.Invoke{}, 560_000},
		{&starknet.Invoke{Calldata: make([]felt.Felt, 56)}, 560_000},
		{&starknet.Invoke{Calldata: make([]felt.Felt, 57)}, 600_000}, // 5,601.5 steps
		{&starknet.Invoke{Common: starknet.Common{Signature: make([]felt.Felt, 1000)}}, 560_000},
		{&starknet.Declare{}, 480_000},
		{&starknet.DeployAccount{}, 600_000},
		{&starknet.DeployAccount{ConstructorCalldata: make([]felt.Felt, 20)}, 600_000},
		{&starknet.DeployAccount{ConstructorCalldata: make([]felt.Felt, 21)}, 640_000},
		{&starknet.DeployAccount{ConstructorCalldata: make([]felt.Felt, 129)}, 840_000}, // 8,000.5 steps, rounded up
	} {
		if got := LeastGas(c.tx); got != c.want {
			t.Errorf("%s: %d, want %d", c.tx.Type(), got, c.want)
		}
	}
}

// The overhead of an INVOKE without calldata is 4,779 steps, 11.95 units of L1 gas; with much calldata it is 511 Poseidon, 40.9 units.
func TestOverhead(t *testing.T) {
	for calldata, want := range map[uint64]uint64{0: 12 * 40_000, 5: 13 * 40_000, 1000: 41 * 40_000} {
		if got := invokeOverhead.gas(calldata); got != want {
			t.Errorf("%d felts of calldata: %d, want %d", calldata, got, want)
		}
	}
	// Of a DEPLOY_ACCOUNT with much calldata it is Pedersen: 1,010 and 1,015 are 80.8 and 81.2 units.
	for calldata, want := range map[uint64]uint64{0: 13 * 40_000, 1000: 81 * 40_000, 1002: 81 * 40_000, 1003: 82 * 40_000} {
		if got := deployAccountOverhead.gas(calldata); got != want {
			t.Errorf("deployment with %d felts of calldata: %d, want %d", calldata, got, want)
		}
	}
	if got, want := declareOverhead.gas(0), uint64(10*40_000); got != want {
		t.Errorf("declaration: %d, want %d", got, want)
	}
}

func TestSaturating(t *testing.T) {
	const most = math.MaxUint64
	for _, c := range []struct{ a, b, sum, product uint64 }{
		{0, 0, 0, 0}, {0, most, most, 0}, {most, 0, most, 0}, {1, most, most, most}, {most, 1, most, most}, {2, 3, 5, 6},
		{most - 1, 1, most, most - 1}, {most, most, most, most}, {1 << 32, 1 << 32, 1 << 33, most}, {1 << 32, 1<<32 - 1, 1<<33 - 1, most - 1<<32 + 1},
		{3, most / 3, 3 + most/3, most}, {3, most/3 + 1, 4 + most/3, most},
	} {
		if sum, product := saturatingAdd(c.a, c.b), saturatingMul(c.a, c.b); sum != c.sum || product != c.product {
			t.Errorf("%d and %d: sum %d, product %d, want %d and %d", c.a, c.b, sum, product, c.sum, c.product)
		}
	}
}
