package cairoair

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/internal/stoneruns"
	"github.com/starkd/starkd/prover/stone/air"
	"github.com/starkd/starkd/prover/stone/field"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// sample holds the parts of a Stone proof up to its out-of-domain values.
type sample struct {
	air        *AIR
	challenges []field.Element
	alpha, z   field.Element
	mask       []field.Element // out-of-domain values of the trace, then the two of the composition
}

// proofs lists the proofs in supported layouts. Some are annotated with every challenge.
var proofs = []struct {
	path              string
	stone6, annotated bool
}{
	{"stone/plain.8192.json", true, false},
	{"stone/recursive.16384.json", true, false},
	{"stone/recursive.stone5.keccak_160.json", false, true},
	{"stone/recursive.stone6.blake2s_248.json", true, true},
	{"stone/small.stone6.blake2s_248.json", true, true},
	{"stone/recursive_with_poseidon.stone6.blake2s_248.json", true, true},
	{"stone/recursive_with_poseidon.stone6.keccak_160.json", true, true},
	{"stone/starknet.stone6.blake2s_248.json", true, true},
	{"stone-cases/plain8-tiny-last1/proof.json", true, false},
	{"stone-cases/plain8-tiny-pedersen/proof.json", true, false},
	{"stone-cases/plain512-lcg-keccak-upd/proof.json", true, false},
	{"stone-cases/rec16384-idle-keccak/proof.json", true, false},
	{"stone-cases/rec131072-squash-pstar/proof.json", true, true},
	{"stone-cases/small8192-math-keccak/proof.json", true, false},
	{"stone-cases/small8192-sig-k160lsb/proof.json", true, true},
	{"stone-cases/small8192-sig-k160lsb/proof.json", true, false},
}

// annotatedSample returns the sample in the annotations.
func annotatedSample(t *testing.T, p *stoneProof) *sample {
	t.Helper()
	a, err := New(p.public(t))
	if err != nil {
		t.Fatal(err)
	}
	return &sample{
		air:        a,
		challenges: p.annotated(t, "Interaction element #"),
		alpha:      p.annotated(t, "STARK/Original: Constraint polynomial random element")[0],
		z:          p.annotated(t, "OODS values: Evaluation point")[0],
		mask:       p.annotated(t, "OODS values: ")[1:],
	}
}

// replayedSample draws the challenges of a proof on the keccak256 channel from the channel itself, so that they depend on the
// seed.
func replayedSample(t *testing.T, p *stoneProof) *sample {
	t.Helper()
	a, err := New(p.public(t))
	if err != nil {
		t.Fatal(err)
	}
	public, err := Seed(a.Public(), p.seedParams(true))
	if err != nil {
		t.Fatal(err)
	}
	hash := transcript.Keccak256
	if p.Parameters.Updates {
		hash = transcript.Poseidon3
	}
	seed, err := hash.Sum(public)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := hex.DecodeString(strings.TrimPrefix(p.ProofHex, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := transcript.NewVerifier(transcript.Config{Channel: transcript.Keccak256}, seed, proof)
	if err != nil {
		t.Fatal(err)
	}
	commitment := func() {
		if _, err := v.ReadCommitment("", transcript.Keccak256); err != nil {
			t.Fatal(err)
		}
	}
	s := &sample{air: a}
	commitment()
	for range a.System().Challenges {
		s.challenges = append(s.challenges, v.Draw(""))
	}
	commitment()
	s.alpha = v.Draw("")
	commitment()
	s.z = v.Draw("")
	if s.mask, err = v.ReadElements("", len(a.System().Mask)+2); err != nil {
		t.Fatal(err)
	}
	return s
}

func readSample(t *testing.T, path string, annotated bool) *sample {
	t.Helper()
	p := readProof(t, strings.Split(path, "/")...)
	if annotated {
		return annotatedSample(t, p)
	}
	return replayedSample(t, p)
}

// TestCompositionEqualsStone checks, for valid proofs, that the composition polynomial at the out-of-domain point, evaluated
// from the mask values, is h0(z²) + z·h1(z²) with the proof's two composition values. This checks every constraint and their
// order, the order of the mask, the domains, the periodic columns and the public constants; if challenges are replayed, also
// the seed.
func TestCompositionEqualsStone(t *testing.T) {
	for _, c := range proofs {
		t.Run(c.path, func(t *testing.T) { readSample(t, c.path, c.annotated).check(t) })
	}
	for _, name := range []string{"dex", "starknet_with_keccak"} {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("testdata", "oods", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var j struct {
				Public     json.RawMessage `json:"public_input"`
				Challenges []felt.Felt
				Alpha, Z   felt.Felt
				Mask       []felt.Felt
			}
			if err := json.Unmarshal(b, &j); err != nil {
				t.Fatal(err)
			}
			public, err := parsePublicInput(j.Public)
			if err != nil {
				t.Fatal(err)
			}
			s := &sample{alpha: field.Element(j.Alpha), z: field.Element(j.Z)}
			if s.air, err = New(public); err != nil {
				t.Fatal(err)
			}
			for _, x := range j.Challenges {
				s.challenges = append(s.challenges, field.Element(x))
			}
			for _, x := range j.Mask {
				s.mask = append(s.mask, field.Element(x))
			}
			s.check(t)
		})
	}
}

// check compares the composition with the two values in the proof.
func (s *sample) check(t *testing.T) {
	t.Helper()
	values, err := s.air.Values(s.challenges)
	if err != nil {
		t.Fatal(err)
	}
	sys := s.air.System()
	if len(s.mask) != len(sys.Mask)+2 {
		t.Fatalf("proof has %d out-of-domain values, want %d and 2", len(s.mask), len(sys.Mask))
	}
	mask, h := s.mask[:len(sys.Mask)], s.mask[len(sys.Mask):]
	got, err := sys.EvalPoint(s.z, s.air.TraceLength(), mask, values, s.alpha)
	if err != nil {
		t.Fatal(err)
	}
	want := h[1]
	want.Mul(&want, &s.z).Add(&want, &h[0])
	if got != want {
		t.Errorf("composition at %s is %s, want %s", s.z.String(), got.String(), want.String())
	}
}

// TestSeedEqualsStone checks that, on the poseidon3 channel, the first interaction element is Hash(s, 0) with s = HashMany(seed
// + 1, trace commitment).
func TestSeedEqualsStone(t *testing.T) {
	for _, c := range proofs {
		p := readProof(t, strings.Split(c.path, "/")...)
		if p.Parameters.ChannelHash != "poseidon3" {
			continue
		}
		params := p.seedParams(c.stone6)
		in := p.public(t)
		seed, err := Seed(in, params)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := transcript.Poseidon3.Sum(seed)
		if err != nil {
			t.Fatal(err)
		}
		state, err := felt.FromBytes(digest[:])
		if err != nil {
			t.Fatal(err)
		}
		commitment := felt.Felt(p.annotated(t, "Original/Commit on Trace: Commitment")[0])
		state.Add(&state, &felt.One)
		got := field.Element(poseidon.Hash(poseidon.HashMany(state, commitment), felt.Zero))
		if want := p.annotated(t, "Interaction element #0")[0]; got != want {
			t.Errorf("%s: first interaction element %s, want %s", c.path, got.String(), want.String())
		}
		params.Stone6 = !params.Stone6
		if other, err := Seed(in, params); err != nil || string(other) == string(seed) {
			t.Errorf("%s: the other version's seed is the same (error %v)", c.path, err)
		}
	}
}

// TestColumnsEqualStone checks that the polynomials of a run's columns have the proof's mask values at the out-of-domain point.
// Two different columns of a few million cells agree there with probability 2^-220.
func TestColumnsEqualStone(t *testing.T) {
	for _, c := range proofs {
		t.Run(c.path, func(t *testing.T) {
			s := readSample(t, c.path, c.annotated)
			if s.air.TraceLength() > 1<<18 && os.Getenv("STARKD_FULL") == "" {
				t.Skip("set STARKD_FULL=1 (make test-full)")
			}
			var run *cairo.Trace
			if dir, name := filepath.Split(c.path); name == "proof.json" {
				run = stoneruns.Read(t, caseDir(t, filepath.Base(dir)))
			} else if c.annotated {
				run = stoneruns.Fibonacci(t, readProof(t, strings.Split(c.path, "/")...).public(t))
			} else {
				t.Skip("the corpus does not say how this program ran")
			}
			w, err := NewTrace(run)
			if err != nil {
				t.Fatal(err)
			}
			main, err := w.Main(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			interaction, err := w.Interaction(t.Context(), s.challenges)
			if err != nil {
				t.Fatal(err)
			}
			columns := append(main, interaction...)
			sys := w.System()
			weights := lagrange(s.z, len(main[0]))
			parallel.For(len(columns), func(c int) { // one cell of the mask per column is enough
				i := slices.IndexFunc(sys.Mask, func(cell air.Cell) bool { return cell.Column == c })
				if got := inner(weights, columns[c], sys.Mask[i].Row); got != s.mask[i] {
					t.Errorf("column %d at row %d of the mask is %s, want %s", c, sys.Mask[i].Row, got.String(), s.mask[i].String())
				}
			})
		})
	}
}

// lagrange returns w with Σ w_i·p(g^i) = p(z) for every polynomial p of degree below n: w_i = (z^n - 1)/n · g^i/(z - g^i).
func lagrange(z field.Element, n int) []field.Element {
	log, _ := field.Log2(uint64(n))
	powers := field.Powers(field.RootOfUnity(log), n)
	w := make([]field.Element, n)
	for i := range w {
		w[i].Sub(&z, &powers[i])
	}
	field.BatchInvert(w, nil)
	scale, one, size := field.Pow(z, uint64(n)), field.One(), field.New(uint64(n))
	scale.Sub(&scale, &one)
	size.Inverse(&size)
	scale.Mul(&scale, &size)
	for i := range w {
		w[i].Mul(&w[i], &powers[i]).Mul(&w[i], &scale)
	}
	return w
}

// inner returns Σ w_i·column_{i+shift}, cyclically, which is the value of the column's polynomial at z·g^shift.
func inner(w, column []field.Element, shift int) (sum field.Element) {
	for i := range w {
		var t field.Element
		t.Mul(&w[i], &column[(i+shift)&(len(column)-1)])
		sum.Add(&sum, &t)
	}
	return sum
}
