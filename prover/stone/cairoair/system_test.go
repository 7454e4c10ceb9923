package cairoair

import "testing"

// TestSystemSizes compares the sizes with those of Stone's layouts.
func TestSystemSizes(t *testing.T) {
	for _, c := range []struct {
		layout                                         string
		main, interaction, constraints, mask, periodic int
	}{
		{"plain", 6, 2, 47, 49, 0},
		{"recursive", 7, 3, 93, 133, 2},
		{"small", 23, 2, 179, 201, 4},
		{"recursive_with_poseidon", 6, 2, 124, 192, 7},
		{"starknet", 9, 1, 198, 271, 9},
		{"dex", 21, 1, 179, 200, 4},
		{"perpetual", 9, 1, 116, 128, 4},
		{"dex_with_bitwise", 21, 1, 197, 246, 4},
		{"all_solidity", 24, 3, 230, 286, 4},
		{"recursive_large_output", 9, 3, 124, 192, 7},
		{"starknet_with_keccak", 12, 3, 347, 734, 16},
	} {
		l, err := LayoutByName(c.layout)
		if err != nil {
			t.Fatal(err)
		}
		s := l.System()
		if s.Main != c.main || s.Interaction != c.interaction || len(s.Constraints) != c.constraints || len(s.Mask) != c.mask || len(s.Periodic) != c.periodic {
			t.Errorf("%s: %d+%d columns, %d constraints, mask %d, %d periodic columns; want %d+%d, %d, %d, %d", c.layout,
				s.Main, s.Interaction, len(s.Constraints), len(s.Mask), len(s.Periodic),
				c.main, c.interaction, c.constraints, c.mask, c.periodic)
		}
	}
}
