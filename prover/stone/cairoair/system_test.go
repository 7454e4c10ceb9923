package cairoair

import "testing"

// The sizes are those of Stone's layouts.
func TestSystemSizes(t *testing.T) {
	for _, c := range []struct {
		layout                                     *Layout
		first, second, constraints, mask, periodic int
	}{
		{Plain, 6, 2, 47, 49, 0},
		{Recursive, 7, 3, 93, 133, 2},
		{Small, 23, 2, 179, 201, 4},
		{RecursiveWithPoseidon, 6, 2, 124, 192, 7},
		{Starknet, 9, 1, 198, 271, 9},
		{Dex, 21, 1, 179, 200, 4},
		{Perpetual, 9, 1, 116, 128, 4},
		{DexWithBitwise, 21, 1, 197, 246, 4},
		{AllSolidity, 24, 3, 230, 286, 4},
		{RecursiveLargeOutput, 9, 3, 124, 192, 7},
		{StarknetWithKeccak, 12, 3, 347, 734, 16},
	} {
		s := c.layout.System()
		if s.First != c.first || s.Second != c.second || len(s.Constraints) != c.constraints || len(s.Mask) != c.mask || len(s.Periodic) != c.periodic {
			t.Errorf("%s: %d+%d columns, %d constraints, mask %d, %d periodic columns; want %d+%d, %d, %d, %d", c.layout.Name,
				s.First, s.Second, len(s.Constraints), len(s.Mask), len(s.Periodic),
				c.first, c.second, c.constraints, c.mask, c.periodic)
		}
	}
}
