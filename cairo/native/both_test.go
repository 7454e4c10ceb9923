package native_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
)

// TestBoth checks that cairo.Both of the native engine and the VM has the VM's results.
func TestBoth(t *testing.T) {
	e := newEngine(t)
	pair := cairo.Both(e, vm.NewEngine())
	for _, name := range contracts.Names() {
		class := contract(t, name)
		r := rand.New(rand.NewPCG(3, 4))
		c := &comparer{vm: newChain(vm.NewEngine(), class), native: newChain(pair, class)}
		for _, ep := range class.Casm.EntryPoints.External {
			for range 10 {
				diff, _ := c.call(cairo.Call{Class: class, Selector: ep.Selector, Calldata: calldata(r), Gas: gasOf(r)})
				if diff != "" {
					t.Errorf("%s %v: %s", name, ep.Selector, diff)
				}
			}
		}
	}
}

// liar is an engine that falsifies one thing about the runs of another engine.
type liar struct {
	cairo.Engine
	change func(*cairo.Result, *error)         // changes the result, if not nil
	sys    func(cairo.Syscalls) cairo.Syscalls // changes the syscalls, if not nil
}

func (l liar) Begin() cairo.Session { return lyingSession{l.Engine.Begin(), l} }

type lyingSession struct {
	cairo.Session
	liar liar
}

func (l lyingSession) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	if l.liar.sys != nil {
		sys = l.liar.sys(sys)
	}
	res, err := l.Session.Run(call, sys)
	if l.liar.change != nil {
		l.liar.change(&res, &err)
	}
	return res, err
}

// otherKey reads another key than the one asked for.
type otherKey struct{ cairo.Syscalls }

func (o otherKey) StorageRead(gas *uint64, domain uint32, key felt.Felt) (felt.Felt, error) {
	key.Add(&key, &felt.One)
	return o.Syscalls.StorageRead(gas, domain, key)
}

// otherGas charges one unit of gas too much for reads.
type otherGas struct{ cairo.Syscalls }

func (o otherGas) StorageRead(gas *uint64, domain uint32, key felt.Felt) (felt.Felt, error) {
	*gas--
	return o.Syscalls.StorageRead(gas, domain, key)
}

// silent answers reads without making the syscall.
type silent struct{ cairo.Syscalls }

func (o silent) StorageRead(gas *uint64, domain uint32, key felt.Felt) (felt.Felt, error) {
	return felt.Zero, nil
}

// TestBothNotices checks that every kind of difference ends the run with a DifferenceError.
func TestBothNotices(t *testing.T) {
	class := contract(t, contracts.Counter)
	for name, l := range map[string]liar{
		"gas":     {change: func(r *cairo.Result, _ *error) { r.GasLeft-- }},
		"failed":  {change: func(r *cairo.Result, _ *error) { r.Failed = !r.Failed }},
		"retdata": {change: func(r *cairo.Result, _ *error) { r.Retdata = append(r.Retdata, felt.One) }},
		"error":   {change: func(_ *cairo.Result, err *error) { *err = cairo.RunErrorf("broken") }},
		"key":     {sys: func(s cairo.Syscalls) cairo.Syscalls { return otherKey{s} }},
		"spent":   {sys: func(s cairo.Syscalls) cairo.Syscalls { return otherGas{s} }},
		"syscall": {sys: func(s cairo.Syscalls) cairo.Syscalls { return silent{s} }},
	} {
		l.Engine = vm.NewEngine()
		differs := false
		for _, ep := range class.Casm.EntryPoints.External {
			for n := range uint64(3) {
				c := newChain(cairo.Both(vm.NewEngine(), l), class)
				_, err := c.run(cairo.Call{Class: class, Selector: ep.Selector, Calldata: felts(1, 1)[:n], Gas: 1e8})
				if _, ok := errors.AsType[*cairo.DifferenceError](err); ok {
					differs = true
				}
			}
		}
		if !differs {
			t.Errorf("%s: no difference noticed", name)
		}
	}
}
