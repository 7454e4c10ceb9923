package cairoair

import (
	"fmt"

	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// memoryComponents are the tables of the memory.
var memoryComponents = []*Component{
	define("memory_address_to_id", MemoryTable, memoryAddressToIDTable),
	define("memory_id_to_big", MemoryTable, memoryIDToBig),
	define("memory_id_to_small", MemoryTable, memoryIDToSmall),
}

// memoryAddressToIDTable has the ids of the addresses from 1 on. They are cut in addressParts columns of equal length, each with its
// multiplicities: row r of part k is the address k·rows + r + 1.
func memoryAddressToIDTable() *air.Component {
	b := air.NewBuilder("memory_address_to_id", 2*addressParts)
	address := b.RowNumber().Plus(1)
	for k := range addressParts {
		id := b.Column(fmt.Sprintf("id_%d", k), b.Input(2*k))
		times := b.Column(fmt.Sprintf("multiplicity_%d", k), b.Input(2*k+1))
		b.Yield(times, memoryAddressToID, address.Add(b.Rows(uint32(k))), id)
	}
	return b.Build()
}

// addressParts is the number of columns of ids in memory_address_to_id.
const addressParts = 16

// memoryIDToBig has the values of the ids from adapter.BigID on, and their multiplicities. A memory with many values has several of these
// components; the parameter is the number of ids in those before.
func memoryIDToBig() *air.Component {
	b := air.NewBuilder("memory_id_to_big", limbs252+1)
	return valueTable(b, b.RowNumber().Plus(adapter.BigID).Add(b.Parameter()), limbs252)
}

// memoryIDToSmall has the values of the ids from 0 on, which are below 2^72, and their multiplicities.
func memoryIDToSmall() *air.Component {
	b := air.NewBuilder("memory_id_to_small", limbs72+1)
	return valueTable(b, b.RowNumber(), limbs72)
}

// valueTable completes a table with the value of each row's id: n limbs, which are range-checked in pairs, and a multiplicity.
func valueTable(b *air.Builder, id air.Expr, n int) *air.Component {
	tuple := []air.Expr{id}
	for k := range n {
		tuple = append(tuple, b.Column(fmt.Sprintf("limb_%d", k), b.Input(k)))
	}
	for k := range n / 2 {
		b.Use(rangeCheck9x9[k%len(rangeCheck9x9)], tuple[1+2*k], tuple[2+2*k])
	}
	b.Yield(b.Column("multiplicity", b.Input(n)), memoryIDToValue, tuple...)
	return b.Build()
}

// A memory cell is an address and the id of a value (MemoryAddressToId); an id belongs to one value (MemoryIdToBig), written in limbs of 9 bits,
// the lowest first. Values below 2^72 have 8 limbs, others 28.
const (
	limbBits = 9
	limbs72  = 8
	limbs252 = 28
)

// idOf computes the id of the value at an address, and valueOf the 28 limbs of the value of an id.
var (
	idOf = &air.Function{Name: "id of address", In: 1, Out: 1, Eval: func(env any, in, out [][]m31.M31) {
		memory := env.(*memory)
		for i, address := range in[0] {
			out[0][i] = memory.ID(address)
		}
	}}
	valueOf = &air.Function{Name: "value of id", In: 1, Out: limbs252, Partial: true, Eval: limbsOfValues}
)

// limbsOfValues computes the limbs out of the values of the ids in[0]. Limbs that are nil are not needed.
func limbsOfValues(env any, in, out [][]m31.M31) {
	memory := env.(*memory)
	last := 0 // the last limb that is needed
	for k, limb := range out {
		if limb != nil {
			last = k
		}
	}
	const group, mask = 64, 1<<limbBits - 1
	words := (last*limbBits + limbBits - 1) / 64 // the last word that is needed
	var values [4][group]uint64
	for from := 0; from < len(in[0]); from += group {
		ids := in[0][from:min(from+group, len(in[0]))]
		for i, id := range ids {
			v := memory.Value(id)
			for word := range words + 1 {
				values[word][i] = v[word]
			}
		}
		for k, limb := range out {
			if limb == nil {
				continue
			}
			limb = limb[from:][:len(ids)]
			word, shift := k*limbBits/64, uint(k*limbBits%64)
			low := values[word][:len(limb)]
			if shift <= 64-limbBits {
				for i := range limb {
					limb[i] = m31.M31(low[i] >> (shift & 63) & mask)
				}
				continue
			}
			high, up := values[word+1][:len(limb)], 64-shift
			for i := range limb {
				limb[i] = m31.M31((low[i]>>(shift&63) | high[i]<<(up&63)) & mask)
			}
		}
	}
}

// readID adds a column with the id of the value at address.
func readID(b *air.Builder, name string, address air.Expr) air.Expr {
	id := b.Column(name, b.Compute(idOf, address)[0])
	b.Use(memoryAddressToID, address, id)
	return id
}

// limbsOf returns columns with the first n limbs of the value of an id.
func limbsOf(b *air.Builder, name string, id air.Expr, n int) []air.Expr {
	return limbColumns(b, name, b.Compute(valueOf, id)[:n])
}

// readPositive adds columns that read a value of 0 to 2^bits - 1 at address: its id and its limbs, which it returns. A number of limbs of 9
// bits may have 2 or 6 more bits, which are then the highest limb.
func readPositive(b *air.Builder, name string, address air.Expr, bits int) (id air.Expr, limbs []air.Expr) {
	id = readID(b, name+"_id", address)
	limbs = limbsOf(b, name, id, (bits+limbBits-1)/limbBits)
	top := limbs[len(limbs)-1]
	switch bits % limbBits {
	case 0:
	case 2:
		twoBits(b, top, b.Const(1))
	case 6:
		b.Use(rangeCheck6, top)
	default:
		panic("cairoair: no range check for the highest limb")
	}
	b.Use(memoryIDToValue, append([]air.Expr{id}, limbs...)...)
	return id, limbs
}

// number returns Σ limbs[k]·2^(9k).
func number(limbs []air.Expr) air.Expr {
	v := limbs[0]
	for k, limb := range limbs[1:] {
		v = v.Add(limb.Times(1 << (limbBits * (k + 1))))
	}
	return v
}

// verifyValue adds a column with the id of the value at address, which has the given limbs: those that are left out are 0.
func verifyValue(b *air.Builder, name string, address air.Expr, limbs ...air.Expr) {
	id := readID(b, name, address)
	b.Use(memoryIDToValue, append([]air.Expr{id}, limbs...)...)
}

// readSmall adds columns that read a value v of -2^29 ≤ v < 2^29 at address, and returns it.
func readSmall(b *air.Builder, name string, address air.Expr) air.Expr {
	id := readID(b, name+"_id", address)
	value := b.Compute(valueOf, id)
	sign := signColumns(b, value)
	limb := limbColumns(b, name, value[:3])
	remainder := b.Column("remainder_bits", value[3].Bits(0, 2))
	twoBits(b, remainder, b.Const(1))

	rest := sign.limbs(b)
	tuple := append([]air.Expr{id}, limb...)
	tuple = append(tuple, remainder.Add(rest[3]))
	b.Use(memoryIDToValue, append(tuple, rest[4:]...)...)
	return sign.number(limb[0], limb[1], limb[2], remainder)
}

// smallSign holds the sign of a value v of -2^29 ≤ v < 2^29. A negative one is P + v, where P has the limbs 1 (limb 0), 136 (limb 21) and 256
// (limb 27). So its msb is set, which means that limb 27 is 256. If v is not -1 or 0, which are P - 1 and P, it borrows from limb 21: then
// mid_limbs_set is 1.
type smallSign struct{ msb, mid air.Expr }

// signColumns adds the columns of the sign of the value with the given limbs, whose high limbs may be any: the sign says what they must be.
func signColumns(b *air.Builder, limbs []air.Expr) smallSign {
	msb := b.Column("msb", limbs[27].Minus(256).IsZero())
	mid := b.Column("mid_limbs_set", limbs[20].Minus(511).IsZero().Mul(msb))
	b.Constrain("msb is a bit", msb.Mul(msb.Minus(1)))
	b.Constrain("mid_limbs_set is a bit", mid.Mul(mid.Minus(1)))
	b.Constrain("mid_limbs_set only with msb", mid.Mul(msb.Minus(1)))
	return smallSign{msb, mid}
}

// limbs returns the limbs of a value with this sign whose 29 low bits are 0: limbs 0 to 2 are nil.
func (s smallSign) limbs(b *air.Builder) []air.Expr {
	limbs := make([]air.Expr, limbs252)
	for k := 3; k < limbs252; k++ {
		switch {
		case k == 3:
			limbs[k] = s.mid.Times(508) // all but the two low bits
		case k <= 20:
			limbs[k] = s.mid.Times(511)
		case k == 21:
			limbs[k] = s.msb.Times(136).Sub(s.mid)
		case k <= 26:
			limbs[k] = b.Const(0)
		default:
			limbs[k] = s.msb.Times(256)
		}
	}
	return limbs
}

// number returns the value with this sign and the given 29 low bits. It is the low bits, less the low limb of P, less 2^29 if they are those
// of a negative number.
func (s smallSign) number(limb0, limb1, limb2, limb3 air.Expr) air.Expr {
	return number([]air.Expr{limb0, limb1, limb2, limb3}).Sub(s.msb).Sub(s.mid.Times(1 << 29))
}

// twoBits adds a column for the high bit of e, and constrains e to 0 to 3 where condition is not 0.
func twoBits(b *air.Builder, e, condition air.Expr) {
	high := b.Column("partial_limb_msb", e.Bits(1, 1))
	b.Constrain("high bit is a bit", high.Mul(high.Not()).Mul(condition))
	low := e.Sub(high.Times(2))
	b.Constrain("low bit is a bit", low.Mul(low.Not()).Mul(condition))
}
