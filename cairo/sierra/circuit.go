package sierra

import "sort"

// CircuitInfo is the layout of a circuit's values and gates. Values are numbered from 0: the constant 1, the inputs as
// given, the inputs reduced by the modulus, then the gates' outputs. Each takes CircuitValueCells cells.
type CircuitInfo struct {
	Inputs int
	// Values maps the types of inputs and gates to the numbers of their values; an input's is the reduced one.
	Values map[TypeID]int
	// Add lists the additions (a subtraction is an addition with a known sum), Mul the multiplications (among them
	// inverses and the reductions of inputs), both in order of evaluation.
	Add, Mul []Gate
}

// Gate means that the operation on values Left and Right gives value Output.
type Gate struct{ Left, Right, Output int }

// CircuitValueCells is the number of 96-bit limbs of a value.
const CircuitValueCells = 4

// oneValue is the number of the constant 1.
const oneValue = 0

// RangeChecks96 returns the number of 96-bit range checks of an evaluation: one for each limb.
func (c *CircuitInfo) RangeChecks96() int {
	return (1 + c.Inputs + len(c.Values)) * CircuitValueCells
}

// isCircuitComponent reports whether a generic id is that of an input or a gate.
func isCircuitComponent(generic string) bool {
	switch generic {
	case "CircuitInput", "AddModGate", "SubModGate", "MulModGate", "InverseGate":
		return true
	}
	return false
}

// componentArgs requires arguments to be types of circuit components and returns them. It checks only the outermost
// types: a component's own arguments are checked with its declaration.
func (s *specialisation) componentArgs(args []GenericArg) []TypeID {
	ids := make([]TypeID, 0, len(args))
	for i := range args {
		if args[i].Kind != TypeArg {
			s.fail("generic argument %d is not a type", i)
			return nil
		}
		l := s.longID(args[i].Type)
		s.require(isCircuitComponent(l.Generic), "type %d (%s) is not a circuit's component", args[i].Type, l.Generic)
		ids = append(ids, args[i].Type)
	}
	return ids
}

func circuitInputType(s *specialisation, t *ConcreteType) {
	s.require(s.soleValue().IsUint64(), "input number is not an unsigned 64-bit number")
	t.Info = immaterial
}

func gateType(s *specialisation, t *ConcreteType) {
	n := 2
	if t.Generic == "InverseGate" {
		n = 1
	}
	if s.count(n) {
		s.componentArgs(t.Args)
	}
	t.Info = immaterial
}

// ofCircuitType returns the rule of the types that hold a circuit's data in its stages.
func ofCircuitType(s *specialisation, t *ConcreteType) {
	s.inner(t)
	s.argsOf(t.Inner, "Circuit")
	t.Info = affine
	if t.Generic == "CircuitOutputs" || t.Generic == "CircuitDescriptor" {
		t.Info = value
	}
}

func limbsGuaranteeType(s *specialisation, t *ConcreteType) {
	n := s.soleValue()
	s.require(n.Sign() > 0 && n.IsUint64(), "%v is not a number of limbs", n)
	t.Info = linear
}

func circuitType(s *specialisation, t *ConcreteType) {
	s.inner(t)
	args := s.argsOf(t.Inner, "Struct")
	if s.err != "" {
		return
	}
	if len(args) == 0 || !s.r.isUserType(&args[0], "Tuple") {
		s.fail("a circuit's outputs are not a tuple")
		return
	}
	outputs := s.componentArgs(args[1:])
	t.Circuit = s.circuit(outputs)
	t.Info = immaterial
}

// operands returns a gate's arguments, which must be types.
func (s *specialisation) operands(gate LongID) []TypeID {
	ids := make([]TypeID, 0, len(gate.Args))
	for i := range gate.Args {
		if gate.Args[i].Kind != TypeArg {
			s.fail("a gate's argument is not a type")
			return nil
		}
		ids = append(ids, gate.Args[i].Type)
	}
	return ids
}

// circuit returns the layout of the circuit with the given outputs.
func (s *specialisation) circuit(outputs []TypeID) *CircuitInfo {
	if s.err != "" {
		return nil
	}
	c := &CircuitInfo{Values: make(map[TypeID]int)}
	s.circuitInputs(c, outputs)
	s.require(c.Inputs > 0, "the circuit has no inputs")

	// Each gate is visited twice. The first visit pushes its operands above it; the second, when they have their numbers,
	// numbers the gate. A first visit to a gate that is already open means that it depends on itself.
	type visit struct {
		id    TypeID
		first bool
	}
	stack := make([]visit, 0, len(outputs))
	for _, id := range outputs {
		stack = append(stack, visit{id, true})
	}
	opened := make(map[TypeID]bool)
	for len(stack) > 0 && s.err == "" {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if _, ok := c.Values[v.id]; ok {
			continue
		}
		gate := s.longID(v.id)
		operands := s.operands(gate)
		if v.first {
			if opened[v.id] {
				s.fail("gate %d (%s) depends on itself", v.id, gate.Generic)
				break
			}
			opened[v.id] = true
			stack = append(stack, visit{v.id, false})
			for _, id := range operands {
				stack = append(stack, visit{id, true})
			}
			continue
		}
		s.placeGate(c, v.id, gate, operands)
	}
	return c
}

// circuitInputs finds the inputs that the outputs depend on, and reduces each by a multiplication with 1.
func (s *specialisation) circuitInputs(c *CircuitInfo, outputs []TypeID) {
	inputs := make(map[uint64]TypeID)
	seen := make(map[TypeID]bool)
	for stack := append([]TypeID(nil), outputs...); len(stack) > 0 && s.err == ""; {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[id] {
			continue
		}
		seen[id] = true
		l := s.longID(id)
		if l.Generic != "CircuitInput" {
			stack = append(stack, s.operands(l)...)
			continue
		}
		if len(l.Args) != 1 || l.Args[0].Kind != ValueArg || !l.Args[0].Value.IsUint64() {
			s.fail("type %d (CircuitInput) has no number", id)
			return
		}
		n := l.Args[0].Value.Uint64()
		_, ok := inputs[n]
		s.require(!ok, "two types are input %d", n)
		inputs[n] = id
	}
	numbers := make([]uint64, 0, len(inputs))
	for n := range inputs {
		numbers = append(numbers, n)
	}
	sort.Slice(numbers, func(i, j int) bool { return numbers[i] < numbers[j] })
	c.Inputs = len(numbers)
	for i, n := range numbers {
		s.require(uint64(i) == n, "input %d is not used, but a later one is", i)
		reduced := 1 + c.Inputs + i
		c.Values[inputs[n]] = reduced
		c.Mul = append(c.Mul, Gate{Left: oneValue, Right: 1 + i, Output: reduced})
	}
}

// placeGate gives a gate the next number and adds it to the additions or multiplications.
func (s *specialisation) placeGate(c *CircuitInfo, id TypeID, gate LongID, operands []TypeID) {
	want := 2
	if gate.Generic == "InverseGate" {
		want = 1
	}
	if len(operands) != want {
		s.fail("gate %d (%s) has %d operands, want %d", id, gate.Generic, len(operands), want)
		return
	}
	in := make([]int, len(operands))
	for i, o := range operands {
		n, ok := c.Values[o]
		if !ok {
			s.fail("gate %d (%s): operand %d has no value", id, gate.Generic, i)
			return
		}
		in[i] = n
	}
	out := 1 + c.Inputs + len(c.Values)
	switch gate.Generic {
	case "AddModGate":
		c.Add = append(c.Add, Gate{in[0], in[1], out})
	case "SubModGate": // out + in[1] = in[0]
		c.Add = append(c.Add, Gate{out, in[1], in[0]})
	case "MulModGate":
		c.Mul = append(c.Mul, Gate{in[0], in[1], out})
	case "InverseGate": // out * in[0] = 1; no such out exists if the operand has no inverse
		c.Mul = append(c.Mul, Gate{out, in[0], oneValue})
	default:
		s.fail("type %d (%s) is not a gate", id, gate.Generic)
	}
	c.Values[id] = out
}
