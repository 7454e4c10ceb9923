package vm

import (
	"errors"
	"math/big"

	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// circuit evaluates the gates of a circuit (the libfuncs of core::circuit). A value is a number modulo the modulus in four
// 96-bit words. A gate is three cells: the offsets of its two operands and its result from values.
type circuit struct {
	m       *machine.Memory
	values  machine.Addr
	modulus *big.Int
}

// read returns the value whose offset is in the cell at offset, and its address. The value is nil if it is not known yet.
func (c *circuit) read(offset machine.Addr) (*big.Int, machine.Addr, error) {
	f, err := c.m.Felt(offset)
	if err != nil {
		return nil, machine.Addr{}, err
	}
	sum, err := machine.AddrValue(c.values).Add(machine.FeltValue(f))
	if err != nil {
		return nil, machine.Addr{}, err
	}
	at, _ := sum.Addr()
	_, v, err := machine.ReadWords(c.m, at)
	return v, at, err
}

func (c *circuit) gate(offsets machine.Addr) (v [3]*big.Int, at [3]machine.Addr, err error) {
	for i := range v {
		if v[i], at[i], err = c.read(offsets.Add(i)); err != nil {
			return v, at, err
		}
	}
	return v, at, nil
}

// add evaluates an addition gate: it computes the result, or by subtraction the first operand if only that is missing. It
// returns false if too few values are known.
func (c *circuit) add(offsets machine.Addr) (bool, error) {
	v, at, err := c.gate(offsets)
	if err != nil || v[1] == nil || v[0] == nil && v[2] == nil {
		return false, err
	}
	r := new(big.Int)
	if v[0] != nil {
		return true, machine.WriteWords(c.m, at[2], r.Mod(r.Add(v[0], v[1]), c.modulus))
	}
	r.Sub(r.Add(v[2], c.modulus), v[1])
	return true, machine.WriteWords(c.m, at[0], r.Mod(r, c.modulus))
}

// mul evaluates a multiplication gate: it computes the result, or if the first operand is not known the inverse of the
// second. If there is no inverse it writes a number whose product with the operand is zero, and returns false.
func (c *circuit) mul(offsets machine.Addr) (bool, error) {
	v, at, err := c.gate(offsets)
	if err != nil {
		return false, err
	}
	if v[1] == nil {
		return false, errors.New("a gate of the circuit has no operand")
	}
	r := new(big.Int)
	if v[0] != nil {
		return true, machine.WriteWords(c.m, at[2], r.Mod(r.Mul(v[0], v[1]), c.modulus))
	}
	gcd := new(big.Int).GCD(nil, nil, v[1], c.modulus)
	if gcd.IsInt64() && gcd.Int64() == 1 {
		return true, machine.WriteWords(c.m, at[0], r.ModInverse(v[1], c.modulus))
	}
	return false, machine.WriteWords(c.m, at[0], r.Div(c.modulus, gcd))
}

// evalCircuit computes the values of a circuit and writes the instances of both builtins. The instances of mul_mod end
// before the first inversion that fails; those of add_mod are complete.
func evalCircuit(m *machine.Machine, addPtr machine.Addr, adds int, mulPtr machine.Addr, muls int) error {
	mem := &m.Memory
	values, err := mem.Pointer(mulPtr.Add(machine.ModValues))
	if err != nil {
		return err
	}
	mulOffsets, err := mem.Pointer(mulPtr.Add(machine.ModOffsets))
	if err != nil {
		return err
	}
	addOffsets := mulOffsets
	if adds > 0 {
		if addOffsets, err = mem.Pointer(addPtr.Add(machine.ModOffsets)); err != nil {
			return err
		}
	}
	words, modulus, err := machine.ReadWords(mem, mulPtr)
	if err != nil {
		return err
	}
	if modulus == nil || modulus.Cmp(big.NewInt(2)) < 0 {
		return errors.New("a circuit's modulus is at least 2")
	}
	c := &circuit{mem, values, modulus}
	done, failedAt := 0, muls
	for k := 0; ; k++ {
		for done < adds {
			ok, err := c.add(addOffsets.Add(3 * done))
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			done++
		}
		if k == muls {
			break
		}
		ok, err := c.mul(mulOffsets.Add(3 * k))
		if err != nil {
			return err
		}
		if !ok && failedAt == muls {
			failedAt = k
		}
	}
	if err := fillCircuit(mem, addPtr, adds, words, values, addOffsets); err != nil {
		return err
	}
	return fillCircuit(mem, mulPtr, failedAt, words, values, mulOffsets)
}

func fillCircuit(m *machine.Memory, ptr machine.Addr, n int, modulus [machine.ModWords]felt.Felt, values, offsets machine.Addr) error {
	for i := range n {
		at, err := m.LoadFelts(ptr.Add(i*machine.ModCells), modulus[:]...)
		if err != nil {
			return err
		}
		if _, err := m.Load(at, machine.AddrValue(values), machine.AddrValue(offsets.Add(3*i)), machine.UintValue(uint64(n-i))); err != nil {
			return err
		}
	}
	return nil
}
