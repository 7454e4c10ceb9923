package adapter

import (
	"bytes"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// tinyRun returns the run of a program whose main returns at once. It takes a pointer to the output, which is empty.
func tinyRun() *cairo.Trace {
	t := &cairo.Trace{Layout: "all_cairo_stwo", Registers: []cairo.Registers{
		{PC: 1, AP: 11, FP: 11}, {PC: 3, AP: 12, FP: 11}, {PC: 7, AP: 14, FP: 14}, {PC: 8, AP: 15, FP: 14}, {PC: 5, AP: 15, FP: 11},
	}}
	for _, v := range []uint64{
		0, addAPWord, 1, callWord, 4, jumpRelWord, 0,
		0x480a7ffd7fff8000, // [ap] = [fp - 3]; ap++
		0x208b7fff7fff7ffe, // ret
		11, 0, 15, 11, 5, 15,
	} {
		t.Memory.Value, t.Memory.Known = append(t.Memory.Value, felt.FromUint64(v)), append(t.Memory.Known, true)
	}
	t.Memory.Known[0] = false
	t.Public.Segments = []cairo.Segment{{Name: "program", Begin: 1, End: 5}, {Name: "execution", Begin: 11, End: 15}, {Name: "output", Begin: 15, End: 15}}
	return t
}

const tinyJSON = `{"state_transitions":{"initial_state":{"pc":1,"ap":11,"fp":11},"final_state":{"pc":5,"ap":15,"fp":11},"casm_states_by_opcode":{` +
	`"generic_opcode":[],"add_ap_opcode":[{"pc":1,"ap":11,"fp":11}],"add_opcode":[],"add_opcode_small":[],"assert_eq_opcode":[{"pc":7,"ap":14,"fp":14}],` +
	`"assert_eq_opcode_double_deref":[],"assert_eq_opcode_imm":[],"call_opcode_abs":[],"call_opcode_rel_imm":[{"pc":3,"ap":12,"fp":11}],` +
	`"jnz_opcode_non_taken":[],"jnz_opcode_taken":[],"jump_opcode_rel_imm":[],"jump_opcode_rel":[],"jump_opcode_double_deref":[],"jump_opcode_abs":[],` +
	`"mul_opcode_small":[],"mul_opcode":[],"ret_opcode":[{"pc":8,"ap":15,"fp":14}],"blake_compress_opcode":[],"qm_31_add_mul_opcode":[]}},` +
	`"memory":{"config":{"small_max":4722366482869645213695,"log_small_value_capacity":24},` +
	`"address_to_id":[1073741823,0,1,2,3,4,5,6,7,8,5,9,8,10,9],"f252_values":[],` +
	`"small_values":[290341444919459839,1,1226245742482522112,4,74168662805676031,0,5191102247248822272,2345108766317314046,11,15,5]},` +
	`"pc_count":4,"public_memory_addresses":[1,2,3,4,5,6,7,8,9,10,11,14],` +
	`"builtin_segments":{"add_mod_builtin":null,"bitwise_builtin":null,"output":null,"mul_mod_builtin":null,"pedersen_builtin":null,` +
	`"poseidon_builtin":null,"range_check96_builtin":null,"range_check_builtin":null,"ec_op_builtin":null},` +
	`"public_segment_context":{"present":[true,false,false,false,false,false,false,false,false,false,false]}}`

// TestTinyRun checks a run of which every number can be followed, and that padding does not change it.
func TestTinyRun(t *testing.T) {
	for padding := range 3 {
		run := tinyRun()
		run.Registers = append(run.Registers, slices.Repeat(run.Registers[4:5], padding)...)
		in, err := FromTrace(run)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := in.WriteJSON(&got); err != nil {
			t.Fatal(err)
		}
		if got.String() != tinyJSON {
			t.Errorf("%d states of padding: the input differs: %s", padding, difference(got.Bytes(), []byte(tinyJSON)))
		}
		if p := in.Program(); p != (Segment{1, 9}) {
			t.Errorf("program %v", p)
		}
		if start, stop := in.Pointers(Output); start != 11 || stop != 14 {
			t.Errorf("pointers to the output at %d and %d, want 11 and 14", start, stop)
		}
		if start, stop := in.Pointers(MulMod); start != 0 || stop != 0 {
			t.Errorf("pointers to mul_mod at %d and %d, want none", start, stop)
		}
	}
}

// TestBadRuns checks that FromTrace refuses runs that the components could not be filled with, or that no verifier would accept.
func TestBadRuns(t *testing.T) {
	set := func(address int, v uint64) func(*cairo.Trace) {
		return func(t *cairo.Trace) { t.Memory.Value[address] = felt.FromUint64(v) }
	}
	register := func(step int, r cairo.Registers) func(*cairo.Trace) {
		return func(t *cairo.Trace) { t.Registers[step] = r }
	}
	segment := func(name string, begin, end uint64) func(*cairo.Trace) {
		return func(t *cairo.Trace) {
			t.Public.Segments = append(t.Public.Segments, cairo.Segment{Name: name, Begin: begin, End: end})
		}
	}
	for _, c := range []struct {
		name, want string
		change     func(*cairo.Trace)
	}{
		{"no steps", "without steps", func(t *cairo.Trace) { t.Registers = nil }},
		{"no memory", "memory ends", func(t *cairo.Trace) { t.Memory = cairo.Memory{} }},
		{"half of memory", "flags", func(t *cairo.Trace) { t.Memory.Known = t.Memory.Known[:3] }},
		{"a far pc", "not below 2^29", register(2, cairo.Registers{PC: 1 << 29, AP: 14, FP: 14})},
		{"a far ap", "not below 2^29", register(2, cairo.Registers{PC: 7, AP: 1 << 29, FP: 14})},
		{"a far fp", "not below 2^29", register(2, cairo.Registers{PC: 7, AP: 14, FP: 1 << 40})},
		{"pc after memory", "pc 15 is outside", register(2, cairo.Registers{PC: 15, AP: 14, FP: 14})},
		{"pc 0", "no instruction at pc 0", register(2, cairo.Registers{PC: 0, AP: 14, FP: 14})},
		{"no instruction", "invalid", set(7, 0x7fff7fff7fff7fff)},
		{"ap after memory", "outside of memory", register(2, cairo.Registers{PC: 7, AP: 15, FP: 14})},
		{"fp before memory", "outside of memory", register(2, cairo.Registers{PC: 7, AP: 14, FP: 3})},
		{"too many pointers", "not a number of pointers", set(2, 12)},
		{"no pointers", "no pointer to the output", set(2, 0)},
		{"pointers after memory", "not a pointer", set(2, 5)},
		{"another start", "the run is from pc 3", func(t *cairo.Trace) { t.Registers = t.Registers[1:] }},
		{"no end", "to 8, want 1 to 5", func(t *cairo.Trace) { t.Registers = t.Registers[:4] }},
		{"another fp", "want the same number", register(4, cairo.Registers{PC: 5, AP: 15, FP: 12})},
		{"another first instruction", "as a verifier requires", set(1, 0x480680017fff8000)},
		{"another caller", "as a verifier requires", set(9, 10)},
		{"another return address", "as a verifier requires", set(10, 1)},
		{"output with one pointer", "has no segment", set(14, 16)},
		{"a segment after memory", "outside of memory", segment("pedersen", 15, 18)},
		{"a segment backwards", "outside of memory", segment("pedersen", 14, 11)},
		{"half an instance", "want a multiple", segment("pedersen", 11, 15)},
		{"a builtin without a component", "does not have", segment("keccak", 9, 10)},
		{"a builtin without a pointer", "no pointer to it", segment("range_check", 14, 15)},
		{"two segments", "two segments", func(t *cairo.Trace) {
			segment("range_check", 14, 15)(t)
			segment("range_check", 14, 15)(t)
		}},
		{"two builtins at an address", "no room", func(t *cairo.Trace) {
			segment("range_check", 14, 15)(t)
			segment("range_check96", 14, 15)(t)
		}},
		{"no room", "no room", segment("range_check", 12, 13)},
		{"a hole in a builtin", "no value", func(t *cairo.Trace) {
			t.Memory.Known[13] = false
			segment("range_check", 13, 14)(t)
		}},
	} {
		run := tinyRun()
		c.change(run)
		if _, err := FromTrace(run); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
	}
}

// TestBadJSON checks that ReadJSON refuses files with a damaged part.
func TestBadJSON(t *testing.T) {
	if _, err := ReadJSON(strings.NewReader(tinyJSON + "\n")); err != nil {
		t.Fatal(err)
	}
	for _, same := range []string{
		strings.ReplaceAll(tinyJSON, `{"pc":1,"ap":11,"fp":11}`, "{ \"pc\" :1, \"ap\":\n11 ,\t\"fp\": 11\r}"),
		strings.ReplaceAll(tinyJSON, `{"pc":1,"ap":11,"fp":11}`, `{"fp":11,"ap":11,"pc":1}`),
	} {
		if _, err := ReadJSON(strings.NewReader(same)); err != nil {
			t.Errorf("%s: %v", same, err)
		}
	}
	for _, c := range [][2]string{
		{`"pc_count":4`, `"pc_count":5`},
		{`"pc_count":4`, `"pc_count":"4"`},
		{`"pc_count":4`, `"pc_count":4,"pc_count":4`},
		{`"pc_count":4`, `"pc_count":4,"more":4`},
		{`"pc_count":4,`, ``},
		{`"pc_count":4`, `"pc_count":4294967296`},
		{`"pc_count":4`, `"pc_count":-4`},
		{`"pc_count":4`, `"pc_count":4.0`},
		{`[1073741823,0`, `[0,0`},
		{`[1073741823,0`, `[1073741823,11`},
		{`[1073741823,0`, `[1073741823,1073741823`},
		{`[1073741823,0`, `[1073741823,1073741824`},
		{`"f252_values":[]`, `"f252_values":[[1,2,3,4,5,6,7]]`},
		{`"f252_values":[]`, `"f252_values":[[1,2,3,4,5,6,7,8,9]]`},
		{`"f252_values":[]`, `"f252_values":[[1,0,0,0,0,0,17,134217728]]`}, // the prime
		{`4722366482869645213695`, `4722366482869645213694`},
		{`4722366482869645213695`, `4722366482869645213696`},
		{`"log_small_value_capacity":24`, `"log_small_value_capacity":23`},
		{`,15,5]},`, `,15,5,4722366482869645213696]},`},
		{`,15,5]},`, `,15,5,"1"]},`},
		{`"add_ap_opcode":[{"pc":1,"ap":11,"fp":11}]`, `"add_ap_opcode":[]`},
		{`"add_ap_opcode":[{"pc":1,"ap":11,"fp":11}]`, `"add_ap_opcode":[{"pc":7,"ap":14,"fp":14}]`},
		{`"add_ap_opcode":[{"pc":1,"ap":11,"fp":11}]`, `"add_ap_opcode":[{"pc":1,"ap":11,"fp":536870912}]`},
		{`"generic_opcode"`, `"generic"`},
		{`{"pc":1,"ap":11,`, `{"p c":1,"ap":11,`},
		{`{"pc":1,"ap":11,`, `{"pc":1.0,"ap":11,`},
		{`{"pc":1,"ap":11,`, `{"pc":4294967297,"ap":11,`},
		{`{"pc":1,"ap":11,`, `{"pc":1,"pc":1,"ap":11,`},
		{`{"pc":1,"ap":11,`, `{"pc":"1","ap":11,`},
		{`{"pc":1,"ap":11,`, `{"ap":11,`},
		{`"final_state":{"pc":5,"ap":15,"fp":11}`, `"final_state":{"pc":5,"ap":14,"fp":11}`},
		{`[1,2,3,4,5,6,7,8,9,10,11,14]`, `[1,2,3,4,5,6,7,8,9,10,11]`},
		{`[1,2,3,4,5,6,7,8,9,10,11,14]`, `[1,2,3,4,5,6,7,8,9,10,11,13]`},
		{`"output":null`, `"output":{"begin_addr":15,"stop_ptr":16}`},
		{`"range_check_builtin":null`, `"range_check_builtin":{"begin_addr":1,"stop_ptr":2}`},
		{`"present":[true,`, `"present":[false,`},
		{`"present":[true,`, `"present":[true,true,`},
		{`false]}}`, `]}}`},
		{`false]}}`, `false]}} {}`},
	} {
		text := strings.Replace(tinyJSON, c[0], c[1], 1)
		if text == tinyJSON {
			t.Fatalf("%s is not in the file", c[0])
		}
		if _, err := ReadJSON(strings.NewReader(text)); err == nil {
			t.Errorf("%s instead of %s: no error", c[1], c[0])
		}
	}
}

// FuzzReadJSON checks that ReadJSON returns an input, which WriteJSON writes and ReadJSON takes again, or an error.
func FuzzReadJSON(f *testing.F) {
	f.Add([]byte(tinyJSON))
	f.Add([]byte(`{"state_transitions":{"casm_states_by_opcode":{"ret_opcode":[{}]}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		in, err := ReadJSON(bytes.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := in.WriteJSON(&again); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadJSON(&again); err != nil {
			t.Errorf("after WriteJSON: %v", err)
		}
	})
}

// FuzzFromTrace checks that FromTrace returns an input or an error for changes of the tiny run: data are numbers of 4 bytes, of which each
// replaces a value, a register, or a bound of a segment.
func FuzzFromTrace(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{14, 0, 0, 1, 20, 0, 0, 2, 7, 9, 0, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		run := tinyRun()
		for ; len(data) >= 4; data = data[4:] {
			v, at := uint64(data[0])|uint64(data[1])<<8, int(data[2])
			switch data[3] % 4 {
			case 0:
				run.Memory.Value[at%len(run.Memory.Value)] = felt.FromUint64(v)
			case 1:
				n := len(run.Registers)
				r := []*uint64{&run.Registers[at%n].PC, &run.Registers[at%n].AP, &run.Registers[at%n].FP}
				*r[at/n%3] = v
			case 2:
				b := builtins[at%len(builtins)]
				run.Public.Segments = append(run.Public.Segments, cairo.Segment{Name: b.name, Begin: v & 0xff, End: v >> 8})
			case 3:
				run.Memory.Value, run.Memory.Known = append(run.Memory.Value, felt.FromUint64(v)), append(run.Memory.Known, at%2 == 0)
			}
		}
		in, err := FromTrace(run)
		if err != nil {
			return
		}
		var text bytes.Buffer
		if err := in.WriteJSON(&text); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadJSON(&text); err != nil {
			t.Errorf("an input that ReadJSON refuses: %v", err)
		}
	})
}

// TestClassify checks the component of instructions that compilers do not make, and of their neighbours that they do.
func TestClassify(t *testing.T) {
	const (
		fp, op0, imm, op1FP, op1AP = casm.FlagDstFP, casm.FlagOp0FP, casm.FlagOp1Imm, casm.FlagOp1FP, casm.FlagOp1AP
		add, mul, abs, rel, jnz    = casm.FlagResAdd, casm.FlagResMul, casm.FlagJumpAbs, casm.FlagJumpRel, casm.FlagJnz
		apAdd, apAdd1              = casm.FlagAPAdd, casm.FlagAPAdd1
		call, ret, eq              = casm.FlagCall, casm.FlagRet, casm.FlagAssertEq
	)
	for _, c := range []struct {
		off0, off1, off2 int16
		flags            casm.Flags
		want             Opcode
	}{
		{-2, -1, -1, fp | op0 | op1FP | abs | ret, Ret},
		{-2, -2, -1, fp | op0 | op1FP | abs | ret, Generic},
		{-2, -1, -1, fp | op1FP | abs | ret, Generic},
		{-1, -1, 1, fp | op0 | imm | apAdd, AddAP},
		{-1, -1, 2, fp | op0 | imm | apAdd, Generic},
		{-1, -1, 5, fp | op0 | op1AP | apAdd, AddAP},
		{-1, -1, 5, fp | op0 | apAdd, Generic},
		{-1, -2, 5, fp | op0 | op1AP | apAdd, Generic},
		{-1, -1, 1, fp | op0 | imm | rel | apAdd1, JumpRelImm},
		{-1, -1, 1, fp | op0 | imm | abs, Generic},
		{-1, -1, 3, fp | op0 | op1FP | rel, JumpRel},
		{-1, 2, 3, fp | rel, Generic},
		{-1, -1, 3, fp | op0 | op1FP | abs, JumpAbs},
		{-1, 2, 3, fp | op1FP | abs, Generic},
		{-1, 2, 3, fp | abs, JumpDoubleDeref},
		{0, 2, 3, fp | abs, Generic},
		{0, 1, 1, imm | rel | call, CallRelImm},
		{0, 1, 7, op1FP | rel | call, Generic},
		{0, 1, 7, op1AP | abs | call, CallAbs},
		{0, 1, 1, imm | abs | call, Generic},
		{4, -1, 1, op0 | imm | jnz, JnzTaken},
		{4, -1, 1, imm | jnz, Generic},
		{4, -1, 3, op0 | op1AP | jnz, Generic},
		{4, -1, 1, op0 | imm | eq, AssertEqImm},
		{4, -1, 3, op0 | op1AP | eq, AssertEq},
		{4, -3, 3, op0 | op1AP | eq, Generic},
		{4, -3, 3, op0 | eq, AssertEqDoubleDeref},
		{4, -3, 3, op0 | op1AP | add | eq, Add},
		{4, -3, 1, op0 | imm | add | eq | apAdd1, Add},
		{4, -3, 2, op0 | imm | add | eq, Generic},
		{4, -3, 2, op0 | add | eq, Generic},
		{4, -3, 3, op0 | op1FP | mul | eq, Mul},
		{4, -3, 3, op0 | op1FP | mul | eq | apAdd, Generic},
		{-1, -1, 3, fp | op0 | op1FP, Generic},
	} {
		w := casm.Word{Off0: c.off0, Off1: c.off1, Off2: c.off2, Flags: c.flags}
		if got, err := classify(w); err != nil || got != c.want {
			t.Errorf("%+v: %v (%v), want %v", w, got, err, c.want)
		}
	}
	qm31 := casm.Word{Off2: 1, Flags: imm | mul | eq, Extension: casm.ExtQM31}
	if got, err := classify(qm31); err != nil || got != QM31AddMul {
		t.Errorf("%+v: %v (%v), want %v", qm31, got, err, QM31AddMul)
	}
	qm31.Off2 = 2
	if _, err := classify(qm31); err == nil {
		t.Errorf("%+v: no error", qm31)
	}
}

// bigValue returns 2^power + offset modulo the Stark prime.
func bigValue(power uint, offset int64) value {
	f := felt.FromBigInt(new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), power), big.NewInt(offset)))
	return f.Limbs()
}

// negative returns -2^power + offset modulo the Stark prime.
func negative(power uint, offset int64) value {
	f := felt.FromBigInt(new(big.Int).Sub(big.NewInt(offset), new(big.Int).Lsh(big.NewInt(1), power)))
	return f.Limbs()
}

// TestBounds checks the greatest and the least operands of the small components, and the greatest small value.
func TestBounds(t *testing.T) {
	for _, c := range []struct {
		v            value
		term, factor bool
	}{
		{value{}, true, true},
		{bigValue(29, -1), true, true},
		{bigValue(29, 0), false, true},
		{bigValue(36, -1), false, true},
		{bigValue(36, 0), false, false},
		{bigValue(64, 0), false, false},
		{negative(0, 0), true, false},
		{negative(29, 0), true, false},
		{negative(29, -1), true, false},
		{negative(29, -2), false, false},
		{negative(64, 0), false, false},
		{bigValue(251, 0), false, false},
	} {
		w := c.v.words()
		if smallTerm(&w) != c.term || smallFactor(&w) != c.factor {
			t.Errorf("%v: term %v, factor %v", w, smallTerm(&w), smallFactor(&w))
		}
	}
	last, first := bigValue(72, -1), bigValue(72, 0)
	if !last.small() || first.small() {
		t.Error("small values are those below 2^72")
	}
}

// TestNumber compares ids with those of a map, for many values on all cores, and with little room for small values.
func TestNumber(t *testing.T) {
	const n = 5 * leastBlock / 2
	at := func(a int) value {
		x := uint64(a) * 0x9e3779b97f4a7c15 >> 44 // about a million values, some of them equal
		return value{x, x >> 10 & 1 << 9}         // half of them are big
	}
	for _, capacity := range []int{smallCapacity, 100, leastBlock, 1} {
		got := number(n, capacity, at)
		small, big := make(map[value]m31.M31), make(map[value]m31.M31)
		for a := 1; a < n; a++ {
			v := at(a)
			_, ok := small[v]
			if _, isBig := big[v]; !ok && !isBig {
				if v.small() && len(small) < capacity {
					small[v] = m31.M31(len(small))
				} else {
					big[v] = BigID + m31.M31(len(big))
				}
			}
			id, ok := small[v]
			if !ok {
				id = big[v]
			}
			if got.IDs[a] != id {
				t.Fatalf("capacity %d: the id of address %d is %d, want %d", capacity, a, got.IDs[a], id)
			}
			if w := got.Value(id); w != v.words() {
				t.Fatalf("capacity %d: the value of address %d is %v, want %v", capacity, a, w, v)
			}
		}
		if got.IDs[0] != Empty || len(got.Small) != len(small) || len(got.Big) != len(big) {
			t.Errorf("capacity %d: %d small and %d big values, want %d and %d", capacity, len(got.Small), len(got.Big), len(small), len(big))
		}
	}
}

// TestExtend checks how many instances a builtin's segment has, and what they are.
func TestExtend(t *testing.T) {
	for used, want := range map[int]int{1: 16, 15: 16, 16: 16, 17: 32, 32: 32, 33: 64} {
		run := tinyRun()
		// The pointers of output and pedersen are at 11 and 12, and after the run at 15 and 16.
		run.Memory.Value[2] = felt.FromUint64(2)
		run.Registers = []cairo.Registers{
			{PC: 1, AP: 11, FP: 11}, {PC: 3, AP: 13, FP: 11}, {PC: 7, AP: 15, FP: 15}, {PC: 7, AP: 16, FP: 15}, {PC: 8, AP: 17, FP: 15}, {PC: 5, AP: 17, FP: 11},
		}
		run.Memory.Value[7] = felt.FromUint64(0x480a7ffc7fff8000) // [ap] = [fp - 4]; ap++, which this test takes for two instructions
		for a, v := range []uint64{17, 17, 11, 5, 17, 17 + 3*uint64(used)} {
			if a += 11; a < len(run.Memory.Value) {
				run.Memory.Value[a] = felt.FromUint64(v)
			} else {
				run.Memory.Value, run.Memory.Known = append(run.Memory.Value, felt.FromUint64(v)), append(run.Memory.Known, true)
			}
		}
		for k := range 3 * used {
			run.Memory.Value, run.Memory.Known = append(run.Memory.Value, felt.FromUint64(uint64(1000+k))), append(run.Memory.Known, true)
		}
		run.Public.Segments = []cairo.Segment{{Name: "output", Begin: 17, End: 17}, {Name: "pedersen", Begin: 17, End: 17 + 3*uint64(used)}}
		in, err := FromTrace(run)
		if err != nil {
			t.Fatal(err)
		}
		if s := in.Segments[Pedersen]; s.Begin != 17 || s.Len() != 3*want {
			t.Errorf("%d instances: segment %v, want %d instances", used, s, want)
		}
		for k := range 3 * want {
			v := uint32(1000 + min(k, 3*used-3+k%3))
			if got := in.Memory.Value(in.Memory.IDs[17+k]); got[0] != v {
				t.Errorf("%d instances: cell %d is %d, want %d", used, k, got[0], v)
			}
		}
	}
}
