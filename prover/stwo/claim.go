package stwo

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/cairoair"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Claim is the part of a proof that says what is proved: the sizes of the components' tables and the public data of the run.
type Claim struct {
	Public PublicData
	Tables []Table // tables of the present components, in claim order
}

// Table is the table of a component that is present in a proof.
type Table struct {
	Kind    *Kind
	LogSize int    // log2 of the number of rows
	Start   uint32 // first address of the builtin's segment, for a component of a builtin
}

// PublicData is the public part of a run.
type PublicData struct {
	Program     []Cell // from address 1 on
	Segments    [SegmentCount]*Segment
	Output      []Cell    // from the final ap on
	SafeCallIDs [2]uint32 // ids of the two values below the first frame: its address and 0
	Initial     State
	Final       State
}

// Cell is a value of the public memory and its id.
type Cell struct {
	ID    uint32
	Value felt.Felt
}

// Segment holds the pointers to a builtin's segment that main takes and returns.
type Segment struct{ Start, Stop Pointer }

// Pointer is an address in memory and the id of that value.
type Pointer struct{ ID, Value uint32 }

// State holds the registers of the machine.
type State struct{ PC, AP, FP m31.M31 }

// SegmentCount is the number of segments of builtins.
const SegmentCount = 11

// segmentNames are the names of the segments, in the order in which main takes their pointers.
var segmentNames = [SegmentCount]string{
	"output", "pedersen", "range_check_128", "ecdsa", "bitwise", "ec_op", "keccak", "poseidon", "range_check_96", "add_mod", "mul_mod",
}

// output is the index of the output segment, which every proof has.
const output = 0

// Kind is a component of the Cairo AIR as claims know it.
type Kind struct {
	Name string
	// fixedLog is log2 of the number of rows if the number is always the same, else 0. A claim gives no size for such a component.
	fixedLog int
	// start is the name of the claim's member with the first address of the builtin's segment, or "".
	start string
}

// maxBigParts is the largest number of tables of memory_id_to_big.
const maxBigParts = 16

// memory_id_to_big is the only component that can have several tables, or none. Every proof has it.
const idToBig = "memory_id_to_big"

// kinds are the components in claim order.
var kinds = func() []*Kind {
	builtin := func(name string) *Kind { return &Kind{Name: name, start: name + "_segment_start"} }
	sized := func(name string) *Kind { return &Kind{Name: name} }
	fixed := func(name string, log int) *Kind { return &Kind{Name: name, fixedLog: log} }
	return []*Kind{
		sized("add_opcode"), sized("add_opcode_small"), sized("add_ap_opcode"),
		sized("assert_eq_opcode"), sized("assert_eq_opcode_imm"), sized("assert_eq_opcode_double_deref"),
		sized("blake_compress_opcode"), sized("call_opcode_abs"), sized("call_opcode_rel_imm"), sized("generic_opcode"),
		sized("jnz_opcode_non_taken"), sized("jnz_opcode_taken"),
		sized("jump_opcode_abs"), sized("jump_opcode_double_deref"), sized("jump_opcode_rel"), sized("jump_opcode_rel_imm"),
		sized("mul_opcode"), sized("mul_opcode_small"), sized("qm_31_add_mul_opcode"), sized("ret_opcode"),
		sized("verify_instruction"),
		sized("blake_round"), sized("blake_g"), fixed("blake_round_sigma", 4), sized("triple_xor_32"), fixed("verify_bitwise_xor_12", 20),
		builtin("add_mod_builtin"), builtin("bitwise_builtin"), builtin("mul_mod_builtin"), builtin("pedersen_builtin"),
		{Name: "pedersen_builtin_narrow_windows", start: "pedersen_builtin_segment_start"},
		builtin("poseidon_builtin"), builtin("range_check96_builtin"), builtin("range_check_builtin"), builtin("ec_op_builtin"),
		sized("partial_ec_mul_generic"),
		sized("pedersen_aggregator_window_bits_18"), sized("partial_ec_mul_window_bits_18"), fixed("pedersen_points_table_window_bits_18", 23),
		sized("pedersen_aggregator_window_bits_9"), sized("partial_ec_mul_window_bits_9"), fixed("pedersen_points_table_window_bits_9", 15),
		sized("poseidon_aggregator"), sized("poseidon_3_partial_rounds_chain"), sized("poseidon_full_round_chain"), sized("cube_252"),
		fixed("poseidon_round_keys", 6), sized("range_check_252_width_27"),
		sized("memory_address_to_id"), sized(idToBig), sized("memory_id_to_small"),
		fixed("range_check_6", 6), fixed("range_check_8", 8), fixed("range_check_11", 11), fixed("range_check_12", 12),
		fixed("range_check_18", 18), fixed("range_check_20", 20), fixed("range_check_4_3", 7), fixed("range_check_4_4", 8),
		fixed("range_check_9_9", 18), fixed("range_check_7_2_5", 14), fixed("range_check_3_6_6_3", 18), fixed("range_check_4_4_4_4", 16),
		fixed("range_check_3_3_3_3_3", 15),
		fixed("verify_bitwise_xor_4", 8), fixed("verify_bitwise_xor_7", 14), fixed("verify_bitwise_xor_8", 16), fixed("verify_bitwise_xor_9", 18),
	}
}()

// tables returns the tables of a kind.
func (c *Claim) tables(name string) []Table {
	for i := range c.Tables {
		if c.Tables[i].Kind.Name != name {
			continue
		}
		n := 1
		for i+n < len(c.Tables) && c.Tables[i+n].Kind.Name == name {
			n++
		}
		return c.Tables[i : i+n]
	}
	return nil
}

// table returns the table of a kind, or nil.
func (c *Claim) table(name string) *Table {
	if t := c.tables(name); len(t) > 0 {
		return &t[0]
	}
	return nil
}

// maxLogSize is the largest log2 of the number of rows of a table: ids and addresses are below 2^31.
const maxLogSize = 30

// checkTables returns an error unless the tables are in claim order, with sizes in range.
func (c *Claim) checkTables() error {
	next := 0 // index in kinds of the next kind that is allowed
	for i, t := range c.Tables {
		at := next
		for at < len(kinds) && kinds[at] != t.Kind {
			at++
		}
		repeated := i > 0 && t.Kind == c.Tables[i-1].Kind
		switch {
		case repeated && t.Kind.Name != idToBig:
			return fmt.Errorf("stwo: two tables of %s", t.Kind.Name)
		case !repeated && at == len(kinds):
			return fmt.Errorf("stwo: table %d is not in claim order", i)
		case t.Kind.fixedLog != 0 && t.LogSize != t.Kind.fixedLog:
			return fmt.Errorf("stwo: %s has 2^%d rows, want 2^%d", t.Kind.Name, t.LogSize, t.Kind.fixedLog)
		case t.LogSize < minLogSize || t.LogSize > maxLogSize:
			return fmt.Errorf("stwo: %s has 2^%d rows, want 2^%d to 2^%d", t.Kind.Name, t.LogSize, minLogSize, maxLogSize)
		}
		if !repeated {
			next = at + 1
		}
	}
	if n := len(c.tables(idToBig)); n > maxBigParts {
		return fmt.Errorf("stwo: %d tables of %s, want at most %d", n, idToBig, maxBigParts)
	}
	return nil
}

// minLogSize is the smallest log2 of the number of rows of a table.
const minLogSize = 4

// component returns the component of a kind, or nil if it does not exist yet.
func (k *Kind) component() *air.Component {
	for _, c := range cairoair.Components() {
		if c.Name == k.Name {
			return c.AIR()
		}
	}
	return nil
}
