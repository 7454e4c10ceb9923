package native_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
)

// TestMutants changes statements of real Sierra programs. A mutant that the compiler accepts must be compiled natively or rejected with a
// reason, and its runs must be equal on both engines. Users can declare such programs although no compiler makes them.
func TestMutants(t *testing.T) {
	n := 400
	if os.Getenv("STARKD_FULL") != "" {
		n = 20_000
	}
	classes := corpusClasses(t)
	e, err := native.NewEngine(vm.NewEngine(), native.Options{MaxClasses: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	accepted, rejected, runs := 0, map[string]int{}, 0
	for _, name := range []string{"d_loops", "d_dict", "d_shapes", "d_store", "d_bounds", "d_gas_coupon", "d_signed_small"} {
		data, err := os.ReadFile(classes[name])
		if err != nil {
			t.Fatal(err)
		}
		original, err := sierra.DecodeClass(data)
		if err != nil {
			t.Fatal(err)
		}
		program, err := original.Program()
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(11, uint64(len(name))))
		for range n / 7 {
			mutant := *original
			if mutant.SierraProgram, err = sierra.EncodeFelts(mutate(r, program)); err != nil {
				continue
			}
			code, err := compiler.CompileClass(&mutant, compiler.Options{})
			if err != nil {
				continue
			}
			info, err := compiler.GasInfo(&mutant)
			if err != nil {
				t.Fatalf("%s compiles, but its gas is not known: %v", name, err)
			}
			mutated, err := mutant.Program()
			if err != nil {
				t.Fatal(err)
			}
			accepted++
			class := &cairo.Class{Hash: felt.FromUint64(r.Uint64()), CompiledHash: felt.FromUint64(r.Uint64()), Sierra: mutated, Casm: code, Gas: func() *sierra.GasInfo { return info }}
			if _, err := native.Compile(mutated, info); err != nil {
				reason := err.Error()
				if !strings.HasPrefix(reason, "native: ") {
					t.Errorf("%s: %v", name, err)
				}
				rejected[reason]++
			}
			if err := e.Prepare(class); err != nil && !strings.HasPrefix(err.Error(), "native: ") {
				t.Errorf("%s: wazero rejects the module: %v", name, err)
			}
			abis[class.Hash] = parseABI(original.ABI)
			k, _ := differ(t, e, class, r.Uint64(), 4)
			runs += k
		}
	}
	t.Logf("%d mutants accepted by the compiler, %d runs equal, rejected natively %v", accepted, runs, rejected)
	if accepted < n/50 {
		t.Errorf("only %d of %d mutants were accepted", accepted, n)
	}
}

// mutate makes one or two random changes: it swaps arguments, results or statements, or replaces a libfunc.
func mutate(r *rand.Rand, p *sierra.Program) *sierra.Program {
	q := *p
	q.Statements = slices.Clone(p.Statements)
	for range 1 + r.IntN(2) {
		i := r.IntN(len(q.Statements))
		s := &q.Statements[i]
		s.Args = slices.Clone(s.Args)
		s.Branches = slices.Clone(s.Branches)
		switch r.IntN(6) {
		case 0:
			if len(s.Args) > 1 {
				a, b := r.IntN(len(s.Args)), r.IntN(len(s.Args))
				s.Args[a], s.Args[b] = s.Args[b], s.Args[a]
			}
		case 1:
			if !s.Return {
				s.Libfunc = sierra.LibfuncID(r.IntN(len(q.Libfuncs)))
			}
		case 2:
			if len(s.Branches) > 0 {
				b := &s.Branches[r.IntN(len(s.Branches))]
				b.Results = slices.Clone(b.Results)
				if len(b.Results) > 1 {
					x, y := r.IntN(len(b.Results)), r.IntN(len(b.Results))
					b.Results[x], b.Results[y] = b.Results[y], b.Results[x]
				}
			}
		case 3: // a libfunc that probably has the same signature
			if s.Return {
				continue
			}
			want := q.Libfuncs[s.Libfunc].LongID.Generic
			for range 20 {
				k := r.IntN(len(q.Libfuncs))
				g := q.Libfuncs[k].LongID.Generic
				if g != want && strings.Contains(g, "overflowing") == strings.Contains(want, "overflowing") && g[:1] == want[:1] {
					s.Libfunc = sierra.LibfuncID(k)
					break
				}
			}
		case 4:
			j := r.IntN(len(q.Statements))
			q.Statements[i], q.Statements[j] = q.Statements[j], q.Statements[i]
		case 5:
			j := min(i+1, len(q.Statements)-1)
			q.Statements[i], q.Statements[j] = q.Statements[j], q.Statements[i]
		}
	}
	return &q
}
