package prover

import (
	"errors"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stone/cairoair"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// TestSoundcalc holds the bits of each round against what github.com/ethereum/soundcalc (commit 809896f) computes for the same
// sizes: 135 functions in a batch, 93 constraints, 3 cells of a column in one of them, degree 2, folds of 16.
func TestSoundcalc(t *testing.T) {
	for _, c := range []struct {
		logTrace, logBlowup, queries, work uint
		conjectured                        uint
		unique                             uint // of the queries
		uniqueField                        fieldBits
		johnson                            uint
		johnsonField                       fieldBits
	}{
		{21, 2, 38, 20, 96, 45, fieldBits{222, 244, 228}, 57, fieldBits{190, 236, 220}}, // the default, 2^17 steps
		{22, 2, 38, 20, 96, 45, fieldBits{221, 244, 227}, 57, fieldBits{189, 236, 219}},
		{21, 2, 33, 30, 96, 52, fieldBits{222, 244, 228}, 62, fieldBits{190, 236, 220}}, // StandardParameters
		{21, 16, 6, 0, 96, 5, fieldBits{207, 244, 228}, 47, fieldBits{155, 222, 206}},
		{21, 1, 96, 0, 96, 39, fieldBits{223, 244, 228}, 46, fieldBits{192, 237, 221}},
		{21, 1, 32, 64, 96, 77, fieldBits{223, 244, 228}, 79, fieldBits{192, 237, 221}},
		{21, 2, 78, 20, 176, 72, fieldBits{222, 244, 228}, 96, fieldBits{190, 236, 220}}, // ProvenParameters
		{21, 2, 113, 20, 246, 96, fieldBits{222, 244, 228}, 131, fieldBits{190, 236, 220}},
	} {
		r := rounds{logBlowup: c.logBlowup, logTrace: c.logTrace, batch: 135, fold: 16, constraints: 93, degree: 2, combo: 3}
		if got := uniqueQueries(c.queries, c.logBlowup, c.work); got != c.unique {
			t.Errorf("%d queries, blowup 2^%d, work %d: unique decoding gives %d bits, want %d", c.queries, c.logBlowup, c.work, got, c.unique)
		}
		if got := johnsonQueries(c.queries, c.logBlowup, c.work); got != c.johnson {
			t.Errorf("%d queries, blowup 2^%d, work %d: the Johnson bound gives %d bits, want %d", c.queries, c.logBlowup, c.work, got, c.johnson)
		}
		if got := r.unique(); got != c.uniqueField {
			t.Errorf("trace 2^%d, blowup 2^%d: unique decoding: got %v, want %v", c.logTrace, c.logBlowup, got, c.uniqueField)
		}
		if got := r.johnson(); got != c.johnsonField {
			t.Errorf("trace 2^%d, blowup 2^%d: Johnson bound: got %v, want %v", c.logTrace, c.logBlowup, got, c.johnsonField)
		}
		// Parameters.Security says the same of a proof with a hash that is no bound.
		p := DefaultParameters(1 << (c.logTrace - 4))
		p.Queries, p.LogBlowup, p.WorkBits = int(c.queries), c.logBlowup, c.work
		want := Security{min(c.conjectured, 124), min(c.johnson, 124)}
		if got := p.Security(1 << (c.logTrace - 4)); got != want {
			t.Errorf("%d queries, blowup 2^%d, work %d: got %v, want %v", c.queries, c.logBlowup, c.work, got, want)
		}
	}
}

// The hashes bound the security: 80 bits for 160, whatever the queries.
func TestSecurityOfHashes(t *testing.T) {
	for _, c := range []struct {
		change func(p *Parameters)
		want   uint
	}{
		{func(*Parameters) {}, 124},
		{func(p *Parameters) { p.Commitment = transcript.Keccak256Masked160MSB }, 80},
		{func(p *Parameters) { p.Commitment = transcript.Keccak256Masked160LSB }, 80},
		{func(p *Parameters) { p.Commitment = transcript.Blake256Masked160MSB }, 80},
		{func(p *Parameters) { p.Commitment = transcript.Keccak256 }, 125}, // the channel is Poseidon
		{func(p *Parameters) { p.Commitment = transcript.Pedersen }, 125},
		{func(p *Parameters) {
			p.Commitment, p.Channel, p.Friendly = transcript.Keccak256, transcript.Keccak256, transcript.Keccak256
		}, 128},
		{func(p *Parameters) { p.Friendly = transcript.Blake256Masked160MSB }, 80}, // hashes the seed
		{func(p *Parameters) { p.Friendly, p.FriendlyUpdates = transcript.Blake256Masked160MSB, false }, 124},
		{func(p *Parameters) {
			p.Friendly, p.FriendlyUpdates, p.FriendlyLayers = transcript.Blake256Masked160MSB, false, 1
		}, 80},
	} {
		p := ProvenParameters(1 << 17)
		p.Queries = 400
		c.change(&p)
		if got := p.Security(1 << 17); got != (Security{c.want, c.want}) {
			t.Errorf("%+v: got %v, want %d", p, got, c.want)
		}
	}
}

// Parameters from strangers cost nothing and give few bits, whatever they are.
func TestSecurityOfAnything(t *testing.T) {
	large := ^uint(0)
	p := DefaultParameters(1 << 17)
	p.FRISteps, p.Queries, p.LogBlowup, p.WorkBits = []uint{large}, int(large>>1), large, large
	if got := p.Security(1 << 63); got.Proven > 124 || got.Conjectured > 124 {
		t.Errorf("got %v", got)
	}
	p.Queries, p.WorkBits = -1, 0
	if got := p.Security(0); got != (Security{}) {
		t.Errorf("got %v without queries and work", got)
	}
	p = DefaultParameters(1 << 17)
	p.Queries, p.LogBlowup = 1<<62, 4 // the product is 2^64
	if got := p.Security(1 << 17); got.Conjectured != 124 {
		t.Errorf("got %v of 2^62 queries", got)
	}
}

// The sizes that Security assumes are those of no layout.
func TestSecurityCoversLayouts(t *testing.T) {
	for _, name := range cairoair.Layouts() {
		l, err := cairoair.LayoutByName(name)
		if err != nil {
			t.Fatal(err)
		}
		s := l.System()
		if len(s.Constraints) > mostConstraints || len(s.Mask) > mostMask {
			t.Errorf("%s: %d constraints and %d cells in the mask, want at most %d and %d", name, len(s.Constraints), len(s.Mask), mostConstraints, mostMask)
		}
	}
}

// A policy admits parameters as the official verifiers do, unless it demands little.
func TestPolicyBounds(t *testing.T) {
	for _, c := range []struct {
		name      string
		change    func(p *Parameters)
		min       int
		minProven uint
		want      string // "" if they are admitted
	}{
		{"default", func(*Parameters) {}, 0, 0, ""},
		{"96 of 96", func(*Parameters) {}, 96, 57, ""},
		{"97 of 96", func(*Parameters) {}, 97, 0, "96 bits of conjectured security, 97 are demanded"},
		{"58 proven of 57", func(*Parameters) {}, 0, 58, "57 bits of proven security, 58 are demanded"},
		{"a query less", func(p *Parameters) { p.Queries-- }, 0, 0, "94 bits of conjectured security, 96 are demanded"},
		{"proven", func(p *Parameters) { p.Queries = 78 }, 96, 96, ""},
		{"proven, a query less", func(p *Parameters) { p.Queries = 77 }, 96, 96, "95 bits of proven security, 96 are demanded"},
		{"work of 20", func(p *Parameters) { p.Queries, p.WorkBits = 48, 20 }, 0, 0, ""},
		{"work of 19", func(p *Parameters) { p.Queries, p.WorkBits = 48, 19 }, 0, 0, "19 bits of proof of work, want 20 to 50"},
		{"work of 50", func(p *Parameters) { p.WorkBits = 50 }, 0, 0, ""},
		{"work of 51", func(p *Parameters) { p.WorkBits = 51 }, 0, 0, "51 bits of proof of work, want 20 to 50"},
		{"blowup 16", func(p *Parameters) { p.LogBlowup = 4 }, 0, 0, ""},
		{"blowup 32", func(p *Parameters) { p.LogBlowup = 5 }, 0, 0, "blowup 2^5, want 2 to 16"},
		{"blowup 2", func(p *Parameters) { p.LogBlowup, p.Queries = 1, 76 }, 0, 0, ""},
		{"blowup 1", func(p *Parameters) { p.LogBlowup, p.WorkBits, p.Queries = 0, 50, 76 }, 80, 0, "50 bits of conjectured"},
		{"no work, 80 demanded", func(p *Parameters) { p.WorkBits, p.Queries = 0, 48 }, 80, 0, "0 bits of proof of work"},
		{"no work, 79 demanded", func(p *Parameters) { p.WorkBits, p.Queries = 0, 48 }, 79, 0, ""},
		{"nothing", func(p *Parameters) { p.WorkBits, p.Queries = 0, 0 }, AnyBits, 0, ""},
		{"nothing, 1 demanded", func(p *Parameters) { p.WorkBits, p.Queries = 0, 0 }, 1, 0, "0 bits of conjectured"},
		{"160-bit commitments", func(p *Parameters) { p.Commitment = transcript.Keccak256Masked160LSB }, 0, 0, "80 bits of conjectured"},
		{"160-bit commitments, 80 demanded", func(p *Parameters) { p.Commitment = transcript.Keccak256Masked160LSB }, 80, 0, ""},
	} {
		p := DefaultParameters(1 << 17)
		c.change(&p)
		policy := Policy{MinBits: c.min, MinProvenBits: c.minProven}
		err := policy.admits(&p, p.Security(1<<17))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		if _, ok := errors.AsType[*SecurityError](err); err != nil && !ok {
			t.Errorf("%s: got a %T", c.name, err)
		}
	}
}
