package cairo

import (
	"bufio"
	"encoding/json"
	"io"
	"iter"
	"slices"
	"strconv"

	"github.com/starkd/starkd/crypto/felt"
)

// PrivateSections is a PrivateInput whose lists are read one instance at a time, so that a long run's file is written without a copy of the
// instances in memory. A nil section is omitted from the file.
type PrivateSections struct {
	RangeCheck iter.Seq[RangeCheckInstance]
	Pedersen   iter.Seq[PairInstance]
	Bitwise    iter.Seq[PairInstance]
	ECDSA      iter.Seq[ECDSAInstance]
	ECOp       iter.Seq[ECOpInstance]
	Poseidon   iter.Seq[PoseidonInstance]
	Keccak     iter.Seq[KeccakInstance]

	RangeCheck96 iter.Seq[RangeCheckInstance]
	AddMod       *ModInput
	MulMod       *ModInput
}

// Sections returns the lists of p as sections.
func (p *PrivateInput) Sections() *PrivateSections {
	return &PrivateSections{
		RangeCheck: sectionOf(p.RangeCheck), Pedersen: sectionOf(p.Pedersen), Bitwise: sectionOf(p.Bitwise), ECDSA: sectionOf(p.ECDSA),
		ECOp: sectionOf(p.ECOp), Poseidon: sectionOf(p.Poseidon), Keccak: sectionOf(p.Keccak), RangeCheck96: sectionOf(p.RangeCheck96),
		AddMod: p.AddMod, MulMod: p.MulMod,
	}
}

func sectionOf[T any](list []T) iter.Seq[T] {
	if list == nil {
		return nil
	}
	return slices.Values(list)
}

// Collect returns the sections as lists.
func (s *PrivateSections) Collect() PrivateInput {
	return PrivateInput{
		RangeCheck: listOf(s.RangeCheck), Pedersen: listOf(s.Pedersen), Bitwise: listOf(s.Bitwise), ECDSA: listOf(s.ECDSA),
		ECOp: listOf(s.ECOp), Poseidon: listOf(s.Poseidon), Keccak: listOf(s.Keccak), RangeCheck96: listOf(s.RangeCheck96),
		AddMod: s.AddMod, MulMod: s.MulMod,
	}
}

func listOf[T any](section iter.Seq[T]) []T {
	if section == nil {
		return nil
	}
	return slices.AppendSeq([]T{}, section)
}

// WriteJSON writes air_private_input.json, which names the trace and memory files. It is indented by one space.
func (s *PrivateSections) WriteJSON(w io.Writer, tracePath, memoryPath string) error {
	j := jsonWriter{w: bufio.NewWriterSize(w, 1<<16)}
	if err := j.path("trace_path", tracePath); err != nil {
		return err
	}
	if err := j.path("memory_path", memoryPath); err != nil {
		return err
	}
	pair := func(v PairInstance) {
		j.number("index", v.Index)
		j.felts([]string{"x", "y"}, v.X, v.Y)
	}
	value := func(v RangeCheckInstance) {
		j.number("index", v.Index)
		j.felts([]string{"value"}, v.Value)
	}
	writeSection(&j, "pedersen", s.Pedersen, pair)
	writeSection(&j, "range_check", s.RangeCheck, value)
	writeSection(&j, "ecdsa", s.ECDSA, func(v ECDSAInstance) {
		j.number("index", v.Index)
		j.felts([]string{"pubkey", "msg"}, v.PubKey, v.Msg)
		j.open("signature_input", '{')
		j.felts([]string{"r", "w"}, v.SigR, v.SigW)
		j.close('}')
	})
	writeSection(&j, "bitwise", s.Bitwise, pair)
	writeSection(&j, "ec_op", s.ECOp, func(v ECOpInstance) {
		j.number("index", v.Index)
		j.felts([]string{"p_x", "p_y", "m", "q_x", "q_y"}, v.PX, v.PY, v.M, v.QX, v.QY)
	})
	states := []string{"input_s0", "input_s1", "input_s2", "input_s3", "input_s4", "input_s5", "input_s6", "input_s7"}
	writeSection(&j, "keccak", s.Keccak, func(v KeccakInstance) {
		j.number("index", v.Index)
		j.felts(states, v.S[:]...)
	})
	writeSection(&j, "poseidon", s.Poseidon, func(v PoseidonInstance) {
		j.number("index", v.Index)
		j.felts(states[:3], v.S[:]...)
	})
	writeSection(&j, "range_check96", s.RangeCheck96, value)
	j.modInput("add_mod", s.AddMod)
	j.modInput("mul_mod", s.MulMod)
	j.buf = append(j.buf, "\n}"...)
	if err := j.flush(); err != nil {
		return err
	}
	return j.w.Flush()
}

// writeSection writes a list of objects, whose members f writes. It writes nothing if list is nil.
func writeSection[T any](j *jsonWriter, name string, list iter.Seq[T], f func(T)) {
	if list == nil {
		return
	}
	j.open(name, '[')
	for v := range list {
		j.open("", '{')
		f(v)
		j.close('}')
		if j.flush() != nil {
			return
		}
	}
	j.close(']')
}

// jsonWriter writes a JSON object as json.MarshalIndent does with an indentation of one space.
type jsonWriter struct {
	w     *bufio.Writer
	buf   []byte // not yet written
	depth int    // number of open objects and lists in the outermost object
	some  bool   // the innermost one has a member
	err   error
}

// key begins a member with that name, or an element of a list if name is empty.
func (j *jsonWriter) key(name string) {
	if j.some {
		j.buf = append(j.buf, ',')
	} else if len(j.buf) == 0 && j.depth == 0 {
		j.buf = append(j.buf, '{')
	}
	j.some = true
	j.line()
	if name != "" {
		j.buf = append(append(append(j.buf, '"'), name...), `": `...)
	}
}

func (j *jsonWriter) line() {
	j.buf = append(j.buf, '\n')
	for range j.depth + 1 {
		j.buf = append(j.buf, ' ')
	}
}

// open begins a member that is an object or a list.
func (j *jsonWriter) open(name string, bracket byte) {
	j.key(name)
	j.buf = append(j.buf, bracket)
	j.depth, j.some = j.depth+1, false
}

// close ends the innermost object or list.
func (j *jsonWriter) close(bracket byte) {
	j.depth--
	if j.some {
		j.line()
	}
	j.buf = append(j.buf, bracket)
	j.some = true
}

func (j *jsonWriter) path(name, value string) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	j.key(name)
	j.buf = append(j.buf, text...)
	return nil
}

func (j *jsonWriter) number(name string, n uint64) {
	j.key(name)
	j.buf = strconv.AppendUint(j.buf, n, 10)
}

// felts writes members with the names and values.
func (j *jsonWriter) felts(names []string, values ...felt.Felt) {
	for i := range values {
		j.key(names[i])
		j.buf = append(j.buf, '"')
		j.buf = values[i].AppendHex(j.buf)
		j.buf = append(j.buf, '"')
	}
}

// modInput writes the section of add_mod or mul_mod, or nothing if in is nil.
func (j *jsonWriter) modInput(name string, in *ModInput) {
	if in == nil {
		return
	}
	j.open(name, '{')
	writeSection(j, "instances", slices.Values(in.Instances), func(v ModInstance) {
		j.number("index", v.Index)
		j.felts([]string{"p0", "p1", "p2", "p3"}, v.P[:]...)
		j.number("values_ptr", v.ValuesPtr)
		j.number("offsets_ptr", v.OffsetsPtr)
		j.number("n", v.N)
		j.open("batch", '[')
		j.open("", '{')
		j.number("a_offset", v.AOffset)
		j.felts([]string{"a0", "a1", "a2", "a3"}, v.A[:]...)
		j.number("b_offset", v.BOffset)
		j.felts([]string{"b0", "b1", "b2", "b3"}, v.B[:]...)
		j.number("c_offset", v.COffset)
		j.felts([]string{"c0", "c1", "c2", "c3"}, v.C[:]...)
		j.close('}')
		j.close(']')
	})
	j.number("zero_value_address", in.ZeroValueAddress)
	j.close('}')
}

// flush writes what is in the buffer.
func (j *jsonWriter) flush() error {
	if j.err == nil && len(j.buf) > 0 {
		_, j.err = j.w.Write(j.buf)
		j.buf = j.buf[:0]
	}
	return j.err
}
