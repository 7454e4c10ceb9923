package transcript

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stone/field"
)

// stoneProof holds the parts of Stone's proof files that these tests need.
type stoneProof struct {
	Annotations []string `json:"annotations"`
	ProofHex    string   `json:"proof_hex"`
	Parameters  struct {
		ChannelHash    string `json:"channel_hash"`
		CommitmentHash string `json:"commitment_hash"`
		FriendlyHash   string `json:"verifier_friendly_commitment_hash"`
		FriendlyLayers uint64 `json:"n_verifier_friendly_commitment_layers"`
		Friendly       bool   `json:"verifier_friendly_channel_updates"`
		PowHash        string `json:"pow_hash"`
		Statement      struct {
			PageHash string `json:"page_hash"`
		} `json:"statement"`
		Stark struct {
			Fri struct {
				Bits uint `json:"proof_of_work_bits"`
			} `json:"fri"`
		} `json:"stark"`
	} `json:"proof_parameters"`
	PublicInput struct {
		Layout   string `json:"layout"`
		NSteps   uint64 `json:"n_steps"`
		RcMin    uint64 `json:"rc_min"`
		RcMax    uint64 `json:"rc_max"`
		Segments map[string]struct {
			Begin uint64 `json:"begin_addr"`
			Stop  uint64 `json:"stop_ptr"`
		} `json:"memory_segments"`
		Memory []struct {
			Address uint64 `json:"address"`
			Value   string `json:"value"`
		} `json:"public_memory"`
	} `json:"public_input"`
}

// seed serialises the public input as Stone's statement does, for the one-page inputs of the corpus.
func (p *stoneProof) seed(t *testing.T, stone6 bool) Digest {
	t.Helper()
	hash := func(name, otherwise string) Hash {
		if name == "" {
			name = otherwise
		}
		h, err := ParseHash(name)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	sum := func(h Hash, b []byte) []byte {
		d, err := h.Sum(b)
		if err != nil {
			t.Fatal(err)
		}
		return d[:]
	}
	var b []byte
	word := func(dst *[]byte, v uint64) {
		*dst = binary.BigEndian.AppendUint64(append(*dst, make([]byte, 24)...), v)
	}
	in := &p.PublicInput
	if stone6 {
		word(&b, p.Parameters.FriendlyLayers)
	}
	log, _ := field.Log2(in.NSteps)
	word(&b, uint64(log))
	word(&b, in.RcMin)
	word(&b, in.RcMax)
	layout := new(big.Int).SetBytes([]byte(in.Layout)).FillBytes(make([]byte, 32))
	b = append(b, layout...)
	for _, name := range []string{"program", "execution", "output", "pedersen", "range_check", "ecdsa", "bitwise", "ec_op", "poseidon"} {
		if s, ok := in.Segments[name]; ok {
			word(&b, s.Begin)
			word(&b, s.Stop)
		}
	}
	var page []byte
	value := func(dst *[]byte, s string) {
		v := felt.MustHex(s)
		bytes := v.Bytes()
		*dst = append(*dst, bytes[:]...)
	}
	for _, m := range in.Memory {
		word(&page, m.Address)
		value(&page, m.Value)
	}
	word(&b, in.Memory[0].Address)
	value(&b, in.Memory[0].Value)
	word(&b, 1)
	word(&b, uint64(len(in.Memory)))
	b = append(b, sum(hash(p.Parameters.Statement.PageHash, "keccak256"), page)...)
	seedHash := hash(p.Parameters.ChannelHash, "keccak256")
	if p.Parameters.Friendly {
		seedHash = hash(p.Parameters.FriendlyHash, "keccak256")
	}
	return Digest(sum(seedHash, b))
}

var annotation = regexp.MustCompile(`^(V->P|P->V\[(\d+):(\d+)\]): /(.*): ([^:]*): (Field Elements|Field Element|Hash|Data|Number)\((.*)\)$`)

// TestReplayStone replays annotated Stone proofs message by message and checks that the annotations are the same: every
// challenge, query index, digest and count.
func TestReplayStone(t *testing.T) {
	for _, c := range []struct {
		path   string
		stone6 bool
	}{
		{"stone-cases/rec131072-squash-pstar/proof.json", true},
		{"stone-cases/small8192-sig-k160lsb/proof.json", true},
		{"stone/recursive.stone5.keccak_160.json", false},
		{"stone/recursive.stone6.blake2s_248.json", true},
		{"stone/recursive_with_poseidon.stone6.keccak_160.json", true},
		{"stone/starknet.stone6.blake2s_248.json", true},
	} {
		t.Run(c.path, func(t *testing.T) {
			var p stoneProof
			b, err := os.ReadFile(golden.Corpus(t, c.path))
			if err == nil {
				err = json.Unmarshal(b, &p)
			}
			if err != nil {
				t.Fatal(err)
			}
			replay(t, &p, c.stone6)
		})
	}
}

func replay(t *testing.T, p *stoneProof, stone6 bool) {
	proof, err := hex.DecodeString(p.ProofHex[2:])
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{PowHash: Blake256}
	if p.Parameters.ChannelHash == "poseidon3" {
		cfg.Channel = Poseidon3
		if cfg.PowHash, err = ParseHash(p.Parameters.PowHash); err != nil {
			t.Fatal(err)
		}
	}
	seed := p.seed(t, stone6)
	v, err := NewVerifier(cfg, seed, proof)
	if err != nil {
		t.Fatal(err)
	}
	var log Annotations
	v.Annotate(&log)
	pr, err := NewProver(cfg, seed)
	if err != nil {
		t.Fatal(err)
	}
	commitment := Keccak256Masked160MSB
	if p.Parameters.CommitmentHash != "" {
		if commitment, err = ParseHash(p.Parameters.CommitmentHash); err != nil {
			t.Fatal(err)
		}
	}
	friendly := commitment
	if p.Parameters.FriendlyHash != "" {
		if friendly, err = ParseHash(p.Parameters.FriendlyHash); err != nil {
			t.Fatal(err)
		}
	}
	for i, line := range p.Annotations {
		m := annotation.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		scope := strings.Split(m[4], "/")
		if n := len(scope); strings.HasSuffix(m[4], "OODS values: ") { // OODS values have no label
			scope[n-1] = "OODS values"
		}
		label := m[5]
		v.scope = scope
		pr.scope = scope
		if !v.queries && strings.Contains(m[4], "Decommitment") {
			v.BeginQueries()
			pr.BeginQueries()
		}
		h := commitment
		if friendly != commitment && p.Parameters.FriendlyLayers > 0 && strings.HasPrefix(m[7], "0x") {
			h = friendly
		}
		switch {
		case m[1] == "V->P" && m[6] == "Number":
			log4, _ := field.Log2(p.PublicInput.NSteps * 16)
			bound := uint64(1) << (log4 + p.logCosets())
			v.DrawIndex(label, bound)
			pr.DrawIndex(label, bound)
		case m[1] == "V->P":
			v.Draw(label)
			pr.Draw(label)
		case label == "POW":
			v.scope = scope[:len(scope)-1]
			if err := v.ProofOfWork(p.Parameters.Stark.Fri.Bits); err != nil {
				t.Fatal(err)
			}
			from, _ := strconv.Atoi(m[2])
			to, _ := strconv.Atoi(m[3])
			pr.SendData("POW", proof[from:to])
		case m[6] == "Field Element":
			x, err := v.ReadElement(label)
			if err != nil {
				t.Fatal(err)
			}
			pr.SendElement(label, &x)
		case m[6] == "Field Elements":
			xs, err := v.ReadElements(label, strings.Count(m[7], ",")+1)
			if err != nil {
				t.Fatal(err)
			}
			pr.SendElements(label, xs)
		case m[6] == "Hash" && label == "Commitment":
			d, err := v.ReadCommitment(label, h)
			if err != nil {
				t.Fatal(err)
			}
			pr.SendCommitment(label, h, &d)
		case m[6] == "Hash":
			d, err := v.ReadNode(label, h)
			if err != nil {
				t.Fatal(err)
			}
			pr.SendNode(label, h, &d)
		case m[6] == "Data":
			b, err := v.ReadData(label, 32)
			if err != nil {
				t.Fatal(err)
			}
			pr.SendData(label, b)
		default:
			t.Fatalf("line %d: cannot replay %.120s", i, line)
		}
		got := log.lines[len(log.lines)-1]
		if want := strings.TrimSuffix(line, "\n"); got != want {
			t.Fatalf("line %d\ngot  %.240s\nwant %.240s", i, got, want)
		}
	}
	if err := v.End(); err != nil {
		t.Error(err)
	}
	if got := pr.Proof(); hex.EncodeToString(got) != p.ProofHex[2:] {
		t.Errorf("prover's channel: got %d bytes that differ from Stone's %d", len(got), len(proof))
	}
	got, want := log.Lines("cpu air"), p.Annotations
	if len(got) != len(want) {
		t.Fatalf("got %d annotation lines, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("line %d\ngot  %.240s\nwant %.240s", i, got[i], want[i])
		}
	}
}

// logCosets returns log2 of the blowup. It follows from the largest query index that Stone drew.
func (p *stoneProof) logCosets() uint {
	n, _ := field.Log2(p.PublicInput.NSteps * 16)
	var top uint64
	for _, line := range p.Annotations {
		if i := strings.Index(line, "Number("); i >= 0 {
			k, _ := strconv.ParseUint(strings.TrimSuffix(line[i+7:], ")"), 10, 64)
			top = max(top, k)
		}
	}
	log := uint(0)
	for uint64(1)<<(n+log) <= top {
		log++
	}
	return log
}

func TestWorkFindsLowestNonce(t *testing.T) {
	for _, h := range []Hash{Keccak256, Blake256} {
		for seed := byte(0); seed < 4; seed++ {
			w := newWork(h, Digest{seed}, 12)
			want := uint64(0)
			for !w.holds(want) {
				want++
			}
			if got, err := search(t.Context(), h, Digest{seed}, 12); err != nil || got != want {
				t.Errorf("%s, seed %d: got nonce %d, want %d", h, seed, got, want)
			}
		}
	}
}

func TestPedersenReducesWords(t *testing.T) {
	// A word q·p + r hashes as r, with q added to the state. The word q·p - 1 has quotient q-1.
	p := field.Modulus()
	for q := int64(0); q < 32; q++ {
		for _, delta := range []int64{-1, 0, 1} {
			w := new(big.Int).Mul(p, big.NewInt(q))
			w.Add(w, big.NewInt(delta))
			if w.Sign() < 0 || w.BitLen() > 256 {
				continue
			}
			word := w.FillBytes(make([]byte, 32))
			want := new(big.Int).Div(w, p).Uint64()
			got := uint64(word[0] >> 3)
			if quotientTooLarge(word, got) {
				got--
			}
			if got != want {
				t.Errorf("quotient of %x: got %d, want %d", word, got, want)
			}
		}
	}
}

func FuzzVerifier(f *testing.F) {
	f.Add([]byte("proof"), byte(0))
	f.Add(make([]byte, 200), byte(1))
	f.Fuzz(func(t *testing.T, proof []byte, kind byte) {
		cfg := Config{Channel: Keccak256, PowHash: Blake256}
		if kind&1 == 1 {
			cfg.Channel = Poseidon3
		}
		v, err := NewVerifier(cfg, Digest{}, proof)
		if err != nil {
			t.Fatal(err)
		}
		for v.End() != nil {
			before := v.at
			v.Draw("x")
			if _, err := v.ReadElement("x"); err != nil {
				if err := v.ProofOfWork(3); err != nil {
					return
				}
			}
			if _, err := v.ReadNode("x", Blake256); err != nil && v.at == before {
				return
			}
		}
	})
}
