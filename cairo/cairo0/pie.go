package cairo0

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/starkd/starkd/cairo/cairo0/pyhint"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// A Cairo PIE (position independent execution) is a finished run in a form that another program can include: a zip archive
// with the program, its memory with relocatable addresses, and the builtins' additional data.

type pieSegment struct {
	Index int64  `json:"index"`
	Size  uint64 `json:"size"`
}

type pieMetadata struct {
	Program struct {
		Data     []jsontext.Value `json:"data"`
		Builtins []string         `json:"builtins"`
		Main     uint64           `json:"main"`
		Prime    jsontext.Value   `json:"prime"`
	} `json:"program"`
	ProgramSegment   pieSegment            `json:"program_segment"`
	ExecutionSegment pieSegment            `json:"execution_segment"`
	RetFPSegment     pieSegment            `json:"ret_fp_segment"`
	RetPCSegment     pieSegment            `json:"ret_pc_segment"`
	BuiltinSegments  map[string]pieSegment `json:"builtin_segments"`
	ExtraSegments    []pieSegment          `json:"extra_segments"`
}

type pieResources struct {
	Steps       uint64            `json:"n_steps"`
	MemoryHoles uint64            `json:"n_memory_holes"`
	Builtins    map[string]uint64 `json:"builtin_instance_counter"`
}

type pieOutput struct {
	Pages      map[string][2]uint64 `json:"pages"`
	Attributes map[string][]uint64  `json:"attributes"`
}

// pieSignature is an address and a signature. Its JSON is [[segment, offset], [r, s]].
type pieSignature struct {
	at   [2]uint64
	r, s jsontext.Value
}

func (p pieSignature) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]any{p.at, [2]jsontext.Value{p.r, p.s}})
}

func (p *pieSignature) UnmarshalJSON(b []byte) error {
	var pair, rs [2]jsontext.Value
	if json.Unmarshal(b, &pair) != nil || json.Unmarshal(pair[0], &p.at) != nil || json.Unmarshal(pair[1], &rs) != nil {
		return fmt.Errorf("cairo0: PIE: bad signature %.80s", b)
	}
	p.r, p.s = rs[0], rs[1]
	return nil
}

// pie is the content of an archive.
type pie struct {
	meta      pieMetadata
	memory    map[machine.Addr]machine.Value
	resources pieResources
	extra     map[string]jsontext.Value
}

const (
	pieVersion    = "1.1"
	pieAddrBase   = 1 << 63
	pieOffsetBits = 47
	pieRecord     = 40
	maxPieMember  = machine.MaxCells * pieRecord / 4 // the largest size of an unpacked member in bytes
)

// pie returns the PIE of a run that was not in proof mode.
func (r *RunResult) pie() (*pie, error) {
	m, run := r.Machine, r.run
	if run.opt.ProofMode {
		return nil, errors.New("cairo0: a run in proof mode has no PIE")
	}
	p := &pie{memory: make(map[machine.Addr]machine.Value), extra: make(map[string]jsontext.Value)}
	for i := range r.Program.Data {
		p.meta.Program.Data = append(p.meta.Program.Data, jsontext.Value(r.Program.Data[i].BigInt().String()))
	}
	main, err := r.Program.Label(run.opt.Entrypoint)
	if err != nil {
		return nil, err
	}
	p.meta.Program.Builtins = append([]string{}, r.Program.Builtins...)
	p.meta.Program.Main = main
	p.meta.Program.Prime = jsontext.Value(felt.Modulus().String())
	p.meta.ProgramSegment = pieSegment{0, uint64(len(r.Program.Data))}
	p.meta.ExecutionSegment = pieSegment{1, m.AP}
	n := int64(len(r.Program.Builtins))
	p.meta.BuiltinSegments = make(map[string]pieSegment)
	p.resources = pieResources{Steps: m.Steps, MemoryHoles: run.memoryHoles(), Builtins: make(map[string]uint64)}
	for _, b := range run.builtins {
		p.meta.BuiltinSegments[b.Name] = pieSegment{int64(b.Base.Segment), b.stop}
		p.resources.Builtins[b.Name+"_builtin"] = b.usedInstances(run.sizes)
		data, err := pieData(b.Builtin)
		if err != nil {
			return nil, err
		}
		p.extra[b.Name+"_builtin"] = data
	}
	if int64(len(run.builtins)) != n {
		return nil, errors.New("cairo0: a PIE needs every builtin of the program")
	}
	p.meta.RetFPSegment, p.meta.RetPCSegment = pieSegment{n + 2, 0}, pieSegment{n + 3, 0}
	p.meta.ExtraSegments = []pieSegment{}
	for i := n + 4; i < int64(len(run.sizes)); i++ {
		p.meta.ExtraSegments = append(p.meta.ExtraSegments, pieSegment{i, run.segmentSize(int(i))})
	}
	for i := range m.Memory.Segments() {
		for first, cells := range m.Memory.Written(int32(i)) {
			for k := range cells {
				if c := &cells[k]; c.Known() {
					p.memory[machine.Addr{Segment: int32(i), Offset: first + uint64(k)}] = c.Value()
				}
			}
		}
	}
	return p, nil
}

// pieData returns a builtin's additional data in the form of additional_data.json.
func pieData(b *machine.Builtin) (jsontext.Value, error) {
	switch b.Name {
	case machine.BuiltinOutput:
		out := pieOutput{Pages: make(map[string][2]uint64), Attributes: b.Attributes}
		for id, pg := range b.Pages {
			out.Pages[strconv.Itoa(id)] = [2]uint64{pg.Start, pg.Size}
		}
		if out.Attributes == nil {
			out.Attributes = make(map[string][]uint64)
		}
		return json.Marshal(out)
	case machine.BuiltinPedersen:
		list := [][2]uint64{}
		for _, i := range b.Verified() {
			list = append(list, [2]uint64{uint64(b.Base.Segment), i*b.InstanceCells() + 2})
		}
		return json.Marshal(list)
	case machine.BuiltinECDSA:
		list := []pieSignature{}
		for _, off := range slices.Sorted(maps.Keys(b.Signatures)) {
			s := b.Signatures[off]
			list = append(list, pieSignature{
				[2]uint64{uint64(b.Base.Segment), off}, jsontext.Value(s.R.BigInt().String()), jsontext.Value(s.S.BigInt().String()),
			})
		}
		return json.Marshal(list)
	}
	return jsontext.Value("null"), nil
}

// WritePIE writes the run as a PIE. With merge it joins the extra segments to one.
func (r *RunResult) WritePIE(w io.Writer, merge bool) error {
	p, err := r.pie()
	if err != nil {
		return err
	}
	offsets := make(map[int32]machine.Addr)
	if merge && len(p.meta.ExtraSegments) > 0 {
		first := pieSegment{Index: p.meta.ExtraSegments[0].Index}
		for _, s := range p.meta.ExtraSegments {
			offsets[int32(s.Index)] = machine.Addr{Segment: int32(first.Index), Offset: first.Size}
			first.Size += s.Size
		}
		p.meta.ExtraSegments = []pieSegment{first}
	}
	z := zip.NewWriter(w)
	for _, member := range []struct {
		name string
		v    any
	}{
		{"version.json", map[string]string{"cairo_pie": pieVersion}},
		{"metadata.json", p.meta},
		{"memory.bin", p.memoryBytes(offsets)},
		{"additional_data.json", p.extra},
		{"execution_resources.json", p.resources},
	} {
		b, ok := member.v.([]byte)
		if !ok {
			if b, err = json.Marshal(member.v); err != nil {
				return err
			}
		}
		f, err := z.CreateHeader(&zip.FileHeader{Name: member.name, Method: zip.Deflate})
		if err != nil {
			return err
		}
		if _, err := f.Write(b); err != nil {
			return err
		}
	}
	return z.Close()
}

// memoryBytes encodes the cells in the order of their addresses. It moves each segment in offsets to the address there.
func (p *pie) memoryBytes(offsets map[int32]machine.Addr) []byte {
	move := func(a machine.Addr) machine.Addr {
		if to, ok := offsets[a.Segment]; ok {
			to.Offset += a.Offset
			return to
		}
		return a
	}
	addrs := slices.Collect(maps.Keys(p.memory))
	slices.SortFunc(addrs, func(a, b machine.Addr) int {
		if a.Segment != b.Segment {
			return int(a.Segment) - int(b.Segment)
		}
		return int(int64(a.Offset) - int64(b.Offset))
	})
	out := make([]byte, 0, len(addrs)*pieRecord)
	for _, a := range addrs {
		to := move(a)
		out = binary.LittleEndian.AppendUint64(out, pieAddrBase+uint64(to.Segment)<<pieOffsetBits+to.Offset)
		v := p.memory[a]
		l := [4]uint64{}
		if at, ok := v.Addr(); ok {
			at = move(at)
			// The segment number has 31 bits, from bit 47 on, so it extends into the second word.
			l = [4]uint64{uint64(at.Segment)<<pieOffsetBits + at.Offset, uint64(at.Segment) >> (64 - pieOffsetBits), 0, 1 << 63}
		} else {
			f, _ := v.Felt()
			l = f.Limbs()
		}
		for _, w := range l {
			out = binary.LittleEndian.AppendUint64(out, w)
		}
	}
	return out
}

// readPIE unpacks and checks an archive. Any input gives a PIE or an error.
func readPIE(archive []byte) (*pie, error) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("cairo0: PIE: %w", err)
	}
	member := func(name string) ([]byte, error) {
		f, err := z.Open(name)
		if err != nil {
			return nil, fmt.Errorf("cairo0: PIE: %w", err)
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, maxPieMember+1))
		if err == nil && len(b) > maxPieMember {
			err = fmt.Errorf("more than %d bytes", maxPieMember)
		}
		if err != nil {
			return nil, fmt.Errorf("cairo0: PIE: %s: %w", name, err)
		}
		return b, nil
	}
	p := &pie{memory: make(map[machine.Addr]machine.Value)}
	var version struct {
		Version string `json:"cairo_pie"`
	}
	for name, v := range map[string]any{
		"version.json": &version, "metadata.json": &p.meta, "additional_data.json": &p.extra, "execution_resources.json": &p.resources,
	} {
		b, err := member(name)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, v); err != nil {
			return nil, fmt.Errorf("cairo0: PIE: %s: %w", name, err)
		}
	}
	if version.Version != pieVersion {
		return nil, fmt.Errorf("cairo0: PIE of version %q, want %q", version.Version, pieVersion)
	}
	b, err := member("memory.bin")
	if err != nil {
		return nil, err
	}
	if err := p.readMemory(b); err != nil {
		return nil, err
	}
	return p, p.validate()
}

func (p *pie) readMemory(b []byte) error {
	if len(b)%pieRecord != 0 {
		return fmt.Errorf("cairo0: PIE: a memory of %d bytes, want a multiple of %d", len(b), pieRecord)
	}
	for rec := range slices.Chunk(b, pieRecord) {
		at := binary.LittleEndian.Uint64(rec)
		if at < pieAddrBase {
			return fmt.Errorf("cairo0: PIE: bad address %#x", at)
		}
		at -= pieAddrBase
		a := machine.Addr{Segment: int32(at >> pieOffsetBits), Offset: at & (1<<pieOffsetBits - 1)}
		var l [4]uint64
		for i := range l {
			l[i] = binary.LittleEndian.Uint64(rec[8+8*i:])
		}
		var v machine.Value
		if l[3]>>63 == 1 {
			if l[1] >= 1<<(31+pieOffsetBits-64) || l[2] != 0 || l[3] != 1<<63 {
				return fmt.Errorf("cairo0: PIE: bad value at %v", a)
			}
			v = machine.AddrValue(machine.Addr{Segment: int32(l[0]>>pieOffsetBits | l[1]<<(64-pieOffsetBits)), Offset: l[0] & (1<<pieOffsetBits - 1)})
		} else {
			f := felt.FromLimbs(l)
			if f.Limbs() != l {
				return fmt.Errorf("cairo0: PIE: the value at %v is not below P", a)
			}
			v = machine.FeltValue(f)
		}
		if old, ok := p.memory[a]; ok && old != v {
			return fmt.Errorf("cairo0: PIE: %v has two values", a)
		}
		p.memory[a] = v
	}
	return nil
}

// validate checks that the segments have the numbers that a run gives them, and that all cells are inside their segments.
func (p *pie) validate() error {
	m := &p.meta
	if m.Program.Main > uint64(len(m.Program.Data)) || m.ProgramSegment.Size != uint64(len(m.Program.Data)) {
		return errors.New("cairo0: PIE: main or the program segment does not fit the program")
	}
	if len(m.BuiltinSegments) != len(m.Program.Builtins) || len(p.resources.Builtins) != len(m.Program.Builtins) {
		return errors.New("cairo0: PIE: the builtin segments are not the program's builtins")
	}
	sizes := map[int64]uint64{}
	next := int64(0)
	add := func(s pieSegment) error {
		if s.Index != next || s.Size > machine.MaxCells {
			return fmt.Errorf("cairo0: PIE: segment %d of %d cells, want segment %d", s.Index, s.Size, next)
		}
		sizes[next] = s.Size
		next++
		return nil
	}
	for _, name := range m.Program.Builtins {
		if _, ok := m.BuiltinSegments[name]; !ok {
			return fmt.Errorf("cairo0: PIE: the builtin %q has no segment", name)
		}
	}
	if m.RetFPSegment.Size != 0 || m.RetPCSegment.Size != 0 {
		return errors.New("cairo0: PIE: the return segments are not empty")
	}
	for _, s := range p.segments() {
		if err := add(s); err != nil {
			return err
		}
	}
	for a := range p.memory {
		if size, ok := sizes[int64(a.Segment)]; !ok || a.Offset >= size {
			return fmt.Errorf("cairo0: PIE: %v is outside of its segment", a)
		}
	}
	return nil
}

// segments returns all segments of a PIE, in the order of their indices.
func (p *pie) segments() []pieSegment {
	list := []pieSegment{p.meta.ProgramSegment, p.meta.ExecutionSegment}
	for _, name := range p.meta.Program.Builtins {
		list = append(list, p.meta.BuiltinSegments[name])
	}
	return append(append(list, p.meta.RetFPSegment, p.meta.RetPCSegment), p.meta.ExtraSegments...)
}

func (p *pie) sizes() []uint64 {
	var out []uint64
	for _, s := range p.segments() {
		out = append(out, s.Size)
	}
	return out
}

// program returns the program of a PIE. Its only identifier is main.
func (p *pie) program() (*Program, error) {
	main := p.meta.Program.Main
	out := &Program{
		Builtins: p.meta.Program.Builtins, MainScope: "__main__",
		Identifiers: map[string]*pyhint.Identifier{"__main__.main": {Type: "function", PC: &main}},
	}
	for _, n := range p.meta.Program.Data {
		f, err := felt.FromDecimal(n.String())
		if err != nil {
			return nil, fmt.Errorf("cairo0: PIE: %w", err)
		}
		out.Data = append(out.Data, f)
	}
	return out, checkBuiltinOrder(out.Builtins)
}

// RunPIE runs a PIE again. The PIE's memory is loaded before the first step, so that no hints are needed. Unless
// opt.SkipSecureRun is set, the run must give the metadata, memory and resources of the PIE.
func RunPIE(archive []byte, opt RunOptions) (*RunResult, error) {
	if opt.ProofMode {
		return nil, errors.New("cairo0: a PIE does not run in proof mode")
	}
	p, err := readPIE(archive)
	if err != nil {
		return nil, err
	}
	program, err := p.program()
	if err != nil {
		return nil, err
	}
	opt.Entrypoint, opt.Trace, opt.MaxSteps = "main", true, max(p.resources.Steps, 1)
	opt.sizes = p.sizes()
	opt.Started = func(m *machine.Machine) error {
		for m.Memory.Segments() < 4+len(program.Builtins)+len(p.meta.ExtraSegments) {
			m.Memory.AddSegment()
		}
		for _, b := range m.Builtins() {
			if err := restoreBuiltin(b, p.extra[b.Name+"_builtin"]); err != nil {
				return err
			}
		}
		addrs := slices.Collect(maps.Keys(p.memory))
		slices.SortFunc(addrs, func(a, b machine.Addr) int {
			if a.Segment != b.Segment {
				return int(a.Segment) - int(b.Segment)
			}
			return int(int64(a.Offset) - int64(b.Offset))
		})
		for _, a := range addrs {
			if err := m.Memory.Insert(a, p.memory[a]); err != nil {
				return err
			}
		}
		return nil
	}
	res, err := program.Run(opt)
	if err != nil {
		return nil, err
	}
	if opt.SkipSecureRun {
		return res, nil
	}
	again, err := res.pie()
	if err != nil {
		return nil, err
	}
	switch {
	case !reflect.DeepEqual(again.meta, p.meta):
		return nil, errors.New("cairo0: the PIE's metadata differs from that of its run")
	case !maps.Equal(again.memory, p.memory):
		return nil, errors.New("cairo0: the PIE's memory differs from that of its run")
	case again.resources.Steps != p.resources.Steps || !maps.Equal(again.resources.Builtins, p.resources.Builtins):
		return nil, errors.New("cairo0: the PIE's resources differ from those of its run")
	}
	return res, nil
}

// restoreBuiltin loads a builtin's additional data. It ignores the data of pedersen, whose instances are verified again.
func restoreBuiltin(b *machine.Builtin, data jsontext.Value) error {
	switch b.Name {
	case machine.BuiltinOutput:
		var out pieOutput
		if err := json.Unmarshal(data, &out); err != nil {
			return fmt.Errorf("cairo0: PIE: output: %w", err)
		}
		b.Attributes = out.Attributes
		for id, pg := range out.Pages {
			n, err := strconv.Atoi(id)
			if err != nil {
				return fmt.Errorf("cairo0: PIE: page %q", id)
			}
			if err := b.AddPage(n, machine.Addr{Segment: b.Base.Segment, Offset: pg[0]}, pg[1]); err != nil {
				return err
			}
		}
	case machine.BuiltinECDSA:
		var list []pieSignature
		if err := json.Unmarshal(data, &list); err != nil {
			return fmt.Errorf("cairo0: PIE: ecdsa: %w", err)
		}
		for _, s := range list {
			var sig machine.Signature
			for _, x := range []struct {
				n  jsontext.Value
				to *felt.Felt
			}{{s.r, &sig.R}, {s.s, &sig.S}} {
				n, ok := new(big.Int).SetString(x.n.String(), 10)
				if !ok || n.Sign() < 0 || n.Cmp(felt.Modulus()) >= 0 {
					return fmt.Errorf("cairo0: PIE: bad signature value %.100s", x.n)
				}
				*x.to = felt.FromBigInt(n)
			}
			if err := b.AddSignature(machine.Addr{Segment: int32(s.at[0]), Offset: s.at[1]}, sig); err != nil {
				return err
			}
		}
	}
	return nil
}
