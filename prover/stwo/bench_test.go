package stwo

import "testing"

// BenchmarkVerify verifies a proof of a short run, and one of a run that uses all builtins. The times hardly depend on the length of a run.
func BenchmarkVerify(b *testing.B) {
	for _, name := range []string{"c02_fib", "starkware_all_builtins"} {
		b.Run(name, func(b *testing.B) {
			p := readBinary(b, name)
			for b.Loop() {
				if err := p.Verify(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParse reads proofs in JSON, without white space, and in binary form.
func BenchmarkParse(b *testing.B) {
	p := readBinary(b, "starkware_all_builtins")
	for name, f := range map[string]struct {
		text  []byte
		parse func([]byte) (*Proof, error)
	}{"json": {p.AppendJSON(nil, false), ParseJSON}, "binary": {p.AppendBinary(nil), ParseBinary}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(f.text)))
			for b.Loop() {
				if _, err := f.parse(f.text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// readBinary returns the proof of a case from its binary file, which needs no other program, so that benchmarks run in a browser's engine too.
func readBinary(b testing.TB, name string) *Proof {
	p, err := ParseBinary(readCase(b, name, "proof.bin.bz2"))
	if err != nil {
		b.Fatal(err)
	}
	return p
}
