package cairo

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/bits"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/starkd/starkd/crypto/felt"
)

// The files of a proof-mode run, in the formats of the official runners and of the Stone prover:
//
//	trace               ap, fp, pc of each step, 8 bytes each, little-endian
//	memory              address (8 bytes, little-endian) and value (32 bytes, little-endian) of each cell, ordered by address
//	air_public_input    JSON
//	air_private_input   JSON, which also names the trace and memory files
const (
	traceRecord  = 24 // bytes of a step
	memoryRecord = 40 // bytes of a cell
)

// WriteRegisters writes the trace file.
func (t *Trace) WriteRegisters(w io.Writer) error {
	b := NewRegistersWriter(w)
	for _, r := range t.Registers {
		if err := b.Write(r); err != nil {
			return err
		}
	}
	return b.Flush()
}

// WriteMemory writes the memory file.
func (m *Memory) WriteMemory(w io.Writer) error {
	b := NewMemoryWriter(w)
	for a, known := range m.Known {
		if !known {
			continue
		}
		if err := b.Write(uint64(a), m.Value[a].Limbs()); err != nil {
			return err
		}
	}
	return b.Flush()
}

// RegistersWriter writes a trace file step by step. Flush ends it.
type RegistersWriter struct{ *bufio.Writer }

// NewRegistersWriter returns a writer to w.
func NewRegistersWriter(w io.Writer) RegistersWriter {
	return RegistersWriter{bufio.NewWriterSize(w, fileBuffer)}
}

// fileBuffer is the size in bytes of the buffers of trace and memory files.
const fileBuffer = 1 << 18

// Write writes the registers before a step.
func (w RegistersWriter) Write(r Registers) error {
	if w.Available() < traceRecord {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	rec := w.AvailableBuffer()
	rec = binary.LittleEndian.AppendUint64(rec, r.AP)
	rec = binary.LittleEndian.AppendUint64(rec, r.FP)
	rec = binary.LittleEndian.AppendUint64(rec, r.PC)
	_, err := w.Writer.Write(rec)
	return err
}

// MemoryWriter writes a memory file cell by cell, in ascending order of addresses. Flush ends it.
type MemoryWriter struct{ *bufio.Writer }

// NewMemoryWriter returns a writer to w.
func NewMemoryWriter(w io.Writer) MemoryWriter {
	return MemoryWriter{bufio.NewWriterSize(w, fileBuffer)}
}

// Write writes a cell. value is the integer in it, the least significant limb first.
func (w MemoryWriter) Write(address uint64, value [4]uint64) error {
	if w.Available() < memoryRecord {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	rec := binary.LittleEndian.AppendUint64(w.AvailableBuffer(), address)
	for _, l := range value {
		rec = binary.LittleEndian.AppendUint64(rec, l)
	}
	_, err := w.Writer.Write(rec)
	return err
}

type segmentJSON struct {
	Begin uint64 `json:"begin_addr"`
	Stop  uint64 `json:"stop_ptr"`
}

// segmentsJSON is the object memory_segments. It keeps the order of the keys.
type segmentsJSON []Segment

// MarshalJSON returns the object with its keys in the order of the segments.
func (s segmentsJSON) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, seg := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `%q:{"begin_addr":%d,"stop_ptr":%d}`, seg.Name, seg.Begin, seg.End)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON decodes the object and keeps the order of its keys.
func (s *segmentsJSON) UnmarshalJSON(b []byte) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(b)) // rejects duplicate names
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return fmt.Errorf("cairo: memory_segments is not an object")
	}
	for d.PeekKind() != '}' {
		t, err := d.ReadToken()
		if err != nil {
			return fmt.Errorf("cairo: memory_segments: %w", err)
		}
		name := t.String()
		if len(*s) == maxSegments {
			return fmt.Errorf("cairo: more than %d memory segments", maxSegments)
		}
		var v segmentJSON
		if err := jsonv2.UnmarshalDecode(d, &v, jsonv2.RejectUnknownMembers(true)); err != nil {
			return fmt.Errorf("cairo: memory segment %.40q: %w", name, err)
		}
		*s = append(*s, Segment{name, v.Begin, v.Stop})
	}
	return nil
}

// maxSegments bounds memory_segments. No layout has half as many segments.
const maxSegments = 64

type publicCellJSON struct {
	Address uint64    `json:"address"`
	Value   felt.Felt `json:"value"`
	Page    uint32    `json:"page"`
}

type publicInputJSON struct {
	Layout        string            `json:"layout"`
	RangeCheckMin uint16            `json:"rc_min"`
	RangeCheckMax uint16            `json:"rc_max"`
	Steps         uint64            `json:"n_steps"`
	Segments      segmentsJSON      `json:"memory_segments"`
	Memory        []publicCellJSON  `json:"public_memory"`
	DynamicParams map[string]uint64 `json:"dynamic_params"`
}

// MarshalJSON returns air_public_input.json.
func (p PublicInput) MarshalJSON() ([]byte, error) {
	raw := publicInputJSON{
		Layout: p.Layout, RangeCheckMin: p.RangeCheckMin, RangeCheckMax: p.RangeCheckMax, Steps: p.Steps,
		Segments: p.Segments, Memory: make([]publicCellJSON, len(p.Memory)), DynamicParams: p.DynamicParams,
	}
	for i, c := range p.Memory {
		raw.Memory[i] = publicCellJSON(c)
	}
	return json.Marshal(raw)
}

// UnmarshalJSON decodes air_public_input.json.
func (p *PublicInput) UnmarshalJSON(b []byte) error {
	var raw publicInputJSON
	if err := jsonv2.Unmarshal(b, &raw, jsonv2.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("cairo: public input: %w", err)
	}
	*p = PublicInput{
		Layout: raw.Layout, Steps: raw.Steps, RangeCheckMin: raw.RangeCheckMin, RangeCheckMax: raw.RangeCheckMax,
		Segments: raw.Segments, Memory: make([]PublicCell, len(raw.Memory)), DynamicParams: raw.DynamicParams,
	}
	for i, c := range raw.Memory {
		p.Memory[i] = PublicCell(c)
	}
	return nil
}

type pairJSON struct {
	Index uint64    `json:"index"`
	X     felt.Felt `json:"x"`
	Y     felt.Felt `json:"y"`
}

type valueJSON struct {
	Index uint64    `json:"index"`
	Value felt.Felt `json:"value"`
}

type signatureJSON struct {
	R felt.Felt `json:"r"`
	W felt.Felt `json:"w"`
}

type ecdsaJSON struct {
	Index     uint64        `json:"index"`
	PubKey    felt.Felt     `json:"pubkey"`
	Msg       felt.Felt     `json:"msg"`
	Signature signatureJSON `json:"signature_input"`
}

type ecOpJSON struct {
	Index uint64    `json:"index"`
	PX    felt.Felt `json:"p_x"`
	PY    felt.Felt `json:"p_y"`
	M     felt.Felt `json:"m"`
	QX    felt.Felt `json:"q_x"`
	QY    felt.Felt `json:"q_y"`
}

type poseidonJSON struct {
	Index uint64    `json:"index"`
	S0    felt.Felt `json:"input_s0"`
	S1    felt.Felt `json:"input_s1"`
	S2    felt.Felt `json:"input_s2"`
}

type keccakJSON struct {
	Index uint64    `json:"index"`
	S0    felt.Felt `json:"input_s0"`
	S1    felt.Felt `json:"input_s1"`
	S2    felt.Felt `json:"input_s2"`
	S3    felt.Felt `json:"input_s3"`
	S4    felt.Felt `json:"input_s4"`
	S5    felt.Felt `json:"input_s5"`
	S6    felt.Felt `json:"input_s6"`
	S7    felt.Felt `json:"input_s7"`
}

type modVarsJSON struct {
	AOffset uint64    `json:"a_offset"`
	A0      felt.Felt `json:"a0"`
	A1      felt.Felt `json:"a1"`
	A2      felt.Felt `json:"a2"`
	A3      felt.Felt `json:"a3"`
	BOffset uint64    `json:"b_offset"`
	B0      felt.Felt `json:"b0"`
	B1      felt.Felt `json:"b1"`
	B2      felt.Felt `json:"b2"`
	B3      felt.Felt `json:"b3"`
	COffset uint64    `json:"c_offset"`
	C0      felt.Felt `json:"c0"`
	C1      felt.Felt `json:"c1"`
	C2      felt.Felt `json:"c2"`
	C3      felt.Felt `json:"c3"`
}

// batchJSON is the list of an instance's operations. It has one operation in all layouts.
type batchJSON [1]modVarsJSON

type modInstanceJSON struct {
	Index      uint64    `json:"index"`
	P0         felt.Felt `json:"p0"`
	P1         felt.Felt `json:"p1"`
	P2         felt.Felt `json:"p2"`
	P3         felt.Felt `json:"p3"`
	ValuesPtr  uint64    `json:"values_ptr"`
	OffsetsPtr uint64    `json:"offsets_ptr"`
	N          uint64    `json:"n"`
	Batch      batchJSON `json:"batch"`
}

type modInputJSON struct {
	Instances        []modInstanceJSON `json:"instances"`
	ZeroValueAddress uint64            `json:"zero_value_address"`
}

// privateInputJSON has a section for each builtin of the layout. A nil section is omitted; an empty one is written.
type privateInputJSON struct {
	TracePath    string          `json:"trace_path"`
	MemoryPath   string          `json:"memory_path"`
	Pedersen     *[]pairJSON     `json:"pedersen,omitempty"`
	RangeCheck   *[]valueJSON    `json:"range_check,omitempty"`
	ECDSA        *[]ecdsaJSON    `json:"ecdsa,omitempty"`
	Bitwise      *[]pairJSON     `json:"bitwise,omitempty"`
	ECOp         *[]ecOpJSON     `json:"ec_op,omitempty"`
	Keccak       *[]keccakJSON   `json:"keccak,omitempty"`
	Poseidon     *[]poseidonJSON `json:"poseidon,omitempty"`
	RangeCheck96 *[]valueJSON    `json:"range_check96,omitempty"`
	AddMod       *modInputJSON   `json:"add_mod,omitempty"`
	MulMod       *modInputJSON   `json:"mul_mod,omitempty"`
}

// unsection converts a section of the file to a list of instances. A nil section gives a nil list.
func unsection[T, U any](list *[]U, f func(U) T) []T {
	if list == nil {
		return nil
	}
	out := make([]T, len(*list))
	for i, v := range *list {
		out[i] = f(v)
	}
	return out
}

// JSON returns air_private_input.json, which names the trace and memory files.
func (p *PrivateInput) JSON(tracePath, memoryPath string) ([]byte, error) {
	var b bytes.Buffer
	err := p.Sections().WriteJSON(&b, tracePath, memoryPath)
	return b.Bytes(), err
}

// input converts the section of the file to a ModInput, nil if in is nil.
func (in *modInputJSON) input() *ModInput {
	if in == nil {
		return nil
	}
	out := &ModInput{ZeroValueAddress: in.ZeroValueAddress}
	for _, v := range in.Instances {
		b := v.Batch[0]
		out.Instances = append(out.Instances, ModInstance{
			Index: v.Index, P: [4]felt.Felt{v.P0, v.P1, v.P2, v.P3}, ValuesPtr: v.ValuesPtr, OffsetsPtr: v.OffsetsPtr, N: v.N,
			AOffset: b.AOffset, BOffset: b.BOffset, COffset: b.COffset,
			A: [4]felt.Felt{b.A0, b.A1, b.A2, b.A3}, B: [4]felt.Felt{b.B0, b.B1, b.B2, b.B3}, C: [4]felt.Felt{b.C0, b.C1, b.C2, b.C3},
		})
	}
	return out
}

// UnmarshalJSON decodes air_private_input.json. It ignores the file's paths.
func (p *PrivateInput) UnmarshalJSON(b []byte) error {
	var raw privateInputJSON
	if err := jsonv2.Unmarshal(b, &raw); err != nil {
		return fmt.Errorf("cairo: private input: %w", err)
	}
	pair := func(v pairJSON) PairInstance { return PairInstance(v) }
	value := func(v valueJSON) RangeCheckInstance { return RangeCheckInstance(v) }
	*p = PrivateInput{
		Pedersen:     unsection(raw.Pedersen, pair),
		Bitwise:      unsection(raw.Bitwise, pair),
		RangeCheck:   unsection(raw.RangeCheck, value),
		RangeCheck96: unsection(raw.RangeCheck96, value),
		ECDSA: unsection(raw.ECDSA, func(v ecdsaJSON) ECDSAInstance {
			return ECDSAInstance{v.Index, v.PubKey, v.Msg, v.Signature.R, v.Signature.W}
		}),
		ECOp: unsection(raw.ECOp, func(v ecOpJSON) ECOpInstance {
			return ECOpInstance{v.Index, v.PX, v.PY, v.QX, v.QY, v.M}
		}),
		Poseidon: unsection(raw.Poseidon, func(v poseidonJSON) PoseidonInstance {
			return PoseidonInstance{v.Index, [3]felt.Felt{v.S0, v.S1, v.S2}}
		}),
		Keccak: unsection(raw.Keccak, func(v keccakJSON) KeccakInstance {
			return KeccakInstance{v.Index, [8]felt.Felt{v.S0, v.S1, v.S2, v.S3, v.S4, v.S5, v.S6, v.S7}}
		}),
		AddMod: raw.AddMod.input(),
		MulMod: raw.MulMod.input(),
	}
	return nil
}

// MemoryUnitsPerStep is the number of memory cells that a layout has for each step. It bounds a trace's addresses, because every
// address takes a cell.
const MemoryUnitsPerStep = 8

// unpadded holds the layouts of S-two, in which the number of steps is any number and the number of builtin instances does not depend on it.
var unpadded = map[string]bool{"all_cairo_stwo": true, "stwo_no_ecop": true}

// LoadTrace decodes the four files of a proof-mode run. The files may be untrusted: LoadTrace returns a trace or an error for any
// input, and allocates at most a small multiple of the input's size. It only checks that the files agree in shape; the prover checks the
// rest.
func LoadTrace(publicJSON, privateJSON, trace, memory []byte) (*Trace, error) {
	t := &Trace{}
	if err := jsonv2.Unmarshal(publicJSON, &t.Public); err != nil {
		return nil, fmt.Errorf("cairo: public input: %w", err)
	}
	if err := jsonv2.Unmarshal(privateJSON, &t.Private); err != nil {
		return nil, fmt.Errorf("cairo: private input: %w", err)
	}
	t.Layout = t.Public.Layout
	steps := uint64(len(trace) / traceRecord)
	switch {
	case len(trace)%traceRecord != 0:
		return nil, fmt.Errorf("cairo: a trace of %d bytes, want a multiple of %d", len(trace), traceRecord)
	case steps != t.Public.Steps:
		return nil, fmt.Errorf("cairo: a trace of %d steps, but n_steps is %d in the public input", steps, t.Public.Steps)
	case bits.OnesCount64(steps) != 1 && !unpadded[t.Layout]:
		return nil, fmt.Errorf("cairo: the number of steps, %d, is not a power of two", steps)
	case len(memory)%memoryRecord != 0:
		return nil, fmt.Errorf("cairo: a memory of %d bytes, want a multiple of %d", len(memory), memoryRecord)
	}
	units := uint64(MemoryUnitsPerStep)
	if n, ok := t.Public.DynamicParams["memory_units_per_step"]; ok {
		units = min(n, 64)
	}
	limit := units * steps
	if unpadded[t.Layout] {
		// Builtins have as many instances as the run uses, however few its steps are.
		limit += units * uint64(len(memory)/memoryRecord)
	}
	size := uint64(1)
	for i := 0; i < len(memory); i += memoryRecord {
		a := binary.LittleEndian.Uint64(memory[i:])
		if a == 0 || a > limit {
			return nil, fmt.Errorf("cairo: address %d in memory record %d, want 1 to %d for %d steps", a, i/memoryRecord, limit, steps)
		}
		size = max(size, a+1)
	}
	t.Memory.Value, t.Memory.Known = make([]felt.Felt, size), make([]bool, size)
	for i := 0; i < len(memory); i += memoryRecord {
		a := binary.LittleEndian.Uint64(memory[i:])
		var be [felt.Bytes]byte
		for k := range be {
			be[k] = memory[i+memoryRecord-1-k]
		}
		v, err := felt.FromBytes(be[:])
		if err != nil {
			return nil, fmt.Errorf("cairo: memory at %d: %w", a, err)
		}
		if t.Memory.Known[a] && t.Memory.Value[a] != v {
			return nil, fmt.Errorf("cairo: memory at %d is both %v and %v", a, t.Memory.Value[a], v)
		}
		t.Memory.Value[a], t.Memory.Known[a] = v, true
	}
	t.Registers = make([]Registers, steps)
	for i := range t.Registers {
		rec := trace[i*traceRecord:]
		r := Registers{binary.LittleEndian.Uint64(rec), binary.LittleEndian.Uint64(rec[8:]), binary.LittleEndian.Uint64(rec[16:])}
		if r.AP > limit || r.FP > limit || r.PC > limit {
			return nil, fmt.Errorf("cairo: step %d: ap %d, fp %d or pc %d is above %d", i, r.AP, r.FP, r.PC, limit)
		}
		t.Registers[i] = r
	}
	return t, nil
}
