package main

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"flag"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/starkd/starkd/prover/stwo"
)

// This file tests the verifier with structured mutations of S-two's proofs in each of their forms: JSON, a list of felts, and starkd's binary file. The
// first two are mutated as mutate_test.go describes. The binary form has no tree: each step of a program changes a word of the form before
// it is compressed, or removes, repeats or moves some words, or changes a byte of the file.

var (
	mutants    = flag.Int("mutants", 0, "number of mutants of S-two's proofs in TestStwoMutations")
	mutantSeed = flag.Uint64("mutants-seed", 1, "seed of the mutants of TestStwoMutations")
)

// stwoSeeds returns good proofs of S-two in their forms: of prover/stwo/testdata/programs/few.cairo, and of a program that does nothing and takes all
// builtins, which the list of felts needs. They have one query, folds of 16 and 2 bits of work.
func stwoSeeds(t testing.TB) []*mutable {
	t.Helper()
	var all []*mutable
	add := func(name string, data []byte, binary bool) {
		s := &seed{name: name, text: data, trusted: `{"min_bits":1}`}
		var accepted bool
		if s.want, accepted = s.judge(data); !accepted {
			t.Fatalf("%s: %s", name, s.want)
		}
		m := &mutable{seed: s}
		if binary {
			m.form, m.head = inflate(t, data)
		} else {
			s.root = tree(t, data)
		}
		all = append(all, m)
	}
	for _, name := range []string{"stwo-few", "stwo-nothing"} {
		s := readSeed(t, name+".json.gz", `{"min_bits":1}`)
		proof, err := stwo.ParseJSON(s.text)
		if err != nil {
			t.Fatal(err)
		}
		add(name+" as JSON", s.text, false)
		add(name+" in binary form", proof.AppendBinary(nil), true)
		if felts, err := proof.AppendFelts(nil); name == "stwo-nothing" {
			if err != nil {
				t.Fatal(err)
			}
			add(name+" as felts", felts, false)
		}
	}
	return all
}

// mutable is a seed whose form says how it is mutated.
type mutable struct {
	*seed
	form, head []byte // the binary form before it is compressed, and what the file has before; nil if the seed has a tree
}

// inflate returns the binary form in a file, and what the file has before.
func inflate(t testing.TB, file []byte) (form, head []byte) {
	n := bytes.IndexByte(file, '\n') + 2 // and the byte of the hash function
	form, err := io.ReadAll(flate.NewReader(bytes.NewReader(file[n:])))
	if err != nil {
		t.Fatal(err)
	}
	return form, file[:n]
}

// deflate returns the file of a binary form, in which nothing is compressed.
func deflate(head, form []byte) []byte {
	out := bytes.NewBuffer(bytes.Clone(head))
	w, err := flate.NewWriter(out, flate.NoCompression)
	if err != nil {
		panic(err)
	}
	w.Write(form)
	w.Close()
	return out.Bytes()
}

// mutant returns the file with the mutations of a program.
func (m *mutable) mutant(p program) []byte {
	if m.form == nil {
		return m.seed.mutant(p)
	}
	at := int(hash(p)) // place of the first change; the program has the others
	form, file := bytes.Clone(m.form), []byte(nil)
	for range 1 + p.next()%3 {
		form, file = m.step(&p, form, file, at)
		at = int(p.next()) | int(p.next())<<8 | int(p.next())<<16
	}
	if file == nil {
		file = deflate(m.head, form)
	}
	return file
}

// words are numbers with which words of the binary form are replaced: those around bounds of fields and lists.
var words = []uint64{
	0, 1, 2, 3, 4, 5, 7, 8, 16, 30, 31, 32, 255, 256, 1023, 1024, 1025, 1 << 13, 1<<13 + 1, 1 << 20, 1<<20 + 1, 1<<29 - 1, 1 << 29, 1<<29 + 1, 1 << 30,
	1<<31 - 2, 1<<31 - 1, 1 << 31, math.MaxUint32, 1 << 32, 1<<32 + 1, math.MaxInt64, 1 << 63, math.MaxUint64,
}

// step runs a step at a place of the binary form, or of its file if it returns one.
func (m *mutable) step(p *program, form, file []byte, at int) ([]byte, []byte) {
	if len(form) < 16 {
		return form, file
	}
	at %= len(form) - 8
	if p.next()&7 != 0 {
		at &^= 3 // most numbers have four or eight bytes
	}
	n := min(1<<(p.next()%12), len(form)-at) // a length of bytes
	switch p.next() % 11 {
	case 0:
		binary.LittleEndian.PutUint32(form[at:], uint32(words[int(p.next())%len(words)]))
	case 1:
		binary.LittleEndian.PutUint64(form[at:], words[int(p.next())%len(words)])
	case 2:
		binary.LittleEndian.PutUint32(form[at:], binary.LittleEndian.Uint32(form[at:])+uint32(int8(p.next())))
	case 3:
		form[at] ^= 1 << (p.next() % 8)
	case 4: // removed
		form = append(form[:at:at], form[at+n:]...)
	case 5: // repeated, up to 64 kB
		copies := min(1<<(p.next()%17), 1+64<<10/n)
		form = append(append(form[:at:at], bytes.Repeat(form[at:at+n], copies)...), form[at:]...)
	case 6: // the bytes of another place
		from := (int(p.next())<<8 | int(p.next())) * 4 % (len(form) - n + 1)
		copy(form[at:at+n], form[from:from+n])
	case 7: // exchanged with the bytes after them
		n = min(n, (len(form)-at)/2)
		a := bytes.Clone(form[at : at+n])
		copy(form[at:], form[at+n:at+2*n])
		copy(form[at+n:], a)
	case 8: // the end
		form = form[:at]
	case 9: // more at the end
		form = append(form, bytes.Repeat([]byte{p.next()}, n)...)
	case 10: // a byte of the file
		file = deflate(m.head, form)
		file[at%len(file)] ^= 1 << (p.next() % 8)
	}
	return form, file
}

// execute checks the mutant of a program.
func (m *mutable) execute(t testing.TB, p program) bool { return m.check(t, m.mutant(p)) }

// FuzzStwoMutations checks mutants of S-two's proofs in all forms.
func FuzzStwoMutations(f *testing.F) {
	seeds := stwoSeeds(f)
	programs(f, 4)
	f.Fuzz(func(t *testing.T, p []byte) {
		seeds[int(hash(p))%len(seeds)].execute(t, p)
	})
}

// TestStwoMutations checks a fixed sequence of mutants of S-two's proofs in all forms. The flags -mutants and -mutants-seed make it another one;
// scripts/fuzz runs a million.
func TestStwoMutations(t *testing.T) {
	many := *mutants
	switch {
	case many > 0:
	case os.Getenv("STARKD_FULL") != "":
		many = 50_000
	default:
		many = 2_000
	}
	random := rand.New(rand.NewPCG(*mutantSeed, 4))
	seeds := stwoSeeds(t)
	accepted := make([]int, len(seeds))
	for i := range many {
		p := make(program, 8+random.IntN(24))
		for k := range p {
			p[k] = byte(random.Uint32())
		}
		if seeds[i%len(seeds)].execute(t, p) {
			accepted[i%len(seeds)]++
		}
	}
	for i, s := range seeds {
		t.Logf("%s: %d mutants, %d of them accepted with the same verdict", s.name, (many+len(seeds)-1-i)/len(seeds), accepted[i])
	}
}
