package stwo

import (
	"errors"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/constraints"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// A felt is written in 28 limbs of 9 bits, the lowest first, in the memory table and in the claim.
const (
	feltLimbs = 28
	limbBits  = 9
)

// limbs returns the limbs of v.
func limbs(v felt.Felt) (out [feltLimbs]m31.M31) {
	words := v.Limbs()
	for k := range out {
		at := uint(k * limbBits)
		w := words[at/64] >> (at % 64)
		if at%64 > 64-limbBits && at/64 < 3 {
			w |= words[at/64+1] << (64 - at%64)
		}
		out[k] = m31.M31(w & (1<<limbBits - 1))
	}
	return out
}

// pack returns elements of the secure field with the words as coordinates, four each, filled up with zeros.
func pack(words ...uint32) []m31.QM31 {
	out := make([]m31.QM31, 0, len(words)/4+1)
	for ; len(words) > 0; words = words[min(4, len(words)):] {
		var c [4]m31.M31
		for k := range min(4, len(words)) {
			c[k] = m31.M31(words[k])
		}
		out = append(out, m31.NewQM31(c[0], c[1], c[2], c[3]))
	}
	return out
}

// mix mixes the claim into the channel: which components are present, the sizes of their tables, and the public data.
func (c *Claim) mix(ch *channel.Channel) {
	var present, sizes []uint32
	tables := c.Tables
	for _, component := range constraints.All() {
		places := 1
		if component.Name == idToBig {
			places = maxBigParts
		}
		for range places {
			if len(tables) == 0 || tables[0].Component != component {
				present = append(present, 0)
				continue
			}
			present = append(present, 1)
			sizes = append(sizes, uint32(tables[0].LogSize))
			tables = tables[1:]
		}
	}
	p := &c.Public
	ch.MixFelts(pack(uint32(len(present)))...)
	ch.MixFelts(pack(present...)...)
	ch.MixFelts(pack(sizes...)...)
	ch.MixFelts(pack(uint32(len(p.Program)))...)

	words := append(make([]uint32, 0, 6+4*SegmentCount+2+len(p.Output)+len(p.Program)),
		uint32(p.Initial.PC), uint32(p.Initial.AP), uint32(p.Initial.FP),
		uint32(p.Final.PC), uint32(p.Final.AP), uint32(p.Final.FP),
	)
	for _, s := range p.Segments {
		if s == nil {
			s = new(Segment)
		}
		words = append(words, s.Start.ID, s.Start.Value, s.Stop.ID, s.Stop.Value)
	}
	words = append(words, p.SafeCallIDs[:]...)
	for _, cells := range [][]Cell{p.Output, p.Program} {
		for i := range cells {
			words = append(words, cells[i].ID)
		}
	}
	ch.MixFelts(pack(words...)...)
	for _, cells := range [][]Cell{p.Output, p.Program} {
		leaf := channel.NewLeafHasher(ch.Hash()) // all limbs would take three times the memory of the cells
		for i := range cells {
			l := limbs(cells[i].Value)
			leaf.Write(l[:])
		}
		ch.MixDigest(leaf.Sum())
	}
}

// permutations returns the number of permutations with which mix hashes the claim if the hash function is Poseidon252.
func (c *Claim) permutations() int {
	p := &c.Public
	packed := func(words int) int { return channel.PermutationsOfFelts((words + 3) / 4) }
	places := len(constraints.All()) + maxBigParts - 1
	n := 2*packed(1) + 2*packed(places) + packed(6+4*SegmentCount+2+len(p.Output)+len(p.Program))
	for _, cells := range [][]Cell{p.Output, p.Program} {
		n += channel.PermutationsOfLeaf(feltLimbs*len(cells)) + 1
	}
	return n
}

// present returns the segments that main takes.
func (p *PublicData) present() []*Segment {
	var out []*Segment
	for _, s := range p.Segments {
		if s != nil {
			out = append(out, s)
		}
	}
	return out
}

// memory calls yield with the address, id and value of each cell of the public memory: the program, the two words below the first frame, main's
// arguments and results (begin and end of the segments), and the output. Addresses must not overflow, see checkPublic.
func (p *PublicData) memory(yield func(address m31.M31, id uint32, value felt.Felt)) {
	for i, c := range p.Program {
		yield(p.Initial.PC+m31.M31(i), c.ID, c.Value)
	}
	initial, final := p.Initial.AP, p.Final.AP
	yield(initial-2, p.SafeCallIDs[0], felt.FromUint64(uint64(initial)))
	yield(initial-1, p.SafeCallIDs[1], felt.Zero)
	segments := p.present()
	n := m31.M31(len(segments))
	for i, s := range segments {
		yield(initial+m31.M31(i), s.Start.ID, felt.FromUint64(uint64(s.Start.Value)))
		yield(final-n+m31.M31(i), s.Stop.ID, felt.FromUint64(uint64(s.Stop.Value)))
	}
	for i, c := range p.Output {
		yield(final+m31.M31(i), c.ID, c.Value)
	}
}

// The relations of the public data.
var (
	opcodes           = air.NewRelation("Opcodes", 3)
	memoryAddressToID = air.NewRelation("MemoryAddressToId", 2)
	memoryIDToValue   = air.NewRelation("MemoryIdToBig", 1+feltLimbs)
)

// addUses adds the numbers of tuples that lookups uses of each relation.
func (p *PublicData) addUses(uses map[string]uint64) {
	cells := uint64(len(p.Program) + 2 + 2*len(p.present()) + len(p.Output))
	uses[opcodes.Name]++
	uses[memoryAddressToID.Name] += cells
	uses[memoryIDToValue.Name] += cells
}

// lookups returns the sum of the public data's part in the lookups: it uses each cell of the public memory and the final state, and yields the
// initial state. It returns an error if a denominator is 0, for which the probability is negligible.
func (p *PublicData) lookups(ch *air.Challenges) (m31.QM31, error) {
	sum := newInverses()
	denominator := func(r *air.Relation, values ...m31.M31) m31.QM31 {
		d := m31.FromM31(r.ID).Sub(ch.Z)
		for k, v := range values {
			d = d.Add(ch.Alpha[k+1].Scale(v))
		}
		return d
	}
	sum.add(denominator(opcodes, p.Final.PC, p.Final.AP, p.Final.FP))
	sum.add(denominator(opcodes, p.Initial.PC, p.Initial.AP, p.Initial.FP).Neg())
	var tuple [1 + feltLimbs]m31.M31
	p.memory(func(address m31.M31, id uint32, value felt.Felt) {
		sum.add(denominator(memoryAddressToID, address, m31.M31(id)))
		tuple[0] = m31.M31(id)
		l := limbs(value)
		copy(tuple[1:], l[:])
		sum.add(denominator(memoryIDToValue, tuple[:]...))
	})
	return sum.value()
}

// inverses is a sum of fractions 1/d, of which value makes one inversion: num/den.
type inverses struct{ num, den m31.QM31 }

func newInverses() *inverses { return &inverses{den: m31.FromM31(1)} }

func (s *inverses) add(d m31.QM31) { s.num, s.den = s.num.Mul(d).Add(s.den), s.den.Mul(d) }

// value returns the sum, or an error if a denominator is 0.
func (s *inverses) value() (m31.QM31, error) {
	if s.den.IsZero() {
		return m31.QM31{}, errors.New("stwo: a denominator of the public lookups is 0")
	}
	return s.num.Mul(s.den.Inverse()), nil
}

// ProgramHash returns the hash of the program as S-two's verifiers report it: BLAKE2s over the words. It does not cover which builtins main takes.
func (p *PublicData) ProgramHash() felt.Felt { return blake.HashFelts(p.ProgramWords()...) }

// values returns the values of cells.
func values(cells []Cell) []felt.Felt {
	out := make([]felt.Felt, len(cells))
	for i := range cells {
		out[i] = cells[i].Value
	}
	return out
}

// ProgramWords returns the words of the program.
func (p *PublicData) ProgramWords() []felt.Felt { return values(p.Program) }

// OutputWords returns the contents of the output segment.
func (p *PublicData) OutputWords() []felt.Felt { return values(p.Output) }

// Main returns the offset of main in the program, of a proof that Check accepts.
func (p *PublicData) Main() uint64 { return 2 + p.Program[3].Value.Uint64() }

// Builtins returns the names that Cairo programs have for the builtins that main takes.
func (p *PublicData) Builtins() []string {
	var names []string
	for i, s := range p.Segments {
		if s == nil {
			continue
		}
		switch name := segmentNames[i]; name {
		case "range_check_128":
			names = append(names, "range_check")
		case "range_check_96":
			names = append(names, "range_check96")
		default:
			names = append(names, name)
		}
	}
	return names
}
