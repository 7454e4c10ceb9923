package vm

import (
	"math/big"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// meterOnly answers Meter. Its other methods panic, because the embedded Syscalls is nil.
type meterOnly struct {
	cairo.Syscalls
	metered []cairo.Selector
}

func (s *meterOnly) Meter(_ *uint64, selector cairo.Selector, _ uint64) error {
	s.metered = append(s.metered, selector)
	return nil
}

// requestAt returns a machine with the words of a request, the selector and the gas first, and the request's address.
func requestAt(t *testing.T, selector cairo.Selector, words ...machine.Value) (*machine.Machine, machine.Addr) {
	t.Helper()
	m := machine.NewMachine()
	at := m.Memory.AddSegment()
	head := []machine.Value{machine.FeltValue(felt.FromShortString(string(selector))), machine.UintValue(1_000_000)}
	if _, err := m.Memory.Load(at, append(head, words...)...); err != nil {
		t.Fatal(err)
	}
	return m, at
}

// TestCutRequests checks that a request that lacks its words ends the run with an error before the chain is asked: for every
// syscall that has words after its gas, without any of them and with a word of the wrong kind.
func TestCutRequests(t *testing.T) {
	for selector := range syscalls {
		if selector == cairo.GetExecutionInfo {
			continue // it has no words
		}
		for name, words := range map[string][]machine.Value{"no words": nil, "an address in place of a felt": {machine.AddrValue(machine.Addr{Segment: 0})}} {
			m, at := requestAt(t, selector, words...)
			sys := new(meterOnly)
			if err := (&frame{sys: sys}).syscall(m, at); err == nil {
				t.Errorf("%s, %s: no error", selector, name)
			}
			if len(sys.metered) > 0 {
				t.Errorf("%s, %s: it is charged", selector, name)
			}
		}
	}
}

// TestSecpCoordinates checks the bound of coordinates for both curves and both syscalls that take them: the modulus less 1 is
// taken, and the modulus gives a failure, in each coordinate alone.
func TestSecpCoordinates(t *testing.T) {
	u256 := func(v *big.Int) []machine.Value {
		limbs := limbs128(v, 2)
		return []machine.Value{machine.FeltValue(felt.FromBigInt(limbs[0])), machine.FeltValue(felt.FromBigInt(limbs[1]))}
	}
	for _, curve := range []struct {
		c          secpCurve
		make, from cairo.Selector
	}{{k1{}, "Secp256k1New", "Secp256k1GetPointFromX"}, {r1{}, "Secp256r1New", "Secp256r1GetPointFromX"}} {
		p := curve.c.modulus()
		last := new(big.Int).Sub(p, big.NewInt(1))
		for _, c := range []struct {
			selector cairo.Selector
			words    []machine.Value
			rejected bool
		}{
			{curve.make, append(u256(last), u256(last)...), false},
			{curve.make, append(u256(p), u256(last)...), true},
			{curve.make, append(u256(last), u256(p)...), true},
			{curve.from, append(u256(last), machine.UintValue(0)), false},
			{curve.from, append(u256(p), machine.UintValue(0)), true},
		} {
			m, at := requestAt(t, c.selector, c.words...)
			sys := new(meterOnly)
			if err := (&frame{sys: sys}).syscall(m, at); err != nil {
				t.Errorf("%s of %v: %v", c.selector, c.words, err)
				continue
			}
			if len(sys.metered) != 1 {
				t.Errorf("%s: charged %v, want once", c.selector, sys.metered)
			}
			answer := at.Add(2 + len(c.words)) // gas left, failure flag, response
			flag, err := m.Memory.Felt(answer.Add(1))
			if err != nil || flag.IsZero() == c.rejected {
				t.Errorf("%s of %v: failure flag %v (%v), want %t", c.selector, c.words, flag, err, c.rejected)
				continue
			}
			if !c.rejected {
				continue
			}
			start, err := m.Memory.Pointer(answer.Add(2))
			if err != nil {
				t.Fatal(err)
			}
			if data, err := m.Memory.Felt(start); err != nil || data != felt.FromShortString(constants.InvalidArgument) {
				t.Errorf("%s: panic data %v (%v)", c.selector, data, err)
			}
		}
	}
}
