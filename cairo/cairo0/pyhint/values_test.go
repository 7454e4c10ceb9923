package pyhint

import (
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/machine"
)

// structNames is a testNames whose ids.pair is a struct with the given members that is not in memory.
type structNames struct {
	*testNames
	members map[string]Member
}

func (n structNames) Reference(name string) (Reference, bool) {
	if name == "pair" {
		return Reference{Type: "__main__.T", Tuple: 2}, true
	}
	return n.testNames.Reference(name)
}

func (n structNames) Resolve(name string) *Identifier {
	if name == "__main__.T" {
		size := int64(len(n.members))
		return &Identifier{Type: "struct", Size: &size, Members: n.members}
	}
	return n.testNames.Resolve(name)
}

// TestValues checks that hints compute the same values as Python.
func TestValues(t *testing.T) {
	names := structNames{newNames(), map[string]Member{"b": {CairoType: "felt", Offset: 1}, "a": {CairoType: "felt"}}}
	for _, code := range []string{
		"assert ids.pair.a == 0 and ids.pair.b == 1", // a tuple cast to a struct
		"assert [x for x in range(3)] == [0, 1, 2]",
		"assert [x for x in range(2, 4)] == [2, 3]",
		"assert [x for x in range(9, 0, -4)] == [9, 5, 1]",
		"assert pow(2, 10) == 1024 and pow(2, 10, 1000) == 24",
		"from collections import defaultdict\nd = defaultdict(int)\nassert d['a'] == 0 and len(d) == 1",
		"from collections import defaultdict\nd = defaultdict(list)\nd['a'].append(7)\nassert d['a'] == [7]",
		"x = 5\nassert globals().get('x', 0) == 5",
		"assert globals().get('no_such_name', 7) == 7",
		"assert mul_mod_builtin.instance_def.batch_size == 1",
		"assert range_check_builtin.bound == 2 ** 128 and range_check96_builtin.bound == 2 ** 96",
		// RFC 7693, appendix B: the first word of BLAKE2s-256 of "abc".
		"from starkware.cairo.common.cairo_blake2s.blake2s_utils import IV, blake2s_compress\n" +
			"h = [IV[0] ^ 0x01010020] + IV[1:]\nout = blake2s_compress(h, [0x636261] + [0] * 15, 3, 0, 0xffffffff, 0)\nassert out[0] == 0x8c5e8c50",
	} {
		if err := runHint(names, code); err != nil {
			t.Errorf("%s: %v", code, err)
		}
		if wrong := strings.Replace(code, "assert ", "assert not ", 1); strings.Count(code, "assert ") == 1 && !strings.Contains(code, " and ") && runHint(names, wrong) == nil {
			t.Errorf("%s holds too", wrong)
		}
	}
	names.members["c"] = Member{CairoType: "felt", Offset: 2}
	if err := runHint(names, "x = ids.pair"); err == nil || !strings.Contains(err.Error(), "ids.pair is a tuple of 2, not a __main__.T") {
		t.Errorf("a tuple of 2 as a struct of 3 members: %v", err)
	}
}

// runHint runs a hint on a machine with three builtins.
func runHint(names Names, code string) error {
	m := machine.NewMachine()
	for _, name := range []string{machine.BuiltinRangeCheck, machine.BuiltinRangeCheck96, machine.BuiltinMulMod} {
		if _, err := m.AddBuiltin(name); err != nil {
			return err
		}
	}
	m.AP, m.FP = 10, 10
	run, err := parse(code)
	if err != nil {
		return err
	}
	_, err = run(&env{m: m, ids: names, budget: 1_000_000})
	return err
}
