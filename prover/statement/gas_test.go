package statement

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/starkd/starkd/internal/golden"
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
		Depth int `json:"max_recursion_depth"`
		OS    struct {
			Builtins map[string]uint64 `json:"builtin_gas_costs"`
			Step     uint64            `json:"step_gas_cost"`
			Syscall  struct {
				Steps uint64 `json:"step_gas_cost"`
			} `json:"syscall_base_gas_cost"`
			Entry struct {
				Steps uint64 `json:"step_gas_cost"`
			} `json:"entry_point_initial_budget"`
			Buffer int `json:"stored_block_hash_buffer"`
		} `json:"os_constants"`
		Resources struct {
			Syscalls map[string]json.RawMessage `json:"execute_syscalls"`
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
	} {
		if limit.got != limit.want {
			t.Errorf("%s: %d, want %d", limit.name, limit.got, limit.want)
		}
	}
}
