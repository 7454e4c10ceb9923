package statement_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet/finality"
)

// TestWitnessSizes checks that a witness needs a prestate, and may not be larger than its transactions and claims can need.
func TestWitnessSizes(t *testing.T) {
	const (
		words = 64 + 2*16 + 3 + 8*(1+2) // for the block, two transactions, 24 bytes of difference, and a signature check with two writes
		nodes = 40 * words
	)
	sized := func(classes, pedersen, poseidon, contracts int) error {
		w := &statement.Witness{
			Transactions: make([]statement.HexBytes, 2), Classes: make([]statement.Compiled, classes),
			Unproven:    []statement.Unproven{{Diff: make([]byte, 24)}},
			Validations: []statement.Validation{{Storage: make([]statement.SlotChange, 2)}},
			Prestate: &statement.Prestate{
				Pedersen: make([]statement.PrestateNode, pedersen), Poseidon: make([]statement.PrestateNode, poseidon),
				Contracts: make([]statement.PrestateLeaf, contracts),
			},
		}
		_, err := w.Check(&statement.Anchor{}, nil)
		return err
	}
	for _, c := range []struct {
		classes, pedersen, poseidon, contracts int
		want                                   string // "" if another check rejects the witness
	}{
		{2, nodes, 0, words, ""},
		{2, nodes - 7, 7, words, ""},
		{3, 0, 0, 0, "3 classes in the witness, at most 2"},
		{0, nodes - 6, 7, 0, "4921 trie nodes in the witness, at most 4920"},
		{0, 0, 0, words + 1, "124 contracts in the prestate, at most 123"},
	} {
		err := sized(c.classes, c.pedersen, c.poseidon, c.contracts)
		if err == nil {
			t.Fatalf("%+v: accepted without results", c)
		}
		if c.want == "" && !strings.Contains(err.Error(), "2 transactions with 0 results") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := new(statement.Witness).Check(&statement.Anchor{}, nil); err == nil || !strings.Contains(err.Error(), "no prestate") {
		t.Errorf("without a prestate: %v", err)
	}
}

// TestProvedHeightOpens checks that a block that begins with the validators' statements begins with the write of their signed result, and that
// they are no transaction.
func TestProvedHeightOpens(t *testing.T) {
	commit := (&finality.Commit{Round: 2, Statements: make([]*finality.Statement, 4)}).Encode()
	proved := statement.Write{Contract: finality.Address, Key: finality.Slot, Value: n(7)}
	old := statement.OpeningWrite(12, n(5))
	for name, c := range map[string]struct {
		transactions []statement.HexBytes
		results      []statement.Result
		opening      []statement.Write
		want         []statement.Write
		fault        string
	}{
		"statements":                 {[]statement.HexBytes{commit}, []statement.Result{{Data: finality.Result(7)}}, nil, []statement.Write{proved}, ""},
		"and a block hash":           {[]statement.HexBytes{commit}, []statement.Result{{Data: finality.Result(7)}}, []statement.Write{old}, []statement.Write{old, proved}, ""},
		"refused statements":         {[]statement.HexBytes{commit}, []statement.Result{{Code: 63}}, nil, nil, ""},
		"without a result":           {[]statement.HexBytes{commit}, []statement.Result{{}}, nil, nil, "result of 0 bytes, want 8"},
		"in the second place":        {[]statement.HexBytes{{1}, commit}, []statement.Result{{Code: 63}, {Data: finality.Result(7)}}, nil, nil, "transaction 1"},
		"a write of a prover":        {nil, nil, []statement.Write{proved}, nil, "does not begin with a write"},
		"a second write of a prover": {[]statement.HexBytes{commit}, []statement.Result{{Data: finality.Result(7)}}, []statement.Write{old, proved}, nil, "does not begin with a write"},
	} {
		w := &statement.Witness{Transactions: c.transactions, Results: c.results, Opening: c.opening}
		block, err := w.Block(&statement.Anchor{Number: 12})
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%s: %v, want %q", name, err, c.fault)
			}
			continue
		}
		if err != nil || !slices.Equal(block.Opening, c.want) || len(block.Transactions) != 0 {
			t.Errorf("%s: %+v, %v, want %+v", name, block, err, c.want)
		}
	}
}
