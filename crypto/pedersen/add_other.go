//go:build !wasm

package pedersen

import curve "github.com/consensys/gnark-crypto/ecc/stark-curve"

// addMixed sets acc = acc + p.
func addMixed(acc *curve.G1Jac, p *curve.G1Affine) { acc.AddMixed(p) }
