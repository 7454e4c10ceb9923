package cairo0

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"sort"
	"strings"

	"github.com/starkd/starkd/cairo/cairo0/pyhint"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// hintKey returns the key of a hint: the first 8 bytes of the SHA-256 of its code, in hex.
func hintKey(code string) string {
	h := sha256.Sum256([]byte(code))
	return hex.EncodeToString(h[:8])
}

// nativeHints holds native implementations of the hints that take most of a run's time, by hintKey. Each has the same effect
// on memory and scopes as the interpreter; TestNativeHints runs programs both ways.
var nativeHints = map[string]ProgramHint{
	"f300fb1884fb8c53": func(m *machine.Machine, _ *IDs) error { // memory[ap] = segments.add()
		return m.Memory.Insert(m.APAddr(), machine.AddrValue(m.Memory.AddSegment()))
	},
	"9c56f4b01ee5c8a3": func(_ *machine.Machine, ids *IDs) error { // vm_enter_scope()
		ids.scopes.Enter(nil)
		return nil
	},
	"0badce6177a37359": func(_ *machine.Machine, ids *IDs) error { return ids.scopes.Exit() }, // vm_exit_scope()

	"1c7a280d075d5788": hintAssertNN,
	"c081a08346d7fefd": func(m *machine.Machine, ids *IDs) error { // is_nn
		a, err := ids.Felt(m, "a")
		if err != nil {
			return err
		}
		return m.Memory.Insert(m.APAddr(), machine.BoolValue(a.BitLen() > 128))
	},
	"73dbcabd4744d651": func(m *machine.Machine, ids *IDs) error { // is_nn for a negative a
		a, err := ids.Felt(m, "a")
		if err != nil {
			return err
		}
		a.Neg(&a)
		a.Sub(&a, &felt.One)
		return m.Memory.Insert(m.APAddr(), machine.BoolValue(a.BitLen() > 128))
	},
	"1fce3b2e61e9297c": func(m *machine.Machine, ids *IDs) error { // is_le_felt
		a, b, err := ids.feltPair(m)
		if err != nil {
			return err
		}
		return m.Memory.Insert(m.APAddr(), machine.BoolValue(a.Cmp(&b) > 0))
	},
	"c0c0a637f9660c4e": func(m *machine.Machine, ids *IDs) error { // assert_lt_felt
		a, b, err := ids.feltPair(m)
		if err != nil {
			return err
		}
		if a.Cmp(&b) >= 0 {
			return fmt.Errorf("a = %v is not less than b = %v.", machine.FeltValue(a), machine.FeltValue(b))
		}
		return nil
	},
	"6d5b6188a3cd7a82": hintAssertLEFelt,
	"e0472bba57f446c7": func(m *machine.Machine, ids *IDs) error { return hintExcluded(m, ids, 0) },
	"411d8d0956a9a054": func(m *machine.Machine, ids *IDs) error { return hintExcluded(m, ids, 1) },
	"3ce638f7c68ed00a": func(_ *machine.Machine, ids *IDs) error { // assert excluded == 2
		if n, err := scopeInt(ids, "excluded"); err != nil || n.Cmp(big.NewInt(2)) != 0 {
			return errors.Join(errors.New("AssertionError"), err)
		}
		return nil
	},
	"8c2264dc893b8653": hintSplitFelt,
	"0b2f3b93af241b34": hintUnsignedDivRem,
	"1dbdc0f35468f980": hintSplitInt,
	"e245e9ff002a851d": func(m *machine.Machine, ids *IDs) error { // pow
		prev, err := ids.member(m, "prev_locs", "exp")
		if err != nil {
			return err
		}
		exp, err := m.Memory.Felt(prev)
		if err != nil {
			return err
		}
		bit, err := ids.member(m, "locs", "bit")
		if err != nil {
			return err
		}
		return m.Memory.Insert(bit, machine.UintValue(exp.Limbs()[0]&1))
	},

	// starkware.cairo.common.builtin_keccak
	"df7b3fd1f383da3a": splitInput(3, 1, "high3", "low3"),
	"da90e97f3531579d": splitInput(6, 2, "high6", "low6"),
	"d8651152753d1c31": splitInput(9, 3, "high9", "low9"),
	"42ce8781476b383a": splitInput(12, 4, "high12", "low12"),
	"e57bfb9809e43bce": splitInput(15, 5, "high15", "low15"),
	"a13be84d0ae8cf36": hintSplitOutput0,
	"25d41ea722ae4839": hintSplitOutput1,
	"314cf1266392c649": hintSplitBytes,
	"5d9b7947fb9dd0fa": func(m *machine.Machine, ids *IDs) error { return hintCompareBytes(m, ids, "BYTES_IN_WORD", -1) },
	"88f1166d40f9ea14": func(m *machine.Machine, ids *IDs) error {
		return hintCompareBytes(m, ids, "KECCAK_FULL_RATE_IN_BYTES", 1)
	},

	"f4c4324c6496f933": func(m *machine.Machine, ids *IDs) error { return hintCopyScope(m, ids, "len") },
	"8a17b888f3d3b250": func(m *machine.Machine, ids *IDs) error { return hintCopyScope(m, ids, "n") },
	"54119a4d7efd2859": func(m *machine.Machine, ids *IDs) error { return hintCountDown(m, ids, "continue_copying") },
	"528592f9712cd0df": func(m *machine.Machine, ids *IDs) error { return hintCountDown(m, ids, "continue_loop") },

	"0a4516aebd841113": hintDictRead,
	"e5d3f73c7081b7b3": hintDictWrite,
	"68dcb9888fe3d7fd": hintDictUpdate,

	"25b6fcb1d4f726f7": hintSquashDict,
	"1af33eba8062487f": hintSquashFirst,
	"ee4f1fc4c22addaf": func(m *machine.Machine, ids *IDs) error { // should_skip_loop
		l, err := scopeList(ids, "current_access_indices")
		if err != nil {
			return err
		}
		return ids.Set(m, "should_skip_loop", machine.BoolValue(len(l.Items) == 0))
	},
	"72b624babc575b63": hintSquashNext,
	"22837f7c5758b9e0": func(m *machine.Machine, ids *IDs) error { // loop_temps.should_continue
		l, err := scopeList(ids, "current_access_indices")
		if err != nil {
			return err
		}
		at, err := ids.member(m, "loop_temps", "should_continue")
		if err != nil {
			return err
		}
		return m.Memory.Insert(at, machine.BoolValue(len(l.Items) > 0))
	},
	"46a3a9fc6daf7d96": func(_ *machine.Machine, ids *IDs) error { // assert len(current_access_indices) == 0
		l, err := scopeList(ids, "current_access_indices")
		if err == nil && len(l.Items) != 0 {
			err = errors.New("AssertionError")
		}
		return err
	},
	"e14e77a87cc680d9": hintSquashUsed,
	"ce005d285ea4b707": func(m *machine.Machine, ids *IDs) error { // next_key
		keys, err := scopeList(ids, "keys")
		if err != nil {
			return err
		}
		if len(keys.Items) == 0 {
			return errors.New("No keys left but remaining_accesses > 0.")
		}
		return hintNextKey(m, ids, keys, "next_key")
	},
	"9df21690cd3f4088": func(m *machine.Machine, ids *IDs) error { // compute_blake2s_func
		at, err := ids.Pointer(m, "output")
		if err != nil {
			return err
		}
		return pyhint.ComputeBlake2s(m, at)
	},

	// starkware.cairo.common.math and squash_dict
	"7e0d46e0797b2a33": orInterpret(hintAssertNotZero),
	"818ebdc0c6059b8f": orInterpret(hintAssertNotEqual),
	"b88460acee22a44f": orInterpret(hintAssert250Bit),
	"1dc9d2e7b7344060": orInterpret(hintNoKeys),

	// starkware.cairo.common.uint256
	"11341b3d5d4cc14b": orInterpret(hintUint256Add),
	"577ba077612ca79e": orInterpret(hintSplit64),
	"6a6a149d5f174e5a": orInterpret(hintUint256SignedNN),
	"a528cab9bcc60777": orInterpret(hintUint256DivRem),
	"2fd3eb4a6b25049d": orInterpret(hintUint256MulDivMod),

	// starkware.cairo.common.cairo_secp; the first six serve both curves
	"1435e538ca47a32d": orInterpret(hintNondetBigInt3),
	"f743c25c663b565b": orInterpret(hintNewY("x0", "y0", "SECP_P")),
	"a8712253ff10a691": orInterpret(hintScalarBit),
	"6e9f64ce395d70d6": orInterpret(hintNibbles),
	"1439fa5ddf592330": orInterpret(hintPopNibble),
	"39c2de706561ed0d": orInterpret(hintXIsZero),
	"a6340257500b1668": orInterpret(hintNewY("x", "y", "SECP_P")),
	"40a233e84829eb02": orInterpret(secpK1.negate),
	"49a05f22b1ec4797": orInterpret(secpK1.doublingSlope("")),
	"b2952cf21553aa35": orInterpret(secpK1.slope),
	"b53bc09b96bc2957": orInterpret(secpK1.doubleX),
	"d62c4e1b25ea13e1": orInterpret(hintAddX(secpK1.imports)),
	"01a4ae4af0d135c7": orInterpret(secpK1.verifyZero),
	"11a92b543f9a785e": orInterpret(secpK1.reduce("x")),
	"736fca1548c50955": orInterpret(hintInverseK1),
	"a364c5542740b55d": orInterpret(secpK1.reduce("value")),
	"f06fda91d360d23a": orInterpret(hintDivModN),
	"9b3ebae71e5de5cf": orInterpret(hintSafeDivN),

	// starkware.cairo.common.secp256r1
	"9e5e57aba4e9069c": orInterpret(secpR1.doublingSlope(r1Utils + "SECP256R1_ALPHA")),
	"791ff12a6770dd01": orInterpret(secpR1.slope),
	"29221240d870f9fc": orInterpret(secpR1.doubleX),
	"575603f716db7896": orInterpret(hintNewY("x", "y", "SECP256R1_P")),
	"7ffc349e5085189a": orInterpret(func(_ *machine.Machine, ids *IDs) (bool, error) { // import SECP256R1_P as SECP_P
		ids.doneImporting(nil, nil, "SECP_P", secpR1.prime)
		return true, nil
	}),
	"0d2457d2659c481f": orInterpret(hintAddX(secpR1.imports[1:])),
	"84812eefa4d1d87f": orInterpret(secpR1.verifyZero),
	"accaf4987ecec90a": orInterpret(secpR1.reduce("x")),
	"933c478e50aeb56c": orInterpret(hintInverseR1),
	"18ac9e183133ad2c": orInterpret(secpR1.reduce("value")),
}

// feltPair returns ids.a and ids.b.
func (ids *IDs) feltPair(m *machine.Machine) (a, b felt.Felt, err error) {
	if a, err = ids.Felt(m, "a"); err != nil {
		return a, b, err
	}
	b, err = ids.Felt(m, "b")
	return a, b, err
}

// member returns the address of ids.name.member.
func (ids *IDs) member(m *machine.Machine, name, member string) (machine.Addr, error) {
	at, err := ids.Struct(m, name)
	if err != nil {
		return machine.Addr{}, err
	}
	offset, known := ids.members[name+"."+member]
	if !known {
		found, err := pyhint.FindMember(ids, strings.TrimSuffix(ids.refs[name].typ, "*"), member)
		if err != nil {
			return machine.Addr{}, err
		}
		if ids.members == nil {
			ids.members = make(map[string]int)
		}
		offset = int(found.Offset)
		ids.members[name+"."+member] = offset
	}
	return at.Add(offset), nil
}

func scopeInt(ids *IDs, name string) (*big.Int, error) {
	n, ok := ids.scopes.Variables()[name].(*big.Int)
	if !ok {
		return nil, fmt.Errorf("name '%s' is not defined", name)
	}
	return n, nil
}

func scopeList(ids *IDs, name string) (*pyhint.List, error) {
	l, ok := ids.scopes.Variables()[name].(*pyhint.List)
	if !ok {
		return nil, fmt.Errorf("name '%s' is not defined", name)
	}
	return l, nil
}

func hintAssertNN(m *machine.Machine, ids *IDs) error {
	a, err := ids.Felt(m, "a")
	if err == nil && a.BitLen() > 128 {
		err = fmt.Errorf("a = %v is out of range.", machine.FeltValue(a))
	}
	return err
}

func hintAssertLEFelt(m *machine.Machine, ids *IDs) error {
	a, b, err := ids.feltPair(m)
	if err != nil {
		return err
	}
	if a.Cmp(&b) > 0 {
		return fmt.Errorf("a = %v is not less than or equal to b = %v.", machine.FeltValue(a), machine.FeltValue(b))
	}
	ptr, err := ids.Pointer(m, "range_check_ptr")
	if err != nil {
		return err
	}
	// The hint's code divides by constants in its scope. SmallArcs divides by its own, so they must be equal.
	if !ids.checked {
		for _, c := range []struct {
			name string
			want *big.Int
		}{{"PRIME_OVER_3_HIGH", machine.PrimeOver3High}, {"PRIME_OVER_2_HIGH", machine.PrimeOver2High}} {
			if have, err := ids.Const(c.name); err != nil || have.Cmp(c.want) != 0 {
				return fmt.Errorf("the constant %s is not %v", c.name, c.want)
			}
		}
		ids.checked = true
	}
	excluded, err := machine.SmallArcs(m, a, b, ptr)
	ids.scopes.Variables()["excluded"] = big.NewInt(int64(excluded))
	return err
}

func hintExcluded(m *machine.Machine, ids *IDs, arc int64) error {
	n, err := scopeInt(ids, "excluded")
	if err != nil {
		return err
	}
	return m.Memory.Insert(m.APAddr(), machine.BoolValue(n.Int64() != arc))
}

func hintSplitFelt(m *machine.Machine, ids *IDs) error {
	if !ids.checked {
		high, err := ids.Const("MAX_HIGH")
		if err != nil {
			return err
		}
		low, err := ids.Const("MAX_LOW")
		if err != nil {
			return err
		}
		if high.BitLen() > 128 || low.BitLen() > 128 || new(big.Int).Add(low, new(big.Int).Lsh(high, 128)).Cmp(primeMinusOne) != 0 {
			return errors.New("AssertionError")
		}
		ids.checked = true
	}
	v, err := ids.Felt(m, "value")
	if err != nil {
		return err
	}
	l := v.Limbs()
	if err := ids.Set(m, "low", machine.FeltValue(felt.FromUint128(l[1], l[0]))); err != nil {
		return err
	}
	return ids.Set(m, "high", machine.FeltValue(felt.FromUint128(l[3], l[2])))
}

var primeMinusOne = new(big.Int).Sub(felt.Modulus(), big.NewInt(1))

func hintUnsignedDivRem(m *machine.Machine, ids *IDs) error {
	div, err := ids.Felt(m, "div")
	if err != nil {
		return err
	}
	value, err := ids.Felt(m, "value")
	if err != nil {
		return err
	}
	if div.IsUint64() && !div.IsZero() {
		d, q, r := div.Uint64(), value.Limbs(), uint64(0)
		for i := len(q) - 1; i >= 0; i-- {
			q[i], r = bits.Div64(r, q[i], d)
		}
		if err := ids.Set(m, "q", machine.FeltValue(felt.FromLimbs(q))); err != nil {
			return err
		}
		return ids.Set(m, "r", machine.UintValue(r))
	}
	d, v := div.BigInt(), value.BigInt()
	if d.Sign() == 0 || new(big.Int).Lsh(d, 128).Cmp(felt.Modulus()) > 0 {
		return fmt.Errorf("div=0x%s is out of the valid range.", d.Text(16))
	}
	q, r := v.DivMod(v, d, new(big.Int))
	if err := ids.SetInt(m, "q", q); err != nil {
		return err
	}
	return ids.SetInt(m, "r", r)
}

func hintSplitInt(m *machine.Machine, ids *IDs) error {
	v, err := ids.Int(m, "value")
	if err != nil {
		return err
	}
	base, err := ids.Int(m, "base")
	if err != nil {
		return err
	}
	bound, err := ids.Int(m, "bound")
	if err != nil {
		return err
	}
	at, err := ids.Pointer(m, "output")
	if err != nil {
		return err
	}
	if base.Sign() == 0 {
		return errors.New("integer division or modulo by zero")
	}
	v.Mod(v, base)
	if err := m.Memory.Insert(at, machine.FeltValue(felt.FromBigInt(v))); err != nil {
		return err
	}
	ids.scopes.Variables()["res"] = v
	if v.Cmp(bound) >= 0 {
		return fmt.Errorf("split_int(): Limb %v is out of range.", v)
	}
	return nil
}

// hintCopyScope enters the scope of memcpy or memset.
func hintCopyScope(m *machine.Machine, ids *IDs, length string) error {
	v, err := ids.Value(m, length)
	if err != nil {
		return err
	}
	ids.scopes.Enter(map[string]any{"n": pyhint.OfValue(v)})
	return nil
}

func hintCountDown(m *machine.Machine, ids *IDs, flag string) error {
	n, err := scopeInt(ids, "n")
	if err != nil {
		return err
	}
	n = new(big.Int).Sub(n, big.NewInt(1))
	ids.scopes.Variables()["n"] = n
	return ids.Set(m, flag, machine.BoolValue(n.Sign() > 0))
}

// dictAccess returns the tracker of ids.dict_ptr and ids.key. It advances the tracker by DictAccess.SIZE.
func dictAccess(m *machine.Machine, ids *IDs) (t *pyhint.Tracker, key machine.Value, err error) {
	manager, ok := ids.scopes.Variables()["__dict_manager"].(*pyhint.DictManager)
	if !ok {
		return nil, key, errors.New("name '__dict_manager' is not defined")
	}
	at, err := ids.Pointer(m, "dict_ptr")
	if err != nil {
		return nil, key, err
	}
	if t, err = manager.Tracker(at); err != nil {
		return nil, key, err
	}
	size, err := ids.Size("DictAccess")
	if err != nil {
		return nil, key, err
	}
	if key, err = ids.Value(m, "key"); err != nil {
		return nil, key, err
	}
	t.At = t.At.Add(size)
	return t, key, nil
}

func hintDictRead(m *machine.Machine, ids *IDs) error {
	t, key, err := dictAccess(m, ids)
	if err != nil {
		return err
	}
	v, err := t.Data.Cell(key)
	if err != nil {
		return err
	}
	return ids.Set(m, "value", v)
}

func hintDictWrite(m *machine.Machine, ids *IDs) error {
	t, key, err := dictAccess(m, ids)
	if err != nil {
		return err
	}
	v, err := t.Data.Cell(key)
	if err != nil {
		return err
	}
	at, err := ids.member(m, "dict_ptr", "prev_value")
	if err != nil {
		return err
	}
	if err := m.Memory.Insert(at, v); err != nil {
		return err
	}
	if v, err = ids.Value(m, "new_value"); err != nil {
		return err
	}
	t.Data.SetCell(key, v)
	return nil
}

func hintDictUpdate(m *machine.Machine, ids *IDs) error {
	t, key, err := dictAccess(m, ids)
	if err != nil {
		return err
	}
	have, err := t.Data.Cell(key)
	if err != nil {
		return err
	}
	prev, err := ids.Value(m, "prev_value")
	if err != nil {
		return err
	}
	if have != prev {
		return fmt.Errorf("Wrong previous value in dict. Got %v, expected %v.", prev, have)
	}
	next, err := ids.Value(m, "new_value")
	if err != nil {
		return err
	}
	t.Data.SetCell(key, next)
	return nil
}

func hintSquashDict(m *machine.Machine, ids *IDs) error {
	size, err := ids.Size("DictAccess")
	if err != nil {
		return err
	}
	at, err := ids.Struct(m, "dict_accesses")
	if err != nil {
		return err
	}
	diff, err := ids.Int(m, "ptr_diff")
	if err != nil {
		return err
	}
	if size == 0 || new(big.Int).Mod(diff, big.NewInt(int64(size))).Sign() != 0 {
		return errors.New("Accesses array size must be divisible by DictAccess.SIZE")
	}
	n, err := ids.Uint64(m, "n_accesses")
	if err != nil {
		return err
	}
	if n > machine.MaxCells {
		return fmt.Errorf("a dictionary of %d accesses", n)
	}
	if limit, ok := ids.scopes.Variables()["__squash_dict_max_size"].(*big.Int); ok && limit.Cmp(new(big.Int).SetUint64(n)) < 0 {
		return fmt.Errorf("squash_dict() can only be used with n_accesses<=%v. Got: n_accesses=%d.", limit, n)
	}
	indices, keys := pyhint.NewDict(), []felt.Felt{}
	seen := make(map[felt.Felt]*pyhint.List)
	for i := range n {
		key, err := m.Memory.Felt(at.Add(size * int(i)))
		if err != nil {
			return err
		}
		l := seen[key]
		if l == nil {
			l = &pyhint.List{}
			seen[key] = l
			keys = append(keys, key)
			if err := indices.Set(key.BigInt(), l); err != nil {
				return err
			}
		}
		l.Items = append(l.Items, new(big.Int).SetUint64(i))
	}
	if len(keys) == 0 {
		return errors.New("list index out of range")
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i].Cmp(&keys[j]) > 0 })
	list := &pyhint.List{}
	for i := range keys {
		list.Items = append(list.Items, keys[i].BigInt())
	}
	scope := ids.scopes.Variables()
	scope["access_indices"], scope["keys"] = indices, list
	if err := ids.Set(m, "big_keys", machine.BoolValue(keys[0].BitLen() > 128)); err != nil {
		return err
	}
	return hintNextKey(m, ids, list, "first_key")
}

// hintNextKey removes the last of keys and writes it to the scope's variable key and to ids.name.
func hintNextKey(m *machine.Machine, ids *IDs, keys *pyhint.List, name string) error {
	key := keys.Items[len(keys.Items)-1]
	keys.Items = keys.Items[:len(keys.Items)-1]
	ids.scopes.Variables()["key"] = key
	v, err := pyhint.ToValue(key)
	if err != nil {
		return err
	}
	return ids.Set(m, name, v)
}

// keyIndices returns the scope's access_indices[key].
func keyIndices(ids *IDs) (*pyhint.List, error) {
	d, ok := ids.scopes.Variables()["access_indices"].(*pyhint.Dict)
	if !ok {
		return nil, errors.New("name 'access_indices' is not defined")
	}
	x, err := d.Value(ids.scopes.Variables()["key"])
	if err != nil {
		return nil, err
	}
	l, ok := x.(*pyhint.List)
	if !ok {
		return nil, errors.New("access_indices[key] is not a list")
	}
	return l, nil
}

func hintSquashFirst(m *machine.Machine, ids *IDs) error {
	l, err := keyIndices(ids)
	if err != nil {
		return err
	}
	if len(l.Items) == 0 {
		return errors.New("pop from empty list")
	}
	// The indices are in ascending order; the code sorts them in descending order.
	current := &pyhint.List{Items: make([]any, len(l.Items))}
	for i, x := range l.Items {
		current.Items[len(l.Items)-1-i] = x
	}
	index := current.Items[len(current.Items)-1]
	current.Items = current.Items[:len(current.Items)-1]
	scope := ids.scopes.Variables()
	scope["current_access_indices"], scope["current_access_index"] = current, index
	ptr, err := ids.Pointer(m, "range_check_ptr")
	if err != nil {
		return err
	}
	v, err := pyhint.ToValue(index)
	if err != nil {
		return err
	}
	return m.Memory.Insert(ptr, v)
}

func hintSquashNext(m *machine.Machine, ids *IDs) error {
	l, err := scopeList(ids, "current_access_indices")
	if err != nil {
		return err
	}
	if len(l.Items) == 0 {
		return errors.New("pop from empty list")
	}
	next, ok := l.Items[len(l.Items)-1].(*big.Int)
	current, err := scopeInt(ids, "current_access_index")
	if err != nil || !ok {
		return errors.Join(errors.New("the access indices are not integers"), err)
	}
	l.Items = l.Items[:len(l.Items)-1]
	at, err := ids.member(m, "loop_temps", "index_delta_minus1")
	if err != nil {
		return err
	}
	delta := new(big.Int).Sub(next, current)
	scope := ids.scopes.Variables()
	scope["new_access_index"], scope["current_access_index"] = next, next
	return m.Memory.Insert(at, machine.FeltValue(felt.FromBigInt(delta.Sub(delta, big.NewInt(1)))))
}

func hintSquashUsed(m *machine.Machine, ids *IDs) error {
	l, err := keyIndices(ids)
	if err != nil {
		return err
	}
	n, err := ids.Int(m, "n_used_accesses")
	if err == nil && n.Cmp(big.NewInt(int64(len(l.Items)))) != 0 {
		err = errors.New("AssertionError")
	}
	return err
}

// shifted returns floor(l / 2^n) and l mod 2^n.
func shifted(l [4]uint64, n uint) (high, low [4]uint64) {
	words, bits := n/64, n%64
	for i := range l {
		if k := uint(i) + words; k < 4 {
			high[i] = l[k] >> bits
			if k+1 < 4 && bits > 0 {
				high[i] |= l[k+1] << (64 - bits)
			}
		}
		switch k := uint(i); {
		case k < words:
			low[i] = l[i]
		case k == words:
			low[i] = l[i] & (1<<bits - 1)
		}
	}
	return high, low
}

// splitInput returns the hint ids.high, ids.low = divmod(memory[ids.inputs + offset], 256 ** n).
func splitInput(offset, n int, high, low string) ProgramHint {
	return func(m *machine.Machine, ids *IDs) error {
		at, err := ids.Pointer(m, "inputs")
		if err != nil {
			return err
		}
		v, err := m.Memory.Felt(at.Add(offset))
		if err != nil {
			return err
		}
		h, l := shifted(v.Limbs(), uint(8*n))
		if err := ids.Set(m, high, machine.FeltValue(felt.FromLimbs(h))); err != nil {
			return err
		}
		return ids.Set(m, low, machine.FeltValue(felt.FromLimbs(l)))
	}
}

func hintSplitOutput0(m *machine.Machine, ids *IDs) error {
	v, err := ids.Felt(m, "output0")
	if err != nil {
		return err
	}
	high, low := shifted(v.Limbs(), 128)
	if err := ids.Set(m, "output0_low", machine.FeltValue(felt.FromLimbs(low))); err != nil {
		return err
	}
	return ids.Set(m, "output0_high", machine.FeltValue(felt.FromLimbs(high)))
}

func hintSplitOutput1(m *machine.Machine, ids *IDs) error {
	v, err := ids.Felt(m, "output1")
	if err != nil {
		return err
	}
	rest, low := shifted(v.Limbs(), 8*7)
	tmp := felt.FromLimbs(rest)
	ids.scopes.Variables()["tmp"] = tmp.BigInt()
	if err := ids.Set(m, "output1_low", machine.FeltValue(felt.FromLimbs(low))); err != nil {
		return err
	}
	high, mid := shifted(rest, 128)
	if err := ids.Set(m, "output1_high", machine.FeltValue(felt.FromLimbs(high))); err != nil {
		return err
	}
	return ids.Set(m, "output1_mid", machine.FeltValue(felt.FromLimbs(mid)))
}

func hintSplitBytes(m *machine.Machine, ids *IDs) error { // n_words_to_copy, n_bytes_left
	n, err := ids.Int(m, "n_bytes")
	if err != nil {
		return err
	}
	word, err := ids.Const("BYTES_IN_WORD")
	if err != nil {
		return err
	}
	if word.Sign() <= 0 {
		return fmt.Errorf("BYTES_IN_WORD is %v", word)
	}
	words, left := n.DivMod(n, word, new(big.Int))
	if err := ids.SetInt(m, "n_words_to_copy", words); err != nil {
		return err
	}
	return ids.SetInt(m, "n_bytes_left", left)
}

// hintCompareBytes writes to [ap] whether ids.n_bytes is less than the constant (sign -1), or at least the constant (sign 1).
func hintCompareBytes(m *machine.Machine, ids *IDs, name string, sign int) error {
	n, err := ids.Int(m, "n_bytes")
	if err != nil {
		return err
	}
	bound, err := ids.Const(name)
	if err != nil {
		return err
	}
	return m.Memory.Insert(m.APAddr(), machine.BoolValue((n.Cmp(bound) < 0) == (sign < 0)))
}
