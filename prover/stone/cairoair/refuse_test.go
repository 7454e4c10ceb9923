package cairoair

import (
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/stoneruns"
	"github.com/starkd/starkd/prover/stone/field"
)

// copyRun copies the parts of a run that the tests change.
func copyRun(run *cairo.Trace) *cairo.Trace {
	c := *run
	c.Registers = slices.Clone(run.Registers)
	c.Memory.Value, c.Memory.Known = slices.Clone(run.Memory.Value), slices.Clone(run.Memory.Known)
	c.Public.Memory = slices.Clone(run.Public.Memory)
	c.Public.Segments = slices.Clone(run.Public.Segments)
	p := &c.Private
	p.RangeCheck, p.Pedersen, p.Bitwise = slices.Clone(p.RangeCheck), slices.Clone(p.Pedersen), slices.Clone(p.Bitwise)
	p.ECDSA, p.ECOp, p.Poseidon = slices.Clone(p.ECDSA), slices.Clone(p.ECOp), slices.Clone(p.Poseidon)
	return &c
}

// TestWitnessRefuses checks that a trace without a proof is rejected, with an error that names the place of the fault.
func TestWitnessRefuses(t *testing.T) {
	big := felt.FromLimbs([4]uint64{0, 0, 0, 1 << 59}) // 2^251
	for _, c := range []struct {
		run, want string
		spoil     func(run *cairo.Trace)
	}{
		{"plain512-lcg-keccak-upd", "", func(run *cairo.Trace) {}},
		{"plain512-lcg-keccak-upd", "layout recursive with public input of layout plain", func(run *cairo.Trace) { run.Layout = "recursive" }},
		{"plain512-lcg-keccak-upd", "trace of 511 steps", func(run *cairo.Trace) { run.Registers = run.Registers[1:] }},
		{"plain512-lcg-keccak-upd", "flags", func(run *cairo.Trace) { run.Memory.Known = run.Memory.Known[1:] }},
		{"plain512-lcg-keccak-upd", "step 0: instruction: memory has no value at address 1", func(run *cairo.Trace) { run.Memory.Known[1] = false }},
		{"plain512-lcg-keccak-upd", "step 7: instruction: memory has no value at address 0", func(run *cairo.Trace) { run.Registers[7].PC = 0 }},
		{"plain512-lcg-keccak-upd", "more than 64 bits", func(run *cairo.Trace) { run.Memory.Value[1] = big }},
		{"plain512-lcg-keccak-upd", "highest bit set", func(run *cairo.Trace) { run.Memory.Value[1] = felt.FromUint64(1 << 63) }},
		{"plain512-lcg-keccak-upd", "step 9: dst: memory has no value at address", func(run *cairo.Trace) { run.Registers[9].AP, run.Registers[9].FP = 1<<40, 1<<40 }},
		{"plain512-lcg-keccak-upd", "memory address 1 holds", func(run *cairo.Trace) { run.Public.Memory[0].Value = felt.One }},
		{"plain512-lcg-keccak-upd", "public memory contains address 0", func(run *cairo.Trace) { run.Public.Memory[0].Address = 0 }},
		{"plain512-lcg-keccak-upd", "cannot fill all addresses below it", func(run *cairo.Trace) { run.Public.Memory[3].Address = 1 << 50 }},
		{"plain8-tiny-last1", "memory has a hole at address", func(run *cairo.Trace) { run.Public.Memory[0].Address = 60 }},
		{"plain512-lcg-keccak-upd", "outside rc_min 32762 and rc_max 32768", func(run *cairo.Trace) { run.Public.RangeCheckMax-- }},
		{"plain512-lcg-keccak-upd", "do not fit the 8192 range-check cells", func(run *cairo.Trace) { run.Public.RangeCheckMin = 0 }},

		{"small8192-sig-k160lsb", "range_check instance 1024, but the trace holds 1024", func(run *cairo.Trace) { run.Private.RangeCheck[0].Index = 1024 }},
		{"small8192-sig-k160lsb", "has more than 128 bits", func(run *cairo.Trace) { run.Private.RangeCheck[0].Value = big }},
		{"small8192-sig-k160lsb", "range_check instance 0 is given twice", func(run *cairo.Trace) {
			run.Private.RangeCheck = append(run.Private.RangeCheck, run.Private.RangeCheck[0])
		}},
		{"small8192-sig-k160lsb", "pedersen instance 0 is given twice", func(run *cairo.Trace) { run.Private.Pedersen = append(run.Private.Pedersen, run.Private.Pedersen[0]) }},
		{"small8192-sig-k160lsb", "pedersen instance 1024, but", func(run *cairo.Trace) { run.Private.Pedersen[0].Index = 1024 }},
		{"small8192-sig-k160lsb", "memory address", func(run *cairo.Trace) { run.Private.Pedersen[0].X = felt.One }},
		{"small8192-sig-k160lsb", "ecdsa instance 0: the signature is not valid", func(run *cairo.Trace) { run.Private.ECDSA[0].SigW = felt.One }},
		{"small8192-sig-k160lsb", "is not on the curve", func(run *cairo.Trace) { run.Private.ECDSA[0].PubKey = felt.FromUint64(5) }},
		{"small8192-sig-k160lsb", "message 0x0 is zero", func(run *cairo.Trace) { run.Private.ECDSA[0].Msg = felt.Zero }},
		{"recursive_with_poseidon", "bitwise instance 0", func(run *cairo.Trace) { run.Private.Bitwise[0].Y = big }},
		{"recursive_with_poseidon", "poseidon instance 512, but the trace holds 512", func(run *cairo.Trace) { run.Private.Poseidon[0].Index = 512 }},
		{"recursive_with_poseidon", "2^16 diluted values do not fit", func(run *cairo.Trace) {
			run.Registers, run.Public.Steps = run.Registers[:4096], 4096
		}},
	} {
		run := copyRun(stoneruns.Read(t, caseDir(t, c.run)))
		c.spoil(run)
		w, err := NewTrace(run)
		if err == nil {
			_, err = w.Main(t.Context())
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.run, err, c.want)
		}
	}
}

func TestKeccakIsVerifiedOnly(t *testing.T) {
	p := publicOf("starknet_with_keccak", 1<<15)
	if _, err := NewTrace(&cairo.Trace{Public: *p}); err == nil || !strings.Contains(err.Error(), "can be verified but not proved") {
		t.Errorf("NewTrace: %v", err)
	}
}

func TestInteractionRefuses(t *testing.T) {
	w, err := NewTrace(stoneruns.Read(t, caseDir(t, "plain8-tiny-last1")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Interaction(t.Context(), testChallenges(3)); err == nil {
		t.Error("the interaction trace succeeded before the main trace")
	}
	main, err := w.Main(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Interaction(t.Context(), testChallenges(2)); err == nil {
		t.Error("the interaction trace succeeded with two interaction elements")
	}
	main[3][0].Add(&main[3][0], &[]field.Element{field.One()}[0])
	if _, err := w.Interaction(t.Context(), testChallenges(3)); err == nil || !strings.Contains(err.Error(), "memory: the permutation's product") {
		t.Errorf("interaction trace of a changed main trace: %v, want the memory permutation's product", err)
	}
}
