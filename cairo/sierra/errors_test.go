package sierra

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// small is a class whose only function is its constructor, with the signature of an entry point.
const small = `
type felt252 = felt252 [storable: true, drop: true, dup: true, zero_sized: false];
type Array<felt252> = Array<felt252>;
type Snapshot<Array<felt252>> = Snapshot<Array<felt252>>;
type Span = Struct<ut@Span, Snapshot<Array<felt252>>>;
type Results = Struct<ut@Tuple, Span>;
type Panic = Struct<ut@Panic>;
type PanicData = Struct<ut@Tuple, Panic, Array<felt252>>;
type Result = Enum<ut@Result, Results, PanicData>;
type RangeCheck = RangeCheck;
type Pedersen = Pedersen;
type GasBuiltin = GasBuiltin;
type System = System;
type NonZero<felt252> = NonZero<felt252>;

libfunc branch_align = branch_align;
libfunc felt252_is_zero = felt252_is_zero;
libfunc dup<felt252> = dup<felt252>;
libfunc jump = jump;

f@0([0]: Pedersen, [1]: RangeCheck, [2]: GasBuiltin, [3]: System, [4]: Span) -> (Pedersen, RangeCheck, GasBuiltin, System, Result);
`

// smallCode is the code of small. smallText inserts it before the function.
const smallCode = `
felt252_is_zero([5]) { fallthrough() 3([6]) };
branch_align() -> ();
return();
branch_align() -> ();
return();
`

// smallText returns the small program after the given replacements, pairs of old and new text.
func smallText(t *testing.T, replace ...string) string {
	t.Helper()
	text := strings.Replace(small, "\nf@0", smallCode+"\nf@0", 1)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("%q is not in the small program", replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	return text
}

// smallClass returns a class of the small program after the given replacements.
func smallClass(t *testing.T, replace ...string) *ContractClass {
	t.Helper()
	p, err := ParseText(smallText(t, replace...))
	if err != nil {
		t.Fatal(err)
	}
	p.Version = Version{1, 9, 3}
	felts, err := EncodeFelts(p)
	if err != nil {
		t.Fatal(err)
	}
	return &ContractClass{
		SierraProgram: felts,
		Version:       "0.1.0",
		EntryPoints:   EntryPoints{Constructor: []EntryPoint{{Selector: constructorSelector()}}},
	}
}

func TestSmallClassIsValid(t *testing.T) {
	if _, err := smallClass(t).Validate(); err != nil {
		t.Fatal(err)
	}
}

// TestRejectedPrograms checks one program for each error about a program.
func TestRejectedPrograms(t *testing.T) {
	for _, test := range []struct {
		code    Code
		libfunc string
		replace []string
	}{
		{CodeLibfuncNotAllowed, "felt252_add_const", []string{"libfunc jump = jump;", "libfunc add = felt252_add_const<1>;"}},
		{CodeLibfuncNotAllowed, "foo", []string{"libfunc jump = jump;", "libfunc foo = foo;"}},
		{CodeLibfunc, "dup", []string{"= dup<felt252>;", "= dup<Array<felt252>>;"}},
		{CodeLibfunc, "dup", []string{"= dup<felt252>;", "= dup<felt252, felt252>;"}},
		{CodeLibfunc, "felt252_is_zero", []string{"type NonZero<felt252> = NonZero<felt252>;", ""}},
		{CodeType, "", []string{"type Pedersen = Pedersen;", "type Pedersen = Pederson;"}},
		{CodeType, "", []string{"type Pedersen = Pedersen;", "type Pedersen = Pedersen<felt252>;"}},
		{CodeType, "", []string{"= Snapshot<Array<felt252>>;", "= Snapshot<felt252>;"}},
		{CodeType, "", []string{"= Array<felt252>;", "= Array<System>;"}},
		{CodeTypeDeclaredTwice, "", []string{"type NonZero<felt252>", "type Twice = System; type NonZero<felt252>"}},
		{CodeTypeInfo, "", []string{"[storable: true, drop: true, dup: true, zero_sized: false]", "[storable: true, drop: true, dup: true, zero_sized: true]"}},
		{CodeTypeSize, "", []string{"type NonZero<felt252>", "type Limbs = U96LimbsLtGuarantee<16384>; type NonZero<felt252>"}},
		{CodeTypeSize, "", []string{
			"type Panic = ", "type Later = Snapshot<Limbs>; type Panic = ",
			"type NonZero<felt252>", "type Limbs = U96LimbsLtGuarantee<1> [storable: true, drop: false, dup: false, zero_sized: false]; type NonZero<felt252>",
		}},
		{CodeFunction, "", []string{"type NonZero<felt252>", "type C = Const<felt252, 1>; type NonZero<felt252>", "f@0(", "g@0() -> (C);\nf@0("}},
		{CodeFunction, "", []string{"f@0(", "f@9("}},
		{CodeInvocation, "felt252_is_zero", []string{"felt252_is_zero([5])", "felt252_is_zero([5], [5])"}},
		{CodeInvocation, "felt252_is_zero", []string{"{ fallthrough() 3([6]) }", "{ fallthrough() 3([6]) 4() }"}},
		{CodeInvocation, "felt252_is_zero", []string{"{ fallthrough() 3([6]) }", "{ fallthrough() 3() }"}},
		{CodeBranch, "felt252_is_zero", []string{"{ fallthrough() 3([6]) }", "{ 1() 3([6]) }"}},
		{CodeBranch, "felt252_is_zero", []string{"{ fallthrough() 3([6]) }", "{ fallthrough() 1([6]) }"}},
		{CodeBranch, "felt252_is_zero", []string{"{ fallthrough() 3([6]) }", "{ fallthrough() 7([6]) }"}},
		{CodeBranch, "jump", []string{"3([6]) };\nbranch_align() -> ();", "3([6]) };\njump() { 2() };"}},
		{CodeBranch, "felt252_is_zero", []string{"\nreturn();\nbranch_align() -> ();\n", "\nfelt252_is_zero([5]) { fallthrough() 0([6]) };\nbranch_align() -> ();\n"}},
		{CodeEntryPoint, "", []string{"[4]: Span)", "[4]: Array<felt252>)"}},
		{CodeEntryPoint, "", []string{"System, Result)", "System, Span)"}},
		{CodeEntryPoint, "", []string{"-> (Pedersen, RangeCheck, ", "-> (RangeCheck, Pedersen, "}},
		{CodeEntryPoint, "", []string{"-> (Pedersen, RangeCheck, GasBuiltin, System, Result)", "-> (System, Result)"}},
		{CodeEntryPoint, "", []string{"-> (Pedersen, RangeCheck, GasBuiltin, ", "-> (RangeCheck, GasBuiltin, "}},
		{CodeEntryPoint, "", []string{"[0]: Pedersen, [1]: RangeCheck, [2]: GasBuiltin, [3]: System, [4]: Span", ""}},
		{CodeEntryPoint, "", []string{"ut@Tuple, Panic, Array<felt252>", "ut@Tuple, felt252, Array<felt252>"}},
		{CodeEntryPointBuiltins, "", []string{
			"-> (Pedersen, RangeCheck, ", "-> (RangeCheck, Pedersen, ", "[0]: Pedersen, [1]: RangeCheck", "[0]: RangeCheck, [1]: Pedersen",
		}},
		{CodeEntryPointBuiltins, "", []string{
			"-> (Pedersen, RangeCheck, GasBuiltin", "-> (Pedersen, GasBuiltin, RangeCheck", "[1]: RangeCheck, [2]: GasBuiltin", "[1]: GasBuiltin, [2]: RangeCheck",
		}},
	} {
		_, err := smallClass(t, test.replace...).Validate()
		expectCode(t, strings.Join(test.replace, " => "), err, test.code)
		var e *ClassError
		if errors.As(err, &e) && e.Libfunc != test.libfunc {
			t.Errorf("%v: about libfunc %q, want %q", test.replace, e.Libfunc, test.libfunc)
		}
	}
}

func expectCode(t *testing.T, what string, err error, code Code) {
	t.Helper()
	var e *ClassError
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s: got %v, want code %s", what, err, code)
	}
}

// TestRejectedClasses checks the errors about the class around the program.
func TestRejectedClasses(t *testing.T) {
	other := felt.FromUint64(7)
	for _, test := range []struct {
		code   Code
		change func(c *ContractClass)
	}{
		{CodeSierraVersion, func(c *ContractClass) { c.SierraProgram[0] = felt.FromUint64(2) }},
		{CodeSierraVersion, func(c *ContractClass) { c.SierraProgram[1] = felt.FromUint64(10) }},
		{CodeFelts, func(c *ContractClass) { c.SierraProgram = c.SierraProgram[:5] }},
		{CodeFelts, func(c *ContractClass) { c.SierraProgram[2].Neg(&felt.One) }},
		{CodeCompression, func(c *ContractClass) { c.SierraProgram[6] = felt.FromUint64(1 << 40) }},
		{CodeCompression, func(c *ContractClass) { c.SierraProgram[7] = felt.FromUint64(1) }},
		{CodeCompression, func(c *ContractClass) { c.SierraProgram = c.SierraProgram[:8] }},
		{CodeCompression, func(c *ContractClass) { c.SierraProgram = c.SierraProgram[:len(c.SierraProgram)-1] }},
		{CodeCompression, func(c *ContractClass) { c.SierraProgram[len(c.SierraProgram)-1] = felt.FromUint64(255) }},
		{CodeConstructor, func(c *ContractClass) { c.EntryPoints.Constructor[0].Selector = other }},
		{CodeConstructor, func(c *ContractClass) { c.EntryPoints.Constructor[0].Wide = felt.Modulus() }},
		{CodeConstructor, func(c *ContractClass) {
			c.EntryPoints.Constructor = append(c.EntryPoints.Constructor, c.EntryPoints.Constructor...)
		}},
		{CodeSelectorOrder, func(c *ContractClass) { c.EntryPoints.External = []EntryPoint{{Selector: other}, {Selector: other}} }},
		{CodeSelectorOrder, func(c *ContractClass) {
			c.EntryPoints.L1Handler = []EntryPoint{{Wide: new(big.Int).Add(felt.Modulus(), bigOne)}, {Selector: other}}
		}},
		{CodeEntryPointReuse, func(c *ContractClass) { c.EntryPoints.External = []EntryPoint{{}, {Selector: other}} }},
		{CodeEntryPoint, func(c *ContractClass) { c.EntryPoints.External = []EntryPoint{{FunctionIdx: 1}} }},
	} {
		c := smallClass(t)
		test.change(c)
		_, err := c.Validate()
		expectCode(t, string(test.code), err, test.code)
	}
}

func TestLibfuncVersion(t *testing.T) {
	c := smallClass(t, "libfunc jump = jump;", "libfunc ec = ec_neg_nz;")
	c.SierraProgram[1] = felt.FromUint64(7)
	_, err := c.Validate()
	expectCode(t, "ec_neg_nz in Sierra 1.7", err, CodeLibfuncVersion)
}

// TestCircuitCycle checks that a circuit with a gate that is its own operand is rejected and does not loop forever.
func TestCircuitCycle(t *testing.T) {
	const info = " [storable: false, drop: false, dup: false, zero_sized: true];\n"
	p, err := ParseText(`
type In = CircuitInput<0>` + info + `
type A = AddModGate<In, B>` + info + `
type B = MulModGate<A, In>` + info + `
type Out = Struct<ut@Tuple, B>` + info + `
type C = Circuit<Out>` + info)
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewRegistry(p)
	expectCode(t, "cycle of gates", err, CodeType)
	if err == nil || !strings.Contains(err.Error(), "depends on itself") {
		t.Errorf("got %v, want the cycle named", err)
	}
}

func TestCircuitLayout(t *testing.T) {
	p, err := ParseText(`
type In0 = CircuitInput<0>;
type In1 = CircuitInput<1>;
type Sub = SubModGate<In0, In1>;
type Inv = InverseGate<Sub>;
type Mul = MulModGate<Inv, Sub>;
type Out = Struct<ut@Tuple, Mul, Inv>;
type C = Circuit<Out>;
`)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRegistry(p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(r.Type(6).Circuit)
	if err != nil {
		t.Fatal(err)
	}
	// Values: 1, two inputs, two reduced inputs, then the gates.
	const want = `{"Inputs":2,"Values":{"0":3,"1":4,"2":5,"3":6,"4":7},"Add":[{"Left":5,"Right":4,"Output":3}],` +
		`"Mul":[{"Left":0,"Right":1,"Output":3},{"Left":0,"Right":2,"Output":4},{"Left":6,"Right":5,"Output":0},{"Left":6,"Right":5,"Output":7}]}`
	if string(got) != want {
		t.Errorf("layout\n%s, want\n%s", got, want)
	}
	if n := r.Type(6).Circuit.RangeChecks96(); n != 32 {
		t.Errorf("%d range checks, want 32", n)
	}
}

func TestRejectedIDs(t *testing.T) {
	for _, change := range []func(p *Program){
		func(p *Program) { p.Types[1].ID = 0 },
		func(p *Program) { p.Libfuncs[1].ID = 2 },
		func(p *Program) { p.Funcs[0].ID = 1 },
	} {
		p, err := ParseText(smallText(t))
		if err != nil {
			t.Fatal(err)
		}
		change(p)
		_, err = NewRegistry(p)
		expectCode(t, "ids", err, CodeIDs)
		_, err = EncodeFelts(p)
		expectCode(t, "ids", err, CodeEncode)
	}
}

func TestRejectedText(t *testing.T) {
	for _, text := range []string{
		"type", "type a", "type a = ;", "type a = b", "type a = b<;", "type a = b<c>;", "type a = a; type a = b;",
		"type a = a [storable: maybe, drop: true, dup: true, zero_sized: false];", "libfunc a = b<user@c>;", "libfunc a = b<lib@c>;",
		"a() -> ();", "libfunc a = a; a() { b() };", "a: a:", "return(", "f@0() -> (); return();", "f@-1() -> ();", "f@0([1]: a) -> ();",
		"type a = b<01>;", "é", "type a = b<ut@[-1]>;", "f{(}@0() -> ();", "f[@0() -> ();",
		"type a = b<" + strings.Repeat("(", 1000),
	} {
		_, err := ParseText(text)
		expectCode(t, text, err, CodeText)
	}
}

func TestRejectedJSON(t *testing.T) {
	const good = `{"sierra_program":["0x1"],"contract_class_version":"0.1.0","entry_points_by_type":{"EXTERNAL":[],"L1_HANDLER":[],"CONSTRUCTOR":[]},"abi":[]}`
	if _, err := DecodeClass([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		code     Code
		old, new string
	}{
		{CodeJSON, `"0x1"`, `"1"`},
		{CodeJSON, `"0x1"`, `"0X1"`},
		{CodeJSON, `"0x1"`, `"0x"`},
		{CodeJSON, `"0x1"`, `"0x_1"`},
		{CodeJSON, `"0x1"`, `"0x++1"`},
		{CodeJSON, `"0x1"`, `"+0x1"`},
		{CodeJSON, `"0x1"`, `null`},
		{CodeJSON, `"0x1"`, `1`},
		{CodeJSON, `["0x1"]`, `"0x1"`},
		{CodeJSON, `["0x1"]`, `null`},
		{CodeFeltRange, `"0x1"`, `"0x800000000000011000000000000000000000000000000000000000000000001"`},
		{CodeFeltRange, `"0x1"`, `"0x` + strings.Repeat("f", 100) + `"`},
		{CodeJSON, `"0.1.0"`, `1`},
		{CodeJSON, `"contract_class_version":"0.1.0",`, ``},
		{CodeJSON, `"L1_HANDLER":[],`, ``},
		{CodeJSON, `"L1_HANDLER":[]`, `"L1_HANDLER":null`},
		{CodeJSON, `"EXTERNAL":[]`, `"EXTERNAL":[{"selector":"0x1"}]`},
		{CodeJSON, `"EXTERNAL":[]`, `"EXTERNAL":[{"selector":"1","function_idx":0}]`},
		{CodeJSON, `"EXTERNAL":[]`, `"EXTERNAL":[{"selector":"0x1","function_idx":-1}]`},
		{CodeJSON, `"EXTERNAL":[]`, `"EXTERNAL":[{"selector":"0x1","function_idx":1.0}]`},
		{CodeJSON, `"EXTERNAL":[]`, `"EXTERNAL":[{"selector":"0x1","function_idx":18446744073709551616}]`},
		{CodeJSON, `"EXTERNAL":[]`, `"EXTERNAL":[["0x1"]]`},
		{CodeJSON, `"EXTERNAL":[]`, `"EXTERNAL":[],"EXTERNAL":[]`},
		{CodeJSON, `"abi":[]`, `"sierra_program_debug_info":{}`},
		{CodeJSON, `"abi":[]`, `"sierra_program_debug_info":5`},
		{CodeJSON, `"abi":[]`, `"sierra_program_debug_info":[[],[]]`},
		{CodeJSON, `"abi":[]`, `"sierra_program_debug_info":[[],[],[],null]`},
		{CodeJSON, `"abi":[]`, `"sierra_program_debug_info":[[[0,"a",1]],[],[]]`},
		{CodeJSON, `"abi":[]`, `"abi":"\ud800"`},
		{CodeJSON, `"abi":[]`, `"abi":"\ud800\u0041"`},
		{CodeJSON, `"abi":[]`, `"abi":"\udc00"`},
		{CodeJSON, `"abi":[]`, `"abi":[]}}`},
		{CodeJSON, `"abi":[]`, "\"abi\":\"\xff\""},
	} {
		text := strings.Replace(good, test.old, test.new, 1)
		_, err := DecodeClass([]byte(text))
		expectCode(t, text, err, test.code)
	}
	for _, test := range []struct{ old, new string }{
		{`"0x1"`, `"0x00aB"`},
		{`"0x1"`, `"0x+1_0"`},
		{`"0x1"`, `"\u0030x1"`},
		{`"abi":[]`, `"abi":"\ud83d\ude00\\ud800\ufffd"`},
		{`"abi":[]`, `"sierra_program_debug_info":[[],[[1,"b"]],[],{}]`},
		{`"EXTERNAL":[]`, `"EXTERNAL":[["0x1",2],{"selector":"0x800000000000011000000000000000000000000000000000000000000000001","function_idx":0,"x":1}]`},
		{`"abi":[]`, `"sierra_program_debug_info":{"type_names":[[0,"a"]],"libfunc_names":[],"user_func_names":[],"annotations":{"a":1}},"x":[]`},
		{`"abi":[]`, `"abi":null`},
		{`{"EXTERNAL":[],"L1_HANDLER":[],"CONSTRUCTOR":[]}`, `[[],[],[]]`},
	} {
		text := strings.Replace(good, test.old, test.new, 1)
		if _, err := DecodeClass([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestABIText(t *testing.T) {
	c, err := DecodeClass([]byte(`{"sierra_program":[],"contract_class_version":"0.1.0",
		"entry_points_by_type":{"EXTERNAL":[],"L1_HANDLER":[],"CONSTRUCTOR":[]},
		"abi" : [ { "type":"a,\":b" ,"n":[1,2] }, {} ]}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := `[{"type": "a,\":b", "n": [1, 2]}, {}]`; c.ABI != want {
		t.Errorf("ABI %s, want %s", c.ABI, want)
	}
}

func TestCheckDeclarable(t *testing.T) {
	c := smallClass(t)
	if err := c.CheckDeclarable(); err != nil {
		t.Fatal(err)
	}
	c.ABI = strings.Repeat(" ", constants.MaxClassBytes)
	expectCode(t, "long ABI", c.CheckDeclarable(), CodeSize)
	c = smallClass(t)
	c.SierraProgram = make([]felt.Felt, constants.MaxProgramFelts+1)
	expectCode(t, "long program", c.CheckDeclarable(), CodeSize)
	c = smallClass(t)
	c.EntryPoints.External = []EntryPoint{{Wide: felt.Modulus()}}
	expectCode(t, "wide selector", c.CheckDeclarable(), CodeFeltRange)
}

// TestRejectedSizes checks that programs which fill the memory with few felts are rejected.
func TestRejectedSizes(t *testing.T) {
	p := mustParse(t, small)
	for len(p.Libfuncs) <= maxDeclarations {
		p.Libfuncs = append(p.Libfuncs, LibfuncDeclaration{ID: LibfuncID(len(p.Libfuncs)), LongID: LongID{Generic: "jump"}})
	}
	_, err := NewRegistry(p)
	expectCode(t, "many libfuncs", err, CodeSize)

	// Many circuits that share a long chain of gates.
	p = mustParse(t, "type In = CircuitInput<0>;")
	declare := func(generic string, args ...GenericArg) GenericArg {
		id := TypeID(len(p.Types))
		p.Types = append(p.Types, TypeDeclaration{ID: id, LongID: LongID{generic, args}})
		return GenericArg{Kind: TypeArg, Type: id}
	}
	const gates = 1000
	gate := GenericArg{Kind: TypeArg}
	for range gates {
		gate = declare("InverseGate", gate)
	}
	tuple := GenericArg{Kind: UserTypeArg, UserType: userType("Tuple")}
	for i := range maxGates/gates + 1 {
		declare("Circuit", declare("Struct", tuple, gate, GenericArg{Kind: TypeArg, Type: TypeID(i)}))
	}
	_, err = NewRegistry(p)
	expectCode(t, "many gates", err, CodeSize)
}

// TestSharedSignatures checks that equal libfunc declarations share one signature.
func TestSharedSignatures(t *testing.T) {
	p := mustParse(t, "type felt252 = felt252;")
	members := []GenericArg{{Kind: UserTypeArg, UserType: userType("Tuple")}}
	for range 10_000 {
		members = append(members, GenericArg{Kind: TypeArg})
	}
	p.Types = append(p.Types, TypeDeclaration{ID: 1, LongID: LongID{"Struct", members}})
	for i := range maxDeclarations {
		p.Libfuncs = append(p.Libfuncs, LibfuncDeclaration{LibfuncID(i), "", LongID{"struct_deconstruct", []GenericArg{{Kind: TypeArg, Type: 1}}}})
	}
	r, err := NewRegistry(p)
	if err != nil {
		t.Fatal(err)
	}
	a, b := &r.Libfunc(0).Signature, &r.Libfunc(maxDeclarations-1).Signature
	if len(a.Branches[0].Vars) != 10_000 || &a.Branches[0].Vars[0] != &b.Branches[0].Vars[0] {
		t.Error("signatures are not shared")
	}
}
