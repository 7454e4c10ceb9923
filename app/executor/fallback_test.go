package executor

import (
	"reflect"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
)

// fickle gives up runs of one class after they have had all of their effects.
type fickle struct {
	engine
	class  felt.Felt
	gaveUp int
}

func (f *fickle) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	res, err := f.engine.Run(call, sys)
	if err == nil && call.Class.Hash == f.class {
		f.gaveUp++
		return cairo.Result{}, &cairo.FallbackError{Reason: "test"}
	}
	return res, err
}

// TestFallback: a transaction during which the engine gives up is as if the fallback had run it alone, and without a fallback it is
// an error.
func TestFallback(t *testing.T) {
	for _, class := range []felt.Felt{accountClass, tokenClass, userClass} {
		outcome := func(change func(b *bench)) (*Outcome, error) {
			b := newBench(t)
			b.user(map[string]contract{"f": func(f *frame) ([]felt.Felt, []felt.Felt, error) {
				held, err := f.StorageRead(&f.gas, 0, u(1))
				if err != nil {
					return nil, nil, err
				}
				held.Add(&held, &felt.One)
				return nil, nil, f.StorageWrite(&f.gas, 0, u(1), held)
			}})
			change(b)
			tx := b.invoke(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
				if err := f.EmitEvent(&f.gas, []felt.Felt{u(2)}, nil); err != nil {
					return nil, nil, err
				}
				_, err := f.CallContract(&f.gas, userAt, Selector("f"), nil)
				return nil, nil, err
			})
			return b.x.Execute(b.st, b.b, tx, Options{Diff: true})
		}
		want, err := outcome(func(*bench) {})
		if err != nil || want.Receipt.Reverted {
			t.Fatal(want, err)
		}
		var f *fickle
		got, err := outcome(func(b *bench) {
			f = &fickle{engine: b.e, class: class}
			b.x.Engine, b.x.Fallback = f, b.e
		})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("class %v: got %+v, want %+v", class, got, want)
		}
		if f.gaveUp != 1 {
			t.Errorf("class %v: the engine gave up %d times, want 1", class, f.gaveUp)
		}
		if _, err := outcome(func(b *bench) { b.x.Engine = &fickle{engine: b.e, class: class} }); err == nil {
			t.Errorf("class %v: no error without a fallback", class)
		}
	}
}
