package stone

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

func readProof(t testing.TB, name string) *Proof {
	t.Helper()
	b, err := os.ReadFile(golden.Corpus(t, "stone-cases", name, "proof.json"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParseProof(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParametersOfCorpus(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(golden.Corpus(t, "stone-cases"), "*"))
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
		if want := readProof(t, filepath.Base(dir)).Parameters; !reflect.DeepEqual(p, want) {
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
	want := readProof(t, "rec131072-squash-pstar").Parameters
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
