package circle_test

import (
	"fmt"

	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// A column of four rows is a polynomial. It is extended to eight points, and evaluated at a point outside of the domain.
func Example() {
	twiddles := circle.NewTwiddles(3)
	column := []m31.M31{1, 2, 3, 4}
	extended := make([]m31.M31, 8)
	twiddles.Extend(extended, column)

	point := circle.RandomPoint(m31.NewQM31(5, 6, 7, 8))
	fromFour := twiddles.Weights(2, 0, point).Combine(column)
	fromEight := twiddles.Weights(3, 0, point).Combine(extended)
	fmt.Println(fromFour[0] == fromEight[0])
	// Output: true
}
