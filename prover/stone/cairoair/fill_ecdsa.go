package cairoair

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"sync"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stone/field"
)

type signature = cairo.ECDSAInstance

// generatorPoints returns the points that the bits of a message select.
var generatorPoints = sync.OnceValue(func() []point { return doublings(generatorPoint, ecdsaBits) })

// fillECDSA fills every instance. Unused instances hold dummySignature.
func (f *filler) fillECDSA(e *ECDSA) error {
	n := e.PubKey.Addr.Len(f.rows)
	instances, err := byIndex("ecdsa", n, f.run.Private.ECDSA, func(s *signature) uint64 { return s.Index })
	if err != nil {
		return err
	}
	dummy := dummySignature()
	begin := f.segment("ecdsa")
	unused := -1 // the first unused instance, from which the others are copied
	for i, in := range instances {
		if in == nil && unused < 0 {
			unused = i
		}
	}
	fill := func(i int, in *signature) error {
		address := begin + 2*uint64(i)
		f.access(e.PubKey, i, address, field.Element(in.PubKey))
		f.access(e.Message, i, address+1, field.Element(in.Msg))
		if i != unused && instances[i] == nil {
			return nil
		}
		if err := f.fillSignature(e, i, in); err != nil {
			return fmt.Errorf("ecdsa instance %d: %w", i, err)
		}
		return nil
	}
	errs := make([]error, n)
	parallel.For(n, func(i int) {
		in := instances[i]
		if in == nil {
			in = &dummy
		}
		errs[i] = fill(i, in)
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	parallel.For(n, func(i int) {
		if instances[i] == nil && i != unused {
			f.copyInstance(e.views(), n, i, unused)
		}
	})
	return nil
}

// views returns the virtual columns of the builtin except its memory units.
func (e *ECDSA) views() []View {
	g, k := &e.Generator, &e.Key
	return []View{
		e.KeyX, e.KeyY, e.DoublingSlope,
		g.X, g.Y, g.Slope, g.Selector, *g.XDiffInv, k.X, k.Y, k.Slope, k.Selector, *k.XDiffInv,
		e.AddResultsSlope, e.AddResultsInv, e.ExtractRSlope, e.ExtractRInv, e.ZInv, e.RWInv, e.QXSquared,
	}
}

// copyInstance copies instance from to instance to, of n instances.
func (f *filler) copyInstance(views []View, n, to, from int) {
	for _, v := range views {
		column, per := f.columns[v.Column], v.Len(f.rows)/n
		for c := range per {
			column[v.Row(to*per+c)] = column[v.Row(from*per+c)]
		}
	}
}

// fillSignature fills instance i: z·G, r·Q, their sum B, and w·B, with the shift point as in the constraints.
func (f *filler) fillSignature(e *ECDSA, i int, in *signature) error {
	key, err := publicKey(in)
	if err != nil {
		return err
	}
	zG, err := f.fillSum(sum{view: &e.Generator, index: i, at: shiftPoint.neg(), points: generatorPoints(), selector: in.Msg})
	if err != nil {
		return err
	}
	rQ, err := f.fillMultiple(e, 2*i, key, in.SigR)
	if err != nil {
		return err
	}
	if zG.x == rQ.x {
		return errors.New("z·G and r·Q have the same x coordinate")
	}
	b, slope := zG.add(rQ)
	f.set(e.AddResultsSlope, i, slope)
	f.setInverse(e.AddResultsInv, i, zG.x, rQ.x)
	wB, err := f.fillMultiple(e, 2*i+1, b, in.SigW)
	if err != nil {
		return err
	}
	r, slope := wB.add(shiftPoint.neg())
	if wB.x == shiftPoint.x || r.x != field.Element(in.SigR) {
		return errors.New("the signature is not valid")
	}
	f.set(e.ExtractRSlope, i, slope)
	f.setInverse(e.ExtractRInv, i, wB.x, shiftPoint.x)
	f.setInverse(e.ZInv, i, field.Element(in.Msg), field.Element{})
	var square field.Element
	f.set(e.QXSquared, i, *square.Square(&key.x))
	return nil
}

// fillMultiple fills multiplication number index of the key columns and returns shift + scalar·p.
func (f *filler) fillMultiple(e *ECDSA, index int, p point, scalar felt.Felt) (point, error) {
	points := f.fillDoublings(e.KeyX, e.KeyY, e.DoublingSlope, index, p)
	f.setInverse(e.RWInv, index, field.Element(scalar), field.Element{})
	return f.fillSum(sum{view: &e.Key, index: index, at: shiftPoint, points: points, selector: scalar})
}

func (f *filler) fillSum(s sum) (point, error) {
	if bits := s.selector.BitLen(); bits > ecdsaBits {
		return point{}, fmt.Errorf("scalar %s has more than %d bits", s.selector.String(), ecdsaBits)
	}
	sums := []sum{s}
	err := f.fillSums(sums)
	return sums[0].at, err
}

// setInverse writes 1/(x - y) to the i-th cell of a view.
func (f *filler) setInverse(v View, i int, x, y field.Element) {
	x.Sub(&x, &y)
	f.set(v, i, *x.Inverse(&x))
}

// publicKey returns the point, of the two with the public key's x coordinate, for which the signature is valid.
func publicKey(in *signature) (point, error) {
	y, ok := starkcurve.YFromX(in.PubKey)
	if !ok || in.Msg.IsZero() {
		return point{}, fmt.Errorf("public key %s is not on the curve, or message %s is zero", in.PubKey.String(), in.Msg.String())
	}
	q := starkcurve.Point{X: in.PubKey, Y: y}
	zG := starkcurve.Generator.ScalarMul(in.Msg.BigInt())
	for _, key := range []starkcurve.Point{q, q.Neg()} {
		b := zG.Add(key.ScalarMul(in.SigR.BigInt()))
		if wB := b.ScalarMul(in.SigW.BigInt()); !wB.Infinity && wB.X == in.SigR {
			return point{field.Element(key.X), field.Element(key.Y)}, nil
		}
	}
	return point{}, errors.New("the signature is not valid")
}

// dummySignature returns the signature that Stone writes in unused instances: private key 1 signs message 1, with a nonce from
// Stone's pseudo-random generator (keccak256 of a state and a counter) with an empty seed.
var dummySignature = sync.OnceValue(func() signature {
	order := starkcurve.Order()
	state := keccak.Sum256(nil)
	mask := new(big.Int).Lsh(big.NewInt(1), uint(order.BitLen()))
	mask.Sub(mask, big.NewInt(1))
	most := new(big.Int).Sub(order, big.NewInt(2))
	for counter := uint64(0); ; counter++ {
		var block [64]byte
		copy(block[:], state[:])
		binary.BigEndian.PutUint64(block[56:], counter)
		digest := keccak.Sum256(block[:])
		k := new(big.Int).SetBytes(digest[:])
		if k.And(k, mask).Cmp(most) > 0 {
			continue
		}
		k.Add(k, big.NewInt(1)) // uniform between 1 and order-1
		r := starkcurve.Generator.ScalarMul(k).X
		s := new(big.Int).Add(r.BigInt(), big.NewInt(1)) // z + r·key
		s.Mul(s, new(big.Int).ModInverse(k, order)).Mod(s, order)
		if r.IsZero() || r.BigInt().Cmp(order) >= 0 || s.Sign() == 0 {
			continue
		}
		w := new(big.Int).ModInverse(s, order)
		return signature{PubKey: starkcurve.Generator.X, Msg: felt.One, SigR: r, SigW: felt.FromBigInt(w)}
	}
})
