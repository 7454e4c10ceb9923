package native

import (
	"math/big"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
)

// intClass is the representation of an integer type, which depends on its range.
type intClass uint8

const (
	classNone intClass = iota
	classU64           // [0, 2^64): one slot
	classI64           // [-2^63, 2^63): one slot, two's complement
	classU128          // two slots, low word first
	classI128          // two slots, two's complement, low word first
	classFelt          // any wider range: a field element
)

// slots returns the number of slots of an integer of the class.
func (c intClass) slots() int {
	switch c {
	case classU64, classI64:
		return 1
	case classU128, classI128:
		return 2
	}
	return 4
}

func (c intClass) signed() bool { return c == classI64 || c == classI128 }

func pow2(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }

func neg(x *big.Int) *big.Int { return new(big.Int).Neg(x) }

var (
	two63, two64, two127, two128 = pow2(63), pow2(64), pow2(127), pow2(128)
	prime                        = felt.Modulus()
)

// classOf returns the first class whose range contains r.
func classOf(r sierra.Range) intClass {
	switch {
	case r.Lower.Sign() >= 0 && r.Upper.Cmp(two64) <= 0:
		return classU64
	case r.Lower.Cmp(neg(two63)) >= 0 && r.Upper.Cmp(two63) <= 0:
		return classI64
	case r.Lower.Sign() >= 0 && r.Upper.Cmp(two128) <= 0:
		return classU128
	case r.Lower.Cmp(neg(two127)) >= 0 && r.Upper.Cmp(two127) <= 0:
		return classI128
	}
	return classFelt
}

// maxSlots bounds the slots of a value. A class with larger values runs on the VM.
const maxSlots = 400

// Slots of composite values.
const (
	arraySlots = 3 // an array
	pointSlots = 8 // a point of the STARK curve
	limbSlots  = 8 // a circuit's value: four limbs of 96 bits, two slots each
)

// layout computes how many slots types take.
type layout struct {
	r     *sierra.Registry
	slots map[sierra.TypeID]int
}

// size returns the number of slots of a type, 0 for a type whose values carry no data. It rejects types that are too large or have no
// layout.
func (l *layout) size(id sierra.TypeID) int {
	if n, ok := l.slots[id]; ok {
		if n < 0 {
			reject("type %d contains itself", id)
		}
		return n
	}
	l.slots[id] = -1
	n := l.compute(id)
	if n > maxSlots {
		reject("a type takes %d slots, at most %d", n, maxSlots)
	}
	l.slots[id] = n
	return n
}

// compute returns the number of slots of a type that size has not met before.
func (l *layout) compute(id sierra.TypeID) int {
	t := l.r.Type(id)
	switch t.Generic {
	case "felt252", "bytes31", "ContractAddress", "ClassHash", "StorageAddress", "StorageBaseAddress":
		return 4
	case "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "u128", "i128", "BoundedInt":
		r, _ := l.r.IntRange(id)
		return classOf(r).slots()
	case "GasBuiltin", "GasReserve":
		return 1
	case "RangeCheck", "RangeCheck96", "Pedersen", "Poseidon", "Bitwise", "EcOp", "SegmentArena", "AddMod", "MulMod", "System",
		"BuiltinCosts", "U128MulGuarantee", "Uninitialized", "Coupon", "CircuitDescriptor", "CircuitPartialOutputs", "Const":
		return 0
	case "U96Guarantee":
		return 2
	case "Array", "SquashedFelt252Dict", "Span":
		return arraySlots
	case "Box", "Nullable", "Felt252Dict", "Sha256StateHandle", "Sha512StateHandle", "Secp256k1Point", "Secp256r1Point",
		"CircuitData":
		return 1
	case "CircuitInputAccumulator":
		return 2 // the address of the next input, and the end of the inputs
	case "CircuitOutputs":
		return 1 + limbSlots
	case "CircuitFailureGuarantee":
		return 2 * limbSlots
	case "Felt252DictEntry":
		return 2
	case "EcPoint":
		return pointSlots
	case "EcState":
		return 2 * pointSlots // the sum, and the blinding point from which it started
	case "CircuitModulus":
		return limbSlots
	case "U96LimbsLtGuarantee":
		if t.Args[0].Value.Cmp(big.NewInt(4)) > 0 {
			reject("a guarantee of %v limbs, at most 4", t.Args[0].Value)
		}
		return 4 * int(t.Args[0].Value.Int64()) // the value's limbs, then the bound's, two slots each
	case "NonZero", "Snapshot":
		return l.size(t.Inner)
	case "IntRange":
		return 2 * l.size(t.Inner)
	case "Struct":
		n := 0
		for _, m := range t.Members {
			if n += l.size(m); n > maxSlots {
				reject("a struct takes more than %d slots", maxSlots)
			}
		}
		return n
	case "Enum":
		n := 0
		for _, m := range t.Members {
			n = max(n, l.size(m))
		}
		return n + 1
	}
	reject("values of the type %s are not lowered", t.Generic)
	return 0
}

// peel returns the type without NonZero and Snapshot, which do not change the layout.
func (l *layout) peel(id sierra.TypeID) *sierra.ConcreteType {
	t := l.r.Type(id)
	for t.Generic == "NonZero" || t.Generic == "Snapshot" {
		t = l.r.Type(t.Inner)
	}
	return t
}

// ints returns the range and the class of an integer type, felt252 or bytes31.
func (l *layout) ints(id sierra.TypeID) (sierra.Range, intClass) {
	t := l.peel(id)
	switch t.Generic {
	case "bytes31", "felt252":
		r, _ := l.r.IntRange(t.ID)
		return r, classFelt
	}
	r, ok := l.r.IntRange(t.ID)
	if !ok {
		reject("type %s is not an integer", t.Generic)
	}
	return r, classOf(r)
}

// feltSlots returns the limbs of a constant.
func feltSlots(f felt.Felt) []slot {
	return []slot{constant(f[0]), constant(f[1]), constant(f[2]), constant(f[3])}
}

// intSlots returns the slots of a constant in an integer class.
func intSlots(v *big.Int, c intClass) []slot {
	if c == classFelt {
		return feltSlots(felt.FromBigInt(v))
	}
	w := new(big.Int).And(v, new(big.Int).Sub(two128, big.NewInt(1))) // two's complement
	lo := new(big.Int).And(w, new(big.Int).SetUint64(1<<64-1)).Uint64()
	hi := new(big.Int).Rsh(w, 64).Uint64()
	return []slot{constant(lo), constant(hi)}[:c.slots()]
}
