package cairoair

import (
	"sync"

	"github.com/starkd/starkd/prover/stwo/air"
)

// Source says where the rows of a component come from.
type Source int

const (
	OpcodeStates   Source = iota // the states of the machine before each instruction of the component's class
	BuiltinSegment               // the instances of a builtin's memory segment
	PassedInputs                 // inputs that rows of other components pass, in that order
	DistinctInputs               // the distinct inputs that rows of other components pass, in ascending order; a last word has the multiplicity
	FixedTable                   // preprocessed columns, with a column of multiplicities for each relation that it yields
	MemoryTable                  // the addresses, or the values, of the memory
)

// Parameter says what a component's parameter is.
type Parameter int

const (
	NoParameter  Parameter = iota
	SegmentStart           // the first address of the builtin's segment
	FirstID                // the number of ids in the parts of memory_id_to_big before this one
)

// Component is a component of the Cairo AIR.
type Component struct {
	Name      string
	Source    Source
	Parameter Parameter
	AIR       func() *air.Component // builds the component on the first call

	// widths are the bits of the leading values of a fixed table's tuples. They make up the number of a tuple's row.
	widths []int
}

// define returns the component name, which build makes.
func define(name string, source Source, build func() *air.Component) *Component {
	c := &Component{Name: name, Source: source, AIR: sync.OnceValue(func() *air.Component {
		a := build()
		if a.Name != name {
			panic("cairoair: the component " + name + " is built with the name " + a.Name)
		}
		return a
	})}
	switch {
	case source == BuiltinSegment:
		c.Parameter = SegmentStart
	case name == "memory_id_to_big":
		c.Parameter = FirstID
	}
	return c
}

// families are the components as their files list them.
var families = [][]*Component{
	opcodeComponents,
	blakeComponents,
	builtinComponents,
	ecComponents,
	poseidonComponents,
	memoryComponents,
	tableComponents,
}

// Components returns all components in claim order, which is the order of their columns, claims and constraints in a proof.
var Components = sync.OnceValue(func() []*Component {
	byName := map[string]*Component{}
	for _, family := range families {
		for _, c := range family {
			byName[c.Name] = c
		}
	}
	var all []*Component
	for _, name := range claimOrder {
		if c := byName[name]; c != nil {
			all = append(all, c)
		}
	}
	return all
})

var claimOrder = []string{
	"add_opcode", "add_opcode_small", "add_ap_opcode",
	"assert_eq_opcode", "assert_eq_opcode_imm", "assert_eq_opcode_double_deref",
	"blake_compress_opcode",
	"call_opcode_abs", "call_opcode_rel_imm",
	"generic_opcode",
	"jnz_opcode_non_taken", "jnz_opcode_taken",
	"jump_opcode_abs", "jump_opcode_double_deref", "jump_opcode_rel", "jump_opcode_rel_imm",
	"mul_opcode", "mul_opcode_small",
	"qm_31_add_mul_opcode",
	"ret_opcode",
	"verify_instruction",

	"blake_round", "blake_g", "blake_round_sigma", "triple_xor_32", "verify_bitwise_xor_12",

	"add_mod_builtin", "bitwise_builtin", "mul_mod_builtin", "pedersen_builtin", "pedersen_builtin_narrow_windows", "poseidon_builtin",
	"range_check96_builtin", "range_check_builtin", "ec_op_builtin",

	"partial_ec_mul_generic",
	"pedersen_aggregator_window_bits_18", "partial_ec_mul_window_bits_18", "pedersen_points_table_window_bits_18",
	"pedersen_aggregator_window_bits_9", "partial_ec_mul_window_bits_9", "pedersen_points_table_window_bits_9",

	"poseidon_aggregator", "poseidon_3_partial_rounds_chain", "poseidon_full_round_chain", "cube_252", "poseidon_round_keys",
	"range_check_252_width_27",

	"memory_address_to_id", "memory_id_to_big", "memory_id_to_small",

	"range_check_6", "range_check_8", "range_check_11", "range_check_12", "range_check_18", "range_check_20",
	"range_check_4_3", "range_check_4_4", "range_check_9_9", "range_check_7_2_5", "range_check_3_6_6_3", "range_check_4_4_4_4",
	"range_check_3_3_3_3_3",
	"verify_bitwise_xor_4", "verify_bitwise_xor_7", "verify_bitwise_xor_8", "verify_bitwise_xor_9",
}

// newCallee returns a builder of a component whose rows are passed by other components, with the columns of its input.
func newCallee(name string, inputs int) (*air.Builder, []air.Expr) {
	b := air.NewBuilder(name, inputs)
	return b, inputColumns(b, inputs)
}

// inputColumns adds columns for the first n words of the row's input.
func inputColumns(b *air.Builder, n int) []air.Expr {
	in := make([]air.Expr, n)
	for k := range in {
		in[k] = b.Column(limbName("input", k), b.Input(k))
	}
	return in
}

// enablerColumn adds a column that is 1 in rows with an input of their own, and 0 in padding.
func enablerColumn(b *air.Builder) air.Expr {
	enabler := b.Column("enabler", b.Enabled())
	b.Constrain("enabler is a bit", enabler.Mul(enabler).Sub(enabler))
	return enabler
}
