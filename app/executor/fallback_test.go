package executor

import (
	"errors"
	"reflect"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
)

// fickle is an engine that returns a cairo.FallbackError after complete runs of one class, whose effects must be undone.
type fickle struct {
	engine
	class     felt.Felt
	always    bool // every run of the class falls back, not only the first of a session
	fallbacks int
}

func (f *fickle) Begin() cairo.Session { return &fickleSession{fickle: f} }

type fickleSession struct {
	*fickle
	fellBack bool
}

func (s *fickleSession) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	res, err := s.engine.Run(call, sys)
	if err == nil && call.Class.Hash == s.class && (s.always || !s.fellBack) {
		s.fellBack = true
		s.fallbacks++
		return cairo.Result{}, &cairo.FallbackError{Reason: "test"}
	}
	return res, err
}

// TestFallback checks that a transaction has the same outcome if the engine falls back during it. A second fallback is an error.
func TestFallback(t *testing.T) {
	for _, class := range []felt.Felt{accountClass, tokenClass, userClass} {
		var left []int // room left after each run
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
			room := 1000
			out, err := b.x.Execute(b.st, b.b, tx, Options{Diff: true, Room: &room})
			left = append(left, room)
			return out, err
		}
		want, err := outcome(func(*bench) {})
		if err != nil || want.Receipt.Reverted {
			t.Fatal(want, err)
		}
		var f *fickle
		got, err := outcome(func(b *bench) {
			f = &fickle{engine: b.e, class: class}
			b.x.Engine = f
		})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("class %v: got %+v, want %+v", class, got, want)
		}
		if left[0] != left[1] {
			t.Errorf("class %v: room for %d felts is left, want %d", class, left[1], left[0])
		}
		if f.fallbacks != 1 {
			t.Errorf("class %v: the engine fell back %d times, want 1", class, f.fallbacks)
		}
		if _, err := outcome(func(b *bench) { b.x.Engine = &fickle{engine: b.e, class: class, always: true} }); !errors.Is(err, cairo.ErrFallback) {
			t.Errorf("class %v: %v, want an error of an engine that falls back again", class, err)
		}
	}
}
