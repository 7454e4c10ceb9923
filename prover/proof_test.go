package prover

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

func TestProofRoundTrip(t *testing.T) {
	for _, c := range stoneProofs {
		t.Run(c.path, func(t *testing.T) {
			p := readProof(t, c.path)
			b, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			q, err := ParseProof(b)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(p, q) {
				t.Error("written and read again the proof differs")
			}
			if _, err := Verify(q, Policy{MinBits: 1, Versions: []Version{c.version}}); err != nil {
				t.Errorf("written and read again: %v", err)
			}
		})
	}
}

func TestParametersOfCorpus(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(filepath.Dir(caseDir(t, "plain8-tiny-last1")), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		b, err := os.ReadFile(filepath.Join(dir, "params.json"))
		if err != nil {
			continue
		}
		p, err := ParseParameters(b)
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		if want := readProof(t, "stone-cases/"+filepath.Base(dir)+"/proof.json").Parameters; !reflect.DeepEqual(p, want) {
			t.Errorf("%s: got parameters %+v, the proof says %+v", dir, p, want)
		}
		b, err = os.ReadFile(filepath.Join(dir, "prover_config.json"))
		if err == nil {
			_, err = ParseConfig(b)
		}
		if err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

func TestStandardParametersAreThoseOfStoneCase(t *testing.T) {
	want := readProof(t, "stone-cases/rec131072-squash-pstar/proof.json").Parameters
	if got := StandardParameters(131072); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for steps := uint64(1); steps <= 1<<24; steps *= 2 {
		for _, p := range []Parameters{DefaultParameters(steps), StandardParameters(steps)} {
			if got := p.Security(steps).Conjectured; got != 96 {
				t.Errorf("%d steps: got %d bits, want 96", steps, got)
			}
			sum := uint64(1)
			for _, s := range p.FRISteps {
				sum <<= s
			}
			if sum*p.LastBound != 16*steps {
				t.Errorf("%d steps: FRI steps %v and last layer %d do not reduce 2^4 rows a step", steps, p.FRISteps, p.LastBound)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	spaced, err := os.ReadFile(golden.Corpus(t, "stone-cases/plain8-tiny-pedersen/proof.json"))
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, spaced); err != nil {
		t.Fatal(err)
	}
	b := compact.Bytes()
	for _, c := range []struct{ old, new, want string }{
		{`"PrimeField0"`, `"PrimeField1"`, "PrimeField0"},
		{`"use_extension_field":false`, `"use_extension_field":true`, "extension true"},
		{`"pedersen"`, `"sha256"`, `unknown hash "sha256"`},
		{`"proof_hex":"0x`, `"proof_hex":"0x0`, "proof_hex"},
		{`"proof_hex":"0x`, `"proof_hex":"`, "does not begin with 0x"},
		{`"proof_hex":"0x`, `"proof_hex":"0xzz`, "proof_hex"},
		{`"n_queries":12`, `"n_queries":-1e3`, "parameters"},
		{`"n_queries":12`, `"n_queries":12,"n_queriez":3`, "unknown object member name"},
		{`"public_input"`, `"publik_input"`, "unknown object member name"},
	} {
		bad := strings.Replace(string(b), c.old, c.new, 1)
		if bad == string(b) {
			t.Fatalf("%q does not occur", c.old)
		}
		if _, err := ParseProof([]byte(bad)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one about %q", c.new, err, c.want)
		}
	}
	if _, err := ParseProof(append(bytes.Clone(b), '1')); err == nil {
		t.Error("bytes after the JSON value were accepted")
	}
}

// FuzzVerify decodes and verifies arbitrary proof files: no input may panic, and none but the seeds may be accepted.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"proof_hex":"0x","proof_parameters":{"field":"PrimeField0","stark":{"fri":{"fri_step_list":[0],` +
		`"last_layer_degree_bound":128,"n_queries":1,"proof_of_work_bits":0},"log_n_cosets":1}},"public_input":{"layout":"plain",` +
		`"n_steps":8,"rc_min":0,"rc_max":5,"memory_segments":{"program":{"begin_addr":1,"stop_ptr":5},` +
		`"execution":{"begin_addr":12,"stop_ptr":15}},"public_memory":[{"address":1,"page":0,"value":"0x1"}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseProof(b)
		if err != nil {
			return
		}
		if _, err := Verify(p, Policy{MinBits: 1, Versions: []Version{Stone6, Stone5}, Bare: true}); err == nil {
			t.Errorf("a made-up proof was accepted: %.300s", b)
		}
	})
}

// FuzzProofBytes puts arbitrary bytes in the place of a proof's, at an offset, under the parameters of small proofs.
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
