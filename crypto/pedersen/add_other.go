//go:build !wasm

package pedersen

import (
	curve "github.com/consensys/gnark-crypto/ecc/stark-curve"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"
)

// addMixed sets acc = acc + p.
func addMixed(acc *curve.G1Jac, p *curve.G1Affine) { acc.AddMixed(p) }

// mul sets z = x·y.
func mul(z, x, y *fp.Element) { z.Mul(x, y) }

// square sets z = x².
func square(z, x *fp.Element) { z.Square(x) }
