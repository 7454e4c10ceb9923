package cairoair

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stone/field"
)

// byIndex arranges a builtin's instances by index. An instance that the run did not use is nil.
func byIndex[T any](name string, n int, list []T, index func(*T) uint64) ([]*T, error) {
	out := make([]*T, n)
	for i := range list {
		k := index(&list[i])
		if k >= uint64(n) {
			return nil, fmt.Errorf("%s instance %d, but the trace holds %d", name, k, n)
		}
		if out[k] != nil {
			return nil, fmt.Errorf("%s instance %d is given twice", name, k)
		}
		out[k] = &list[i]
	}
	return out, nil
}

// fillRangeCheckParts claims cells for the parts of the values that the run checked. finishRangeCheck fills the parts of unused
// instances.
func (f *filler) fillRangeCheckParts(r *RangeCheckBuiltin) error {
	n := r.Unit.Addr.Len(f.rows)
	for _, in := range f.run.Private.RangeCheck {
		if in.Index >= uint64(n) {
			return fmt.Errorf("range_check instance %d, but the trace holds %d", in.Index, n)
		}
		limbs := in.Value.Limbs()
		if limbs[2] != 0 || limbs[3] != 0 {
			return fmt.Errorf("range_check instance %d: %s has more than 128 bits", in.Index, in.Value.String())
		}
		for part := range rangeCheckParts {
			bit := (rangeCheckParts - 1 - part) * offsetBits
			cell := &f.rangeCheck[poolIndex(f.layout.RangeCheck.Pool, r.Parts, int(in.Index)*rangeCheckParts+part)]
			if *cell != free {
				return fmt.Errorf("range_check instance %d is given twice", in.Index)
			}
			*cell = int32(limbs[bit/64] >> (bit % 64) & 0xffff)
		}
	}
	return nil
}

// fillRangeCheckUnits computes the value of every instance, used or not, from its parts.
func (f *filler) fillRangeCheckUnits(r *RangeCheckBuiltin) {
	begin := f.segment("range_check")
	for i := range r.Unit.Addr.Len(f.rows) {
		var limbs [4]uint64
		for part := range rangeCheckParts {
			bit := (rangeCheckParts - 1 - part) * offsetBits
			v := f.rangeCheck[poolIndex(f.layout.RangeCheck.Pool, r.Parts, i*rangeCheckParts+part)]
			limbs[bit/64] |= uint64(v) << (bit % 64)
		}
		f.access(r.Unit, i, begin+uint64(i), field.Element(felt.FromLimbs(limbs)))
	}
}

// fillBitwise fills every instance. Unused instances have x = y = 0.
func (f *filler) fillBitwise(b *Bitwise) error {
	n := b.Or.Addr.Len(f.rows)
	instances, err := byIndex("bitwise", n, f.run.Private.Bitwise, func(p *pair) uint64 { return p.Index })
	if err != nil {
		return err
	}
	begin := f.segment("bitwise")
	pool := f.layout.Diluted.Pool
	return chunks(n, func(start, end int) error {
		for i := start; i < end; i++ {
			var x, y, and, xor, or [4]uint64
			if in := instances[i]; in != nil {
				x, y = in.X.Limbs(), in.Y.Limbs()
				if (x[3]|y[3])>>(bitwiseBits-192) != 0 {
					return fmt.Errorf("bitwise instance %d: %s or %s has more than %d bits", i, in.X.String(), in.Y.String(), bitwiseBits)
				}
			}
			for k := range x {
				and[k], xor[k], or[k] = x[k]&y[k], x[k]^y[k], x[k]|y[k]
			}
			address := begin + 5*uint64(i)
			for v, limbs := range [4][4]uint64{x, y, and, xor} {
				f.access(b.Vars, 4*i+v, address+uint64(v), field.Element(felt.FromLimbs(limbs)))
				for part := range bitwiseParts {
					shift := bitwiseShift(part)
					cell := poolIndex(pool, b.Diluted, (4*i+v)*bitwiseParts+part)
					f.diluted[cell] = int32(undilute(limbs[shift/64] >> (shift % 64) & dilutedMask))
				}
			}
			f.access(b.Or, i, address+4, field.Element(felt.FromLimbs(or)))
			for k, trim := range b.Trim {
				part := bitwiseParts - len(b.Trim) + k
				d := or[3] >> (bitwiseShift(part) - 192) & dilutedMask
				f.diluted[poolIndex(pool, trim, i)] = int32(undilute(d << bitwiseTrim(part)))
			}
		}
		return nil
	})
}
