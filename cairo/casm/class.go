package casm

import (
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
)

// Class is a compiled contract class. It is immutable.
type Class struct {
	CompilerVersion string
	Bytecode        []felt.Felt
	Segments        *Segments // nil for classes of Sierra below 1.5, whose bytecode is one segment
	Hints           []HintsAt // by ascending offset
	EntryPoints     EntryPoints
}

// EntryPoints holds a class's entry points by type. Each list is in ascending order of selectors.
type EntryPoints struct {
	External    []EntryPoint
	L1Handler   []EntryPoint
	Constructor []EntryPoint
}

// EntryPointType names one of a class's three lists of entry points.
type EntryPointType uint8

// Types of entry points.
const (
	External EntryPointType = iota
	L1Handler
	Constructor
)

// EntryPoint returns the entry point with a type and a selector, nil if there is none.
func (c *Class) EntryPoint(kind EntryPointType, selector felt.Felt) *EntryPoint {
	list := c.EntryPoints.External
	switch kind {
	case L1Handler:
		list = c.EntryPoints.L1Handler
	case Constructor:
		list = c.EntryPoints.Constructor
	}
	for i := range list {
		if list[i].Selector == selector {
			return &list[i]
		}
	}
	return nil
}

// builtinNames are the builtin names that an entry point may have: those of the official compiler. The class hash takes a name modulo
// the field's prime, so other names have the same hash. DecodeClass rejects them.
var builtinNames = [...]string{
	"range_check", "pedersen", "bitwise", "ec_op", "poseidon", "segment_arena", "range_check96", "add_mod", "mul_mod",
}

// EntryPoint is the place where a call with a selector enters the bytecode. Its arguments are the pointers of its builtins, the gas
// counter, the syscall pointer, and the start and end of the calldata.
type EntryPoint struct {
	Selector felt.Felt
	// Wide is the selector if it is not below the field's prime, nil otherwise. Selector is then its remainder. Compilers write such
	// a selector as the Sierra class has it; DecodeClass rejects it.
	Wide     *big.Int
	Offset   int      // in felts
	Builtins []string // names, in the order of the arguments
}

// selectorHex returns Wide, or else Selector, in hexadecimal.
func (e *EntryPoint) selectorHex() string {
	if e.Wide != nil {
		return "0x" + e.Wide.Text(16)
	}
	return e.Selector.String()
}

// Segments is a tree of lengths of bytecode segments: a leaf of Length felts, or a node with Children.
type Segments struct {
	Length   int
	Children []Segments // nil for a leaf; empty but not nil for a node without children
}

// total returns the sum of the leaves. The decoder bounds the depth of the recursion.
func (s *Segments) total() int {
	if s.Children == nil {
		return s.Length
	}
	sum := 0
	for i := range s.Children {
		sum += s.Children[i].total()
	}
	return sum
}

// Bounds of the decoders. The chain's own bound on declared classes is lower: see compiler.Options.
const (
	MaxBytecode     = 1 << 20 // felts in a class
	maxSegmentDepth = 64      // depth of the tree of segments
)

// classError is the error for JSON that is not a well-formed compiled class.
type classError struct{ Reason string }

func (e *classError) Error() string { return "casm: " + e.Reason }

// classErrorf returns a *classError with a formatted reason.
func classErrorf(format string, args ...any) error {
	return &classError{Reason: fmt.Sprintf(format, args...)}
}

// asClassError returns err as a *classError, nil if err is nil.
func asClassError(err error) error {
	if _, ok := errors.AsType[*classError](err); ok || err == nil {
		return err
	}
	return &classError{Reason: err.Error()}
}

// Validate checks that offsets are inside the bytecode, builtins are known, hints are in order, and segments cover the bytecode exactly. All
// users of a class rely on that.
func (c *Class) Validate() error {
	if n := len(c.Bytecode); n > MaxBytecode {
		return classErrorf("bytecode of %d felts exceeds %d", n, MaxBytecode)
	}
	if err := c.checkSegments(); err != nil {
		return err
	}
	last := -1
	for _, at := range c.Hints {
		if at.Offset <= last || at.Offset >= len(c.Bytecode) {
			return classErrorf("hints at offset %d after hints at offset %d in a bytecode of %d felts", at.Offset, last, len(c.Bytecode))
		}
		last = at.Offset
	}
	for _, list := range [...][]EntryPoint{c.EntryPoints.External, c.EntryPoints.L1Handler, c.EntryPoints.Constructor} {
		for _, ep := range list {
			if ep.Offset < 0 || ep.Offset >= len(c.Bytecode) {
				return classErrorf("entry point %v at offset %d, outside a bytecode of %d felts", ep.Selector, uint64(ep.Offset), len(c.Bytecode))
			}
			for _, name := range ep.Builtins {
				if !slices.Contains(builtinNames[:], name) {
					return classErrorf("entry point %v: builtin %.80q, want some of %v", ep.Selector, name, builtinNames)
				}
			}
		}
	}
	return nil
}

// checkSegments checks that the segments cover the bytecode exactly.
func (c *Class) checkSegments() error {
	if c.Segments != nil {
		if total := c.Segments.total(); total != len(c.Bytecode) {
			return classErrorf("bytecode segments cover %d felts of %d", total, len(c.Bytecode))
		}
	}
	return nil
}
