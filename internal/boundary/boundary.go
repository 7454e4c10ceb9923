// Package boundary is a table of the limits in the chain's rules: for each limit the last allowed value and the first value
// that is not allowed. app/executor enforces the rules, and prover/block/statement rejects proofs of blocks that break them.
// They share no code, but the tests of each run every row of its side. The tests of app do the same for the limits of the
// mempool, of blocks and of the genesis:
//
//	boundary.Run(t, boundary.Statement, map[string]func(value *big.Int) error{
//		"call depth": func(depth *big.Int) error { … },
//	})
//
// A function uses the value and returns nil if it was allowed, else the error, the rejection or the revert reason. Run fails
// if the last good value is rejected, if the first bad one is allowed, if a row of the side has no function, or if a function
// has no row.
package boundary

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"testing"
)

// Side is a set of packages that check a rule.
type Side uint8

// The sides. A rule may have several.
const (
	Executor Side = 1 << iota
	Statement
	App // mempool, proposals and genesis
)

const both = Executor | Statement

// Rule is a limit.
type Rule struct {
	Name     string
	LastGood *big.Int
	FirstBad *big.Int
	Sides    Side
	Source   string // the origin of the limit
}

// The sources of limits.
const (
	constants = "Starknet's versioned constants 0.14.4"
	protocol  = "Starknet's protocol"
	ours      = "this chain: docs/limits.md"
)

// Rules is the table.
var Rules = []Rule{
	// Fields of a transaction.
	{"nonce above the account's", number(0), number(1), both, protocol},
	{"nonce below the account's", number(0), number(1), both, protocol},
	{"bits of the nonce", number(64), number(65), both, ours},
	{"nonce data availability mode", number(0), number(1), both, ours},
	{"fee data availability mode", number(0), number(1), both, ours},
	{"felts of paymaster data", number(0), number(1), both, ours},
	{"felts of account deployment data", number(0), number(1), both, ours},
	{"felts of proof facts", number(0), number(1), both, ours},
	{"query bit of the version", number(0), number(1), both, protocol},
	{"class hash of a DECLARE", power(251, -1), power(251, 0), both, protocol},
	{"sender's address", power(251, -1), power(251, 0), both, protocol},

	// Fees.
	{"block's price above the sender's L2 gas price (FRI)", number(0), number(1), both, protocol},
	{"balance short of the sum of the bounds (FRI)", number(0), number(1), both, protocol},
	{"balance short of the fee after execution (FRI)", number(0), number(1), both, protocol},
	{"L2 gas above the bound after execution", number(0), number(1), both, protocol},
	{"L2 gas of the bound below the least", number(0), number(1), Executor, protocol},
	{"sum of the bounds (FRI)", power(128, -1), power(128, 0), Executor, ours},

	// Gas that the protocol gives to a call if the bound allows more.
	{"gas of __validate__", number(100_000_000), number(100_000_001), Executor, constants},
	{"gas of __execute__", number(1_110_000_000), number(1_110_000_001), both, constants},
	{"gas of a DEPLOY_ACCOUNT's constructor", number(100_000_000), number(100_000_001), both, constants},
	{"gas of the fee transfer", number(10_000_000_000), number(10_000_000_001), both, constants},

	// Calls.
	{"call depth", number(50), number(51), both, constants},
	{"gas missing to enter an entry point", number(0), number(1), both, constants},
	{"gas missing for a syscall", number(0), number(1), both, constants},

	// Syscalls.
	{"event keys", number(50), number(51), both, constants},
	{"event data", number(300), number(301), both, constants},
	{"events of a call from the protocol", number(1000), number(1001), both, constants},
	{"L1 address of a message", power(160, -1), power(160, 0), both, protocol},
	{"storage key", power(251, -1), power(251, 0), both, protocol},
	{"storage address domain", number(0), number(1), both, protocol},
	{"address of call_contract", power(251, -1), power(251, 0), both, protocol},
	{"address of get_class_hash_at", power(251, -1), power(251, 0), both, protocol},
	{"block number above the newest with a readable hash", number(0), number(1), both, constants},
	{"words of keccak's input beyond whole blocks", number(0), number(1), both, protocol},
	{"calldata of a class without a constructor (felts)", number(0), number(1), both, protocol},
	{"deploy_from_zero", number(1), number(2), Statement, protocol},

	// Validation.
	{"other contracts that validation calls", number(0), number(1), Executor, protocol},
	{"other contracts that a DEPLOY_ACCOUNT's constructor calls", number(0), number(1), Executor, protocol},

	// The block as an account's constructor sees it.
	{"blocks after the rounded number", number(99), number(100), both, constants},
	{"seconds after the rounded timestamp", number(3599), number(3600), both, constants},

	// The mempool, blocks and the genesis.
	{"L2 gas bound above a block's limit", number(0), number(1), App, ours},
	{"nonces ahead of the account's", number(64), number(65), App, ours},
	{"transactions of a block beyond its limit", number(0), number(1), App, ours},
	{"L2 gas of a block beyond its limit", number(0), number(1), App, ours},
	{"Sierra gas of a block beyond its limit", number(0), number(1), App, ours},
	{"seconds that a block is before its parent", number(0), number(1), App, protocol},
	{"characters of the chain id", number(31), number(32), App, protocol},
	{"address in the genesis", power(251, -1), power(251, 0), App, protocol},
}

func number(v int64) *big.Int { return big.NewInt(v) }

// power returns 2^exponent + add.
func power(exponent uint, add int64) *big.Int {
	v := new(big.Int).Lsh(big.NewInt(1), exponent)
	return v.Add(v, big.NewInt(add))
}

// Find returns the rule called name.
func Find(name string) (Rule, bool) {
	i := slices.IndexFunc(Rules, func(r Rule) bool { return r.Name == name })
	if i < 0 {
		return Rule{}, false
	}
	return Rules[i], true
}

// Run tests each rule of a side at its boundary, in a subtest for each rule.
func Run(t *testing.T, side Side, try map[string]func(value *big.Int) error) {
	t.Helper()
	for _, err := range Unmatched(side, slices.Collect(maps.Keys(try))) {
		t.Error(err)
	}
	for _, r := range Rules {
		f := try[r.Name]
		if r.Sides&side == 0 || f == nil {
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			if err := f(new(big.Int).Set(r.LastGood)); err != nil {
				t.Errorf("%v, the last good value, is rejected: %v", r.LastGood, err)
			}
			err := f(new(big.Int).Set(r.FirstBad))
			if err == nil {
				t.Errorf("%v, the first bad value, is allowed", r.FirstBad)
			}
			t.Logf("%v: %v", r.FirstBad, err)
		})
	}
}

// Unmatched returns an error for each rule of a side that is not among names, and for each name that is not a rule of the side.
func Unmatched(side Side, names []string) (errs []error) {
	slices.Sort(names)
	for _, r := range Rules {
		if _, found := slices.BinarySearch(names, r.Name); r.Sides&side != 0 && !found {
			errs = append(errs, fmt.Errorf("boundary: rule %q is not tested", r.Name))
		}
	}
	for _, name := range names {
		if r, found := Find(name); !found || r.Sides&side == 0 {
			errs = append(errs, fmt.Errorf("boundary: %q is not a rule of this side", name))
		}
	}
	return errs
}
