package native_test

import (
	"maps"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
)

// edges are numbers for which implementations are likely to differ.
var edges = func() []felt.Felt {
	var out []felt.Felt
	add := func(v *big.Int) {
		for d := int64(-1); d <= 1; d++ {
			out = append(out, felt.FromBigInt(new(big.Int).Add(v, big.NewInt(d))))
		}
	}
	for _, n := range []uint{0, 7, 8, 15, 16, 31, 32, 63, 64, 96, 127, 128, 248, 251} {
		v := new(big.Int).Lsh(big.NewInt(1), n)
		add(v)
		add(new(big.Int).Neg(v))
	}
	add(felt.Modulus())
	add(new(big.Int).Rsh(felt.Modulus(), 1))
	return out
}()

// randomFelt returns a random element: often a small number or one of edges.
func randomFelt(r *rand.Rand) felt.Felt {
	switch r.IntN(8) {
	case 0, 1, 2, 3:
		return felt.FromUint64(uint64(r.IntN(6)))
	case 4, 5:
		return edges[r.IntN(len(edges))]
	case 6:
		return felt.FromUint64(r.Uint64() >> r.IntN(64))
	}
	return felt.FromLimbs([4]uint64{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64() >> 5})
}

// calldata returns random elements without regard to an ABI. Many are small numbers, which are often valid as lengths, flags and indices.
func calldata(r *rand.Rand) []felt.Felt {
	out := make([]felt.Felt, r.IntN(9))
	for i := range out {
		out[i] = randomFelt(r)
	}
	return out
}

// gasOf returns a random amount of gas, which is sometimes too little.
func gasOf(r *rand.Rand) uint64 {
	switch r.IntN(6) {
	case 0:
		return uint64(r.IntN(60_000))
	case 1:
		return uint64(r.IntN(1_000_000))
	}
	return 20_000_000
}

// differ runs n random calls of each entry point of a class on both engines and reports differences.
func differ(t *testing.T, e *native.Engine, class *cairo.Class, seed uint64, n int) (runs, failed int) {
	r := rand.New(rand.NewPCG(seed, 5))
	c := newComparer(e, class)
	types := abis[class.Hash]
	for typ, list := range map[cairo.EntryPointType][]casm.EntryPoint{
		cairo.External: class.Casm.EntryPoints.External, cairo.L1Handler: class.Casm.EntryPoints.L1Handler,
		cairo.Constructor: class.Casm.EntryPoints.Constructor,
	} {
		for _, ep := range list {
			bad := 0
			for i := range n {
				call := cairo.Call{Class: class, Type: typ, Selector: ep.Selector, Calldata: calldata(r), Gas: gasOf(r)}
				if types != nil && i%4 != 0 {
					if args, ok := types.arguments(r, ep.Selector); ok {
						call.Calldata = args
						if typ == cairo.L1Handler && len(args) > 0 {
							call.Calldata[0] = felt.FromUint64(0x11)
						}
					}
				}
				diff, res := c.call(call)
				runs++
				if res.Failed {
					failed++
				}
				if diff != "" {
					t.Errorf("%v(%v) with %d gas: %s", ep.Selector, call.Calldata, call.Gas, diff)
					if bad++; bad > 2 {
						break
					}
				}
			}
		}
	}
	return runs, failed
}

// abis holds the ABIs of the classes that load decoded, by class hash.
var abis = map[felt.Felt]*abi{}

// calls returns the number of random calls for each entry point.
func calls() int {
	if os.Getenv("STARKD_FULL") != "" {
		return 1000
	}
	return 25
}

// TestContracts checks that random calls of our contracts have equal results on both engines.
func TestContracts(t *testing.T) {
	for _, name := range contracts.Names() {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			class := contract(t, name)
			if err := e.Prepare(class); err != nil {
				t.Log(err)
			}
			runs, failed := differ(t, e, class, 1, calls())
			t.Logf("%d runs, %d failed, %v", runs, failed, e.Stats())
		})
	}
}

// TestCorpus checks that random calls of the classes in the corpus and in testdata have equal results on both engines.
func TestCorpus(t *testing.T) {
	classes := corpusClasses(t)
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		t.Run(name, func(t *testing.T) {
			class := readClass(t, classes[name])
			e := newEngine(t)
			if err := e.Prepare(class); err != nil {
				t.Log(err)
			}
			runs, failed := differ(t, e, class, 2, calls())
			t.Logf("%d runs, %d failed, %v", runs, failed, e.Stats())
		})
	}
}
