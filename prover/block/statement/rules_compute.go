package statement

import (
	"fmt"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/secp"
	"github.com/starkd/starkd/starknet"
)

// The rules of the syscalls that only FormatStwo has.

// metaTransaction checks a MetaTxV0: the called contract sees itself in a transaction of version 0 with the given signature.
func metaTransaction(t *replayer, f *frame, s *Syscall, gas uint64) error {
	contract, selector := s.Request[0], s.Request[1]
	if t.validating {
		return fmt.Errorf("makes a meta transaction during validation, which may not make one")
	}
	if selector != executeSelector {
		if s.Inner != nil {
			return fmt.Errorf("enters selector %v, want __execute__", selector)
		}
		return s.fails(gas, invalidArgument)
	}
	class, err := t.calledClass(contract)
	if err != nil {
		return err
	}
	calldata, signature := s.Given[0], s.Given[1]
	var want []felt.Felt
	if s.Inner != nil {
		legacy := starknet.LegacyTransaction{Address: contract, Selector: selector, Calldata: calldata}
		info := txInfo{account: contract, signature: signature, hash: legacy.HashInvokeV0(t.block.ChainID), chainID: t.block.ChainID}
		want = info.words(s.txInfoAddress)
	}
	if err := same("transaction info", s.txInfo, want); err != nil {
		return err
	}
	return t.inner(f, s, frame{
		class: class, kind: casm.External, selector: selector, contract: contract, gas: gas, txInfo: s.txInfoAddress,
	})
}

// shaBoxes are the sizes of the objects of a syscall that hashes a block: the state, the block, the next state.
var shaBoxes = []int{8, 16, 8}

// shaBlockOf returns the rule of a syscall that hashes a block with compress.
func shaBlockOf(compress func(state [8]felt.Felt, block [16]felt.Felt) ([8]felt.Felt, error)) func(*replayer, *frame, *Syscall, uint64) error {
	return func(_ *replayer, _ *frame, s *Syscall, gas uint64) error {
		if err := s.succeeds(gas); err != nil {
			return err
		}
		next, err := compress([8]felt.Felt(s.Arrays[0]), [16]felt.Felt(s.Arrays[1]))
		if err != nil {
			return err
		}
		return same("next state", s.Arrays[2], next[:])
	}
}

// secpPoint is a point that a call has got from a syscall. Compiled code sees only its address, with which it can do nothing but
// pass it to the syscalls of the same curve.
type secpPoint struct {
	curve *secp.Curve
	point secp.Point
}

// point returns the point of a curve at an address that the call has got from a syscall.
func (f *frame) point(curve *secp.Curve, address felt.Felt) (secp.Point, error) {
	p, ok := f.points[address]
	if !ok || p.curve != curve {
		return secp.Point{}, fmt.Errorf("no syscall of this call has returned a point of the curve at %v", address)
	}
	return p.point, nil
}

// returnsPoint records that the call has got a point at an address, which must be new.
func (f *frame) returnsPoint(curve *secp.Curve, address felt.Felt, point secp.Point) error {
	if _, ok := f.points[address]; ok {
		return fmt.Errorf("the point is at %v, where the call has got another one", address)
	}
	if f.points == nil {
		f.points = make(map[felt.Felt]secpPoint)
	}
	f.points[address] = secpPoint{curve, point}
	return nil
}

// secpRules returns the rules of a curve's syscalls.
func secpRules(prefix string, curve *secp.Curve) []rule {
	// optional checks a response that is an option of a point.
	optional := func(f *frame, s *Syscall, gas uint64, want secpResult, err error) error {
		if err != nil {
			return err
		}
		if want.failure != nil {
			return s.fails(gas, want.failure...)
		}
		if err := s.succeeds(gas); err != nil {
			return err
		}
		if !want.some {
			return same("response", s.Response, []felt.Felt{felt.One, felt.Zero})
		}
		if !s.Response[0].IsZero() {
			return fmt.Errorf("no point was returned, want one")
		}
		return f.returnsPoint(curve, s.Response[1], want.point)
	}
	// points returns a check that the first n words of a request are points of the curve, which it keeps in f.operands, and the others halves of
	// 256-bit integers.
	points := func(n int) func(f *frame, s *Syscall) error {
		return func(f *frame, s *Syscall) error {
			f.operands = f.operands[:0]
			for _, address := range s.Request[:n] {
				p, err := f.point(curve, address)
				if err != nil {
					return err
				}
				f.operands = append(f.operands, p)
			}
			for _, half := range s.Request[n:] {
				if half.BitLen() > 128 {
					return fmt.Errorf("half of an integer is %v, which does not fit in 128 bits", half)
				}
			}
			return nil
		}
	}
	return []rule{
		{
			name: prefix + "New", request: 4, response: 2, whole: true, charged: -1, readable: points(0),
			answer: func(_ *replayer, f *frame, s *Syscall, gas uint64) error {
				want, err := computeSecpNew(curve, u256(s.Request[:2]), u256(s.Request[2:]))
				return optional(f, s, gas, want, err)
			},
		},
		{
			name: prefix + "GetPointFromX", request: 3, response: 2, whole: true, charged: -1, readable: points(0),
			answer: func(_ *replayer, f *frame, s *Syscall, gas uint64) error {
				want, err := computeSecpFromX(curve, u256(s.Request[:2]), s.Request[2])
				return optional(f, s, gas, want, err)
			},
		},
		{
			name: prefix + "Add", request: 2, response: 1, whole: true, charged: -1, readable: points(2),
			answer: func(_ *replayer, f *frame, s *Syscall, gas uint64) error {
				if err := s.succeeds(gas); err != nil {
					return err
				}
				return f.returnsPoint(curve, s.Response[0], computeSecpAdd(curve, f.operands[0], f.operands[1]))
			},
		},
		{
			name: prefix + "Mul", request: 3, response: 1, whole: true, charged: -1, readable: points(1),
			answer: func(_ *replayer, f *frame, s *Syscall, gas uint64) error {
				if err := s.succeeds(gas); err != nil {
					return err
				}
				product, err := computeSecpMul(curve, f.operands[0], u256(s.Request[1:]))
				if err != nil {
					return err
				}
				return f.returnsPoint(curve, s.Response[0], product)
			},
		},
		{
			name: prefix + "GetXy", request: 1, response: 4, whole: true, charged: -1, readable: points(1),
			answer: func(_ *replayer, f *frame, s *Syscall, gas uint64) error {
				if err := s.succeeds(gas); err != nil {
					return err
				}
				x, y := computeSecpXY(f.operands[0])
				return same("coordinates", s.Response, append(x[:], y[:]...))
			},
		},
	}
}
