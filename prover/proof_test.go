package prover

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/starkd/starkd/prover/stone"
)

func TestProofRoundTrip(t *testing.T) {
	for _, c := range stoneProofs {
		t.Run(c.path, func(t *testing.T) {
			p := readProof(t, c.path)
			b, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			q, err := stone.ParseProof(b)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(p, q) {
				t.Error("written and read again the proof differs")
			}
			if _, err := Verify(q, Policy{MinBits: 1, Versions: []stone.Version{c.version}}); err != nil {
				t.Errorf("written and read again: %v", err)
			}
		})
	}
}

// FuzzVerify decodes and verifies arbitrary proof files. No input may panic or be accepted.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"proof_hex":"0x","proof_parameters":{"field":"PrimeField0","stark":{"fri":{"fri_step_list":[0],` +
		`"last_layer_degree_bound":128,"n_queries":1,"proof_of_work_bits":0},"log_n_cosets":1}},"public_input":{"layout":"plain",` +
		`"n_steps":8,"rc_min":0,"rc_max":5,"memory_segments":{"program":{"begin_addr":1,"stop_ptr":5},` +
		`"execution":{"begin_addr":12,"stop_ptr":15}},"public_memory":[{"address":1,"page":0,"value":"0x1"}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := stone.ParseProof(b)
		if err != nil {
			return
		}
		if _, err := Verify(p, Policy{MinBits: 1, Versions: []stone.Version{stone.V6, stone.V5}, Bare: true}); err == nil {
			t.Errorf("a made-up proof was accepted: %.300s", b)
		}
	})
}

// FuzzProofBytes replaces bytes of small proofs, at an offset, and keeps their parameters.
func FuzzProofBytes(f *testing.F) {
	f.Add(uint16(0), []byte("x"), false)
	f.Add(uint16(1800), bytes.Repeat([]byte{0xff}, 64), true)
	f.Fuzz(func(t *testing.T, at uint16, b []byte, last1 bool) {
		path := "stone-cases/plain8-tiny-pedersen/proof.json"
		if last1 {
			path = "stone-cases/plain8-tiny-last1/proof.json"
		}
		p := copyProof(readProof(t, path))
		changed := bytes.Clone(p.Bytes[:min(int(at), len(p.Bytes))])
		changed = append(changed, b...)
		if rest := len(changed); rest < len(p.Bytes) {
			changed = append(changed, p.Bytes[rest:]...)
		}
		same := bytes.Equal(changed, p.Bytes)
		p.Bytes = changed
		if _, err := Verify(p, Policy{MinBits: 1}); (err == nil) != same {
			t.Errorf("bytes at %d replaced by %x: got error %v", at, b, err)
		}
	})
}
