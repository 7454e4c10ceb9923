package main

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stwo"
)

// hostileFiles returns files of about n bytes that are made to cost as much memory and work as possible. Without the bounds of package bounded
// the first six cost up to 200 times their size.
func hostileFiles(t testing.TB, n int) map[string][]byte {
	bundle := blockSeed(t)
	list := func(item string, size int) string {
		return strings.Repeat(item+",", size/(len(item)+1)) + item
	}
	body := func(text string) []byte {
		sum := sha256.Sum256([]byte(text))
		return []byte(`{"format":"starkd-block-proof/2","sha256":"` + hex.EncodeToString(sum[:]) + `","body":` + text + `}`)
	}
	// proofs returns a good bundle, with valid headers, in version 3 and with these proofs.
	newer := stwoSeed(t)
	proofs := func(list string) []byte {
		start := bytes.Index(newer.text, []byte(`"proofs":[`)) + len(`"proofs":[`)
		end := start + bytes.IndexByte(newer.text[start:], ']')
		return newer.seal([]byte(string(newer.text[:start])+list+string(newer.text[end:])), true)
	}
	base64Of := func(data []byte) string { return `{"stwo":"` + base64.StdEncoding.EncodeToString(data) + `"}` }
	// in returns a good bundle, with valid headers, in which the items of the list that follows the text before are replaced.
	in := func(before, items string) []byte {
		start := bytes.Index(bundle.text, []byte(before))
		if start < 0 {
			t.Fatalf("the bundle has no %s", before)
		}
		end := start + len(before) + bytes.IndexByte(bundle.text[start+len(before):], ']')
		return bundle.seal([]byte(string(bundle.text[:start+len(before)])+items+string(bundle.text[end:])), true)
	}
	const parameters = `"proof_parameters":{"field":"PrimeField0","channel_hash":"poseidon3","commitment_hash":"blake256_masked248_lsb","statement":{"page_hash":"pedersen"},` +
		`"stark":{"fri":{"fri_step_list":[0,4,4,4],"last_layer_degree_bound":%d,"n_queries":48,"proof_of_work_bits":20},"log_n_cosets":2},"use_extension_field":false}`
	stone := func(proof, memory string, steps, bound int) []byte {
		return []byte(`{"proof_hex":"0x` + proof + `",` + fmt.Sprintf(parameters, bound) + `,"public_input":{"dynamic_params":null,"layout":"plain","memory_segments":{` +
			`"program":{"begin_addr":1,"stop_ptr":5},"execution":{"begin_addr":20,"stop_ptr":30}},` + fmt.Sprintf(`"n_steps":%d,`, steps) +
			`"rc_min":0,"rc_max":1,"public_memory":[` + memory + `]}}`)
	}
	names := func(size int) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, `"%x":0,`, i)
		}
		return b.String()
	}
	// stwo returns a file of S-two's with the given text after "commitments".
	stwo := func(text string) []byte {
		return []byte(`{"stark_proof":{"config":{"pow_bits":20,"fri_config":{"log_blowup_factor":1,"log_last_layer_degree_bound":0,"n_queries":1024,"fold_step":1},"lifting_log_size":null},"commitments":` + text)
	}
	deflated := func(text []byte) []byte {
		var b bytes.Buffer
		b.WriteString("starkd proof: stwo 2.3.0, cairo-air 1.3.0\n\x00")
		w, err := flate.NewWriter(&b, flate.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(text)
		w.Close()
		return b.Bytes()
	}
	zeros, ones := deflated(make([]byte, 1000*n)), deflated(bytes.Repeat([]byte{1}, 1000*min(n, 1<<20)))
	code := list(`"0x0"`, min(n, 6*81920))
	class := `{"class_hash":"0x1","compiled_class":{"prime":"0x800000000000011000000000000000000000000000000000000000000000001","compiler_version":"2.0.0","bytecode":[` +
		code + `],"hints":[],"entry_points_by_type":{"EXTERNAL":[],"L1_HANDLER":[],"CONSTRUCTOR":[]}}}`
	return map[string][]byte{
		"cells that are empty":        stone("", list(`{}`, n), 512, 128),
		"uncovered that are empty":    body(`{"witness":{"uncovered":[` + list(`{}`, n) + `]}}`),
		"contracts that are empty":    body(`{"witness":{"prestate":{"contracts":[` + list(`{}`, n) + `]}}}`),
		"results that are empty":      body(`{"witness":{"results":[` + list(`{}`, n) + `]}}`),
		"cells without a proof":       stone("", list(`{"address":1,"page":0,"value":"0x1"}`, n), 1<<20, 1<<12),
		"cells without pages":         stone("", list(`{"address":1,"value":"0x1"}`, n), 1<<20, 1<<12),
		"cells that are repeated":     stone(strings.Repeat("00", 100_000), list(`{"address":1,"page":0,"value":"0x1"}`, n), 1<<20, 1<<12),
		"proof of zeros":              stone(strings.Repeat("00", n/2), `{"address":1,"page":0,"value":"0x1"}`, 1<<20, 1<<12),
		"cells of S-two":              []byte(`{"claim":{"public_data":{"public_memory":{"program":[` + list(`[0,[0,0,0,0,0,0,0,0]]`, n)),
		"names of S-two":              []byte(`{"claim":{` + names(n) + `"z":0}}`),
		"columns of S-two":            stwo(`[],"sampled_values":[[` + list(`[]`, n)),
		"cells opened by S-two":       stwo(`[],"sampled_values":[],"decommitments":[],"queried_values":[[` + list(`[`+list(`0`, 2046)+`]`, n)),
		"hashes of S-two":             stwo(`[` + list(`"0x0"`, n)),
		"felts of S-two":              []byte(`["0xfffff",` + list(`"0x0"`, n) + `]`),
		"zeros of S-two, deflated":    zeros,
		"ones of S-two, deflated":     ones,
		"zeros in a block":            proofs(base64Of(make([]byte, n/2))),
		"deflated zeros in a block":   proofs(base64Of(zeros)),
		"deflated ones in a block":    proofs(base64Of(ones)),
		"many deflated zeros":         proofs(list(base64Of(deflated(make([]byte, 1<<20))), min(n, 1<<20))),
		"proofs that are empty":       proofs(list(`{}`, n)),
		"proofs of nothing":           proofs(list(`{"stwo":""}`, n)),
		"spaces in a proof":           proofs(`{"stwo":"` + strings.Repeat(`\n`, n/2) + `"}`),
		"annotations":                 []byte(`{"annotations":[` + list(`""`, n) + `]}`),
		"FRI steps":                   []byte(`{"proof_parameters":{"stark":{"fri":{"fri_step_list":[` + list(`0`, n) + `]}}}}`),
		"segments":                    []byte(`{"public_input":{"memory_segments":{` + names(n) + `"z":0}}}`),
		"dynamic parameters":          []byte(`{"public_input":{"dynamic_params":{` + names(n) + `"z":0}}}`),
		"names in a skipped value":    []byte(`{"private_input":{` + names(n) + `"z":0}}`),
		"nesting":                     []byte(`{"private_input":` + strings.Repeat("[", n)),
		"an endless string":           []byte(`{"version":"` + strings.Repeat("a", n)),
		"not JSON":                    bytes.Repeat([]byte("\x00"), n),
		"transactions that are empty": body(`{"witness":{"transactions":[` + list(`""`, n) + `]}}`),
		"proofs that are null":        body(`{"proofs":[` + list(`null`, n) + `]}`),
		"classes that are empty":      body(`{"witness":{"classes":[` + list(`{}`, n) + `]}}`),
		"names in a class":            body(`{"witness":{"classes":[{"class_hash":"0x1","compiled_class":{` + names(n) + `"z":0}}]}}`),
		"names in a header":           body(`{"headers":[{` + names(n) + `"z":0},{}]}`),
		"signatures that are empty":   in(`"signatures":[`, list(`{}`, min(n, 3<<20))),
		"opening writes":              in(`"opening":[`, list(`{"contract":"0x0","key":"0x0","value":"0x0"}`, n)),
		"trie nodes":                  in(`"pedersen_nodes":[`, list(`"00`+strings.Repeat("00", 30)+"0012"+strings.Repeat("00", 30)+`0034"`, n)),
		"contracts":                   in(`"contracts":[`, list(`{"address":"0x0","class_hash":"0x0","storage_root":"0x0","nonce":"0x0"}`, n)),
		"one class of empty words":    bundle.seal([]byte(strings.Replace(string(bundle.text), `"classes":[`, `"classes":[{"class_hash":"0x1","compiled_class":{"bytecode":[`+list(`""`, min(n, 7<<20))+`]}},`, 1)), true),
		"one class of segments":       bundle.seal([]byte(strings.Replace(string(bundle.text), `"classes":[`, `"classes":[{"class_hash":"0x1","compiled_class":{"bytecode_segment_lengths":[`+list(`1`, min(n, 7<<20))+`]}},`, 1)), true),
		"the same class many times":   bundle.seal([]byte(strings.Replace(string(bundle.text), `"classes":[`, `"classes":[`+class+`,`+list(class, n)+`,`, 1)), true),
	}
}

// TestRefusingIsCheap checks that rejecting a hostile file allocates no more than the bound. It does not check the time, which depends on the
// load of the machine.
func TestRefusingIsCheap(t *testing.T) {
	old, block, bare := blockSeed(t), stwoSeed(t), bareSeeds(t)[0]
	for _, n := range []int{1 << 10, 8 << 20} {
		for name, data := range hostileFiles(t, n) {
			s := bare
			if bytes.HasPrefix(data, []byte(`{"format":"starkd-block-proof/3"`)) {
				s = block
			} else if bytes.HasPrefix(data, []byte(`{"format"`)) {
				s = old
			}
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
				if s.check(t, data) {
					t.Error("accepted")
				}
			})
		}
	}
}

// TestOneReading checks that member names match exactly: a good file is rejected if a name of it is in upper case or appears twice.
func TestOneReading(t *testing.T) {
	for _, s := range append(bareSeeds(t), blockSeed(t), stwoSeed(t)) {
		var edits []edit
		var collect func(n *node)
		collect = func(n *node) {
			if n.nameEnd > 0 && len(edits) < 40 {
				edits = append(edits, edit{n.nameStart, n.nameEnd, bytes.ToUpper(s.text[n.nameStart:n.nameEnd])})
			}
			for i := range n.children {
				collect(&n.children[i])
			}
		}
		collect(s.root)
		for i, e := range edits {
			for _, with := range []string{string(e.with), string(s.text[e.start:e.end]) + ":0," + string(s.text[e.start:e.end])} {
				data := s.seal([]byte(string(s.text[:e.start])+with+string(s.text[e.end:])), true)
				if with == string(s.text[e.start:e.end]) {
					continue // the name is in upper case
				}
				if text, accepted := s.judge(data); accepted && !ignored(s.text[e.start:e.end]) {
					t.Errorf("%s: name %d, %.40s, as %.80s: accepted: %s", s.name, i, s.text[e.start:e.end], with, text)
				}
			}
		}
		if text, accepted := s.judge(append(s.seal(s.text, true), " 0"...)); accepted {
			t.Errorf("%s: accepted with a value after it: %s", s.name, text)
		}
	}
}

// ignored reports whether a name is in a part of Stone's proof file that verifiers skip: private_input and version.
func ignored(name []byte) bool {
	switch string(name) {
	case `"commit_hash"`, `"proof_hash"`, `"statement_name"`:
		return true
	}
	return false
}

// TestOutputIsCheckedFirst checks that the output that a bundle's proofs claim is compared with the block before the STARK is verified: of two faults,
// the one in the output is reported.
func TestOutputIsCheckedFirst(t *testing.T) {
	s := blockSeed(t)
	data := s.seal(s.text, true)
	proof, err := block.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	proof.Proofs[0].Stone.Bytes[1000] ^= 1
	rejection := func() string {
		data, err := proof.Encode()
		if err != nil {
			t.Fatal(err)
		}
		text, accepted := s.judge(data)
		if accepted {
			t.Fatal("accepted")
		}
		return text
	}
	if got := rejection(); !strings.Contains(got, "as a stone6 proof") {
		t.Errorf("a changed proof: %s", got)
	}
	proof.Witness.Unproven[0].Diff[10] ^= 1
	if got := rejection(); !strings.Contains(got, "unproven transaction 1") {
		t.Errorf("a changed proof and a changed difference: %s", got)
	}
	s = stwoSeed(t)
	if proof, err = block.Parse(s.seal(s.text, true)); err != nil {
		t.Fatal(err)
	}
	changed, err := stwo.ParseBinary(proof.Proofs[0].Stwo)
	if err != nil {
		t.Fatal(err)
	}
	changed.STARK.ProofOfWork++
	proof.Proofs[0] = block.NewStwo(changed)
	if got := rejection(); !strings.Contains(got, "proof of work") {
		t.Errorf("a changed proof of S-two: %s", got)
	}
	changed.Claim.Public.Output[0].Value = felt.One
	proof.Proofs[0] = block.NewStwo(changed)
	if got := rejection(); !strings.Contains(got, "claim 0: statement") {
		t.Errorf("a changed proof of S-two and a changed output: %s", got)
	}
}

// TestEveryWordIsBound checks that a block's proof of S-two is refused if a word of the program or of the output, a pointer or a register in its claim is
// changed.
func TestEveryWordIsBound(t *testing.T) {
	s := stwoSeed(t)
	for name, change := range map[string]func(p *stwo.PublicData){
		"a word of the program":    func(p *stwo.PublicData) { p.Program[100].Value.Add(&p.Program[100].Value, &felt.One) },
		"a program word less":      func(p *stwo.PublicData) { p.Program = p.Program[:len(p.Program)-1] },
		"the first word of output": func(p *stwo.PublicData) { p.Output[0].Value.Add(&p.Output[0].Value, &felt.One) },
		"the last word of output":  func(p *stwo.PublicData) { p.Output[len(p.Output)-1].Value = felt.FromUint64(2) },
		"a word of output less":    func(p *stwo.PublicData) { p.Output = p.Output[:len(p.Output)-1]; p.Segments[0].Stop.Value-- },
		"pedersen's segment":       func(p *stwo.PublicData) { p.Segments[1].Stop.Value += 3 },
		"pedersen's first":         func(p *stwo.PublicData) { p.Segments[1].Start.Value += 3 },
		"range_check's segment":    func(p *stwo.PublicData) { p.Segments[2].Stop.Value-- },
		"bitwise's segment":        func(p *stwo.PublicData) { p.Segments[4].Stop.Value -= 5 },
		"a segment more": func(p *stwo.PublicData) {
			p.Segments[7] = &stwo.Segment{Start: p.Segments[1].Start, Stop: p.Segments[1].Start}
		},
		"a segment less":            func(p *stwo.PublicData) { p.Segments[4] = nil },
		"the end of the execution":  func(p *stwo.PublicData) { p.Final.AP++; p.Segments[0].Start.Value++; p.Segments[0].Stop.Value++ },
		"the start of the program":  func(p *stwo.PublicData) { p.Initial.PC = 2 },
		"the frame at the end":      func(p *stwo.PublicData) { p.Final.FP++ },
		"the id of a word":          func(p *stwo.PublicData) { p.Output[1].ID++ },
		"the id of the first frame": func(p *stwo.PublicData) { p.SafeCallIDs[0]++ },
	} {
		bundle, err := block.Parse(s.seal(s.text, true))
		if err != nil {
			t.Fatal(err)
		}
		proof, err := stwo.ParseBinary(bundle.Proofs[0].Stwo)
		if err != nil {
			t.Fatal(err)
		}
		change(&proof.Claim.Public)
		bundle.Proofs[0] = block.NewStwo(proof)
		data, err := bundle.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if text, accepted := s.judge(data); accepted {
			t.Errorf("%s: accepted: %s", name, text)
		} else {
			t.Logf("%s: %.150s", name, text)
		}
	}
}

// TestWitnessSizes checks the bounds of the numbers of classes, trie nodes and contracts in a witness. A witness with more than the block needs is
// accepted up to the bound, and rejected above it.
func TestWitnessSizes(t *testing.T) {
	s := blockSeed(t)
	for what, add := range map[string]func(w *statement.Witness, n int){
		"classes": func(w *statement.Witness, n int) {
			last := w.Classes[len(w.Classes)-1]
			for len(w.Classes) < n {
				last.Hash.Add(&last.Hash, &felt.One)
				w.Classes = append(w.Classes, last)
			}
		},
		"trie nodes": func(w *statement.Witness, n int) {
			for len(w.Prestate.Pedersen)+len(w.Prestate.Poseidon) < n {
				w.Prestate.Pedersen = append(w.Prestate.Pedersen, w.Prestate.Pedersen[0])
			}
		},
		"contracts": func(w *statement.Witness, n int) {
			for len(w.Prestate.Contracts) < n {
				w.Prestate.Contracts = append(w.Prestate.Contracts, w.Prestate.Contracts[0])
			}
		},
	} {
		judge := func(n int) (string, bool) {
			proof, err := block.Parse(s.seal(s.text, true))
			if err != nil {
				t.Fatal(err)
			}
			add(&proof.Witness, n)
			data, err := proof.Encode()
			if err != nil {
				t.Fatal(err)
			}
			return s.judge(data)
		}
		tooMany := 100_000
		if what == "classes" {
			tooMany = 64 // a class has tens of kilobytes
		}
		text, _ := judge(tooMany)
		var n, most int
		_, after, _ := strings.Cut(text, "statement: ")
		if _, err := fmt.Sscanf(after, "%d "+what, &n); err != nil || n != tooMany {
			t.Errorf("%d %s: %s", tooMany, what, text)
			continue
		}
		_, after, _ = strings.Cut(after, "at most ")
		if _, err := fmt.Sscanf(after, "%d are needed", &most); err != nil {
			t.Errorf("%s: %s", what, text)
			continue
		}
		if text, accepted := judge(most); !accepted || text != s.want {
			t.Errorf("%d %s: %s", most, what, text)
		}
		if text, accepted := judge(most + 1); accepted || !strings.Contains(text, fmt.Sprintf("at most %d are needed", most)) {
			t.Errorf("%d %s: %s", most+1, what, text)
		}
	}
}

// TestFaultsNamePlaces checks that errors name the place in the file, and never a Go type.
func TestFaultsNamePlaces(t *testing.T) {
	var texts []string
	for _, s := range append(leastBare(t), leastBlocks(t)...) {
		random := rand.New(rand.NewPCG(9, 3))
		for range 400 {
			p := make(program, 4+random.IntN(24))
			for i := range p {
				p[i] = byte(random.Uint32())
			}
			text, _ := s.judge(s.mutant(p))
			texts = append(texts, text)
		}
	}
	places := 0
	for _, text := range texts {
		if strings.Contains(text, "into Go ") || strings.Contains(text, "json: ") {
			t.Error(text)
		}
		if strings.Contains(text, ": /") {
			places++
		}
	}
	if places < len(texts)/10 {
		t.Errorf("%d of %d errors name a place", places, len(texts))
	}
}
