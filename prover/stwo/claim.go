package stwo

import (
	"fmt"
	"strings"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/constraints"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Claim is the part of a proof that says what is proved: the sizes of the components' tables and the public data of the run.
type Claim struct {
	Public PublicData
	Tables []Table // tables of the present components, in claim order
}

// Table is the table of a component that is present in a proof.
type Table struct {
	Component *constraints.Component
	LogSize   int    // log2 of the number of rows
	Start     uint32 // first address of the builtin's segment, for a component of a builtin
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

// maxBigParts is the largest number of tables of memory_id_to_big.
const maxBigParts = 16

// memory_id_to_big is the only component that can have several tables, or none. Every proof has it.
const idToBig = "memory_id_to_big"

// startMember returns the name of a claim's member with the first address of the builtin's segment.
func startMember(c *constraints.Component) string {
	return strings.TrimSuffix(c.Name, "_narrow_windows") + "_segment_start"
}

// tables returns the tables of a component.
func (c *Claim) tables(name string) []Table {
	for i := range c.Tables {
		if c.Tables[i].Component.Name != name {
			continue
		}
		n := 1
		for i+n < len(c.Tables) && c.Tables[i+n].Component.Name == name {
			n++
		}
		return c.Tables[i : i+n]
	}
	return nil
}

// table returns the table of a component, or nil.
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
	components := constraints.All()
	next := 0 // index of the next component that is allowed
	for i, t := range c.Tables {
		at := next
		for at < len(components) && components[at] != t.Component {
			at++
		}
		repeated := i > 0 && t.Component == c.Tables[i-1].Component
		switch {
		case repeated && t.Component.Name != idToBig:
			return fmt.Errorf("stwo: two tables of %s", t.Component.Name)
		case !repeated && at == len(components):
			return fmt.Errorf("stwo: table %d is not in claim order", i)
		case t.Component.Fixed && t.LogSize != t.Component.Component.LogSize:
			return fmt.Errorf("stwo: %s has 2^%d rows, want 2^%d", t.Component.Name, t.LogSize, t.Component.Component.LogSize)
		case t.LogSize < minLogSize || t.LogSize > maxLogSize:
			return fmt.Errorf("stwo: %s has 2^%d rows, want 2^%d to 2^%d", t.Component.Name, t.LogSize, minLogSize, maxLogSize)
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
