package cairoair

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// corpusCases are the runs of the corpus of which StarkWare's prover made proofs. A folder in a folder is the same run with another
// preprocessed trace.
var corpusCases = []string{
	"c01_nothing", "c02_fib", "c03_opcodes", "c04_rc_bitwise", "c05_pedersen", "c05_pedersen/narrow", "c06_poseidon", "c07_mod",
	"c08_ec_op", "c08_ec_op/small", "c09_blake", "c10_all", "c10_all/small", "starkware_all_opcodes", "starkware_all_builtins",
}

// corpusInput returns the input of a case, and whether it is proved with narrow windows.
func corpusInput(t testing.TB, name string) (*adapter.Input, bool) {
	t.Helper()
	dir := filepath.Join(golden.Corpus(t), "stwo", name)
	var params struct {
		Preprocessed string `json:"preprocessed_trace"`
	}
	readJSON(t, filepath.Join(dir, "params.json"), &params)
	run := strings.TrimSuffix(strings.TrimSuffix(dir, "/narrow"), "/small")
	in, err := adapter.ReadJSON(bytes.NewReader(golden.Gunzip(t, filepath.Join(run, "prover_input.json.gz"))))
	if err != nil {
		t.Fatal(err)
	}
	return in, params.Preprocessed == "canonical_small"
}

// TestFill compares every column of the base trace with StarkWare's.
func TestFill(t *testing.T) {
	for _, name := range corpusCases {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(golden.Corpus(t), "stwo", name)
			var want []struct {
				Component string   `json:"component"`
				LogSizes  []int    `json:"log_sizes"`
				Hashes    []string `json:"blake2s_first8"`
			}
			if err := json.Unmarshal(golden.Unxz(t, filepath.Join(dir, "base_column_hashes.json.xz")), &want); err != nil {
				t.Fatal(err)
			}
			in, narrow := corpusInput(t, name)
			tables, err := Fill(in, narrow)
			if err != nil {
				t.Fatal(err)
			}
			var cells map[string][]string
			for _, w := range want {
				if len(tables) == 0 || tables[0].Name != w.Component {
					t.Fatalf("%s is not the next component", w.Component)
				}
				var hashes []string
				var columns [][]m31.M31
				for part := range w.LogSizes {
					if tables[0].LogSize != w.LogSizes[part] {
						t.Fatalf("%s has 2^%d rows, want 2^%d", w.Component, tables[0].LogSize, w.LogSizes[part])
					}
					for _, column := range tables[0].Columns {
						if column == nil {
							column = make([]m31.M31, 1<<tables[0].LogSize)
						}
						hashes = append(hashes, columnHash(column))
						columns = append(columns, column)
					}
					tables = tables[1:]
				}
				if len(hashes) != len(w.Hashes) {
					t.Fatalf("%s has %d columns, want %d", w.Component, len(hashes), len(w.Hashes))
				}
				wrong := 0
				for k := range hashes {
					if hashes[k] == w.Hashes[k] {
						continue
					}
					if wrong++; wrong > 8 {
						continue
					}
					if cells == nil {
						cells = corpusCells(t, dir)
					}
					c := componentNamed(w.Component).AIR().Columns
					t.Errorf("%s column %d (%s): %s", w.Component, k, c[k%len(c)].Name, firstDifference(cells[w.Component][k], columns[k]))
				}
				if wrong > 0 {
					t.Errorf("%s: %d of %d columns differ", w.Component, wrong, len(hashes))
				}
			}
			for _, table := range tables {
				t.Errorf("%s should not be present", table.Name)
			}
		})
	}
}

func componentNamed(name string) *Component {
	for _, c := range Components() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// columnHash returns the first 8 bytes of Blake2s of the cells as 32-bit little-endian words.
func columnHash(column []m31.M31) string {
	data := make([]byte, 0, 4*len(column))
	for _, v := range column {
		data = binary.LittleEndian.AppendUint32(data, uint32(v))
	}
	h := blake.Sum256s(data)
	return hex.EncodeToString(h[:8])
}

// corpusCells returns the lines of base_trace.txt for each component, one for each column.
func corpusCells(t *testing.T, dir string) map[string][]string {
	lines := map[string][]string{}
	s := bufio.NewScanner(bytes.NewReader(golden.Unxz(t, filepath.Join(dir, "base_trace.txt.xz"))))
	s.Buffer(nil, 1<<30)
	component := ""
	for s.Scan() {
		if fields := strings.Fields(s.Text()); fields[0] == "component" {
			component = fields[1]
		} else {
			lines[component] = append(lines[component], s.Text())
		}
	}
	return lines
}

// firstDifference compares a column with a line of base_trace.txt: "d LOG v…", "s LOG row:value…", or "h LOG HASH v…" with the first rows.
func firstDifference(line string, got []m31.M31) string {
	fields := strings.Fields(line)
	var want map[int]m31.M31
	known := len(got)
	switch values := fields[2:]; fields[0] {
	case "d", "h":
		if fields[0] == "h" {
			values = values[1:]
			known = len(values)
		}
		want = map[int]m31.M31{}
		for i, v := range values {
			fmt.Sscan(v, &known)
			want[i] = m31.M31(known)
		}
		known = len(values)
	case "s":
		want = map[int]m31.M31{}
		for _, v := range values {
			var row, value int
			fmt.Sscanf(v, "%d:%d", &row, &value)
			want[row] = m31.M31(value)
		}
	}
	for i := range known {
		if got[i] != want[i] {
			return fmt.Sprintf("row %d is %d, want %d", i, got[i], want[i])
		}
	}
	return fmt.Sprintf("the first %d rows are equal", known)
}

// TestFillErrors fills runs that are not runs of the Cairo machine.
func TestFillErrors(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(in *adapter.Input)
		want   string
	}{
		{"pc outside of memory", func(in *adapter.Input) { in.Opcodes[adapter.Ret].PC[1] = 1 << 30 },
			"cairoair: ret_opcode, row 1: VerifyInstruction has no tuple with the value 1073741824"},
		{"address 0", func(in *adapter.Input) { in.Opcodes[adapter.Ret].FP[0] = 2 },
			"cairoair: ret_opcode, row 0: MemoryAddressToId has no tuple with the value 0"},
		{"public address", func(in *adapter.Input) { in.Public[0] = 0 },
			"cairoair: public memory, row 0: MemoryAddressToId has no tuple with the value 0"},
		{"half an instance", func(in *adapter.Input) { in.Segments[adapter.Bitwise] = adapter.Segment{Begin: 1, End: 1 + 5*16 + 1} },
			"cairoair: the segment of bitwise has 81 cells, which is not a power of two of at least 16 instances"},
		{"17 instances", func(in *adapter.Input) { in.Segments[adapter.RangeCheck] = adapter.Segment{Begin: 1, End: 18} },
			"cairoair: the segment of range_check has 17 cells, which is not a power of two of at least 16 instances"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in, narrow := corpusInput(t, "c02_fib")
			test.change(in)
			_, err := Fill(in, narrow)
			if got := fmt.Sprint(err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestFillMutations fills runs with wrong steps, values and segments. Fill may return an error or a trace that is wrong, but must not panic.
func TestFillMutations(t *testing.T) {
	for _, name := range []string{"c03_opcodes", "c10_all/small"} {
		original, narrow := corpusInput(t, name)
		random := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			in := *original
			m := &in.Memory
			m.IDs, m.Small, m.Big, in.Public = slices.Clone(m.IDs), slices.Clone(m.Small), slices.Clone(m.Big), slices.Clone(in.Public)
			word := func() m31.M31 {
				switch random.IntN(4) {
				case 0:
					return m31.New(random.Uint64())
				case 1:
					return m31.M31(random.IntN(3))
				case 2:
					return adapter.BigID + m31.M31(random.IntN(2*len(m.Big)))
				}
				return m31.M31(random.IntN(len(m.IDs)))
			}
			for range 1 + random.IntN(3) {
				switch random.IntN(5) {
				case 0: // steps of one opcode as those of another
					a, b := random.IntN(int(adapter.OpcodeCount)), random.IntN(int(adapter.OpcodeCount))
					in.Opcodes[a], in.Opcodes[b] = in.Opcodes[b], in.Opcodes[a]
				case 1: // a register
					s := &in.Opcodes[random.IntN(int(adapter.OpcodeCount))]
					for k, register := range []*[]m31.M31{&s.PC, &s.AP, &s.FP} {
						if *register = slices.Clone(*register); s.Len() > 0 && random.IntN(3) == k {
							(*register)[random.IntN(s.Len())] = word()
						}
					}
				case 2: // an address
					m.IDs[random.IntN(len(m.IDs))] = word()
				case 3: // a value, which may be one that the memory should not hold so
					m.Small[random.IntN(len(m.Small))] = adapter.Uint128{Lo: random.Uint64(), Hi: random.Uint64()}
					for k := range m.Big {
						if random.IntN(10) == 0 {
							m.Big[k][random.IntN(8)] = random.Uint32()
						}
					}
				case 4: // the place of a segment
					s := &in.Segments[random.IntN(int(adapter.BuiltinCount))]
					n := uint32(s.Len())
					s.Begin = uint32(word())
					s.End = s.Begin + n
				}
			}
			if _, err := Fill(&in, narrow); err != nil && !strings.HasPrefix(err.Error(), "cairoair: ") {
				t.Errorf("%s: got the error %v", name, err)
			}
		}
	}
}
