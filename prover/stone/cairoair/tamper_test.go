package cairoair

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stone/air"
	"github.com/starkd/starkd/prover/stone/field"
)

// site is a virtual column, with the label of the constraints that must detect a change in it.
type site struct {
	name  string
	view  View
	label string
}

// sites returns the virtual columns of a layout.
func sites(l *Layout) []site {
	c, m, r := &l.CPU, &l.Memory, &l.RangeCheck
	out := []site{
		{"pc", c.Instruction.Addr, "cpu/"}, {"instruction", c.Instruction.Value, "cpu/decode/"},
		{"dst addr", c.Dst.Addr, "cpu/operands/mem_dst"}, {"dst", c.Dst.Value, "memory/"},
		{"op0 addr", c.Op0.Addr, "cpu/operands/mem0"}, {"op0", c.Op0.Value, "memory/"},
		{"op1 addr", c.Op1.Addr, "cpu/operands/mem1"}, {"op1", c.Op1.Value, "memory/"},
		{"off0", c.Off0, "cpu/decode/"}, {"off1", c.Off1, "cpu/decode/"}, {"off2", c.Off2, "cpu/decode/"},
		{"flags", c.Flags, "cpu/decode/opcode_range_check/"},
		{"ap", c.AP, "cpu/update_registers/update_ap"}, {"fp", c.FP, "cpu/update_registers/update_fp"},
		{"mul", c.Mul, "cpu/operands/ops_mul"}, {"res", c.Res, "cpu/"},
		{"tmp0", c.Tmp0, "cpu/update_registers/update_pc"}, {"tmp1", c.Tmp1, "cpu/update_registers/update_pc"},
		{"pool addr", m.Pool.Addr, "memory/"}, {"pool value", m.Pool.Value, "memory/"},
		{"sorted addr", m.Sorted.Addr, "memory/"}, {"sorted value", m.Sorted.Value, "memory/"}, {"memory product", m.Product, "memory/"},
		{"public addr", m.Public.Addr, "public_memory_addr_zero"}, {"public value", m.Public.Value, "public_memory_value_zero"},
		{"range check", r.Pool, "range_check16/"}, {"sorted range check", r.Sorted, "range_check16/"}, {"range check product", r.Product, "range_check16/"},
	}
	if d := l.Diluted; d != nil {
		out = append(out, site{"diluted", d.Pool, "diluted_check/"}, site{"sorted diluted", d.Sorted, "diluted_check/"},
			site{"cumulative", d.Cumulative, "diluted_check/"}, site{"diluted product", d.Product, "diluted_check/permutation/"})
	}
	units := func(name string, u Units, label string) {
		out = append(out, site{name + " addr", u.Addr, label}, site{name, u.Value, label})
	}
	sum := func(name string, s *SubsetSum, label string) {
		out = append(out, site{name + " x", s.X, label}, site{name + " y", s.Y, label}, site{name + " slope", s.Slope, label},
			site{name + " selector", s.Selector, label})
		if s.XDiffInv != nil {
			out = append(out, site{name + " x_diff_inv", *s.XDiffInv, label})
		}
	}
	if p := l.Pedersen; p != nil {
		units("input0", p.Input0, "pedersen/")
		units("input1", p.Input1, "pedersen/")
		units("output", p.Output, "pedersen/")
		for _, h := range p.Hashes {
			sum("hash", &h.Sum, "pedersen/hash")
			out = append(out, site{"prod_ones196", h.ProdOnes196, "pedersen/hash"}, site{"prod_ones192", h.ProdOnes192, "pedersen/hash"})
		}
	}
	if b := l.RangeCheckBuiltin; b != nil {
		units("range check builtin", b.Unit, "range_check_builtin/")
		out = append(out, site{"parts", b.Parts, "range_check_builtin/"})
	}
	if e := l.ECDSA; e != nil {
		units("public key", e.PubKey, "ecdsa/")
		units("message", e.Message, "ecdsa/")
		sum("generator", &e.Generator, "ecdsa/signature0/exponentiate_generator/")
		sum("key", &e.Key, "ecdsa/signature0/exponentiate_key/")
		for i, v := range []View{e.KeyX, e.KeyY, e.DoublingSlope, e.AddResultsSlope, e.AddResultsInv, e.ExtractRSlope, e.ExtractRInv, e.ZInv, e.RWInv, e.QXSquared} {
			out = append(out, site{[]string{"key x", "key y", "doubling", "add slope", "add inv", "extract slope", "extract inv", "z inv", "rw inv", "x squared"}[i], v, "ecdsa/"})
		}
	}
	if b := l.Bitwise; b != nil {
		units("variables", b.Vars, "bitwise/")
		units("or", b.Or, "bitwise/")
		out = append(out, site{"parts", b.Diluted, "bitwise/"})
		for _, t := range b.Trim {
			out = append(out, site{"trim", t, "bitwise/unique_unpacking"})
		}
	}
	if e := l.ECOp; e != nil {
		for i, u := range e.units() {
			units([]string{"p.x", "p.y", "q.x", "q.y", "m", "r.x", "r.y"}[i], u, "ec_op/")
		}
		out = append(out, site{"doubled x", e.DoubledX, "ec_op/doubling_q/"}, site{"doubled y", e.DoubledY, "ec_op/doubling_q/"},
			site{"doubling slope", e.Slope, "ec_op/doubling_q/"})
		sum("multiple", &e.Multiple.Sum, "ec_op/ec_subset_sum/")
		out = append(out, site{"prod_ones196", e.Multiple.ProdOnes196, "ec_op/ec_subset_sum/bit_unpacking/"},
			site{"prod_ones192", e.Multiple.ProdOnes192, "ec_op/ec_subset_sum/bit_unpacking/"})
	}
	if p := l.Poseidon; p != nil {
		for i, u := range p.InOut {
			units(fmt.Sprint("state ", i), u, "poseidon/")
		}
		for _, v := range p.views() {
			out = append(out, site{"rounds", v, "poseidon/poseidon/"})
		}
	}
	return out
}

// TestTamperedCellsAreNoticed checks that a change of any one cell of any virtual column breaks a constraint of its component.
func TestTamperedCellsAreNoticed(t *testing.T) {
	for _, name := range []string{"plain512-lcg-keccak-upd", "rec16384-idle-keccak", "small8192-sig-k160lsb", "recursive_with_poseidon", "starknet"} {
		t.Run(name, func(t *testing.T) {
			if name != "plain512-lcg-keccak-upd" && name != "rec16384-idle-keccak" && os.Getenv("STARKD_FULL") == "" {
				t.Skip("set STARKD_FULL=1 (make test-full)")
			}
			w, columns, values := columnsOf(t, name)
			touched := map[int]bool{}
			for _, s := range sites(w.layout) {
				if name == "starknet" && !strings.HasPrefix(s.label, "ec_op/") {
					touched[s.view.Column] = true // skip it in a long run; smaller runs cover the other components
					continue
				}
				touched[s.view.Column] = true
				n := s.view.Len(len(columns[0]))
				cells := []int{n / 3}
				if n < 1<<14 {
					cells = append(cells, 0)
				}
				for _, i := range cells {
					cell := &columns[s.view.Column][s.view.Row(i)]
					saved := *cell
					one := field.One()
					cell.Add(cell, &one)
					if len(only(w.System(), s.label).CheckRows(columns, values, 1)) == 0 {
						t.Errorf("%s: cell %d (column %d, row %d) changed and no constraint %s… failed", s.name, i, s.view.Column, s.view.Row(i), s.label)
					}
					*cell = saved
				}
			}
			for c := range columns {
				if !touched[c] {
					t.Errorf("no virtual column of column %d was tampered with", c)
				}
			}
		})
	}
}

// only returns the system with the constraints of one component.
func only(s *air.System, label string) *air.System {
	part := *s
	part.Constraints = slices.DeleteFunc(slices.Clone(s.Constraints), func(c air.Constraint) bool { return !strings.HasPrefix(c.Name, label) })
	return &part
}
