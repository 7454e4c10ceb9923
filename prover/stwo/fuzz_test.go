package stwo

import (
	"bytes"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// smallProof returns the smallest proof of the corpus, in JSON.
func smallProof(f testing.TB) []byte { return readCase(f, "c01_nothing", "proof.json") }

// seedProof returns a proof of few bytes, which the parsers accept: without most values and hashes.
func seedProof(f testing.TB) *Proof {
	p, err := ParseJSON(smallProof(f))
	if err != nil {
		f.Fatal(err)
	}
	s := &p.STARK
	for t := range s.SampledValues {
		s.SampledValues[t] = s.SampledValues[t][:1]
		s.Decommitments[t] = s.Decommitments[t][:1]
		for i := range s.QueriedValues[t] {
			s.QueriedValues[t][i] = nil
		}
	}
	s.FRI.InnerLayers = s.FRI.InnerLayers[:1]
	s.FRI.FirstLayer.Decommitment = nil
	s.FRI.InnerLayers[0].Decommitment = nil
	p.Claim.Public.Program = p.Claim.Public.Program[:1]
	return p
}

// FuzzParseJSON checks that any bytes give a proof or an error, and that a proof is read again from what is written.
func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`{"claim":{"public_data":{"public_memory":{"program":[[0,[1,2,3,4,5,6,7,8]]]}}}}`))
	f.Add([]byte(`{"interaction_pow":18446744073709551615,"claim":{}}`))
	f.Add(seedProof(f).AppendJSON(nil, false))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParseJSON(text)
		if err != nil {
			return
		}
		for _, lines := range []bool{true, false} {
			again := p.AppendJSON(nil, lines)
			q, err := ParseJSON(again)
			if err != nil || !bytes.Equal(q.AppendJSON(nil, lines), again) {
				t.Fatalf("the proof is read differently again: %v", err)
			}
		}
		if q, err := ParseBinary(p.AppendBinary(nil)); err != nil || !bytes.Equal(q.AppendJSON(nil, false), p.AppendJSON(nil, false)) {
			t.Fatalf("the proof is read differently from its binary form: %v", err)
		}
		p.AppendFelts(nil)
	})
}

// FuzzParseFelts checks that any bytes give a proof or an error.
func FuzzParseFelts(f *testing.F) {
	text, err := seedProof(f).AppendFelts(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, uint8(channel.Blake2s), uint8(preprocessed.CanonicalSmall))
	f.Add([]byte(`["0xffffffffffffffff","0x0"]`), uint8(channel.Poseidon252), uint8(preprocessed.Canonical))
	f.Fuzz(func(t *testing.T, text []byte, hash, variant uint8) {
		p, err := ParseFelts(text, channel.Hash(hash), preprocessed.Variant(variant))
		if err != nil {
			return
		}
		again, err := p.AppendFelts(nil)
		if err != nil {
			t.Fatal(err)
		}
		if q, err := ParseFelts(again, p.Hash, p.Preprocessed); err != nil || !bytes.Equal(q.AppendJSON(nil, false), p.AppendJSON(nil, false)) {
			t.Fatalf("the proof is read differently again: %v", err)
		}
	})
}

// FuzzParseBinary checks that any bytes give a proof or an error.
func FuzzParseBinary(f *testing.F) {
	f.Add(seedProof(f).AppendBinary(nil))
	f.Add([]byte(binaryMagic))
	f.Fuzz(func(t *testing.T, b []byte) { ParseBinary(b) })
}

// TestParseRefuses checks errors of the JSON reader at the last good and the first bad value.
func TestParseRefuses(t *testing.T) {
	text := string(smallProof(t))
	parse := func(old, new string) error {
		if !strings.Contains(text, old) {
			t.Fatalf("the proof has no %s", old)
		}
		_, err := ParseJSON([]byte(strings.Replace(text, old, new, 1)))
		return err
	}
	for _, c := range []struct{ old, new, want string }{
		{`"initial_state":{"pc":1`, `"initial_state":{"pc":2147483646`, ""},
		{`"initial_state":{"pc":1`, `"initial_state":{"pc":2147483647`, "too large"},
		{`"initial_state":{"pc":1`, `"initial_state":{"pc":-1`, "want a number"},
		{`"initial_state":{"pc":1`, `"initial_state":{"pc":01`, "integer"},
		{`"initial_state":{"pc":1`, `"initial_state":{"pc":1.0`, "integer"},
		{`"initial_state":{"pc":1`, `"initial_state":{"pc":1e0`, "integer"},
		{`"initial_state":{"pc":1,"ap":33`, `"initial_state":{"ap":33,"pc":1`, ""},
		{`"initial_state":{"pc":1`, `"initial_state":{"pc":1,"pc":1`, "twice"},
		{`"initial_state":{"pc":1`, `"initial_state":{"pC":1`, `"pc" is missing`},
		{`"initial_state":{"pc":1`, `"initial_state":{"sp":1,"pc":1`, "object of 4 members"},
		{`"safe_call_ids":[`, `"safe_call_ids":[1,`, "the end of a list"},
		{`"program":[[0,[2147450879,67600385,0,0,0,0,0,0]]`, `"program":[[0,[0,0,0,0,0,0,17,134217728]]`, ""}, // P - 1
		{`"program":[[0,[2147450879,67600385,0,0,0,0,0,0]]`, `"program":[[0,[1,0,0,0,0,0,17,134217728]]`, "memory cell"},
		{`"program":[[0,[2147450879,67600385,0,0,0,0,0,0]]`, `"program":[[0,[2147450879,67600385,0,0,0,0,0,4294967296]]`, "too large"},
		{`"add_opcode":null`, `"add_opcode":{"log_size":4}`, "not in both"},
		{`"interaction_pow":`, `"interaction_pow":18446744073709551615,"_":`, "members"},
		{`"n_queries":3`, `"n_queries":1024`, ""},
		{`"n_queries":3`, `"n_queries":1025`, "at most 1024"},
		{`"log_size":0}}},"channel_salt"`, `"log_size":1}}},"channel_salt"`, "last layer"},
		{`"canonical_small"`, `"canonical_tiny"`, "canonical_tiny"},
		{`"channel_salt":0`, `"channel_salt":4294967295`, ""},
		{`"channel_salt":0`, `"channel_salt":4294967296`, "too large"},
		{`"memory_id_to_big":{"big_log_sizes":[4]}`, `"memory_id_to_big":null`, "absent"},
		{`"memory_id_to_big":{"big_log_sizes":[4]}`, `"memory_id_to_big":{"big_log_sizes":[4,4]}`, "claimed sums"},
		{`"claimed_sum":[[2061322840,1013316144]`, `"claimed_sum":[[2061322841,1013316144]`, "claimed sum"},
		{`"canonical_small"}`, `"canonical_small"} `, ""},
		{`"canonical_small"}`, `"canonical_small"}{`, "the end"},
		{`"canonical_small"}`, `"canonical_small"`, "the text ends"},
	} {
		if err := parse(c.old, c.new); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s → %s: got %v, want %q", c.old, c.new, err, c.want)
		}
	}
}

// TestRefusingIsCheap checks that hostile files take memory in proportion to their size.
func TestRefusingIsCheap(t *testing.T) {
	repeat := func(before, element, after string) []byte {
		return []byte(before + strings.Repeat(element+",", 1<<20) + element + after)
	}
	memory := `{"claim":{"public_data":{"public_memory":{"program":`
	stark := `{"stark_proof":{"config":{"pow_bits":0,"fri_config":{"log_blowup_factor":0,"log_last_layer_degree_bound":0,"n_queries":0,"fold_step":0},"lifting_log_size":null},"commitments":`
	for name, text := range map[string][]byte{
		"cells":       repeat(memory+"[", "[0,[0,0,0,0,0,0,0,0]]", "]"),
		"members":     repeat("{", `"":0`, "}"),
		"nesting":     bytes.Repeat([]byte("["), 1<<22),
		"names":       []byte(`{"` + strings.Repeat("x", 1<<22)),
		"commitments": repeat(stark+"[", "[]", "]"),
		"digits":      []byte(`{"interaction_pow":` + strings.Repeat("1", 1<<22)),
		"deep index":  []byte(strings.Repeat(`{"claim":`, 1<<19)),
	} {
		before := allocated()
		if _, err := ParseJSON(text); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if took, most := allocated()-before, uint64(8*len(text)+64<<20); took > most {
			t.Errorf("%s: %d bytes allocated for a file of %d, want at most %d", name, took, len(text), most)
		}
	}
}

// allocated returns the number of bytes that the process has allocated on its heap since its start.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
