package stwo

import (
	"bytes"
	"compress/flate"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// refused names the file that TestRefusedFile refuses in a process of its own.
const refused = "STARKD_TEST_REFUSED"

// TestRefusedFile refuses a file. TestHostileFiles measures it.
func TestRefusedFile(t *testing.T) {
	path := os.Getenv(refused)
	if path == "" {
		t.Skip("TestHostileFiles starts it")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	debug.SetMemoryLimit(7*int64(len(b)) + 48<<20) // as starkd verify does
	p, err := Parse(b)
	if err == nil {
		err = p.Verify()
	}
	if err == nil {
		t.Fatal("accepted")
	}
	status, statusErr := os.ReadFile("/proc/self/status")
	if statusErr != nil {
		t.Fatal(statusErr)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	peak, _, _ = strings.Cut(peak, " kB")
	t.Logf("refused with %s kB of memory: %v", strings.TrimSpace(peak), err)
}

// TestHostileFiles checks that large proofs in each form, which pass all checks that need no hashing, are refused with 8·n + 64 MB of memory.
func TestHostileFiles(t *testing.T) {
	dir := t.TempDir()
	measure := func(what string, b []byte, want string) int64 {
		path := filepath.Join(dir, "proof")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRefusedFile$", "-test.v")
		cmd.Env = append(os.Environ(), refused+"="+path)
		out, err := cmd.CombinedOutput()
		_, text, _ := strings.Cut(string(out), "refused with ")
		kb, why, _ := strings.Cut(text, " kB of memory: ")
		n, parseErr := strconv.ParseInt(kb, 10, 64)
		if err != nil || parseErr != nil || !strings.Contains(why, want) {
			t.Errorf("%s: %v: %.1000s", what, err, out)
		}
		return n << 10 // the peak of this process; the resource usage of a child is at least that of its parent
	}
	least := measure("nothing", []byte("{}"), "")
	check := func(what string, b []byte, want string) {
		n := int64(len(b))
		used, most := measure(what, b, want)-least, 8*n+64<<20
		t.Logf("%s of %d kB: %d MB, at most %d", what, n>>10, used>>20, most>>20)
		if used > most {
			t.Errorf("%s of %d bytes: %d MB of memory above the %d of a start, at most %d are allowed", what, n, used>>20, least>>20, most>>20)
		}
	}

	const work = "is not a proof of work" // the first check that hashes
	// The binary files are as small as their inflated size allows: their ids are random, and their words are not long.
	program := hostileProof(t, maxCells, 0, 0)
	check("a program in binary form", packed(program), work)
	check("a program as JSON", program.AppendJSON(nil, false), work)
	both := hostileProof(t, maxCells, maxCells, 32)
	check("a program and its output in binary form", packed(both), work)
	if *all {
		check("a program and its output as JSON", both.AppendJSON(nil, false), work)
	}
	text, err := hostileProof(t, maxCells/4, 0, 0).AppendFelts(nil)
	if err != nil {
		t.Fatal(err)
	}
	check("a program as felts", text, work)

	// A witness of FRI that does not fit the number of queries.
	witness := hostileProof(t, 32, 0, 0)
	f := &witness.STARK.FRI
	f.FirstLayer.Witness = make([]m31.QM31, maxFRIWitness)
	for i := range f.InnerLayers {
		f.InnerLayers[i].Witness = f.FirstLayer.Witness
		if i >= 1 && !*all {
			break
		}
	}
	check("a witness as JSON", witness.AppendJSON(nil, false), "fri: layer 0: a witness of 1048576 values, want those that are missing of 2 to 3 groups of 2")
	check("a bomb in binary form", packed(witness), "far larger than its file")
}

// hostileProof returns a proof whose claim has that many words of program and of output, with random ids and values of some random bits, and which
// Check accepts.
func hostileProof(t *testing.T, program, words int, valueBits uint) *Proof {
	t.Helper()
	p, err := ParseBinary(readProof(t, "c01_nothing").AppendBinary(nil))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	grow := func(cells []Cell, n int) []Cell {
		for len(cells) < n {
			cells = append(cells, Cell{ID: random.Uint32N(m31.P), Value: felt.FromUint64(random.Uint64() & (1<<valueBits - 1))})
		}
		return cells
	}
	public := &p.Claim.Public
	public.Program, public.Output = grow(public.Program, program), grow(nil, words)
	frame := m31.M31(initialPC + len(public.Program) + 2)
	end := frame + SegmentCount
	public.Initial.AP, public.Initial.FP, public.Final.FP, public.Final.AP = frame, frame, frame, end
	public.Segments[output].Start.Value, public.Segments[output].Stop.Value = uint32(end), uint32(end)+uint32(words)
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p
}

// packed returns starkd's binary file, compressed less than AppendBinary does, in a tenth of the time.
func packed(p *Proof) []byte {
	out := bytes.NewBufferString(binaryMagic)
	out.WriteByte(byte(p.Hash))
	w := &binaryWriter{hash: p.Hash}
	p.visit(w)
	packer, err := flate.NewWriter(out, flate.BestSpeed)
	if err != nil {
		panic(err)
	}
	packer.Write(w.b)
	packer.Close()
	return out.Bytes()
}
