package compiler

import (
	"math/big"

	"github.com/starkd/starkd/cairo/sierra"
)

// constSegments holds the constants after the code. Each segment is a ret, which is called to find the segment's address,
// followed by the values. The segments of const_as_box come first, in the order of their numbers, then one for each
// circuit descriptor.
type constSegments struct {
	segments []*constSegment
	circuits map[sierra.TypeID]int
	size     int
}

// constSegment is one segment of constants.
type constSegment struct {
	values  []*big.Int
	offsets map[sierra.TypeID]int // of the constants among the values
	offset  int                   // from the end of the code
}

// segment returns segment i, which must exist.
func (c *constSegments) segment(i int) *constSegment {
	if i >= len(c.segments) {
		reject("there is no const segment %d", i)
	}
	return c.segments[i]
}

// constant returns the offset of a constant from the end of the code, minus one for the segment's ret.
func (c *constSegments) constant(i int, typ sierra.TypeID) int {
	s := c.segment(i)
	offset, ok := s.offsets[typ]
	if !ok {
		reject("constant of type %d is not in segment %d", typ, i)
	}
	return s.offset + offset
}

// circuit returns the offset of a circuit's descriptor, as constant does.
func (c *constSegments) circuit(typ sierra.TypeID) int {
	i, ok := c.circuits[typ]
	if !ok {
		reject("circuit %d is not among the const segments", typ)
	}
	return c.constant(i, typ)
}

// newConstSegments collects the constants of all declared libfuncs. They must fit in room felts.
func (c *compilation) newConstSegments(room int) (*constSegments, error) {
	out := &constSegments{circuits: map[sierra.TypeID]int{}}
	total := 0
	add := func(i int, typ sierra.TypeID, values []*big.Int) error {
		if i == len(out.segments) {
			out.segments = append(out.segments, &constSegment{offsets: map[sierra.TypeID]int{}})
		}
		s := out.segments[i]
		s.offsets[typ] = len(s.values)
		s.values = append(s.values, values...)
		if total += len(values); total+len(out.segments) > room {
			return errorf(codeSize, -1, "bytecode exceeds %d felts", c.options.MaxBytecode)
		}
		return nil
	}
	for id := range c.program.Libfuncs {
		lf := libfunc{ConcreteLibfunc: c.registry.Libfunc(sierra.LibfuncID(id)), r: c.resolved}
		if lf.Generic != "const_as_box" {
			continue
		}
		segment := lf.valueArg(1)
		if !segment.IsInt64() || segment.Sign() < 0 || segment.Int64() > int64(len(out.segments)) {
			return nil, errorf(codeConst, -1, "const segment %v is out of order, there are %d so far", segment, len(out.segments))
		}
		if err := add(int(segment.Int64()), lf.typeArg(0), c.constValues(lf.typeArg(0))); err != nil {
			return nil, err
		}
	}
	for id := range c.program.Libfuncs {
		lf := libfunc{ConcreteLibfunc: c.registry.Libfunc(sierra.LibfuncID(id)), r: c.resolved}
		if lf.Generic != "get_circuit_descriptor" {
			continue
		}
		typ, next := lf.typeArg(0), len(out.segments)
		var values []*big.Int
		for _, gates := range [...][]sierra.Gate{lf.circuit().Add, lf.circuit().Mul} {
			for _, g := range gates {
				for _, v := range [...]int{g.Left, g.Right, g.Output} {
					values = append(values, big.NewInt(int64(v)*sierra.CircuitValueCells))
				}
			}
		}
		if err := add(next, typ, values); err != nil {
			return nil, err
		}
		out.circuits[typ] = next
	}
	for _, s := range out.segments {
		s.offset = out.size
		out.size += 1 + len(s.values)
	}
	return out, nil
}

// constValues returns the cells of a constant. Parts of constants can be shared, so a small declaration can have
// exponentially many of them, even without cells: the budget counts every part.
func (c *compilation) constValues(id sierra.TypeID) (values []*big.Int) {
	stack := []sierra.TypeID{id}
	for len(stack) > 0 {
		c.budget.move(1)
		t := c.typ(stack[len(stack)-1])
		stack = stack[:len(stack)-1]
		if t.Generic != "Const" || len(t.Args) == 0 {
			reject("type %d is not a constant", t.ID)
		}
		inner, data := c.typ(t.Inner), t.Args[1:]
		arg := func(i int, kind sierra.ArgKind, n int) *sierra.GenericArg {
			if len(data) != n || data[i].Kind != kind {
				reject("data of constant %d does not match its type", t.ID)
			}
			return &data[i]
		}
		switch inner.Generic {
		case "Struct":
			for i := len(data) - 1; i >= 0; i-- {
				stack = append(stack, arg(i, sierra.TypeArg, len(data)).Type)
			}
		case "Enum":
			variant := arg(0, sierra.ValueArg, 2).Value
			if !variant.IsInt64() || variant.Sign() < 0 || variant.Int64() >= int64(len(inner.Members)) {
				reject("constant %d has variant %v, the enum has %d", t.ID, variant, len(inner.Members))
			}
			i := int(variant.Int64())
			values = append(values, big.NewInt(int64(variantSelector(len(inner.Members), i))))
			for n := c.size(inner.ID) - c.size(inner.Members[i]) - 1; n > 0; n-- {
				values = append(values, new(big.Int))
			}
			stack = append(stack, arg(1, sierra.TypeArg, 2).Type)
		case "NonZero":
			stack = append(stack, arg(0, sierra.TypeArg, 1).Type)
		case "EcPoint":
			values = append(values, arg(0, sierra.ValueArg, 2).Value, arg(1, sierra.ValueArg, 2).Value)
		default:
			values = append(values, arg(0, sierra.ValueArg, 1).Value)
		}
	}
	return values
}
