package stwo

import (
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/security"
	"github.com/starkd/starkd/prover/stwo/constraints"
)

// TestSecurity checks the security of StarkWare's proofs.
func TestSecurity(t *testing.T) {
	for _, c := range []struct {
		name string
		want security.Bits
	}{
		{"c01_nothing", security.Bits{Conjectured: 13, Proven: 11}},
		{"c02_fib", security.Bits{Conjectured: 96, Proven: 59}},
		{"c04_rc_bitwise", security.Bits{Conjectured: 60, Proven: 39}},
		{"c05_pedersen", security.Bits{Conjectured: 96, Proven: 56}},
		{"c06_poseidon/m31", security.Bits{Conjectured: 17, Proven: 14}},
		{"c07_mod/lift", security.Bits{Conjectured: 17, Proven: 14}},
		{"c10_all/small", security.Bits{Conjectured: 96, Proven: 59}},
	} {
		t.Run(strings.ReplaceAll(c.name, "/", "_"), func(t *testing.T) {
			p := readProof(t, c.name)
			if got := p.Security(); got != c.want {
				t.Errorf("got %v (lookups %d), want %v", got, p.lookupSecurity(), c.want)
			}
		})
	}
}

// TestSecurityCoversComponents checks that no claim exceeds the sizes that Security assumes.
func TestSecurityCoversComponents(t *testing.T) {
	samples, total := 161+8, 0
	for _, c := range constraints.All() {
		parts := 1
		if c.Name == idToBig {
			parts = maxBigParts
		}
		a := c
		samples += parts * (len(a.Columns) + a.InteractionColumns() + 2*4)
		total += parts * a.ConstraintCount()
	}
	if samples > maxSamples || total > maxConstraints {
		t.Errorf("%d samples and %d constraints, want at most %d and %d", samples, total, maxSamples, maxConstraints)
	}
}
