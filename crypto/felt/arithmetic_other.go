//go:build !wasm

package felt

func add(z, x, y *Felt) { z.e().Add(x.e(), y.e()) }

func sub(z, x, y *Felt) { z.e().Sub(x.e(), y.e()) }

func double(z, x *Felt) { z.e().Double(x.e()) }

func mul(z, x, y *Felt) { z.e().Mul(x.e(), y.e()) }

func square(z, x *Felt) { z.e().Square(x.e()) }

// words returns the integer in [0, P) that z stands for, least significant word first.
func words(z *Felt) [4]uint64 { return z.e().Bits() }
