package statement

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/starknet"
)

// The prices are those of Starknet's versioned constants.
func TestPrices(t *testing.T) {
	text, err := os.ReadFile(golden.Corpus(t, "starknet", "versioned_constants_0_14_4.json"))
	if err != nil {
		t.Fatal(err)
	}
	type usage struct {
		Steps    uint64            `json:"n_steps"`
		Builtins map[string]uint64 `json:"builtin_instance_counter"`
	}
	var constants struct {
		Limits struct {
			Data   int `json:"max_data_length"`
			Keys   int `json:"max_keys_length"`
			Events int `json:"max_n_emitted_events"`
		} `json:"tx_event_limits"`
		Depth    int `json:"max_recursion_depth"`
		Archival struct {
			Felt [2]int `json:"gas_per_data_felt"`
			Key  [2]int `json:"event_key_factor"`
			Byte [2]int `json:"gas_per_code_byte"`
		} `json:"archival_data_gas_costs"`
		Allocation struct {
			Gas struct {
				L2 int `json:"l2_gas"`
			} `json:"gas_cost"`
		} `json:"allocation_cost"`
		OS struct {
			Builtins map[string]uint64 `json:"builtin_gas_costs"`
			Step     uint64            `json:"step_gas_cost"`
			Syscall  struct {
				Steps uint64 `json:"step_gas_cost"`
			} `json:"syscall_base_gas_cost"`
			Entry struct {
				Steps uint64 `json:"step_gas_cost"`
			} `json:"entry_point_initial_budget"`
			Buffer   int    `json:"stored_block_hash_buffer"`
			Execute  uint64 `json:"execute_max_sierra_gas"`
			Validate uint64 `json:"validate_max_sierra_gas"`
			Initial  struct {
				Steps uint64 `json:"step_gas_cost"`
			} `json:"default_initial_gas_cost"`
			Rounding struct {
				Block int `json:"validate_block_number_rounding"`
				Time  int `json:"validate_timestamp_rounding"`
			} `json:"validate_rounding_consts"`
		} `json:"os_constants"`
		Resources struct {
			Syscalls     map[string]json.RawMessage `json:"execute_syscalls"`
			Transactions map[string]struct {
				usage
				Constant *usage `json:"constant"`
				Factor   struct {
					Resources usage  `json:"resources"`
					Scale     uint64 `json:"scaling_factor"`
				} `json:"calldata_factor"`
			} `json:"execute_txs_inner"`
		} `json:"os_resources"`
	}
	if err := json.Unmarshal(text, &constants); err != nil {
		t.Fatal(err)
	}
	gas := func(u usage) uint64 {
		sum := u.Steps * constants.OS.Step
		for name, count := range u.Builtins {
			sum += count * constants.OS.Builtins[name[:len(name)-len("_builtin")]]
		}
		return sum
	}
	price := func(name string) (base, word uint64) {
		var r struct {
			usage
			Constant *usage `json:"constant"`
			Factor   usage  `json:"calldata_factor"`
		}
		if err := json.Unmarshal(constants.Resources.Syscalls[name], &r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Constant != nil {
			r.usage = *r.Constant
		}
		return max(gas(r.usage), constants.OS.Syscall.Steps*constants.OS.Step), gas(r.Factor)
	}
	for i := range rules {
		r := &rules[i]
		base, word := price(r.name)
		if got, want := r.charge(0), base-constants.OS.Syscall.Steps*constants.OS.Step; got != want {
			t.Errorf("%s: charge %d, want %d", r.name, got, want)
		}
		if got := r.charge(1) - r.charge(0); got != word {
			t.Errorf("%s: charge for a word %d, want %d", r.name, got, word)
		}
	}
	if round, _ := price("KeccakRound"); keccakRound.gas() != round {
		t.Errorf("round of keccak: %d, want %d", keccakRound.gas(), round)
	}
	for _, limit := range []struct {
		name      string
		got, want int
	}{
		{"gas of an entry point", entryPointGas, int(constants.OS.Entry.Steps * constants.OS.Step)},
		{"events", maxEvents, constants.Limits.Events},
		{"keys", maxEventKeys, constants.Limits.Keys},
		{"data", maxEventData, constants.Limits.Data},
		{"block hash buffer", blockHashBuffer, constants.OS.Buffer},
		{"depth", maxDepth, constants.Depth},
		{"gas of __execute__", maxExecuteGas, int(constants.OS.Execute)},
		{"gas of validation", maxValidateGas, int(constants.OS.Validate)},
		{"gas of the fee transfer", feeTransferGas, int(constants.OS.Initial.Steps * constants.OS.Step)},
		{"rounding of block numbers", roundBlock, constants.OS.Rounding.Block},
		{"rounding of timestamps", roundTime, constants.OS.Rounding.Time},
		{"gas of a felt", gasPerFelt, constants.Archival.Felt[0] / constants.Archival.Felt[1]},
		{"felts of a key", keyFelts, constants.Archival.Key[0] / constants.Archival.Key[1]},
		{"gas of a byte", gasPerByte, constants.Archival.Byte[0] / constants.Archival.Byte[1]},
		{"gas of a slot", gasPerSlot, constants.Allocation.Gas.L2},
	} {
		if limit.got != limit.want {
			t.Errorf("%s: %d, want %d", limit.name, limit.got, limit.want)
		}
	}
	overheadOf := func(name string) (o overhead) {
		r := constants.Resources.Transactions[name]
		if r.Constant == nil {
			r.Constant = &r.usage
		} else if r.Factor.Scale != 2 {
			t.Errorf("%s: for every %d felts, want 2", name, r.Factor.Scale)
		}
		count := func(u *usage, builtin string) uint64 { return u.Builtins[builtin+"_builtin"] }
		c, two := r.Constant, &r.Factor.Resources
		return overhead{
			c.Steps, count(c, "range_check"), count(c, "pedersen"), count(c, "poseidon"),
			two.Steps, count(two, "range_check"), count(two, "pedersen"), count(two, "poseidon"),
		}
	}
	for kind, name := range map[starknet.TransactionType]string{
		starknet.InvokeType: "InvokeFunction", starknet.DeployAccountType: "DeployAccount", starknet.DeclareType: "Declare",
	} {
		if got, want := overheads[kind], overheadOf(name); got != want {
			t.Errorf("overhead of %v is %+v, want %+v", kind, got, want)
		}
	}
}

// The overhead of an INVOKE without calldata is 4,779 steps, 11.95 units of L1 gas; with much calldata it is 511 Poseidon,
// 40.9 units. That of a DEPLOY_ACCOUNT with much calldata is its Pedersen.
func TestOverhead(t *testing.T) {
	for _, c := range []struct {
		kind        starknet.TransactionType
		felts, want uint64
	}{
		{starknet.InvokeType, 0, 12}, {starknet.InvokeType, 1, 12}, {starknet.InvokeType, 5, 13}, {starknet.InvokeType, 1000, 41},
		{starknet.DeployAccountType, 0, 13}, {starknet.DeployAccountType, 1000, 81}, {starknet.DeclareType, 0, 10},
	} {
		if got := overheads[c.kind].gas(c.felts); got != c.want*gasPerL1Gas {
			t.Errorf("%v of %d felts: %d, want %d", c.kind, c.felts, got, c.want*gasPerL1Gas)
		}
	}
	for _, c := range []struct {
		o    overhead
		want uint64
	}{
		{overhead{steps: 400}, 1}, {overhead{steps: 401}, 2}, {overhead{rangeChecks: 25}, 1}, {overhead{rangeChecks: 26}, 2},
		{overhead{pedersens: 25}, 2}, {overhead{pedersens: 26}, 3}, {overhead{poseidons: 25}, 2}, {overhead{poseidons: 26}, 3},
	} {
		if got := c.o.gas(0); got != c.want*gasPerL1Gas {
			t.Errorf("%+v: %d, want %d", c.o, got, c.want*gasPerL1Gas)
		}
	}
}
