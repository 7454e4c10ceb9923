package cairoair

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
)

// readRun loads the run of one of the cases: trace, memory, public and private input as the official runner wrote them.
func readRun(t testing.TB, dir string) *cairo.Trace {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	public, err := ParsePublicInput(read("air_public_input.json"))
	if err != nil {
		t.Fatal(err)
	}
	run := &cairo.Trace{Layout: public.Layout, Public: *public}
	for b := gunzip(t, filepath.Join(dir, "trace.bin.gz")); len(b) >= 24; b = b[24:] {
		run.Registers = append(run.Registers, cairo.Registers{
			AP: binary.LittleEndian.Uint64(b), FP: binary.LittleEndian.Uint64(b[8:]), PC: binary.LittleEndian.Uint64(b[16:]),
		})
	}
	for b := gunzip(t, filepath.Join(dir, "memory.bin.gz")); len(b) >= 40; b = b[40:] {
		address := binary.LittleEndian.Uint64(b)
		for uint64(len(run.Memory.Value)) <= address {
			run.Memory.Value = append(run.Memory.Value, felt.Felt{})
			run.Memory.Known = append(run.Memory.Known, false)
		}
		var limbs [4]uint64
		for i := range limbs {
			limbs[i] = binary.LittleEndian.Uint64(b[8+8*i:])
		}
		run.Memory.Value[address], run.Memory.Known[address] = felt.FromLimbs(limbs), true
	}
	var private struct {
		Pedersen []struct {
			Index uint64
			X, Y  felt.Felt
		}
		RangeCheck []struct {
			Index uint64
			Value felt.Felt
		} `json:"range_check"`
		Bitwise []struct {
			Index uint64
			X, Y  felt.Felt
		}
		ECDSA []struct {
			Index       uint64
			PubKey, Msg felt.Felt
			Signature   struct{ R, W felt.Felt } `json:"signature_input"`
		}
		ECOp []struct {
			Index uint64
			PX    felt.Felt `json:"p_x"`
			PY    felt.Felt `json:"p_y"`
			QX    felt.Felt `json:"q_x"`
			QY    felt.Felt `json:"q_y"`
			M     felt.Felt
		} `json:"ec_op"`
		Poseidon []struct {
			Index uint64
			S0    felt.Felt `json:"input_s0"`
			S1    felt.Felt `json:"input_s1"`
			S2    felt.Felt `json:"input_s2"`
		}
	}
	if err := json.Unmarshal(read("air_private_input.json"), &private); err != nil {
		t.Fatal(err)
	}
	p := &run.Private
	for _, x := range private.Pedersen {
		p.Pedersen = append(p.Pedersen, cairo.PairInstance{Index: x.Index, X: x.X, Y: x.Y})
	}
	for _, x := range private.Bitwise {
		p.Bitwise = append(p.Bitwise, cairo.PairInstance{Index: x.Index, X: x.X, Y: x.Y})
	}
	for _, x := range private.RangeCheck {
		p.RangeCheck = append(p.RangeCheck, cairo.RangeCheckInstance{Index: x.Index, Value: x.Value})
	}
	for _, x := range private.ECDSA {
		p.ECDSA = append(p.ECDSA, cairo.ECDSAInstance{Index: x.Index, PubKey: x.PubKey, Msg: x.Msg, SigR: x.Signature.R, SigW: x.Signature.W})
	}
	for _, x := range private.ECOp {
		p.ECOp = append(p.ECOp, cairo.ECOpInstance{Index: x.Index, PX: x.PX, PY: x.PY, QX: x.QX, QY: x.QY, M: x.M})
	}
	for _, x := range private.Poseidon {
		p.Poseidon = append(p.Poseidon, cairo.PoseidonInstance{Index: x.Index, S: [3]felt.Felt{x.S0, x.S1, x.S2}})
	}
	return run
}

func gunzip(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
