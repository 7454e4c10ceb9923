package executor

import (
	"errors"
	"testing"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/crypto/felt"
)

// frameFelts returns the number of felts of calldata and results that a frame and its inner frames hold.
func frameFelts(f *Frame) int {
	if f == nil {
		return 0
	}
	n := len(f.Calldata) + len(f.Retdata)
	for _, in := range f.Inner {
		n += frameFelts(in)
	}
	return n
}

// TestRoom checks that the frames of a contract that passes one array to many calls hold no more felts than Options.Room, and almost
// none with Options.Brief.
func TestRoom(t *testing.T) {
	const size, calls = 1000, 20
	b := newBench(t)
	long := make([]felt.Felt, size)
	b.user(map[string]contract{"echo": returning(long...)})
	tx := b.invoke(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		for range calls {
			if _, err := f.CallContract(&f.gas, userAt, Selector("echo"), long); err != nil {
				return nil, nil, err
			}
		}
		return nil, nil, nil
	})
	held := func(out *Outcome) int {
		return frameFelts(out.Validate) + frameFelts(out.Execute) + frameFelts(out.FeeTransfer)
	}
	try := func(opts Options) (*Outcome, error) {
		return b.x.Execute(state.NewOverlay(b.st), b.b, tx, opts)
	}
	out, err := try(Options{})
	if err != nil || out.Receipt.Reverted {
		t.Fatal(out, err)
	}
	need := held(out)
	if need < 2*size*calls {
		t.Fatalf("frames hold %d felts", need)
	}
	room := need
	if _, err := try(Options{Room: &room}); err != nil || room != 0 {
		t.Errorf("with room for all: %v, %d left", err, room)
	}
	room = need - 1
	_, err = try(Options{Room: &room})
	if r, ok := errors.AsType[*Rejection](err); !ok || r.Reason != UnexpectedError {
		t.Errorf("with room for one less: %v", err)
	}
	brief, err := try(Options{Brief: true})
	if err != nil {
		t.Fatal(err)
	}
	if n := held(brief); n > 10 {
		t.Errorf("brief frames hold %d felts", n)
	}
	if brief.Receipt.ActualFee != out.Receipt.ActualFee || brief.Receipt.Resources != out.Receipt.Resources {
		t.Errorf("a brief run costs %v, else %v", brief.Receipt, out.Receipt)
	}
}
