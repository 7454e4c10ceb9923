package stone

import (
	"testing"

	"github.com/starkd/starkd/prover/security"
	"github.com/starkd/starkd/prover/stone/cairoair"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// TestSecurity checks parameters whose hashes do not bound the security. They must give the numbers that package security
// computes from the queries; its test compares those with soundcalc.
func TestSecurity(t *testing.T) {
	for _, c := range []struct{ logTrace, logBlowup, queries, work, conjectured, proven uint }{
		{21, 2, 38, 20, 96, 57}, // the default, 2^17 steps
		{22, 2, 38, 20, 96, 57},
		{21, 2, 33, 30, 96, 62}, // StandardParameters
		{21, 16, 6, 0, 96, 47},
		{21, 1, 96, 0, 96, 46},
		{21, 1, 32, 64, 96, 79},
		{21, 2, 78, 20, 176, 96}, // ProvenParameters
		{21, 2, 113, 20, 246, 131},
	} {
		p := DefaultParameters(1 << (c.logTrace - 4))
		p.Queries, p.LogBlowup, p.PowBits = int(c.queries), c.logBlowup, c.work
		want := security.Bits{Conjectured: min(c.conjectured, 124), Proven: min(c.proven, 124)}
		if got := p.Security(1 << (c.logTrace - 4)); got != want {
			t.Errorf("%d queries, blowup 2^%d, work %d: got %v, want %v", c.queries, c.logBlowup, c.work, got, want)
		}
	}
}

// TestSecurityOfHashes checks that the hashes bound the security: a 160-bit hash gives 80 bits for any number of queries.
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
		{func(p *Parameters) { p.Friendly = transcript.Blake256Masked160MSB }, 80}, // the hash of the seed
		{func(p *Parameters) { p.Friendly, p.FriendlyUpdates = transcript.Blake256Masked160MSB, false }, 124},
		{func(p *Parameters) {
			p.Friendly, p.FriendlyUpdates, p.FriendlyLayers = transcript.Blake256Masked160MSB, false, 1
		}, 80},
	} {
		p := ProvenParameters(1 << 17)
		p.Queries = 400
		c.change(&p)
		if got := p.Security(1 << 17); got != (security.Bits{Conjectured: c.want, Proven: c.want}) {
			t.Errorf("%+v: got %v, want %d", p, got, c.want)
		}
	}
}

// TestSecurityOfAnything checks that arbitrary parameters are evaluated quickly and give few bits.
func TestSecurityOfAnything(t *testing.T) {
	large := ^uint(0)
	p := DefaultParameters(1 << 17)
	p.FRISteps, p.Queries, p.LogBlowup, p.PowBits = []uint{large}, int(large>>1), large, large
	if got := p.Security(1 << 63); got.Proven > 124 || got.Conjectured > 124 {
		t.Errorf("got %v", got)
	}
	p.Queries, p.PowBits = -1, 0
	if got := p.Security(0); got != (security.Bits{}) {
		t.Errorf("got %v without queries and work", got)
	}
	p = DefaultParameters(1 << 17)
	p.Queries, p.LogBlowup = 1<<62, 4 // the product is 2^64
	if got := p.Security(1 << 17); got.Conjectured != 124 {
		t.Errorf("got %v of 2^62 queries", got)
	}
}

// TestSecurityCoversLayouts checks that no layout exceeds the sizes that Security assumes.
func TestSecurityCoversLayouts(t *testing.T) {
	for _, name := range cairoair.Layouts() {
		l, err := cairoair.LayoutByName(name)
		if err != nil {
			t.Fatal(err)
		}
		s := l.System()
		if len(s.Constraints) > maxConstraints || len(s.Mask) > maxMask {
			t.Errorf("%s: %d constraints and %d cells in the mask, want at most %d and %d", name, len(s.Constraints), len(s.Mask), maxConstraints, maxMask)
		}
	}
}
