package native_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/internal/golden"
)

// functionRun calls single functions of a program on both engines. It makes arguments of most types, and prints the results of both engines
// in one form.
type functionRun struct {
	registry *sierra.Registry
	program  *compiler.Program
	code     []felt.Felt
	hooks    map[int][]machine.HintFunc
	native   *native.Functions
	r        *rand.Rand

	m     *machine.Machine
	costs machine.Addr
}

// unsupported is the panic for a type of which the test can make no value.
type unsupported string

// newFunctionRun compiles a Sierra program for both engines.
func newFunctionRun(e *native.Engine, text string, seed uint64) (f *functionRun, err error) {
	p, err := sierra.ParseText(text)
	if err != nil {
		return nil, err
	}
	f = &functionRun{r: rand.New(rand.NewPCG(seed, 7)), hooks: map[int][]machine.HintFunc{}}
	if f.registry, err = sierra.NewRegistry(p); err != nil {
		return nil, err
	}
	if f.program, err = compiler.Compile(f.registry, compiler.Options{MaxBytecode: 1 << 30}); err != nil {
		return nil, err
	}
	code, at := f.program.Assemble()
	f.code = code
	for _, h := range at {
		for i := range h.Hints {
			hook, err := vm.CoreHint(&h.Hints[i])
			if err != nil {
				return nil, err
			}
			f.hooks[h.Offset] = append(f.hooks[h.Offset], hook)
		}
	}
	info, err := compiler.GasInfoOf(f.registry, sierra.EntryPoints{})
	if err != nil {
		return nil, err
	}
	f.native, err = e.Functions(p, info)
	return f, err
}

// reset replaces the machine by a new one with the program in memory.
func (f *functionRun) reset(sys *chain) error {
	m := machine.NewMachine()
	f.m = m
	f.costs = m.Memory.AddSegment()
	if _, err := m.Memory.LoadFelts(machine.Addr{}, f.code...); err != nil {
		return err
	}
	extra := vm.ExtraData(f.costs)
	if _, err := m.Memory.Load(machine.Addr{Offset: uint64(len(f.code))}, extra[:]...); err != nil {
		return err
	}
	if _, err := m.Memory.LoadFelts(f.costs, vm.BuiltinCosts()...); err != nil {
		return err
	}
	for at, hooks := range f.hooks {
		if err := m.AddHints(machine.Addr{Offset: uint64(at)}, hooks...); err != nil {
			return err
		}
	}
	m.Data = &vm.HintState{Syscall: vm.NewSyscallHandler(sys)}
	return nil
}

var builtinNames = map[string]string{
	"Pedersen": "pedersen", "RangeCheck": "range_check", "Bitwise": "bitwise", "EcOp": "ec_op", "Poseidon": "poseidon",
	"SegmentArena": "segment_arena", "RangeCheck96": "range_check96", "AddMod": "add_mod", "MulMod": "mul_mod",
}

func (f *functionRun) typ(id sierra.TypeID) *sierra.ConcreteType { return f.registry.Type(id) }

// argument returns a random value of a type, as cells for the VM and as slots for the native engine.
func (f *functionRun) argument(id sierra.TypeID, gas uint64, nonZero bool) (cells []machine.Value, slots []uint64) {
	t := f.typ(id)
	if name := builtinNames[t.Generic]; name != "" {
		b, err := f.m.AddBuiltin(name)
		if err != nil {
			panic(unsupported(err.Error()))
		}
		return []machine.Value{machine.AddrValue(b.Base)}, nil
	}
	number := func(v *big.Int) ([]machine.Value, []uint64) {
		return []machine.Value{machine.FeltValue(felt.FromBigInt(v))}, f.native.IntSlots(id, v)
	}
	switch t.Generic {
	case "GasBuiltin":
		return []machine.Value{machine.UintValue(gas)}, []uint64{gas}
	case "System":
		return []machine.Value{machine.AddrValue(f.m.Memory.AddSegment())}, nil
	case "BuiltinCosts":
		return []machine.Value{machine.AddrValue(f.costs)}, nil
	case "felt252", "ContractAddress", "ClassHash", "StorageAddress", "StorageBaseAddress":
		v := randomFelt(f.r)
		if t.Generic != "felt252" {
			v = integer(f.r, 250)
		}
		if nonZero && v.IsZero() {
			v = felt.One
		}
		return []machine.Value{machine.FeltValue(v)}, v[:]
	case "NonZero", "Snapshot":
		return f.argument(t.Inner, gas, nonZero || t.Generic == "NonZero")
	case "EcPoint":
		p := starkcurve.Generator.ScalarMul(big.NewInt(int64(1 + f.r.IntN(50))))
		if !nonZero && f.r.IntN(4) == 0 {
			p = starkcurve.Point{}
		}
		return []machine.Value{machine.FeltValue(p.X), machine.FeltValue(p.Y)}, append(append([]uint64{}, p.X[:]...), p.Y[:]...)
	case "Struct":
		for i, m := range t.Members {
			c, s := f.argument(m, gas, nonZero && i == 0)
			cells, slots = append(cells, c...), append(slots, s...)
		}
		return cells, slots
	case "Enum":
		n := len(t.Members)
		if n == 0 {
			panic(unsupported("an empty enum"))
		}
		i := f.r.IntN(n)
		tag := i
		if n > 2 {
			tag = 2*(n-i) - 1
		}
		c, s := f.argument(t.Members[i], gas, false)
		cells = []machine.Value{machine.UintValue(uint64(tag))}
		for len(cells)+len(c) < t.Size {
			cells = append(cells, machine.Value{})
		}
		slots = append([]uint64{uint64(i)}, s...)
		for len(slots) < f.native.Size(id) {
			slots = append(slots, 0xdead)
		}
		return append(cells, c...), slots
	case "Array", "Span":
		at := f.m.Memory.AddSegment()
		end := at
		var words []uint64
		for range f.r.IntN(6) {
			c, s := f.argument(t.Inner, gas, false)
			var err error
			if end, err = f.m.Memory.Load(end, c...); err != nil {
				panic(unsupported(err.Error()))
			}
			words = append(words, s...)
		}
		start := f.native.Words(words...)
		stop := start + uint64(8*len(words))
		return []machine.Value{machine.AddrValue(at), machine.AddrValue(end)}, []uint64{start, stop, stop}
	case "Box", "Nullable":
		if t.Generic == "Nullable" && f.r.IntN(3) == 0 {
			return []machine.Value{{}}, []uint64{0}
		}
		at := f.m.Memory.AddSegment()
		c, s := f.argument(t.Inner, gas, false)
		if _, err := f.m.Memory.Load(at, c...); err != nil {
			panic(unsupported(err.Error()))
		}
		return []machine.Value{machine.AddrValue(at)}, []uint64{f.native.Words(s...)}
	case "Coupon":
		return nil, nil
	case "U96Guarantee":
		v := integer(f.r, 96)
		l := v.Limbs()
		return []machine.Value{machine.FeltValue(v)}, l[:2]
	case "U96LimbsLtGuarantee": // n limbs of the value, then n limbs of a larger bound
		n := int(t.Args[0].Value.Int64())
		var lower, upper []felt.Felt
		for i := range n {
			x, y := integer(f.r, 96), integer(f.r, 96)
			if i == n-1 && y.Cmp(&x) < 0 {
				x, y = y, x
			}
			if x == y || i < n-1 && f.r.IntN(2) == 0 {
				x, y = felt.FromUint64(3), felt.FromUint64(4)
			}
			lower, upper = append(lower, x), append(upper, y)
		}
		if n > 1 && f.r.IntN(2) == 0 {
			upper[n-1] = lower[n-1]
			lower[n-2], upper[n-2] = felt.FromUint64(1), felt.FromUint64(1<<40)
		}
		for _, v := range append(lower, upper...) {
			l := v.Limbs()
			cells, slots = append(cells, machine.FeltValue(v)), append(slots, l[:2]...)
		}
		return cells, slots
	case "GasReserve":
		n := uint64(f.r.IntN(1 << 30))
		return []machine.Value{machine.UintValue(n)}, []uint64{n}
	case "IntRange":
		rng, _ := f.registry.IntRange(t.Inner)
		x, y := f.inRange(rng), f.inRange(rng)
		if x.Cmp(y) > 0 {
			x, y = y, x
		}
		if f.r.IntN(3) == 0 {
			x = y
		}
		return []machine.Value{machine.FeltValue(felt.FromBigInt(x)), machine.FeltValue(felt.FromBigInt(y))},
			append(f.native.IntSlots(t.Inner, x), f.native.IntSlots(t.Inner, y)...)
	case "EcState": // a sum, and the point from which it started
		sum, blinding := starkcurve.Generator.ScalarMul(big.NewInt(int64(100+f.r.IntN(3)))), starkcurve.Generator.ScalarMul(big.NewInt(100))
		at := f.m.Memory.AddSegment()
		if _, err := f.m.Memory.LoadFelts(at, blinding.X, blinding.Y); err != nil {
			panic(unsupported(err.Error()))
		}
		for _, v := range []felt.Felt{sum.X, sum.Y, blinding.X, blinding.Y} {
			slots = append(slots, v[:]...)
		}
		return []machine.Value{machine.FeltValue(sum.X), machine.FeltValue(sum.Y), machine.AddrValue(at)}, slots
	case "U128MulGuarantee":
		a, b := integer(f.r, 128), integer(f.r, 128)
		p := new(big.Int).Mul(a.BigInt(), b.BigInt())
		lo := new(big.Int).And(p, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(1)))
		for _, v := range []felt.Felt{a, b, felt.FromBigInt(new(big.Int).Rsh(p, 128)), felt.FromBigInt(lo)} {
			cells = append(cells, machine.FeltValue(v))
		}
		return cells, nil
	}
	if rng, ok := f.registry.IntRange(id); ok {
		v := f.inRange(rng)
		if nonZero && v.Sign() == 0 {
			if v = rng.Max(); v.Sign() == 0 {
				v = rng.Lower
			}
		}
		return number(v)
	}
	panic(unsupported(t.Generic))
}

// inRange returns a random number in a range: often one of its ends, or near an end or zero.
func (f *functionRun) inRange(r sierra.Range) *big.Int {
	size := new(big.Int).Sub(r.Upper, r.Lower)
	v := new(big.Int)
	switch f.r.IntN(6) {
	case 0:
	case 1:
		v.Sub(size, big.NewInt(1))
	case 2:
		v.SetInt64(int64(f.r.IntN(4)))
	case 3:
		v.Sub(size, big.NewInt(int64(1+f.r.IntN(4))))
	case 4:
		v.Sub(v, r.Lower) // zero
		v.Add(v, big.NewInt(int64(f.r.IntN(5)-2)))
	default:
		for range 5 {
			v.Lsh(v, 64).Or(v, new(big.Int).SetUint64(f.r.Uint64()))
		}
		v.Rsh(v, uint(f.r.IntN(300)))
	}
	return v.Add(v.Mod(v, size), r.Lower)
}

// readVM prints the value of a type at an address of the VM's memory.
func (f *functionRun) readVM(id sierra.TypeID, at machine.Addr) string {
	t := f.typ(id)
	get := func(i int) machine.Value {
		v, _ := f.m.Memory.Get(at.Add(i))
		return v
	}
	cell := func(i int) felt.Felt {
		v, ok := get(i).Felt()
		if !ok {
			panic(unsupported(fmt.Sprintf("%s is %v", t.Generic, get(i))))
		}
		return v
	}
	switch t.Generic {
	case "GasBuiltin", "felt252", "ContractAddress", "ClassHash", "StorageAddress", "StorageBaseAddress", "GasReserve":
		return cell(0).String()
	case "NonZero", "Snapshot":
		return f.readVM(t.Inner, at)
	case "EcPoint", "EcState", "IntRange":
		return cell(0).String() + "," + cell(1).String()
	case "U96Guarantee", "U96LimbsLtGuarantee":
		var out []string
		for i := range t.Size {
			out = append(out, cell(i).String())
		}
		return strings.Join(out, ",")
	case "Struct":
		var out []string
		for _, m := range t.Members {
			out = append(out, f.readVM(m, at))
			at = at.Add(f.typ(m).Size)
		}
		return "{" + strings.Join(out, " ") + "}"
	case "Enum":
		f0 := cell(0)
		tag, n := int(f0.Uint64()), len(t.Members)
		i := tag
		if n > 2 {
			i = n - (tag+1)/2
		}
		if i < 0 || i >= n {
			return fmt.Sprintf("bad tag %d of %d", tag, n)
		}
		return fmt.Sprintf("%d:", i) + f.readVM(t.Members[i], at.Add(t.Size-f.typ(t.Members[i]).Size))
	case "Array", "Span", "SquashedFelt252Dict":
		start, ok := get(0).Addr()
		end, ok2 := get(1).Addr()
		if !ok || !ok2 {
			panic(unsupported("an array without addresses"))
		}
		if t.Generic == "SquashedFelt252Dict" {
			return fmt.Sprintf("squashed %d", (end.Offset-start.Offset)/3)
		}
		var out []string
		for ; start.Offset < end.Offset; start = start.Add(f.typ(t.Inner).Size) {
			out = append(out, f.readVM(t.Inner, start))
		}
		return "[" + strings.Join(out, " ") + "]"
	case "Box", "Nullable":
		p, ok := get(0).Addr()
		if v := get(0); !ok && f.typ(t.Inner).Size == 0 && v == machine.UintValue(1) {
			return "&" + f.readVM(t.Inner, at) // a box of an empty value is the number 1
		}
		if !ok {
			return "null"
		}
		return "&" + f.readVM(t.Inner, p)
	}
	if _, ok := f.registry.IntRange(id); ok {
		v := cell(0)
		return v.String()
	}
	return t.Generic
}

// readNative prints the value of a type in slots of the native engine, as readVM prints it.
func (f *functionRun) readNative(id sierra.TypeID, s []uint64) string {
	t := f.typ(id)
	switch t.Generic {
	case "GasBuiltin", "GasReserve":
		return felt.FromUint64(s[0]).String()
	case "felt252", "ContractAddress", "ClassHash", "StorageAddress", "StorageBaseAddress":
		return felt.Felt(s[:4]).String()
	case "NonZero", "Snapshot":
		return f.readNative(t.Inner, s)
	case "EcPoint", "EcState":
		return felt.Felt(s[:4]).String() + "," + felt.Felt(s[4:8]).String()
	case "IntRange":
		n := f.native.Size(t.Inner)
		return felt.FromBigInt(f.native.Int(t.Inner, s[:n])).String() + "," + felt.FromBigInt(f.native.Int(t.Inner, s[n:2*n])).String()
	case "U96Guarantee", "U96LimbsLtGuarantee":
		var out []string
		for ; len(s) > 0; s = s[2:] {
			out = append(out, felt.FromUint128(s[1], s[0]).String())
		}
		return strings.Join(out, ",")
	case "Struct":
		var out []string
		for _, m := range t.Members {
			n := f.native.Size(m)
			out = append(out, f.readNative(m, s[:n]))
			s = s[n:]
		}
		return "{" + strings.Join(out, " ") + "}"
	case "Enum":
		i := int(s[0])
		if i < 0 || i >= len(t.Members) {
			return fmt.Sprintf("bad tag %d of %d", i, len(t.Members))
		}
		return fmt.Sprintf("%d:", i) + f.readNative(t.Members[i], s[1:1+f.native.Size(t.Members[i])])
	case "SquashedFelt252Dict":
		return fmt.Sprintf("squashed %d", (s[1]-s[0])/uint64(32+16*f.native.Size(t.Inner)))
	case "Array", "Span":
		var out []string
		n := f.native.Size(t.Inner)
		if n == 0 {
			panic(unsupported("an array of nothing"))
		}
		for at := s[0]; at < s[1]; at += uint64(8 * n) {
			out = append(out, f.readNative(t.Inner, f.native.Read(at, n)))
		}
		return "[" + strings.Join(out, " ") + "]"
	case "Box", "Nullable":
		if s[0] == 0 {
			return "null"
		}
		return "&" + f.readNative(t.Inner, f.native.Read(s[0], f.native.Size(t.Inner)))
	}
	if _, ok := f.registry.IntRange(id); ok {
		return felt.FromBigInt(f.native.Int(id, s)).String()
	}
	return t.Generic
}

// call calls a function with random arguments on both engines and returns a description of the difference, "" if there is none. The error
// says that the VM or the test cannot make the call, for example because the arguments break an assumption of the function.
func (f *functionRun) call(id sierra.FuncID) (diff string, err error) {
	defer func() {
		if u, ok := recover().(unsupported); ok {
			err = fmt.Errorf("unsupported: %s", string(u))
		}
	}()
	fn := &f.registry.Program.Funcs[id]
	a, b := newChain(nil, nil), newChain(nil, nil)
	if err := f.reset(a); err != nil {
		return "", err
	}
	f.native.Begin(b)
	gas := gasOf(f.r)
	var stack []machine.Value
	var slots []uint64
	for _, p := range fn.Params {
		c, s := f.argument(p.Type, gas, false)
		stack, slots = append(stack, c...), append(slots, s...)
	}
	end := f.m.Memory.AddSegment()
	arguments := fmt.Sprint(stack)
	stack = append(stack, machine.Value{}, machine.AddrValue(end))
	if _, err := f.m.Memory.Load(machine.Addr{Segment: 1}, stack...); err != nil {
		return "", err
	}
	f.m.PC = machine.Addr{Offset: uint64(f.program.Offsets[fn.Entry])}
	f.m.AP = uint64(len(stack))
	f.m.FP = f.m.AP
	f.m.MaxSteps = 1 << 20
	vmErr := f.m.Run(end)
	results, nativeErr := f.native.Call(id, slots)
	if vmErr != nil {
		return "", vmErr
	}
	if nativeErr != nil {
		return fmt.Sprintf("native: %v", nativeErr), nil
	}
	at := machine.Addr{Segment: 1, Offset: f.m.AP}
	for _, id := range fn.Ret {
		at.Offset -= uint64(f.typ(id).Size)
	}
	var want, got []string
	for _, id := range fn.Ret {
		if builtinNames[f.typ(id).Generic] == "" && f.typ(id).Generic != "System" {
			n := f.native.Size(id)
			want = append(want, f.readVM(id, at))
			got = append(got, f.readNative(id, results[:n]))
			results = results[n:]
		}
		at = at.Add(f.typ(id).Size)
	}
	if x, y := fmt.Sprint(want, a.log), fmt.Sprint(got, b.log); x != y {
		return fmt.Sprintf("(%s)\n vm     %s\n native %s", arguments, x, y), nil
	}
	return "", nil
}

// libfuncTexts returns the Sierra programs of the libfunc cases in the corpus, by name.
func libfuncTexts(t *testing.T) (names []string, texts map[string]string) {
	root := golden.Corpus(t, "libfuncs")
	texts = map[string]string{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		for i, one := range strings.Split(string(text), "//! > "+strings.Repeat("=", 74)) {
			for _, section := range strings.Split("\n"+one, "\n//! > ") {
				name, code, _ := strings.Cut(section, "\n")
				if name == "sierra_code" {
					key := fmt.Sprintf("%s/%03d", rel, i)
					names = append(names, key)
					texts[key] = code
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names, texts
}

// TestLibfuncs checks that all functions of the libfunc programs have equal results on both engines, with random and edge arguments.
func TestLibfuncs(t *testing.T) {
	names, texts := libfuncTexts(t)
	e := newEngine(t)
	n := 12
	if os.Getenv("STARKD_FULL") != "" {
		n = 1000
	}
	programs, functions, runs, rejected := 0, 0, 0, 0
	for i, name := range names {
		f, err := newFunctionRun(e, texts[name], uint64(i))
		if err != nil {
			t.Logf("%s: %v", name, err)
			continue
		}
		programs++
		for id := range f.registry.Program.Funcs {
			good := 0
			var last error
			for range n {
				diff, err := f.call(sierra.FuncID(id))
				if err != nil {
					last = err
					rejected++
					if strings.HasPrefix(err.Error(), "unsupported") && good == 0 {
						break
					}
					continue
				}
				good++
				runs++
				if diff != "" {
					t.Errorf("%s function %d: %s", name, id, diff)
					break
				}
			}
			if good > 0 {
				functions++
			} else {
				t.Logf("%s function %d (%s) is not run: %v", name, id, f.registry.Program.Funcs[id].Name, last)
			}
		}
	}
	t.Logf("%d of %d programs, %d functions, %d equal runs, %d calls that the VM or the test cannot make", programs, len(names), functions, runs, rejected)
	if programs < 300 {
		t.Errorf("%d programs, want at least 300", programs)
	}
}
