package prover

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/security"
	"github.com/starkd/starkd/prover/stone"
)

// copyProof returns a deep copy of a proof, for tampering.
func copyProof(p *stone.Proof) *stone.Proof {
	q := *p
	q.Bytes = slices.Clone(p.Bytes)
	q.Parameters.FRISteps = slices.Clone(p.Parameters.FRISteps)
	in := *p.PublicInput
	in.Segments = slices.Clone(in.Segments)
	in.Memory = slices.Clone(in.Memory)
	q.PublicInput = &in
	return &q
}

// TestMutantsAreRefused checks that proofs of both channels are rejected after any one change.
func TestMutantsAreRefused(t *testing.T) {
	for _, path := range []string{
		"stone-cases/plain8-tiny-last1/proof.json", "stone-cases/plain512-lcg-keccak-upd/proof.json",
		"stone-cases/rec131072-squash-pstar/proof.json", "stone/recursive.stone6.blake2s_248.json",
	} {
		t.Run(path, func(t *testing.T) {
			p := readProof(t, path)
			rejected := func(what string, change func(q *stone.Proof)) {
				t.Helper()
				q := copyProof(p)
				change(q)
				if _, err := Verify(q, Policy{MinBits: 1, Bare: true}); err == nil {
					t.Errorf("%s: accepted", what)
				}
			}
			// One bit of a word in every part of the proof: commitments, out-of-domain values, FRI, nonce, rows, nodes.
			words := len(p.Bytes) / 32
			for i := 0; i < words; i += 1 + words/60 {
				rejected(fmt.Sprintf("byte %d changed", 32*i+31), func(q *stone.Proof) { q.Bytes[32*i+31] ^= 1 << (i % 8) })
				rejected(fmt.Sprintf("word %d made not canonical", i), func(q *stone.Proof) { copy(q.Bytes[32*i:], []byte{0xff, 0xff}) })
			}
			rejected("cut", func(q *stone.Proof) { q.Bytes = q.Bytes[:len(q.Bytes)-32] })
			rejected("cut by a byte", func(q *stone.Proof) { q.Bytes = q.Bytes[:len(q.Bytes)-1] })
			rejected("empty", func(q *stone.Proof) { q.Bytes = nil })
			rejected("extended by a word", func(q *stone.Proof) { q.Bytes = append(q.Bytes, make([]byte, 32)...) })
			rejected("extended by a byte", func(q *stone.Proof) { q.Bytes = append(q.Bytes, 0) })

			rejected("more steps", func(q *stone.Proof) { q.PublicInput.Steps *= 2 })
			rejected("another number of steps", func(q *stone.Proof) { q.PublicInput.Steps++ })
			rejected("no steps", func(q *stone.Proof) { q.PublicInput.Steps = 0 })
			rejected("2^63 steps", func(q *stone.Proof) { q.PublicInput.Steps = 1 << 63 })
			rejected("range check minimum", func(q *stone.Proof) { q.PublicInput.RangeCheckMin ^= 1 })
			rejected("range check maximum", func(q *stone.Proof) { q.PublicInput.RangeCheckMax ^= 1 })
			rejected("unknown layout", func(q *stone.Proof) { q.PublicInput.Layout = "plane" })
			rejected("another layout", func(q *stone.Proof) {
				q.PublicInput.Layout = map[string]string{"plain": "recursive", "recursive": "small"}[q.PublicInput.Layout]
			})
			for i := range p.PublicInput.Segments {
				rejected("segment begin", func(q *stone.Proof) { q.PublicInput.Segments[i].Begin++ })
				rejected("segment end", func(q *stone.Proof) { q.PublicInput.Segments[i].End++ })
			}
			rejected("segments cut", func(q *stone.Proof) { q.PublicInput.Segments = q.PublicInput.Segments[1:] })
			n := len(p.PublicInput.Memory)
			for i := 0; i < n; i += 1 + n/10 {
				rejected("memory value", func(q *stone.Proof) { q.PublicInput.Memory[i].Value.Add(&q.PublicInput.Memory[i].Value, &felt.One) })
				rejected("memory address", func(q *stone.Proof) { q.PublicInput.Memory[i].Address += 1 << 40 })
				rejected("memory page", func(q *stone.Proof) { q.PublicInput.Memory[i].Page++ })
				rejected("memory cell left out", func(q *stone.Proof) { q.PublicInput.Memory = slices.Delete(q.PublicInput.Memory, i, i+1) })
			}
			rejected("memory cells swapped", func(q *stone.Proof) {
				m := q.PublicInput.Memory
				m[1], m[2] = m[2], m[1]
			})
			rejected("no memory", func(q *stone.Proof) { q.PublicInput.Memory = nil })
			rejected("memory cell repeated", func(q *stone.Proof) {
				q.PublicInput.Memory = append(q.PublicInput.Memory, q.PublicInput.Memory[0])
			})

			rejected("fewer queries", func(q *stone.Proof) { q.Parameters.Queries-- })
			rejected("more queries", func(q *stone.Proof) { q.Parameters.Queries++ })
			rejected("no queries", func(q *stone.Proof) { q.Parameters.Queries = 0 })
			rejected("negative queries", func(q *stone.Proof) { q.Parameters.Queries = -5 })
			rejected("2^40 queries", func(q *stone.Proof) { q.Parameters.Queries = 1 << 40 })
			if p.Parameters.PowBits >= 20 { // a nonce for few bits may also satisfy a few more
				rejected("less work", func(q *stone.Proof) { q.Parameters.PowBits-- })
				rejected("more work", func(q *stone.Proof) { q.Parameters.PowBits++ })
			}
			rejected("work of 65 bits", func(q *stone.Proof) { q.Parameters.PowBits = 65 })
			rejected("blowup", func(q *stone.Proof) { q.Parameters.LogBlowup++ })
			rejected("blowup 2^63", func(q *stone.Proof) { q.Parameters.LogBlowup = 63 })
			rejected("last layer", func(q *stone.Proof) { q.Parameters.LastBound *= 2 })
			rejected("FRI step", func(q *stone.Proof) { q.Parameters.FRISteps[1]++ })
			rejected("FRI step of 2^40", func(q *stone.Proof) { q.Parameters.FRISteps[1] = 1 << 40 })
			rejected("no FRI steps", func(q *stone.Proof) { q.Parameters.FRISteps = nil })
			if p.Parameters.FriendlyLayers == 0 { // with many friendly layers the other hash is not used
				rejected("commitment hash", func(q *stone.Proof) { q.Parameters.Commitment ^= 1 })
			}
			rejected("channel hash", func(q *stone.Proof) { q.Parameters.Channel ^= 2 })
			rejected("out-of-domain values sent differently", func(q *stone.Proof) { q.Parameters.FriendlyUpdates = !q.Parameters.FriendlyUpdates })
			rejected("page hash", func(q *stone.Proof) {
				q.Parameters.PageHash = map[string]string{"pedersen": "keccak256", "keccak256": "pedersen"}[q.Parameters.PageHash]
			})
			rejected("friendly layers", func(q *stone.Proof) { q.Parameters.FriendlyLayers++ })

			if _, err := Verify(p, Policy{MinBits: 1, Versions: []stone.Version{stone.V5}, Bare: true}); err == nil {
				t.Error("a stone6 proof was accepted as a stone5 proof")
			}
		})
	}
	if _, err := Verify(nil, Policy{}); err == nil {
		t.Error("no proof was accepted")
	}
}

// TestClaim checks the claim of a proof, and that every departure from a whole run is rejected before the proof's bytes are
// read.
func TestClaim(t *testing.T) {
	p := readProof(t, "stone-cases/rec131072-squash-pstar/proof.json")
	claim, err := Verify(p, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	want := []felt.Felt{felt.FromUint64(3), felt.FromUint64(0x17), felt.FromUint64(0x67), felt.FromUint64(0xf)}
	if !slices.Equal(claim.Output, want) {
		t.Errorf("got output %v, want %v", claim.Output, want)
	}
	if got, want := strings.Join(claim.Program.Builtins, " "), "output pedersen range_check bitwise"; got != want {
		t.Errorf("got builtins %q, want %q", got, want)
	}
	if (claim.Security != security.Bits{Conjectured: 96, Proven: 62}) || claim.Steps != 131072 || claim.Layout != "recursive" {
		t.Errorf("got %v, %d steps, layout %q, want 96 and 62, 131072, recursive", claim.Security, claim.Steps, claim.Layout)
	}
	var program struct{ Data []felt.Felt }
	b, err := os.ReadFile(golden.Corpus(t, "stone-cases/rec131072-squash-pstar/program.json"))
	if err == nil {
		err = json.Unmarshal(b, &program)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(claim.Program.Words, program.Data) {
		t.Errorf("got a program of %d words that differs from the compiled one of %d", len(claim.Program.Words), len(program.Data))
	}

	at := func(q *stone.Proof, address uint64) *cairo.PublicCell {
		for i := range q.PublicInput.Memory {
			if q.PublicInput.Memory[i].Address == address {
				return &q.PublicInput.Memory[i]
			}
		}
		t.Fatalf("address %d is not public", address)
		return nil
	}
	for _, c := range []struct {
		change func(q *stone.Proof)
		want   string
	}{
		{func(q *stone.Proof) { q.PublicInput.Segments[0].Begin = 2 }, "pc 2 to 5"},
		{func(q *stone.Proof) { q.PublicInput.Segments[0].End = 7 }, "pc 1 to 7"},
		{func(q *stone.Proof) { q.PublicInput.Segments[1].Begin = 5 }, "first frame is at 5"},
		{func(q *stone.Proof) { at(q, 1).Value = felt.One }, "start section: word 0"},
		{func(q *stone.Proof) { at(q, 3).Value = felt.One }, "start section: word 2"},
		{func(q *stone.Proof) { at(q, 6).Value = felt.One }, "start section: word 5"},
		{func(q *stone.Proof) { at(q, 2).Value = felt.FromUint64(3) }, "segment"},
		{func(q *stone.Proof) { at(q, 2).Value = felt.MustHex("0x123456789012345678901") }, "builtins"},
		{func(q *stone.Proof) { at(q, 4).Value = felt.FromUint64(407) }, "calls main at 2 + 0x197, in 408 words"},
		{func(q *stone.Proof) { at(q, 4).Value.Neg(&felt.One) }, "calls main at 2 + 0x800"},
		{func(q *stone.Proof) { at(q, 409).Value = felt.One }, "below the first frame"},
		{func(q *stone.Proof) { at(q, 410).Value = felt.One }, "below the first frame"},
		{func(q *stone.Proof) { at(q, 411).Value = felt.One }, "argument 0"},
		{func(q *stone.Proof) { at(q, 11314).Value = felt.One }, "segment range_check"},
		{func(q *stone.Proof) { q.PublicInput.Segments[2].End-- }, "segment output"},
		{func(q *stone.Proof) { at(q, 11317).Address = 1 << 30 }, "address 11317 is not public"},
		{func(q *stone.Proof) { at(q, 11317).Address = 11316 }, "address 11316 twice"},
		{func(q *stone.Proof) {
			q.PublicInput.Memory = append(q.PublicInput.Memory, cairo.PublicCell{Address: 999})
		}, "belong to no part"},
		{func(q *stone.Proof) { q.PublicInput.Segments[1].End = 1 << 60 }, "segment execution"},
		{func(q *stone.Proof) { q.PublicInput.Segments[1].End = 2 }, "segment execution"},
	} {
		q := copyProof(p)
		c.change(q)
		if _, err := Verify(q, Policy{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got error %v, want one about %q", err, c.want)
		}
	}
}

func TestMatchBuiltins(t *testing.T) {
	layout := []cairo.Segment{{Name: "output", Begin: 10, End: 12}, {Name: "pedersen", Begin: 12, End: 12}, {Name: "range_check", Begin: 12, End: 15}}
	felts := func(xs ...uint64) (out []felt.Felt) {
		for _, x := range xs {
			out = append(out, felt.FromUint64(x))
		}
		return out
	}
	unused := []cairo.Segment{{Name: "output", Begin: 10, End: 10}, {Name: "pedersen", Begin: 10, End: 10}, {Name: "range_check", Begin: 20, End: 20}}
	for _, c := range []struct {
		layout             []cairo.Segment
		arguments, results []felt.Felt
		want               string // lists of names; "" for an error
	}{
		{layout, felts(10, 12, 12), felts(12, 12, 15), "output,pedersen,range_check"},
		{layout, felts(10, 12), felts(12, 15), "output,range_check"},
		{layout, felts(10, 12, 0), felts(12, 15, 0), "output,range_check,ecdsa output,range_check,bitwise output,range_check,ec_op output,range_check,keccak " +
			"output,range_check,poseidon output,range_check,segment_arena output,range_check,range_check96 output,range_check,add_mod output,range_check,mul_mod"},
		{layout, felts(10, 0, 12), felts(12, 0, 15), ""}, // the 0 means a builtin between output and range_check: only pedersen, which the layout has
		{layout, felts(10), felts(12), ""},
		{layout, felts(10, 12, 12), felts(12, 15, 12), ""},
		{layout, felts(12, 10), felts(15, 12), ""},
		{layout, felts(10, 12, 12, 12), felts(12, 12, 12, 15), ""},
		{layout, nil, nil, ""},
		{layout, felts(10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10), felts(12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12), ""},
		{unused, felts(10), felts(10), "output pedersen"},
		{unused, felts(10, 10), felts(10, 10), "output,pedersen"},
		{unused, nil, nil, " "},
		{unused, felts(10, 20), felts(10, 20), "output,range_check pedersen,range_check"},
	} {
		got, err := matchBuiltins(c.layout, c.arguments, c.results)
		var lists []string
		for _, names := range got {
			lists = append(lists, strings.Join(names, ","))
		}
		if (err != nil) != (c.want == "") || err == nil && strings.Join(lists, " ") != strings.TrimSpace(c.want) {
			t.Errorf("arguments %v, results %v: got %q, %v, want %q", c.arguments, c.results, lists, err, c.want)
		}
	}
}
