package air

import (
	"testing"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// TestInteraction compares interaction columns and claimed sums with those of StarkWare's prover.
func TestInteraction(t *testing.T) {
	for _, name := range []string{"c01_nothing", "c03_opcodes", "c04_rc_bitwise", "starkware_all_opcodes"} {
		r := readRun(t, name)
		ch := NewChallenges(r.z, r.alpha)
		compared := 0
		for _, i := range r.instances {
			c := recordedComponent(t, i.name)
			table := i.table(c)
			if table == nil {
				continue
			}
			out := make([][]m31.M31, c.InteractionColumns())
			for k := range out {
				out[k] = make([]m31.M31, 1<<i.logSize)
			}
			sum := c.Interaction(table, ch, out)
			if sum != i.claimedSum {
				t.Errorf("%s/%s: claimed sum %v, want %v", name, i.name, sum, i.claimedSum)
			}
			for k, column := range out {
				if h := columnHash(column); h != i.hashes[k] {
					t.Errorf("%s/%s: column %d of %d differs", name, i.name, k, len(out))
				}
			}
			compared++
		}
		t.Logf("%s: %d of %d components compared", name, compared, len(r.instances))
	}
}
