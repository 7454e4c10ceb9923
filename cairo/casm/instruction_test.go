package casm

import (
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

var (
	ap0  = Cell{AP, 0}
	fpM3 = Cell{FP, -3}
)

// TestInstructions checks that instructions have the official compiler's text, that their words are those of the official encoder's
// tests and of the Cairo paper, and that the words decode again.
func TestInstructions(t *testing.T) {
	for _, c := range []struct {
		i     Instruction
		text  string
		words []string
	}{
		{Instruction{Op: Ret}, "ret", []string{"0x208b7fff7fff7ffe"}},
		{Instruction{Op: AddAP, Res: Imm(123)}, "ap += 123", []string{"0x40780017fff7fff", "0x7b"}},
		{Instruction{Op: AddAP, Res: At(fpM3)}, "ap += [fp + -3]", nil},
		{Instruction{Op: Jump, Relative: true, Res: Imm(205)}, "jmp rel 205", []string{"0x10780017fff7fff", "0xcd"}},
		{Instruction{Op: Jump, Res: Imm(3), IncAP: true}, "jmp abs 3, ap++", []string{"0x88780017fff7fff", "0x3"}},
		{Instruction{Op: Jump, Relative: true, Res: At(fpM3)}, "jmp rel [fp + -3]", nil},
		{Instruction{Op: Jnz, Dst: Cell{AP, -1}, Res: Imm(6)}, "jmp rel 6 if [ap + -1] != 0", []string{"0x20680017fff7fff", "0x6"}},
		{Instruction{Op: Call, Relative: true, Res: Imm(205)}, "call rel 205", []string{"0x1104800180018000", "0xcd"}},
		{Instruction{Op: Call, Res: At(fpM3)}, "call abs [fp + -3]", nil},
		{Instruction{Op: AssertEq, Dst: ap0, Res: At(fpM3), IncAP: true}, "[ap + 0] = [fp + -3], ap++", []string{"0x480a7ffd7fff8000"}},
		{Instruction{Op: AssertEq, Dst: ap0, Res: Imm(-1)}, "[ap + 0] = -1",
			[]string{"0x400680017fff8000", "0x800000000000011000000000000000000000000000000000000000000000000"}},
		{Instruction{Op: AssertEq, Dst: ap0, Res: Operand{Kind: DoubleDeref, Cell: fpM3, Off: 2}}, "[ap + 0] = [[fp + -3] + 2]", nil},
		{Instruction{Op: AssertEq, Dst: ap0, Res: Operand{Kind: BinOp, Op: Mul, Cell: fpM3, B: Cell{AP, -2}}}, "[ap + 0] = [fp + -3] * [ap + -2]", nil},
		{Instruction{Op: AssertEq, Dst: fpM3, Res: AddConst(ap0, 7)}, "[fp + -3] = [ap + 0] + 7", nil},
		{Instruction{Op: AssertEqQM31, Dst: ap0, Res: Operand{Kind: BinOp, Op: Mul, Cell: fpM3, B: Cell{AP, -2}}}, "{QM31} [ap + 0] = [fp + -3] * [ap + -2]", nil},
		{Instruction{Op: Blake2s, IncAP: true, Dst: Cell{FP, -4}, Res: Operand{Cell: fpM3, B: Cell{AP, -1}}},
			"blake2s[state=[fp + -3], message=[ap + -1], byte_count=[fp + -4], finalize=false] => [ap + 0], ap++", nil},
		{Instruction{Op: Blake2sLast, IncAP: true, Dst: Cell{FP, -4}, Res: Operand{Cell: fpM3, B: Cell{AP, -1}}},
			"blake2s[state=[fp + -3], message=[ap + -1], byte_count=[fp + -4], finalize=true] => [ap + 0], ap++", nil},
	} {
		if got := c.i.String(); got != c.text {
			t.Errorf("got %q, want %q", got, c.text)
		}
		code := c.i.Append(nil)
		for k, want := range c.words {
			if k >= len(code) || code[k] != felt.MustHex(want) {
				t.Errorf("%s: words %v, want %v", c.text, code, c.words)
				break
			}
		}
		back, err := decode(code)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if again := back.Append(nil); !slices.Equal(again, code) || back.Op != c.i.Op || back.IncAP != c.i.IncAP {
			t.Errorf("%s: decodes to %s", c.text, back.String())
		}
	}
}

// TestOperand checks the text, Shift, UsesAP and Equal of each form of operand.
func TestOperand(t *testing.T) {
	two := Operand{Kind: BinOp, Op: Add, Cell: Cell{AP, 5}, B: Cell{AP, -1}}
	for _, c := range []struct {
		o    Operand
		text string
		uses bool
		ok   bool
	}{
		{At(Cell{AP, 5}), "[ap + 3]", true, true},
		{At(fpM3), "[fp + -3]", false, true},
		{Imm(9), "9", false, true},
		{two, "[ap + 3] + [ap + -3]", true, true},
		{Operand{Kind: BinOp, Op: Sub, Cell: fpM3, B: Cell{AP, 0}}, "[fp + -3] - [ap + -2]", true, true},
		{Operand{Kind: BinOp, Op: Div, Cell: fpM3, Imm: big.NewInt(4)}, "[fp + -3] / 4", false, true},
		{Operand{Kind: DoubleDeref, Cell: Cell{AP, 1}, Off: -7}, "[[ap + -1] + -7]", true, true},
		{At(Cell{AP, math.MinInt16 + 1}), "", true, false},
	} {
		if got := c.o.UsesAP(); got != c.uses {
			t.Errorf("%v uses ap: %v", c.o, got)
		}
		moved, ok := c.o.Shift(2)
		if ok != c.ok || ok && moved.String() != c.text {
			t.Errorf("%v shifted by 2: %v, %v, want %q", c.o, moved, ok, c.text)
		}
		if same := c.o; !same.Equal(&c.o) || ok && c.uses && moved.Equal(&c.o) {
			t.Errorf("%v: equality", c.o)
		}
	}
	if o := AddConst(ap0, 0); o.Kind != Deref || o.hasImm() {
		t.Errorf("[ap] + 0 is %v", o)
	}
	if _, ok := ap0.Shift(math.MaxInt16 + 1); ok {
		t.Error("a shift by 2^15 is accepted")
	}
}

// TestHints checks that each kind of hint is written as JSON and decoded with all its fields, and has Python text unless it is deprecated.
func TestHints(t *testing.T) {
	for kind := range hintKinds {
		h := Hint{Kind: kind}
		for i := range kind.Inputs() {
			h.In = append(h.In, At(Cell{FP, int16(-3 - i)}))
		}
		for i := range kind.Outputs() {
			h.Out = append(h.Out, Cell{AP, int16(i)})
		}
		if kind == Cheatcode {
			h.In[0] = Imm(5)
		}
		if len(h.In) > 1 && kind != Cheatcode {
			h.In[1] = Operand{Kind: DoubleDeref, Cell: fpM3, Off: 1}
		}
		var back Hint
		if err := json.Unmarshal(h.appendJSON(nil), &back); err != nil || !back.equal(&h) {
			t.Errorf("%v: %s reads back as %v, error %v", kind, h.appendJSON(nil), back, err)
		}
		deprecated := kind >= AssertCurrentAccessIndicesIsEmpty && kind <= Felt252DictWrite
		if (h.python() == "") != deprecated {
			t.Errorf("%v: Python %q", kind, h.python())
		}
		if len(h.Out) > 0 {
			other := Hint{Kind: kind, In: h.In, Out: append([]Cell{{FP, 99}}, h.Out[1:]...)}
			if other.equal(&h) {
				t.Errorf("%v: equal with other outputs", kind)
			}
		}
	}
	if got := hintKinds.String(); got != "unknown hint" {
		t.Errorf("%q", got)
	}
}

// TestHintOperands checks the JSON and the Python text of each form of operand in hints, and that other JSON is rejected.
func TestHintOperands(t *testing.T) {
	for text, want := range map[string]string{
		`{"AddTrace":{"flag":{"Immediate":"-0x10"}}}`: "AddTrace { flag: -16 }",
		`{"AddTrace":{"flag":{"BinOp":{"op":"Mul","a":{"register":"AP","offset":1},"b":{"Deref":{"register":"FP","offset":-3}}}}}}`: "AddTrace { flag: (memory[ap + 1] * memory[fp + -3]) % PRIME }",
		`{"SystemCall":{"system":{"BinOp":{"op":"Add","a":{"register":"FP","offset":-4},"b":{"Immediate":"0x3"}}}}}`:                "syscall_handler.syscall(syscall_ptr=memory[fp + -4] + 3)",
		`{"SystemCall":{"system":{"DoubleDeref":[{"register":"FP","offset":-4},5]}}}`:                                               "syscall_handler.syscall(syscall_ptr=memory[memory[fp + -4] + 5])",
		`{"WriteRunParam":{"index":{"Deref":{"register":"AP","offset":0}},"dst":{"register":"AP","offset":7}}}`:                     "WriteRunParam { dst: [ap + 7], index: memory[ap + 0] }",
	} {
		var h Hint
		if err := json.Unmarshal([]byte(text), &h); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := h.python(); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
		if got := string(h.appendJSON(nil)); got != text {
			t.Errorf("written as %s, want %s", got, text)
		}
	}
	for _, text := range []string{
		`{"AddTrace":{"flag":{"BinOp":{"op":"Sub","a":{"register":"AP","offset":1},"b":{"Immediate":"0x1"}}}}}`,
		`{"AddTrace":{"flag":{"BinOp":{"op":"Add","a":{"register":"AP","offset":1},"b":{}}}}}`,
		`{"AddTrace":{"flag":{"DoubleDeref":[{"register":"FP","offset":-4}]}}}`,
		`{"AddTrace":{"flag":{}}}`, `{"AddTrace":{"flag":{"Immediate":"0x"}}}`, `{"AddTrace":{"flag":{"Immediate":"12"}}}`,
		`{"AddTrace":{"flag":{"Deref":{"register":"FP"}}}}`, `{"AddTrace":{},"AddMarker":{}}`, `"AddTrace"`, `7`, `{"AssertAllKeysUsed":{}}`,
	} {
		var h Hint
		if err := json.Unmarshal([]byte(text), &h); err == nil {
			t.Errorf("%s is accepted as %v", text, h)
		}
	}
}
