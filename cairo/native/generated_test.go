package native_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
)

// generator writes a random well-typed Sierra program with one function. The function makes values, combines them, branches on them, puts
// them into structs, enums, arrays and boxes, and returns all live values.
type generator struct {
	r        *rand.Rand
	types    []string // declarations; each follows those of the types that it is made of
	known    map[string]bool
	libfuncs []string
	code     []string // statements, and labels as "\x00label"
	vars     int
	live     []variable
	labels   int
}

type variable struct {
	id  int
	typ string
}

var generatedInts = []string{"u8", "u16", "u32", "u64", "u128"}
var generatedSigned = []string{"i8", "i16", "i32", "i64", "i128"}

func (g *generator) typ(name, declaration string) string {
	if !g.known[name] {
		g.known[name] = true
		g.types = append(g.types, "type "+name+" = "+declaration+";")
	}
	return name
}

func (g *generator) basic(name string) string { return g.typ(name, name) }

func (g *generator) lf(name string) string {
	if !g.known["libfunc "+name] {
		g.known["libfunc "+name] = true
		g.libfuncs = append(g.libfuncs, "libfunc "+name+" = "+name+";")
	}
	return name
}

func (g *generator) fresh(typ string) variable {
	g.vars++
	return variable{g.vars, typ}
}

func list(vars []variable) string {
	out := make([]string, len(vars))
	for i, v := range vars {
		out[i] = fmt.Sprintf("[%d]", v.id)
	}
	return strings.Join(out, ", ")
}

// emit writes an invocation with one branch and returns its results.
func (g *generator) emit(libfunc string, args []variable, results ...string) []variable {
	out := make([]variable, len(results))
	for i, t := range results {
		out[i] = g.fresh(t)
	}
	g.code = append(g.code, fmt.Sprintf("%s(%s) -> (%s);", g.lf(libfunc), list(args), list(out)))
	return out
}

// take removes and returns a live variable of a type, of which it leaves a duplicate half of the time. If there is no such variable, it
// returns a constant.
func (g *generator) take(typ string) variable {
	var at []int
	for i, v := range g.live {
		if v.typ == typ {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return g.constant(typ)
	}
	i := at[g.r.IntN(len(at))]
	v := g.live[i]
	if g.r.IntN(2) == 0 && g.duplicable(typ) {
		d := g.emit("dup<"+typ+">", []variable{v}, typ, typ)
		g.live[i] = d[0]
		return d[1]
	}
	g.live = slices.Delete(g.live, i, i+1)
	return v
}

func (g *generator) duplicable(typ string) bool { return !strings.HasPrefix(typ, "Array") }

func (g *generator) constant(typ string) variable {
	f := integer(g.r, bitsOf(typ))
	v := f.BigInt()
	if strings.HasPrefix(typ, "i") && v.BitLen() > 200 {
		v.Sub(v, felt.Modulus())
	}
	name := fmt.Sprintf("%s_const<%s>", typ, v)
	c := g.emit(name, nil, typ)[0]
	return g.store(c)
}

func (g *generator) store(v variable) variable {
	return g.emit("store_temp<"+v.typ+">", []variable{v}, v.typ)[0]
}

func bitsOf(typ string) int {
	if n := intBits[typ]; n != 0 {
		return n
	}
	return 250
}

// branch writes an invocation with two branches. arm turns the results of a branch into values whose types are equal in both branches. Both
// branches store the live variables.
func (g *generator) branch(libfunc string, args []variable, results [2][]string, arm func(branch int, results []variable) []variable) {
	g.labels++
	other, done := fmt.Sprintf("F0_L%d", 2*g.labels), fmt.Sprintf("F0_L%d", 2*g.labels+1)
	var vars [2][]variable
	for i := range vars {
		for _, t := range results[i] {
			vars[i] = append(vars[i], g.fresh(t))
		}
	}
	g.code = append(g.code, fmt.Sprintf("%s(%s) { fallthrough(%s) %s(%s) };", g.lf(libfunc), list(args), list(vars[0]), other, list(vars[1])))
	before := slices.Clone(g.live)
	var after []variable
	for i := range vars {
		g.live = slices.Clone(before)
		if i == 1 {
			g.code = append(g.code, "\x00"+other)
		}
		g.emit("branch_align", nil)
		all := append(g.live, arm(i, vars[i])...)
		if i == 0 {
			for _, v := range all {
				after = append(after, g.fresh(v.typ))
			}
		}
		for k, v := range all {
			g.code = append(g.code, fmt.Sprintf("%s([%d]) -> ([%d]);", g.lf("store_temp<"+v.typ+">"), v.id, after[k].id))
		}
		if i == 0 {
			g.code = append(g.code, fmt.Sprintf("%s() { %s() };", g.lf("jump"), done))
		}
	}
	g.code = append(g.code, "\x00"+done)
	g.live = after
}

// builtin removes and returns the variable of a builtin, which is always live.
func (g *generator) builtin(typ string) variable {
	i := slices.IndexFunc(g.live, func(v variable) bool { return v.typ == typ })
	v := g.live[i]
	g.live = slices.Delete(g.live, i, i+1)
	return v
}

func (g *generator) add(vars ...variable) { g.live = append(g.live, vars...) }

func (g *generator) pick(list []string) string { return list[g.r.IntN(len(list))] }

// step writes one random operation.
func (g *generator) step() {
	const rc = "RangeCheck"
	u := g.pick(generatedInts)
	i := g.pick(generatedSigned)
	plain := func(_ int, v []variable) []variable { return v }
	switch g.r.IntN(25) {
	case 24: // a division by a constant
		nz := g.typ("NonZero_u128", "NonZero<u128>")
		d := integer(g.r, 128)
		if d.IsZero() {
			d = felt.One
		}
		inner := g.typ(fmt.Sprintf("Const_%v", d), fmt.Sprintf("Const<u128, %v>", d.BigInt()))
		c := g.typ("Const_NonZero_"+inner, "Const<"+nz+", "+inner+">")
		by := g.store(g.emit("const_as_immediate<"+c+">", nil, nz)[0])
		g.add(g.emit("u128_safe_divmod", []variable{g.builtin(rc), g.take("u128"), by}, rc, "u128", "u128")...)
	case 0, 1, 2:
		op := g.pick([]string{"felt252_add", "felt252_sub", "felt252_mul"})
		g.add(g.store(g.emit(op, []variable{g.take("felt252"), g.take("felt252")}, "felt252")[0]))
	case 3:
		nz := g.typ("NonZero_felt252", "NonZero<felt252>")
		g.branch("felt252_is_zero", []variable{g.take("felt252")}, [2][]string{nil, {nz}}, func(b int, v []variable) []variable {
			if b == 0 {
				return []variable{g.constant("felt252")}
			}
			return g.emit("felt252_div", []variable{g.constant("felt252"), v[0]}, "felt252")
		})
	case 4, 5, 6:
		op := g.pick([]string{"_overflowing_add", "_overflowing_sub"})
		g.branch(u+op, []variable{g.builtin(rc), g.take(u), g.take(u)}, [2][]string{{rc, u}, {rc, u}}, plain)
	case 7, 8:
		op := g.pick([]string{"_overflowing_add_impl", "_overflowing_sub_impl", "_diff"})
		if op == "_diff" {
			g.branch(i+op, []variable{g.builtin(rc), g.take(i), g.take(i)}, [2][]string{{rc, "u" + i[1:]}, {rc, "u" + i[1:]}}, plain)
			return
		}
		g.add(g.constant(i)) // the generator writes no invocation with three branches; TestCorpus covers those
	case 9:
		g.branch(u+"_eq", []variable{g.take(u), g.take(u)}, [2][]string{nil, nil}, func(int, []variable) []variable {
			return []variable{g.constant("u8")}
		})
	case 10, 11:
		x := g.pick([]string{u, i})
		g.add(g.store(g.emit(x+"_to_felt252", []variable{g.take(x)}, "felt252")[0]))
	case 12, 13:
		x := g.pick([]string{u, i})
		if x == "u128" {
			g.branch("u128s_from_felt252", []variable{g.builtin(rc), g.take("felt252")}, [2][]string{{rc, x}, {rc, x, x}},
				func(b int, v []variable) []variable {
					if b == 0 {
						v = append(v, g.constant(x))
					}
					return v
				})
			return
		}
		g.branch(x+"_try_from_felt252", []variable{g.builtin(rc), g.take("felt252")}, [2][]string{{rc, x}, {rc}}, func(b int, v []variable) []variable {
			if b == 1 {
				v = append(v, g.constant(x))
			}
			return v
		})
	case 14:
		from, to := g.pick(append(slices.Clone(generatedInts), generatedSigned...)), g.pick(append(slices.Clone(generatedInts), generatedSigned...))
		if from == "u128" && to == from { // the compiler rejects this cast: no code has its cost
			to = "i128"
		}
		g.branch("downcast<"+from+", "+to+">", []variable{g.builtin(rc), g.take(from)}, [2][]string{{rc, to}, {rc}}, func(b int, v []variable) []variable {
			if b == 1 {
				v = append(v, g.constant(to))
			}
			return v
		})
	case 15:
		if u == "u128" {
			w := g.emit("u128_guarantee_mul", []variable{g.take(u), g.take(u)}, u, u, g.basic("U128MulGuarantee"))
			w[0], w[1] = g.store(w[0]), g.store(w[1])
			out := g.emit("u128_mul_guarantee_verify", []variable{g.builtin(rc), w[2]}, rc)
			g.add(w[0], w[1], g.store(out[0]))
			return
		}
		wide := map[string]string{"u8": "u16", "u16": "u32", "u32": "u64", "u64": "u128"}[u]
		g.add(g.store(g.emit(u+"_wide_mul", []variable{g.take(u), g.take(u)}, wide)[0]))
	case 16:
		nz := g.typ("NonZero_"+u, "NonZero<"+u+">")
		g.branch(u+"_is_zero", []variable{g.take(u)}, [2][]string{nil, {nz}}, func(b int, v []variable) []variable {
			rcv := g.builtin(rc)
			if b == 0 {
				x, y := g.constant(u), g.constant(u)
				return []variable{rcv, x, y}
			}
			return g.emit(u+"_safe_divmod", []variable{rcv, g.constant(u), v[0]}, rc, u, u)
		})
	case 17:
		op := u + "_bitwise"
		if u == "u128" {
			op = "bitwise"
		}
		out := g.emit(op, []variable{g.builtin("Bitwise"), g.take(u), g.take(u)}, "Bitwise", u, u, u)
		for k := range out {
			out[k] = g.store(out[k])
		}
		g.add(out...)
	case 18:
		root := map[string]string{"u8": "u8", "u16": "u8", "u32": "u16", "u64": "u32", "u128": "u64"}[u]
		g.add(g.emit(u+"_sqrt", []variable{g.builtin(rc), g.take(u)}, rc, root)...)
	case 19: // a struct of two members, which is boxed, unboxed and deconstructed
		x := g.pick([]string{u, i, "felt252"})
		t := g.typ("Pair_"+x+"_"+u, "Struct<ut@Tuple, "+x+", "+u+">")
		g.typ("Box_"+t, "Box<"+t+">")
		p := g.emit("struct_construct<"+t+">", []variable{g.take(x), g.take(u)}, t)
		p = []variable{g.store(p[0])}
		box := g.emit("into_box<"+t+">", p, "Box_"+t)
		box = []variable{g.store(box[0])}
		p = []variable{g.store(g.emit("unbox<"+t+">", box, t)[0])}
		g.add(g.emit("struct_deconstruct<"+t+">", p, x, u)...)
	case 20: // one variant of an enum with two, and a match
		x := g.pick([]string{u, i, "felt252"})
		t := g.typ("Choice_"+x+"_u8", "Enum<ut@Choice, "+x+", u8>")
		k := g.r.IntN(2)
		payload := g.take([]string{x, "u8"}[k])
		e := g.store(g.emit(fmt.Sprintf("enum_init<%s, %d>", t, k), []variable{payload}, t)[0])
		g.branch("enum_match<"+t+">", []variable{e}, [2][]string{{x}, {"u8"}}, func(b int, v []variable) []variable {
			if b == 0 {
				return []variable{v[0], g.constant("u8")}
			}
			return []variable{g.constant(x), v[0]}
		})
	case 21: // a new array with some elements
		x := g.pick([]string{"felt252", "u64", "u128"})
		a := g.typ("Array_"+x, "Array<"+x+">")
		arr := g.emit("array_new<"+x+">", nil, a)
		for range 1 + g.r.IntN(4) {
			arr = g.emit("array_append<"+x+">", []variable{arr[0], g.take(x)}, a)
		}
		g.add(g.store(arr[0]))
	case 22: // the first element of an array
		for _, x := range []string{"felt252", "u64", "u128"} {
			if !slices.ContainsFunc(g.live, func(v variable) bool { return v.typ == "Array_"+x }) {
				continue
			}
			g.typ("Box_"+x, "Box<"+x+">")
			g.branch("array_pop_front<"+x+">", []variable{g.take("Array_" + x)}, [2][]string{{"Array_" + x, "Box_" + x}, {"Array_" + x}},
				func(b int, v []variable) []variable {
					if b == 1 {
						return append(v, g.constant(x))
					}
					return append(v[:1], g.emit("unbox<"+x+">", v[1:], x)...)
				})
			return
		}
	case 23:
		g.add(g.store(g.emit("u8_to_felt252", []variable{g.take("u8")}, "felt252")[0]))
	}
}

// generate returns a program of n operations.
func generate(seed uint64, n int) string {
	g := &generator{r: rand.New(rand.NewPCG(seed, 77)), known: map[string]bool{}}
	for _, t := range append(append([]string{"RangeCheck", "Bitwise", "felt252"}, generatedInts...), generatedSigned...) {
		g.basic(t)
	}
	params := []variable{g.fresh("RangeCheck"), g.fresh("Bitwise")}
	for range 6 {
		params = append(params, g.fresh(g.pick(append(append([]string{"felt252"}, generatedInts...), generatedSigned...))))
	}
	g.live = slices.Clone(params)
	for range n {
		g.step()
		for len(g.live) > 14 { // drop variables, so that the program stays small
			i := slices.IndexFunc(g.live, func(v variable) bool { return v.typ != "RangeCheck" && v.typ != "Bitwise" })
			g.emit("drop<"+g.live[i].typ+">", []variable{g.live[i]})
			g.live = slices.Delete(g.live, i, i+1)
		}
	}
	var ret []variable
	for _, v := range g.live {
		ret = append(ret, g.store(v))
	}
	g.code = append(g.code, "return("+list(ret)+");")
	var code strings.Builder
	for _, section := range [][]string{g.types, g.libfuncs} {
		code.WriteString(strings.Join(section, "\n") + "\n\n")
	}
	code.WriteString("F0:\n")
	for _, line := range g.code {
		if label, ok := strings.CutPrefix(line, "\x00"); ok {
			line = label + ":"
		}
		code.WriteString(line + "\n")
	}
	var in, out []string
	for _, p := range params {
		in = append(in, fmt.Sprintf("[%d]: %s", p.id, p.typ))
	}
	for _, v := range ret {
		out = append(out, v.typ)
	}
	fmt.Fprintf(&code, "\ntest::f@F0(%s) -> (%s);\n", strings.Join(in, ", "), strings.Join(out, ", "))
	return code.String()
}

// TestGenerated checks that random programs have equal results on both engines.
func TestGenerated(t *testing.T) {
	n := 150
	if os.Getenv("STARKD_FULL") != "" {
		n = 10_000
	}
	e := newEngine(t)
	good, runs, rejected := 0, 0, map[string]int{}
	for seed := range uint64(n) {
		text := generate(seed, 5+int(seed%40))
		f, err := newFunctionRun(e, text, seed)
		if err != nil {
			rejected[err.Error()]++
			if len(rejected) < 3 {
				t.Logf("seed %d: %v\n%s", seed, err, text)
			}
			continue
		}
		good++
		for range 8 {
			diff, err := f.call(sierra.FuncID(0))
			if err != nil {
				rejected[err.Error()]++
				continue
			}
			runs++
			if diff != "" {
				t.Errorf("seed %d: %s\n%s", seed, diff, text)
				return
			}
		}
		f.native.Close()
	}
	t.Logf("%d programs of %d, %d equal runs, rejected %v", good, n, runs, rejected)
	if good < n || len(rejected) > 0 {
		t.Errorf("only %d of %d programs run, rejected %v", good, n, rejected)
	}
}

// FuzzGenerated does what TestGenerated does, with seeds from the fuzzer.
func FuzzGenerated(f *testing.F) {
	f.Add(uint64(1), uint8(10))
	f.Add(uint64(2), uint8(60))
	f.Fuzz(func(t *testing.T, seed uint64, n uint8) {
		e := newEngine(t)
		r, err := newFunctionRun(e, generate(seed, 1+int(n)), seed)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if diff, err := r.call(0); err != nil || diff != "" {
				t.Fatal(diff, err)
			}
		}
	})
}
