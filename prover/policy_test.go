package prover

import (
	"errors"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// TestPolicyBounds checks that a policy accepts the parameters that the official verifiers accept, unless it demands few bits.
func TestPolicyBounds(t *testing.T) {
	for _, c := range []struct {
		name      string
		change    func(p *stone.Parameters)
		min       int
		minProven uint
		want      string // "" if they are admitted
	}{
		{"default", func(*stone.Parameters) {}, 0, 0, ""},
		{"96 of 96", func(*stone.Parameters) {}, 96, 57, ""},
		{"97 of 96", func(*stone.Parameters) {}, 97, 0, "96 bits of conjectured security, 97 are demanded"},
		{"58 proven of 57", func(*stone.Parameters) {}, 0, 58, "57 bits of proven security, 58 are demanded"},
		{"a query less", func(p *stone.Parameters) { p.Queries-- }, 0, 0, "94 bits of conjectured security, 96 are demanded"},
		{"proven", func(p *stone.Parameters) { p.Queries = 78 }, 96, 96, ""},
		{"proven, a query less", func(p *stone.Parameters) { p.Queries = 77 }, 96, 96, "95 bits of proven security, 96 are demanded"},
		{"work of 20", func(p *stone.Parameters) { p.Queries, p.PowBits = 48, 20 }, 0, 0, ""},
		{"work of 19", func(p *stone.Parameters) { p.Queries, p.PowBits = 48, 19 }, 0, 0, "19 bits of proof of work, want 20 to 50"},
		{"work of 50", func(p *stone.Parameters) { p.PowBits = 50 }, 0, 0, ""},
		{"work of 51", func(p *stone.Parameters) { p.PowBits = 51 }, 0, 0, "51 bits of proof of work, want 20 to 50"},
		{"blowup 16", func(p *stone.Parameters) { p.LogBlowup = 4 }, 0, 0, ""},
		{"blowup 32", func(p *stone.Parameters) { p.LogBlowup = 5 }, 0, 0, "blowup 2^5, want 2 to 16"},
		{"blowup 2", func(p *stone.Parameters) { p.LogBlowup, p.Queries = 1, 76 }, 0, 0, ""},
		{"blowup 1", func(p *stone.Parameters) { p.LogBlowup, p.PowBits, p.Queries = 0, 50, 76 }, 80, 0, "50 bits of conjectured"},
		{"no work, 80 demanded", func(p *stone.Parameters) { p.PowBits, p.Queries = 0, 48 }, 80, 0, "0 bits of proof of work"},
		{"no work, 79 demanded", func(p *stone.Parameters) { p.PowBits, p.Queries = 0, 48 }, 79, 0, ""},
		{"nothing", func(p *stone.Parameters) { p.PowBits, p.Queries = 0, 0 }, AnyBits, 0, ""},
		{"nothing, 1 demanded", func(p *stone.Parameters) { p.PowBits, p.Queries = 0, 0 }, 1, 0, "0 bits of conjectured"},
		{"160-bit commitments", func(p *stone.Parameters) { p.Commitment = transcript.Keccak256Masked160LSB }, 0, 0, "80 bits of conjectured"},
		{"160-bit commitments, 80 demanded", func(p *stone.Parameters) { p.Commitment = transcript.Keccak256Masked160LSB }, 80, 0, ""},
	} {
		p := stone.DefaultParameters(1 << 17)
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
