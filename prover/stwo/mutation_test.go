package stwo

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// mutation is a change of a proof after which it must be refused.
type mutation struct {
	what   string
	change func(p *Proof)
}

func increase(v *m31.QM31) { *v = v.Add(m31.NewQM31(0, 0, 1, 0)) }

// mutations returns a change of each kind of part of a proof.
func mutations() []mutation {
	var all []mutation
	add := func(what string, change func(p *Proof)) { all = append(all, mutation{what, change}) }

	// The claim.
	add("another program word", func(p *Proof) { p.Claim.Public.Program[9].Value = felt.FromUint64(7) })
	add("another id of a program word", func(p *Proof) { p.Claim.Public.Program[9].ID++ })
	add("a program word more", func(p *Proof) { p.Claim.Public.Program = append(p.Claim.Public.Program, Cell{}) })
	add("a program word less", func(p *Proof) { p.Claim.Public.Program = p.Claim.Public.Program[:len(p.Claim.Public.Program)-1] })
	add("a program without a start section", func(p *Proof) { p.Claim.Public.Program[4].Value = felt.FromUint64(1) })
	add("an empty program", func(p *Proof) { p.Claim.Public.Program = nil })
	add("an output word more", func(p *Proof) {
		p.Claim.Public.Output = append(p.Claim.Public.Output, Cell{ID: 0, Value: felt.One})
		p.Claim.Public.Segments[output].Stop.Value++
	})
	add("another safe call id", func(p *Proof) { p.Claim.Public.SafeCallIDs[1]++ })
	add("another final ap", func(p *Proof) { p.Claim.Public.Final.AP++ })
	add("another final fp", func(p *Proof) { p.Claim.Public.Final.FP++ })
	add("another initial pc", func(p *Proof) { p.Claim.Public.Initial.PC = 2 })
	for i, name := range segmentNames {
		add("another begin of "+name, func(p *Proof) { p.Claim.Public.Segments[i].Start.Value++ })
		add("another end of "+name, func(p *Proof) { p.Claim.Public.Segments[i].Stop.Value++ })
		add("another id of "+name, func(p *Proof) { p.Claim.Public.Segments[i].Stop.ID++ })
		add("no "+name, func(p *Proof) { p.Claim.Public.Segments[i] = nil })
	}
	add("a larger table", func(p *Proof) { p.Claim.Tables[0].LogSize++ })
	add("a smaller memory", func(p *Proof) { p.Claim.table("memory_id_to_small").LogSize-- })
	add("a huge table", func(p *Proof) { p.Claim.Tables[0].LogSize = 30 })
	add("a table of 2^31 rows", func(p *Proof) { p.Claim.Tables[0].LogSize = 31 })
	add("a table of 8 rows", func(p *Proof) { p.Claim.Tables[0].LogSize = 3 })
	add("a table left out", func(p *Proof) { p.Claim.Tables, p.Sums = p.Claim.Tables[1:], p.Sums[1:] })
	add("a table twice", func(p *Proof) {
		p.Claim.Tables, p.Sums = append(p.Claim.Tables[:1:1], p.Claim.Tables...), append(p.Sums[:1:1], p.Sums...)
	})
	add("tables swapped", func(p *Proof) {
		p.Claim.Tables[0], p.Claim.Tables[1] = p.Claim.Tables[1], p.Claim.Tables[0]
	})
	add("17 parts of the memory", func(p *Proof) {
		for i, t := range p.Claim.Tables {
			if t.Component.Name == idToBig {
				for range maxBigParts {
					p.Claim.Tables = append(p.Claim.Tables[:i+1:i+1], p.Claim.Tables[i:]...)
					p.Sums = append(p.Sums[:i+1:i+1], p.Sums[i:]...)
				}
				return
			}
		}
	})
	add("no tables", func(p *Proof) { p.Claim.Tables, p.Sums = nil, nil })
	add("another claimed sum", func(p *Proof) { increase(&p.Sums[0]) })
	add("claimed sums moved", func(p *Proof) {
		p.Sums[0], p.Sums[1] = p.Sums[0].Add(m31.FromM31(1)), p.Sums[1].Sub(m31.FromM31(1))
	})
	add("a claimed sum left out", func(p *Proof) { p.Sums = p.Sums[1:] })
	add("another interaction nonce", func(p *Proof) { p.InteractionNonce++ })
	add("another salt", func(p *Proof) { p.Salt++ })
	add("another preprocessed trace", func(p *Proof) { p.Preprocessed = (p.Preprocessed + 1) % 3 })
	add("an unknown preprocessed trace", func(p *Proof) { p.Preprocessed = preprocessed.Variant(3) })
	add("another hash function", func(p *Proof) { p.Hash = (p.Hash + 1) % 3 })
	add("an unknown hash function", func(p *Proof) { p.Hash = channel.Hash(3) })

	// The parameters.
	add("less work", func(p *Proof) { p.STARK.Config.PowBits-- })
	add("more work", func(p *Proof) { p.STARK.Config.PowBits++ })
	add("work of 33 bits", func(p *Proof) { p.STARK.Config.PowBits = 33 })
	add("another blowup", func(p *Proof) { p.STARK.Config.LogBlowup++ })
	add("no blowup", func(p *Proof) { p.STARK.Config.LogBlowup = 0 })
	add("a blowup of 2^31", func(p *Proof) { p.STARK.Config.LogBlowup = 31 })
	add("fewer queries", func(p *Proof) { p.STARK.Config.Queries-- })
	add("more queries", func(p *Proof) { p.STARK.Config.Queries++ })
	add("no queries", func(p *Proof) { p.STARK.Config.Queries = 0 })
	add("another fold step", func(p *Proof) { p.STARK.Config.FoldStep++ })
	add("a fold step of 0", func(p *Proof) { p.STARK.Config.FoldStep = 0 })
	add("another last layer", func(p *Proof) { p.STARK.Config.LogLastLayerDegreeBound++ })
	for _, lifting := range []uint32{0, 1, 2, 20, 21, 22, 23, 30, 31, 1 << 30} {
		add(fmt.Sprintf("lifting to 2^%d", lifting), func(p *Proof) {
			if l := p.STARK.Config.LiftingLogSize; l != nil && *l == lifting {
				p.STARK.Config.LiftingLogSize = nil
			} else {
				p.STARK.Config.LiftingLogSize = &lifting
			}
		})
	}

	// The prover's messages.
	for t := range trees {
		add(fmt.Sprintf("another commitment %d", t), func(p *Proof) { p.STARK.Commitments[t][5] ^= 1 })
		add(fmt.Sprintf("another sample of tree %d", t), func(p *Proof) {
			for _, column := range p.STARK.SampledValues[t] {
				if len(column) > 0 {
					increase(&column[0])
					return
				}
			}
		})
		add(fmt.Sprintf("a sample of tree %d left out", t), func(p *Proof) {
			for i, column := range p.STARK.SampledValues[t] {
				if len(column) > 0 {
					p.STARK.SampledValues[t][i] = nil
					return
				}
			}
		})
		add(fmt.Sprintf("a sample of tree %d more", t), func(p *Proof) {
			p.STARK.SampledValues[t][0] = append(p.STARK.SampledValues[t][0], m31.QM31{})
		})
		add(fmt.Sprintf("a sampled column of tree %d left out", t), func(p *Proof) { p.STARK.SampledValues[t] = p.STARK.SampledValues[t][1:] })
		add(fmt.Sprintf("another cell of tree %d", t), func(p *Proof) {
			v := &p.STARK.QueriedValues[t][0][0]
			*v = v.Add(1)
		})
		add(fmt.Sprintf("a cell of tree %d that is not canonical", t), func(p *Proof) { p.STARK.QueriedValues[t][0][0] = m31.P })
		add(fmt.Sprintf("a cell of tree %d left out", t), func(p *Proof) { p.STARK.QueriedValues[t][0] = p.STARK.QueriedValues[t][0][1:] })
		add(fmt.Sprintf("a row of tree %d left out", t), func(p *Proof) {
			for i, column := range p.STARK.QueriedValues[t] {
				p.STARK.QueriedValues[t][i] = column[1:]
			}
		})
		add(fmt.Sprintf("a column of tree %d left out", t), func(p *Proof) { p.STARK.QueriedValues[t] = p.STARK.QueriedValues[t][1:] })
		add(fmt.Sprintf("columns of tree %d swapped", t), func(p *Proof) {
			c := p.STARK.QueriedValues[t]
			last := len(c) - 1
			c[0], c[last] = c[last], c[0]
			c[0][0] = c[0][0].Add(1)
		})
		add(fmt.Sprintf("another node of tree %d", t), func(p *Proof) { p.STARK.Decommitments[t][0][0] ^= 1 })
		add(fmt.Sprintf("a node of tree %d less", t), func(p *Proof) { p.STARK.Decommitments[t] = p.STARK.Decommitments[t][1:] })
		add(fmt.Sprintf("a node of tree %d more", t), func(p *Proof) { p.STARK.Decommitments[t] = append(p.STARK.Decommitments[t], channel.Digest{}) })
	}
	add("a tree less", func(p *Proof) { p.STARK.Commitments = p.STARK.Commitments[:3] })
	add("no trees", func(p *Proof) { p.STARK.Commitments, p.STARK.SampledValues, p.STARK.QueriedValues = nil, nil, nil })
	add("another nonce", func(p *Proof) { p.STARK.ProofOfWork++ })
	add("another commitment of FRI", func(p *Proof) { p.STARK.FRI.FirstLayer.Commitment[0] ^= 1 })
	add("another inner commitment of FRI", func(p *Proof) { p.STARK.FRI.InnerLayers[1].Commitment[0] ^= 1 })
	add("another value of FRI", func(p *Proof) { increase(&p.STARK.FRI.FirstLayer.Witness[0]) })
	add("a value of FRI less", func(p *Proof) { p.STARK.FRI.FirstLayer.Witness = p.STARK.FRI.FirstLayer.Witness[1:] })
	add("a value of FRI more", func(p *Proof) { p.STARK.FRI.FirstLayer.Witness = append(p.STARK.FRI.FirstLayer.Witness, m31.QM31{}) })
	add("another node of FRI", func(p *Proof) { p.STARK.FRI.FirstLayer.Decommitment[0][0] ^= 1 })
	add("a layer of FRI less", func(p *Proof) { p.STARK.FRI.InnerLayers = p.STARK.FRI.InnerLayers[1:] })
	add("a layer of FRI more", func(p *Proof) { p.STARK.FRI.InnerLayers = append(p.STARK.FRI.InnerLayers, p.STARK.FRI.InnerLayers[0]) })
	add("layers of FRI swapped", func(p *Proof) {
		l := p.STARK.FRI.InnerLayers
		l[0], l[1] = l[1], l[0]
	})
	add("another coefficient of the last layer", func(p *Proof) { increase(&p.STARK.FRI.LastLayer[0]) })
	add("no last layer", func(p *Proof) { p.STARK.FRI.LastLayer = nil })
	add("a longer last layer", func(p *Proof) { p.STARK.FRI.LastLayer = append(p.STARK.FRI.LastLayer, p.STARK.FRI.LastLayer...) })
	return all
}

// TestMutations checks that proofs of different parameters are refused after any one change.
func TestMutations(t *testing.T) {
	for _, name := range []string{"c01_nothing", "c04_rc_bitwise", "c06_poseidon/m31", "c07_mod/lift"} {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			text := readProof(t, name).AppendBinary(nil)
			for _, m := range mutations() {
				p, err := ParseBinary(text)
				if err != nil {
					t.Fatal(err)
				}
				m.change(p)
				if err := p.Verify(); err == nil {
					t.Errorf("%s: accepted", m.what)
				}
			}
		})
	}
}

// TestRandomMutations changes random bytes of serialised proofs. A changed proof must be refused, unless it is the same proof.
func TestRandomMutations(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	p := readProof(t, "c01_nothing")
	w := &binaryWriter{hash: p.Hash}
	p.visit(w)
	changes := 3000
	for range changes {
		b := append([]byte(nil), w.b...)
		at := random.IntN(len(b))
		what := fmt.Sprintf("byte %d", at)
		switch random.IntN(4) {
		case 0:
			b[at] ^= 1 << random.IntN(8)
		case 1:
			b[at] = byte(random.Uint32())
		case 2:
			b = append(b[:at], b[min(at+4<<random.IntN(3), len(b)):]...)
		case 3:
			b = append(b[:at], append([]byte{0xff, 0xff, 0xff, 0xff}[:random.IntN(4)+1], b[at:]...)...)
		}
		if string(b) == string(w.b) {
			continue
		}
		q, err := readPlain(bytes.NewReader(b), p.Hash, true)
		if err != nil {
			continue
		}
		if err := q.Verify(); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// TestForgedTotal checks that the claimed sum of memory_id_to_big must be that of its tables.
func TestForgedTotal(t *testing.T) {
	text := string(readCase(t, "c01_nothing", "proof.json"))
	forged := strings.Replace(text, `"claimed_sum":[[2061322840,`, `"claimed_sum":[[2061322841,`, 1)
	if forged == text {
		t.Fatal("the proof has no such sum")
	}
	if _, err := ParseJSON([]byte(forged)); err == nil || !strings.Contains(err.Error(), "claimed sum") {
		t.Errorf("got %v, want an error about the claimed sum", err)
	}
}
