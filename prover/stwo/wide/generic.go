package wide

import (
	"github.com/starkd/starkd/prover/stwo/m31"
)

// copyIn reads rows row to row+15 of the columns.
func copyIn(x [][Rows]int32, columns [][]m31.M31, row int) {
	for k := range x {
		for i, v := range columns[k][row : row+Rows] {
			x[k][i] = int32(v)
		}
	}
}

// copyOut writes rows row to row+15 of the columns.
func copyOut(x [][Rows]int32, columns [][]m31.M31, row int) {
	for k := range x {
		c := columns[k][row : row+Rows]
		for i := range c {
			c[i] = m31.M31(x[k][i])
		}
	}
}

// collect sets z to the numbers with the limbs x of the given width.
func collect(z *Felts, x [][Rows]int32, width int) {
	*z = Felts{}
	for k := range x {
		at := width * k
		for i, v := range x[k] {
			z[at/64][i] |= uint64(v) << (at % 64)
			if at%64+width > 64 && at/64 < 3 {
				z[at/64+1][i] |= uint64(v) >> (64 - at%64)
			}
		}
	}
}

// distribute sets x to the limbs of the given width of z.
func distribute(x [][Rows]int32, z *Felts, width int) {
	mask := uint64(1)<<width - 1
	for i := range Rows {
		words := []uint64{z[0][i], z[1][i], z[2][i], z[3][i]}
		for k := range x {
			x[k][i] = int32(limb(words, width*k) & mask)
		}
	}
}
