package channel

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// TestVectors checks the digests that StarkWare's tests expect.
func TestVectors(t *testing.T) {
	for _, test := range []struct {
		hash Hash
		mix  func(*Channel)
		want string
	}{
		{Blake2s, func(c *Channel) { c.MixUint64(0x1111222233334444) }, "bc9e3fc1d24e8897956d3359327397249d6bcacd224d927404e7ba4a77dc6ece"},
		{Blake2s, func(c *Channel) { c.MixWords(1, 2, 3, 4, 5, 6, 7, 8, 9) }, "7091768357bb1bb3346fdab6b357d7fa46b8fbe32c2e4324a0ffc294cbf9a1c7"},
		{Poseidon252, func(c *Channel) { c.MixUint64(0x1111222233334444) }, "07cecc0ee3d858c843fe63165f038353f9f80f52dd8d32eead9f635e2f7d8b8e"},
		{Poseidon252, func(c *Channel) { c.MixWords(1, 2, 3, 4, 5, 6, 7, 8, 9) }, "06c7fc11690eb272bcc81115e801ad52de4e6271ddff3f97a2b75315e3572ced"},
	} {
		c := New(test.hash)
		test.mix(c)
		if got := hex.EncodeToString(c.digest[:]); got != test.want {
			t.Errorf("%v: got %s, want %s", test.hash, got, test.want)
		}
	}
}

// TestHashNames checks that names and hash functions correspond.
func TestHashNames(t *testing.T) {
	for _, h := range []Hash{Blake2s, Blake2sM31, Poseidon252} {
		if got, err := ParseHash(h.String()); got != h || err != nil {
			t.Errorf("ParseHash(%q): got %v, %v", h.String(), got, err)
		}
	}
	if _, err := ParseHash("blake3"); err == nil {
		t.Error("blake3 is accepted")
	}
}

// TestDigestCheck checks the bounds of a digest of Poseidon.
func TestDigestCheck(t *testing.T) {
	p := felt.Modulus()
	var last, first Digest
	p.FillBytes(first[:])
	felt.Modulus().Sub(p, big.NewInt(1)).FillBytes(last[:])
	if err := Poseidon252.Check(&last); err != nil {
		t.Errorf("P - 1: %v", err)
	}
	if Poseidon252.Check(&first) == nil {
		t.Error("P is accepted")
	}
	if err := Blake2s.Check(&first); err != nil {
		t.Errorf("BLAKE2s: %v", err)
	}
}

// TestReplay runs the transcripts of StarkWare's proofs: every digest and draw that their verifier makes. Only long messages are not in the
// files; the proof-of-work nonces are searched for too.
func TestReplay(t *testing.T) {
	paths, _ := filepath.Glob(filepath.Join(golden.Corpus(t, "stwo"), "*", "transcript.json.xz"))
	more, _ := filepath.Glob(filepath.Join(golden.Corpus(t, "stwo"), "*", "*", "transcript.json.xz"))
	paths = append(paths, more...)
	if len(paths) < 10 {
		t.Fatalf("%d transcripts", len(paths))
	}
	for _, path := range paths {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) { replay(t, path) })
	}
}

func replay(t *testing.T, path string) {
	var params struct {
		Hash   string `json:"channel_hash"`
		Config struct {
			Bits uint32 `json:"pow_bits"`
		} `json:"pcs_config"`
	}
	unmarshal(t, readFile(t, filepath.Join(filepath.Dir(path), "params.json")), &params)
	hash, err := ParseHash(params.Hash)
	if err != nil {
		t.Fatal(err)
	}
	if hash == Poseidon252 {
		t.Skip("the transcript has bytes, and digests of Poseidon252 are felts: digests are not bytes")
	}
	var steps [][2]json.RawMessage
	unmarshal(t, golden.Unxz(t, path), &steps)
	workBits := []uint32{24, params.Config.Bits}
	c := New(hash)
	var known bool         // whether the message of the last mix is in the file
	var felts []m31.QM31   // drawn, and not compared yet
	var words, raw []int64 // drawn as queries
	for i, step := range steps {
		switch text(t, step[0]) {
		case "mix":
			var message struct {
				length int
				data   string
			}
			unmarshal(t, step[1], &[]any{&message.length, &message.data})
			data, err := hex.DecodeString(message.data)
			if err != nil {
				t.Fatal(err)
			}
			if known = len(data) == message.length; !known {
				continue
			}
			if len(data) == 8 {
				checkWork(t, c, workBits[0], le64(data))
				workBits = workBits[1:]
				c.MixUint64(le64(data))
				continue
			}
			message32 := make([]uint32, len(data)/4)
			for k := range message32 {
				message32[k] = uint32(le64(append(data[4*k:4*k+4:4*k+4], 0, 0, 0, 0)))
			}
			if len(message32)%4 == 0 && len(message32) != 8 {
				c.MixFelts(elements(message32)...)
			} else {
				before := *c
				c.MixWords(message32...)
				before.MixDigest(Digest(data))
				if before.digest != c.digest {
					t.Fatalf("step %d: MixWords and MixDigest differ", i)
				}
			}
		case "digest":
			want := Digest(unhex(t, text(t, step[1])))
			if !known {
				c.mix(want)
			}
			if c.digest != want {
				t.Fatalf("step %d: digest %x, want %x", i, c.digest, want)
			}
		case "draw":
			again := *c
			want := unhex(t, text(t, step[1]))
			got := c.DrawWords()
			for k, w := range got {
				if uint64(w) != le64(append(want[4*k:4*k+4:4*k+4], 0, 0, 0, 0)) {
					t.Fatalf("step %d: draw %x, want %x", i, got, want)
				}
				words = append(words, int64(w))
			}
			one := again
			felts = append(felts[:0], again.DrawFelts(2)...)
			if got := one.DrawFelt(); got != felts[0] {
				t.Fatalf("step %d: DrawFelt %v, DrawFelts %v", i, got, felts)
			}
		case "z", "alpha", "composition_random_coefficient", "oods_t", "quotient_random_coefficient", "fri_alpha":
			var want [4]m31.M31
			unmarshal(t, step[1], &want)
			if len(felts) == 0 || felts[0].Coordinates() != want {
				t.Fatalf("step %d: %s: got %v, want %v", i, step[0], felts, want)
			}
			felts, words = felts[1:], words[:0]
		case "queries_in_order":
			unmarshal(t, step[1], &raw)
		case "L":
			var log int
			unmarshal(t, step[1], &log)
			for k, want := range raw {
				if got := words[k] & (1<<log - 1); got != want {
					t.Fatalf("query %d: got %d, want %d", k, got, want)
				}
			}
		}
	}
	if len(workBits) > 0 || len(raw) == 0 {
		t.Errorf("proofs of work left %v, %d queries", workBits, len(raw))
	}
}

// checkWork compares the nonce of a proof of work with the one that Work finds.
func checkWork(t *testing.T, c *Channel, bits uint32, nonce uint64) {
	t.Helper()
	if !c.CheckWork(bits, nonce) {
		t.Fatalf("nonce %d is not a proof of work of %d bits", nonce, bits)
	}
	if c.CheckWork(bits, nonce+1) {
		t.Errorf("nonce %d is a proof of work too", nonce+1)
	}
	if nonce>>32 > 6 {
		return // a search would take long
	}
	if got, err := c.Work(t.Context(), bits); got != nonce || err != nil {
		t.Errorf("nonce %d, want %d (%v)", got, nonce, err)
	}
}

// TestWork checks the searches of all variants against CheckWork, nonce by nonce.
func TestWork(t *testing.T) {
	for _, h := range []Hash{Blake2s, Blake2sM31, Poseidon252} {
		for seed := range uint64(20) {
			if h == Poseidon252 && seed > 0 {
				continue
			}
			c := New(h)
			c.MixUint64(seed)
			for _, bits := range []uint32{0, 1, 5, 9, 12} {
				if h == Poseidon252 && bits > 9 {
					continue
				}
				got, err := c.Work(t.Context(), bits)
				if err != nil {
					t.Fatal(err)
				}
				want := uint64(0)
				for !c.CheckWork(bits, want) {
					want++
				}
				if got != want {
					t.Errorf("%v, %d bits: got %d, want %d", h, bits, got, want)
				}
			}
		}
		c := New(h)
		if _, err := c.Work(t.Context(), MaxWorkBits+1); err == nil || c.CheckWork(MaxWorkBits+1, 0) {
			t.Errorf("%v: %d bits are accepted", h, MaxWorkBits+1)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Work(ended, MaxWorkBits); !errors.Is(err, context.Canceled) {
			t.Errorf("%v: after the end of the context: %v", h, err)
		}
	}
}

// TestDraws checks that draws do not repeat, and that eight elements of a draw of Poseidon are digits of one felt.
func TestDraws(t *testing.T) {
	for _, h := range []Hash{Blake2s, Blake2sM31, Poseidon252} {
		c := New(h)
		seen := map[m31.QM31]bool{}
		for _, x := range append(c.DrawFelts(5), c.DrawFelts(4)...) {
			if seen[x] {
				t.Errorf("%v: %v is drawn twice", h, x)
			}
			seen[x] = true
		}
		if c.draws != 5 {
			t.Errorf("%v: %d draws, want 5", h, c.draws)
		}
	}
	c := New(Poseidon252)
	f := (&Channel{hash: Poseidon252}).drawFelt252()
	v := c.drawBase()
	got := f.BigInt()
	for k := len(v) - 1; k >= 0; k-- {
		p := packer{digits: 31}
		for j := len(v) - 1; j >= k; j-- {
			p.push(uint32(v[j]))
		}
		part := p.felt()
		top := f.BigInt()
		top.Rsh(top.SetBit(top, 251, 0).SetBit(top, 250, 0).SetBit(top, 249, 0).SetBit(top, 248, 0), uint(31*k))
		if part.BigInt().Cmp(top) != 0 {
			t.Errorf("digits from %d of %v: got %v", k, got, part.BigInt())
		}
	}
}

// BenchmarkWork tries 2^20 nonces.
func BenchmarkWork(b *testing.B) {
	var prefix Digest
	for b.Loop() {
		if _, ok := Blake2s.searchRun(context.Background(), &prefix, 1, 32); ok {
			b.Fatal("found")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(1<<20), "ns/nonce")
}

func elements(words []uint32) []m31.QM31 {
	out := make([]m31.QM31, len(words)/4)
	for i := range out {
		w := words[4*i:]
		out[i] = m31.NewQM31(m31.M31(w[0]), m31.M31(w[1]), m31.M31(w[2]), m31.M31(w[3]))
	}
	return out
}

func le64(b []byte) (v uint64) {
	for k := range 8 {
		v |= uint64(b[k]) << (8 * k)
	}
	return v
}

func text(t *testing.T, raw json.RawMessage) (s string) {
	t.Helper()
	unmarshal(t, raw, &s)
	return s
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unmarshal(t *testing.T, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%v in %.100s", err, data)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestWords compares the hash of words with that of their bytes, at the borders of blocks.
func TestWords(t *testing.T) {
	for _, h := range []Hash{Blake2s, Blake2sM31} {
		for _, n := range []int{0, 1, 8, 15, 16, 17, 31, 32, 33, 100} {
			var words []m31.M31
			var b []byte
			for i := range n {
				w := uint32(i*i+7) * 0x9e3779b9 % m31.P
				words = append(words, m31.M31(w))
				b = append(b, byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
			}
			if got, want := h.Leaf(words), h.bytes(b); got != want {
				t.Errorf("%v of %d words: got %x, want %x", h, n, got, want)
			}
		}
	}
}

// TestLeafHasher checks that the parts of a leaf's elements do not matter.
func TestLeafHasher(t *testing.T) {
	xs := make([]m31.M31, 100)
	for i := range xs {
		xs[i] = m31.M31(3*i + 1)
	}
	for _, h := range []Hash{Blake2s, Blake2sM31, Poseidon252} {
		for n := range xs {
			for _, part := range []int{1, 7, 8, 16, 28} {
				l := NewLeafHasher(h)
				for rest := xs[:n]; len(rest) > 0; rest = rest[min(part, len(rest)):] {
					l.Write(rest[:min(part, len(rest))])
				}
				if got, want := l.Sum(), h.Leaf(xs[:n]); got != want {
					t.Fatalf("%v: %d elements in parts of %d: got %x, want %x", h, n, part, got, want)
				}
			}
		}
	}
}
