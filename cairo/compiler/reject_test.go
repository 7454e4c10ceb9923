package compiler

import (
	"fmt"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/sierra"
)

// prelude declares the types and libfuncs of the programs in this file.
const prelude = `
type felt252 = felt252 [storable: true, drop: true, dup: true, zero_sized: false];
type NonZero<felt252> = NonZero<felt252> [storable: true, drop: true, dup: true, zero_sized: false];
type RangeCheck = RangeCheck [storable: true, drop: false, dup: false, zero_sized: false];
type GasBuiltin = GasBuiltin [storable: true, drop: false, dup: false, zero_sized: false];
type Uninitialized<felt252> = Uninitialized<felt252> [storable: false, drop: true, dup: false, zero_sized: false];
type Const<felt252, 1> = Const<felt252, 1> [storable: false, drop: false, dup: false, zero_sized: false];
type Box<felt252> = Box<felt252> [storable: true, drop: true, dup: true, zero_sized: false];

libfunc dup<felt252> = dup<felt252>;
libfunc drop<felt252> = drop<felt252>;
libfunc drop<NonZero<felt252>> = drop<NonZero<felt252>>;
libfunc drop<Box<felt252>> = drop<Box<felt252>>;
libfunc add = felt252_add;
libfunc one = const_as_immediate<Const<felt252, 1>>;
libfunc store = store_temp<felt252>;
libfunc store_rc = store_temp<RangeCheck>;
libfunc store_gas = store_temp<GasBuiltin>;
libfunc is_zero = felt252_is_zero;
libfunc align = branch_align;
libfunc jump = jump;
libfunc local = alloc_local<felt252>;
libfunc drop_local = drop<Uninitialized<felt252>>;
libfunc finalize = finalize_locals;
libfunc store_local = store_local<felt252>;
libfunc revoke = revoke_ap_tracking;
libfunc enable = enable_ap_tracking;
libfunc disable = disable_ap_tracking;
libfunc withdraw = withdraw_gas;
libfunc redeposit = redeposit_gas;
`

// rejections are programs that the compiler rejects, with part of the message.
var rejections = []struct {
	name, message string
	code          sierra.Code
	text          string
}{
	{"undefined variable", "undefined", codeReferences, `
		store([7]) -> ([1]);
		return([1]);
		f@0([0]: felt252) -> (felt252);`},
	{"variable overridden", "overridden", codeReferences, `
		one() -> ([0]);
		return([0]);
		f@0([0]: felt252) -> (felt252);`},
	{"variable left over", "dangling", codeReferences, `
		one() -> ([1]);
		store([1]) -> ([1]);
		return([1]);
		f@0([0]: felt252) -> (felt252);`},
	{"result not on the stack", "not on the stack", codeReferences, `
		return([0]);
		f@0([0]: felt252) -> (felt252);`},
	{"result of another type", "type", codeReferences, `
		store([0]) -> ([0]);
		return([0]);
		f@0([0]: felt252) -> (RangeCheck);`},
	{"two results for one", "2 values are returned", codeReferences, `
		dup<felt252>([0]) -> ([0], [1]);
		store([0]) -> ([0]);
		store([1]) -> ([1]);
		return([0], [1]);
		f@0([0]: felt252) -> (felt252);`},
	{"parameter declared twice", "declared twice", codeReferences, `
		drop<felt252>([0]) -> ();
		return();
		f@0([0]: felt252, [0]: felt252) -> ();`},
	{"argument of another type", "argument 0 has type", codeLowering, `
		store([0]) -> ([0]);
		return([0]);
		f@0([0]: RangeCheck) -> (felt252);`},
	{"statement that nothing leads to", "nothing leads", codeReferences, `
		return();
		return();
		f@0() -> ();`},
	{"statement of two functions", "belongs to two functions", codeReferences, `
		jump() { 1() };
		return();
		f@0() -> ();
		g@1() -> ();`},
	{"unknown ap change with a live temporary", "unknown ap change", codeReferences, `
		store([0]) -> ([0]);
		revoke() -> ();
		drop<felt252>([0]) -> ();
		return();
		f@0([0]: felt252) -> ();`},
	{"different variables at a meeting point", "inconsistent references", codeReferences, `
		is_zero([0]) { fallthrough() 3([1]) };
		align() -> ();
		jump() { 6() };
		align() -> ();
		one() -> ([2]);
		drop<NonZero<felt252>>([1]) -> ();
		return();
		f@0([0]: felt252) -> ();`},
	{"the same variable in different cells", "variable [2] is", codeReferences, `
		is_zero([0]) { fallthrough() 4([1]) };
		align() -> ();
		dup<felt252>([5]) -> ([5], [2]);
		jump() { 7() };
		align() -> ();
		drop<NonZero<felt252>>([1]) -> ();
		one() -> ([2]);
		drop<felt252>([2]) -> ();
		drop<felt252>([5]) -> ();
		return();
		f@0([0]: felt252, [5]: felt252) -> ();`},
	{"ap tracking differs at a meeting point", "inconsistent ap tracking", codeEnvironment, `
		is_zero([0]) { fallthrough() 4([1]) };
		align() -> ();
		disable() -> ();
		jump() { 6() };
		align() -> ();
		drop<NonZero<felt252>>([1]) -> ();
		return();
		f@0([0]: felt252) -> ();`},
	{"ap tracking enabled twice", "already enabled", codeEnvironment, `
		enable() -> ();
		return();
		f@0() -> ();`},
	{"locals after ap has moved", "alloc_local is not allowed", codeLowering, `
		local() -> ([1]);
		one() -> ([2]);
		store([2]) -> ([2]);
		local() -> ([3]);
		return();
		f@0() -> ();`},
	{"locals finalised twice", "finalize_locals is not allowed", codeLowering, `
		finalize() -> ();
		finalize() -> ();
		return();
		f@0() -> ();`},
	{"locals never finalised", "finalize_locals was not called", codeEnvironment, `
		local() -> ([1]);
		drop_local([1]) -> ();
		return();
		f@0() -> ();`},
	{"recursion without gas", "depends on itself", codeGas, `
		call_f() -> ();
		return();
		f@0() -> ();`},
	{"a value that cannot be stored where it is", "not in memory", codeLowering, `
		one() -> ([1]);
		is_zero([1]) { fallthrough() 3([2]) };
		align() -> ();
		return();
		align() -> ();
		drop<NonZero<felt252>>([2]) -> ();
		return();
		f@0() -> ();`},
	{"const segments with a hole", "const segment", codeConst, `
		libfunc box1 = const_as_box<Const<felt252, 1>, 1>;
		box1() -> ([0]);
		drop<Box<felt252>>([0]) -> ();
		return();
		f@0() -> ();`},
}

// TestRejections checks the code and message of each rejection.
func TestRejections(t *testing.T) {
	for _, c := range rejections {
		text := prelude
		if strings.Contains(c.text, "call_f") {
			text += "libfunc call_f = function_call<user@f>;\n"
		}
		_, err := compileText(text+c.text, Options{})
		if !isCode(err, c.code) || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: error %v, want code %s with %q", c.name, err, c.code, c.message)
		}
	}
}

// TestEnforcedCost checks that the cost of a function can be fixed. The compiler burns gas where branches meet; it
// rejects the program if the function has no branches or costs more.
func TestEnforcedCost(t *testing.T) {
	const branching = prelude + `
		is_zero([0]) { fallthrough() 3([1]) };
		align() -> ();
		return();
		align() -> ();
		drop<NonZero<felt252>>([1]) -> ();
		return();
		f@0([0]: felt252) -> ();`
	p, err := compileText(branching, Options{FunctionCosts: map[sierra.FuncID]int64{0: 10000}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Metadata.FunctionCosts[0], (Costs{Const: 10000}); got != want {
		t.Errorf("cost %v, want %v", got, want)
	}
	if _, err := compileText(branching, Options{FunctionCosts: map[sierra.FuncID]int64{0: 50}}); !isCode(err, codeGas) {
		t.Errorf("cost below the minimum: error %v", err)
	}
	const straight = prelude + "return();\nf@0() -> ();"
	if _, err := compileText(straight, Options{FunctionCosts: map[sierra.FuncID]int64{0: 10000}}); !isCode(err, codeGas) {
		t.Errorf("cost of a function without branches: error %v", err)
	}
}

// TestCostOverflow checks that costs above 31 bits are rejected. Each function calls the previous one twice, which
// doubles the cost.
func TestCostOverflow(t *testing.T) {
	for _, c := range []struct {
		levels int
		ok     bool
	}{{22, true}, {23, false}, {40, false}, {70, false}, {300, false}} { // the limit of 22 is that of starknet-sierra-compile 2.20.0
		var b strings.Builder
		b.WriteString("type u = Struct<ut@Tuple>;\nlibfunc jump = jump;\nlibfunc drop = drop<u>;\nlibfunc unit = struct_construct<u>;\nlibfunc store = store_temp<u>;\n")
		for i := range c.levels {
			fmt.Fprintf(&b, "libfunc call%d = function_call<user@f%d>;\n", i, i)
		}
		b.WriteString("jump() { 1() };\nunit() -> ([0]);\nstore([0]) -> ([0]);\nreturn([0]);\n")
		for i := range c.levels {
			fmt.Fprintf(&b, "call%d() -> ([0]);\ndrop([0]) -> ();\ncall%d() -> ([0]);\nreturn([0]);\n", i, i)
		}
		for i := range c.levels + 1 {
			fmt.Fprintf(&b, "f%d@%d() -> (u);\n", i, i*4)
		}
		_, err := compileText(b.String(), Options{})
		if c.ok && err != nil || !c.ok && !isCode(err, codeGas) && !isCode(err, codeEnvironment) {
			t.Errorf("%d levels: error %v, want one: %v", c.levels, err, !c.ok)
		}
		// Without gas accounting only the ap change is bounded.
		if _, err := compileText(b.String(), Options{NoGasCheck: true}); (err == nil) != (c.levels < 39) {
			t.Errorf("%d levels without gas: error %v", c.levels, err)
		}
	}
}

// TestCodeSize checks that code and constants together may have MaxBytecode felts and no more.
func TestCodeSize(t *testing.T) {
	const text = prelude + `
		libfunc box0 = const_as_box<Const<felt252, 1>, 0>;
		box0() -> ([0]);
		drop<Box<felt252>>([0]) -> ();
		store([1]) -> ([1]);
		return([1]);
		f@0([1]: felt252) -> (felt252);`
	p, err := sierra.ParseText(text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := sierra.NewRegistry(p)
	if err != nil {
		t.Fatal(err)
	}
	const size = 4 + 1 + 1 + 2 // call and pointer, store, ret, then the segment's ret and value
	program, err := Compile(r, Options{MaxBytecode: size})
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := program.Assemble(); len(code) != size {
		t.Errorf("%d felts, want %d", len(code), size)
	}
	for limit := 1; limit < size; limit++ {
		if _, err := Compile(r, Options{MaxBytecode: limit}); !isCode(err, codeSize) {
			t.Errorf("limit %d: error %v", limit, err)
		}
	}
}

// TestBudget checks that a small program which copies large values is rejected before it takes the memory.
func TestBudget(t *testing.T) {
	var b strings.Builder
	b.WriteString("type felt252 = felt252 [storable: true, drop: true, dup: true, zero_sized: false];\n")
	last := "felt252"
	for _, name := range []string{"A", "B", "C"} { // 30 * 30 * 30 cells
		b.WriteString("type " + name + " = Struct<ut@" + name + strings.Repeat(", "+last, 30) +
			"> [storable: true, drop: true, dup: true, zero_sized: false];\n")
		last = name
	}
	b.WriteString("libfunc dup = dup<C>;\nlibfunc drop = drop<C>;\n")
	for range 1000 {
		b.WriteString("dup([0]) -> ([0], [1]);\ndrop([1]) -> ();\n")
	}
	b.WriteString("drop([0]) -> ();\nreturn();\nf@0([0]: C) -> ();")
	_, err := compileText(b.String(), Options{})
	if want := fmt.Sprintf("references take more than %d cells", 1<<20+2002<<8); !isCode(err, codeLowering) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
	// The budget grows with the number of statements, up to 2^23 copied and 2^29 visited cells.
	for _, c := range []struct{ statements, copied, moved int }{
		{0, 1 << 20, 1 << 22},
		{1, 1<<20 + 1<<8, 1<<22 + 1<<13},
		{28_671, 1<<23 - 1<<8, 1<<22 + 28_671<<13},
		{28_672, 1 << 23, 1<<22 + 28_672<<13},
		{28_673, 1 << 23, 1<<22 + 28_673<<13},
		{65_023, 1 << 23, 1<<29 - 1<<13},
		{65_024, 1 << 23, 1 << 29},
		{1_000_000, 1 << 23, 1 << 29},
	} {
		if b := newBudget(c.statements); b.mostCopied != c.copied || b.mostMoved != c.moved {
			t.Errorf("%d statements: %d cells copied and %d visited, want %d and %d", c.statements, b.mostCopied, b.mostMoved, c.copied, c.moved)
		}
	}
}

// TestShortProgram checks the bound of the work for programs of few statements that each visit many cells. The bound
// grows with the program's length.
func TestShortProgram(t *testing.T) {
	program := func(copies, stores int) string {
		var b strings.Builder
		last := "felt252"
		b.WriteString("type felt252 = felt252 [storable: true, drop: true, dup: true, zero_sized: false];\n")
		for i := range 12 { // 2^12 cells
			name := fmt.Sprint("S", i)
			fmt.Fprintf(&b, "type %s = Struct<ut@%s, %s, %[3]s> [storable: true, drop: true, dup: true, zero_sized: false];\n", name, name, last)
			last = name
		}
		fmt.Fprintf(&b, "libfunc dup = dup<%s>;\nlibfunc drop = drop<%[1]s>;\nlibfunc store = store_temp<felt252>;\n", last)
		for i := range copies {
			fmt.Fprintf(&b, "dup([0]) -> ([0], [%d]);\n", i+2)
		}
		b.WriteString(strings.Repeat("store([1]) -> ([1]);\n", stores))
		for i := range copies {
			fmt.Fprintf(&b, "drop([%d]) -> ();\n", i+2)
		}
		fmt.Fprintf(&b, "drop([0]) -> ();\nstore([1]) -> ([1]);\nreturn([1]);\nf@0([0]: %s, [1]: felt252) -> (felt252);", last)
		return b.String()
	}
	if _, err := compileText(program(10, 20), Options{}); err != nil {
		t.Errorf("10 values of 4096 cells over 20 statements: %v", err)
	}
	if _, err := compileText(program(100, 50), Options{}); err == nil || !strings.Contains(err.Error(), "moves of cells") {
		t.Errorf("100 values of 4096 cells over 50 statements: %v, want too many moves of cells", err)
	}
}

// unaudited uses libfuncs that no class of the corpus uses because networks do not allow them.
const unaudited = `
	type felt252 = felt252;
	libfunc dup = dup<felt252>;
	libfunc drop = drop<felt252>;
	libfunc add5 = felt252_add_const<5>;
	libfunc sub5 = felt252_sub_const<5>;
	libfunc mul5 = felt252_mul_const<5>;
	libfunc div5 = felt252_div_const<5>;
	libfunc store = store_temp<felt252>;
	libfunc trace = trace<77>;
	libfunc panic = unsafe_panic;
	trace() -> ();
	dup([0]) -> ([0], [1]);
	add5([1]) -> ([1]);
	store([1]) -> ([1]);
	sub5([1]) -> ([1]);
	store([1]) -> ([1]);
	mul5([1]) -> ([1]);
	store([1]) -> ([1]);
	drop([0]) -> ();
	div5([1]) -> ([1]);
	store([1]) -> ([1]);
	panic() { };
	f@0([0]: felt252) -> (felt252);`

// TestUnaudited compares with the output of starknet-sierra-compile 2.20.0 with --allowed-libfuncs-list-name all for the
// same program as a class.
func TestUnaudited(t *testing.T) {
	program, err := compileText(unaudited, Options{})
	if err != nil {
		t.Fatal(err)
	}
	diffText(t, program.String(), `
%{ AddTrace { flag: 77 } %}
ap += 0;
[ap + 0] = [fp + -3] + 5, ap++;
[ap + -1] = [ap + 0] + 5, ap++;
[ap + 0] = [ap + -1] * 5, ap++;
[ap + -1] = [ap + 0] * 5, ap++;
[ap + 0] = [ap + -1], ap++;
[fp + -1] = [fp + -1] + 1;`)
}

// FuzzCompile checks that no program causes an internal error, which would mean that a check is missing.
func FuzzCompile(f *testing.F) {
	for _, c := range rejections {
		f.Add(prelude + c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := sierra.ParseText(text)
		if err != nil {
			return
		}
		r, err := sierra.NewRegistry(p)
		if err != nil {
			return
		}
		program, err := Compile(r, Options{})
		if isCode(err, codeInternal) {
			t.Fatal(err)
		}
		if err == nil {
			if code, _ := program.Assemble(); len(code) != program.size() {
				t.Fatalf("%d felts of code, %d by the offsets", len(code), program.size())
			}
		}
	})
}

// TestCheckTop checks that a branch which only writes new values must move ap by their cells. No program can violate
// this; only a wrong row in the libfunc tables would.
func TestCheckTop(t *testing.T) {
	for _, c := range []struct {
		change branchChange
		good   bool
	}{
		{branchChange{apKnown: true}, true},
		{branchChange{apKnown: true, apChange: 1}, false},
		{branchChange{apKnown: false}, false},
	} {
		err := func() (err error) {
			defer recovered(&err)
			checkTop(&c.change, new(sierra.BranchSignature), 0, true)
			return nil
		}()
		if (err == nil) != c.good {
			t.Errorf("ap known %v, moved by %d: %v", c.change.apKnown, c.change.apChange, err)
		}
	}
}

// TestPathsThatMeet checks that comparing many live variables is bounded too. The function has many places where two
// paths meet, one of which has the variables in another order.
func TestPathsThatMeet(t *testing.T) {
	program := func(variables, meetings int) string {
		var b strings.Builder
		at := 0
		put := func(format string, args ...any) {
			fmt.Fprintf(&b, format+";\n", args...)
			at++
		}
		put("disable() -> ()")
		for i := range variables {
			put("one() -> ([%d])", 3+i)
		}
		for range meetings {
			put("dup<felt252>([0]) -> ([0], [1])")
			put("is_zero([1]) { fallthrough() %d([2]) }", at+3)
			put("align() -> ()")
			put("jump() { %d() }", at+5)
			put("align() -> ()")
			put("drop<NonZero<felt252>>([2]) -> ()")
			put("drop<felt252>([3]) -> ()")
			put("one() -> ([3])")
		}
		for i := range variables {
			put("drop<felt252>([%d]) -> ()", 3+i)
		}
		put("store([0]) -> ([0])")
		put("return([0])")
		return b.String() + "f@0([0]: felt252) -> (felt252);"
	}
	if _, err := compileText(prelude+program(100, 10), Options{}); err != nil {
		t.Errorf("100 variables and 10 places where paths meet: %v", err)
	}
	if _, err := compileText(prelude+program(2000, 200), Options{}); err == nil || !strings.Contains(err.Error(), "moves of cells") {
		t.Errorf("2000 variables and 200 places where paths meet: %v, want too many moves of cells", err)
	}
}
