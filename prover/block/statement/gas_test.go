package statement

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// TestPrices compares the prices with Starknet's versioned constants.
func TestPrices(t *testing.T) {
	text, err := os.ReadFile(golden.Corpus(t, "starknet", "versioned_constants_0_14_4.json"))
	if err != nil {
		t.Fatal(err)
	}
	type usage struct {
		Steps    uint64            `json:"n_steps"`
		Builtins map[string]uint64 `json:"builtin_instance_counter"`
	}
	var reference struct {
		OS struct {
			Builtins map[string]uint64 `json:"builtin_gas_costs"`
			Step     uint64            `json:"step_gas_cost"`
			Syscall  struct {
				Steps uint64 `json:"step_gas_cost"`
			} `json:"syscall_base_gas_cost"`
		} `json:"os_constants"`
		Resources struct {
			Syscalls map[string]json.RawMessage `json:"execute_syscalls"`
		} `json:"os_resources"`
	}
	if err := json.Unmarshal(text, &reference); err != nil {
		t.Fatal(err)
	}
	gas := func(u usage) uint64 {
		sum := u.Steps * reference.OS.Step
		for name, count := range u.Builtins {
			sum += count * reference.OS.Builtins[name[:len(name)-len("_builtin")]]
		}
		return sum
	}
	price := func(name string) (base, word uint64) {
		var r struct {
			usage
			Constant *usage `json:"constant"`
			Factor   usage  `json:"calldata_factor"`
		}
		if err := json.Unmarshal(reference.Resources.Syscalls[name], &r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Constant != nil {
			r.usage = *r.Constant
		}
		return max(gas(r.usage), reference.OS.Syscall.Steps*reference.OS.Step), gas(r.Factor)
	}
	for i := range rules {
		r := &rules[i]
		base, word := price(r.name)
		if r.name == "Keccak" { // charged by the round
			word, _ = price("KeccakRound")
		}
		if got, want := r.charge(0), base-reference.OS.Syscall.Steps*reference.OS.Step; got != want {
			t.Errorf("%s: charge %d, want %d", r.name, got, want)
		}
		if got := r.charge(1) - r.charge(0); got != word {
			t.Errorf("%s: charge for a word %d, want %d", r.name, got, word)
		}
	}
}

// TestOverhead checks the overhead of transactions. An INVOKE without calldata uses 4,779 steps, 11.95 units of L1 gas. With
// much calldata, it uses 511 Poseidon hashes, 40.9 units, and a DEPLOY_ACCOUNT is charged for its Pedersen hashes.
func TestOverhead(t *testing.T) {
	for _, c := range []struct {
		kind        starknet.TransactionType
		felts, want uint64
	}{
		{starknet.InvokeType, 0, 12}, {starknet.InvokeType, 1, 12}, {starknet.InvokeType, 5, 13}, {starknet.InvokeType, 1000, 41},
		{starknet.DeployAccountType, 0, 13}, {starknet.DeployAccountType, 1000, 81}, {starknet.DeclareType, 0, 10},
	} {
		if got := overheads[c.kind].gas(c.felts); got != c.want*constants.L1Gas {
			t.Errorf("%v of %d felts: %d, want %d", c.kind, c.felts, got, c.want*constants.L1Gas)
		}
	}
	for _, c := range []struct {
		o    constants.Resources
		want uint64
	}{
		{constants.Resources{Steps: 400}, 1}, {constants.Resources{Steps: 401}, 2}, {constants.Resources{RangeChecks: 25}, 1}, {constants.Resources{RangeChecks: 26}, 2},
		{constants.Resources{Pedersens: 25}, 2}, {constants.Resources{Pedersens: 26}, 3}, {constants.Resources{Poseidons: 25}, 2}, {constants.Resources{Poseidons: 26}, 3},
	} {
		if got := (overhead{Constant: c.o}).gas(0); got != c.want*constants.L1Gas {
			t.Errorf("%+v: %d, want %d", c.o, got, c.want*constants.L1Gas)
		}
	}
}
