package casm

import (
	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
)

// BlakeHash returns the compiled class hash of Starknet 0.14.1 and later, over BLAKE2s.
func (c *Class) BlakeHash() felt.Felt { return c.hash(blake.HashFelts) }

// PoseidonHash returns the compiled class hash of earlier versions.
func (c *Class) PoseidonHash() felt.Felt { return c.hash(poseidon.HashMany) }

// hash returns H(version, H(external), H(l1 handlers), H(constructors), H(bytecode)). Hints and the compiler's version do not
// affect it.
func (c *Class) hash(h func(...felt.Felt) felt.Felt) felt.Felt {
	segments := c.Segments
	if segments == nil {
		segments = &Segments{Length: len(c.Bytecode)}
	}
	bytecode, _ := segments.hash(c.Bytecode, h)
	return h(felt.FromShortString("COMPILED_CLASS_V1"),
		hashEntryPoints(c.EntryPoints.External, h),
		hashEntryPoints(c.EntryPoints.L1Handler, h),
		hashEntryPoints(c.EntryPoints.Constructor, h),
		bytecode)
}

// hashEntryPoints returns H(selector, offset, H(builtin names), …) over a list of entry points.
func hashEntryPoints(list []EntryPoint, h func(...felt.Felt) felt.Felt) felt.Felt {
	elements := make([]felt.Felt, 0, 3*len(list))
	for _, ep := range list {
		builtins := make([]felt.Felt, len(ep.Builtins))
		for i, name := range ep.Builtins {
			builtins[i] = felt.FromBytesReduce([]byte(name))
		}
		elements = append(elements, ep.Selector, felt.FromUint64(uint64(ep.Offset)), h(builtins...))
	}
	return h(elements...)
}

// hash returns the hash of a segment that is at the start of code, and the rest of code. The hash of a leaf is H(felts), that of a
// node 1 + H(length of the first child, hash of the first child, …).
func (s *Segments) hash(code []felt.Felt, h func(...felt.Felt) felt.Felt) (sum felt.Felt, rest []felt.Felt) {
	if s.Children == nil {
		return h(code[:s.Length]...), code[s.Length:]
	}
	elements := make([]felt.Felt, 0, 2*len(s.Children))
	for i := range s.Children {
		child, after := s.Children[i].hash(code, h)
		elements = append(elements, felt.FromUint64(uint64(len(code)-len(after))), child)
		code = after
	}
	sum = h(elements...)
	one := felt.FromUint64(1)
	sum.Add(&sum, &one)
	return sum, code
}
