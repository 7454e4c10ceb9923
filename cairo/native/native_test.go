package native_test

import (
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
)

func felts(v ...uint64) []felt.Felt {
	out := make([]felt.Felt, len(v))
	for i := range v {
		out[i] = felt.FromUint64(v[i])
	}
	return out
}

func selector(name string) felt.Felt { return keccak.Starknet([]byte(name)) }

// TestFibonacci checks that the fibonacci contract has equal results on both engines, with enough gas and with too little.
func TestFibonacci(t *testing.T) {
	e := newEngine(t)
	class := contract(t, contracts.Fibonacci)
	if err := e.Prepare(class); err != nil {
		t.Fatal(err)
	}
	c := newComparer(e, class)
	for _, ep := range class.Casm.EntryPoints.External {
		for _, n := range []uint64{0, 1, 2, 10, 1000} {
			for _, gas := range []uint64{0, 9999, 10000, 20000, 50000, 1e9} {
				if diff, _ := c.call(cairo.Call{Class: class, Selector: ep.Selector, Calldata: felts(n), Gas: gas}); diff != "" {
					t.Errorf("%v(%d) with %d gas: %s", ep.Selector, n, gas, diff)
				}
			}
		}
	}
	t.Log(e.Stats())
}
