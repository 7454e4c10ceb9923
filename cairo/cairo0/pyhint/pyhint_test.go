package pyhint

import (
	"errors"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/machine"
)

// testNames is a Names with ids.x, a cell at fp - 3, and ids.pair, a tuple whose type is not a struct.
type testNames struct{ scopes Scopes }

func newNames() *testNames { return &testNames{NewScopes()} }

func (n *testNames) Reference(name string) (Reference, bool) {
	switch name {
	case "x":
		return Reference{Type: "felt"}, true
	case "pair":
		return Reference{Type: "(felt, felt)", Tuple: 2}, true
	}
	return Reference{}, false
}

func (n *testNames) Addr(m *machine.Machine, name string) (machine.Addr, error) {
	if name != "x" {
		return machine.Addr{}, errors.New("no address")
	}
	return m.FrameAddr(true, -3)
}

func (n *testNames) Value(m *machine.Machine, name string) (machine.Value, error) {
	a, err := n.Addr(m, name)
	if err != nil {
		return machine.Value{}, err
	}
	return m.Memory.Value(a)
}

func (n *testNames) Set(m *machine.Machine, name string, v machine.Value) error {
	a, err := n.Addr(m, name)
	if err != nil {
		return err
	}
	return m.Memory.Insert(a, v)
}

func (n *testNames) TupleMember(_ *machine.Machine, _ string, i int) (machine.Value, error) {
	return machine.UintValue(uint64(i)), nil
}

func (n *testNames) Lookup(name string) *Identifier { return n.Resolve("__main__." + name) }

func (n *testNames) Resolve(name string) *Identifier {
	if name != "__main__.S" {
		return nil
	}
	size := int64(1)
	return &Identifier{Type: "struct", Size: &size, Members: map[string]Member{"a": {CairoType: "felt"}}}
}

func (n *testNames) Scopes() *Scopes { return &n.scopes }

func (n *testNames) ProgramInput() []byte { return []byte(`{"a":[1]}`) }

// FuzzHint checks that any text is an error or a hint that ends.
func FuzzHint(f *testing.F) {
	for _, s := range []string{
		"x = 1\nfor i in range(3):\n    x += i * 2 ** i\nelse:\n    x = -x",
		"def f(a: int, b=2) -> int:\n    return f(a - 1) if a > 0 else b\nids.x = f(5)",
		"vm_enter_scope({'a': [i for i in range(9) if i % 2]})\ny = {k: v for k, v in enumerate(a)}\nvm_exit_scope()",
		"memory[ap] = segments.gen_arg([1, [2, 3]]); assert 1 < 2 <= 3, f'no {1}'",
		"from starkware.python.math_utils import (isqrt, div_mod)\nz = sorted([3, 1], key=lambda x: -x)[::-1]\nwhile z: z.pop()",
		"(a, b), c = divmod(-7, 3), int.from_bytes(b'\\x01' + (5).to_bytes(2, 'little'), 'big')\ndel a",
		"1 << 999999999", "((((((((((1))))))))))", "x = [0] * 10 ** 9", "while 1: pass",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, code string) {
		m := machine.NewMachine()
		m.Memory.Limit = 1 << 16
		m.AP, m.FP = 10, 10
		run, err := parse(code)
		if err != nil {
			return
		}
		e := &env{m: m, ids: newNames(), budget: 1000}
		_, _ = run(e)
	})
}

// TestHintEdges checks values at and beyond the limits of some functions.
func TestHintEdges(t *testing.T) {
	for _, c := range []struct {
		code string
		want string // part of the error, "" for none
	}{
		{"x = int('7')", ""},
		{"x = int('x')", "invalid literal"},
		{"x = int('')", "invalid literal"},
		{"x = int('" + strings.Repeat("1", 20_000) + "')", ""},
		{"x = int('" + strings.Repeat("1", 20_001) + "')", "invalid literal"},
		{"x = int('z', 36)", ""},
		{"x = int('z', 37)", "bad base"},
		{"x = int('1', 1)", "bad base"},
		{"x = ids.pair", "is a tuple of 2"}, // its type is not a struct
	} {
		run, err := parse(c.code)
		if err == nil {
			m := machine.NewMachine()
			m.AP, m.FP = 10, 10
			_, err = run(&env{m: m, ids: newNames(), budget: 1_000_000})
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40s: %v, want %q", c.code, err, c.want)
		}
	}
}
