package executor

import (
	"slices"
	"sync"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// This file bills the calls of classes below Sierra 1.7. They are billed by what the Cairo machine uses, which blockifier calls tracking
// CairoSteps, and so are all calls inside them, whatever their class. Such a call gets constants.InfiniteGas, and costs its caller no gas
// beyond the syscall's. The VM runs it on every node.

// gasSierra is the oldest Sierra version that is billed in Sierra gas.
var gasSierra = sierra.Version{Major: constants.MinSierraMajor, Minor: constants.MinSierraMinor}

// before reports whether a Sierra version is older than another, of which the patch level is 0.
func before(v, than sierra.Version) bool {
	return v.Major < than.Major || v.Major == than.Major && v.Minor < than.Minor
}

// bySteps reports whether calls of a class are billed in VM resources.
func bySteps(class *cairo.Class) bool {
	return class.Sierra != nil && !before(class.Sierra.Version, oldestSierra) && before(class.Sierra.Version, gasSierra)
}

// Bounds of what calls that are billed in VM resources may use in a phase in addition to steps: the time of slow builtins and of syscalls,
// as a number of steps. The steps of the code do not bound it. Starknet has no such bound; ours is below what Starknet's time limits
// for a block would allow, and together with the bounds of steps it keeps a transaction below a block's default bound of Sierra gas.
const (
	maxValidateWork = 2_000_000
	maxExecuteWork  = 6_000_000
)

// The failures of calls that used up the budget of a phase.
const (
	noSteps = "Could not reach the end of the program. RunResources has no remaining steps."
	noWork  = "The builtins and system calls need more work than a phase may take."
)

// budget returns what the calls of a phase that are billed in VM resources may use. The L2 gas bound limits the steps too. Those of
// execution are fewer by the steps of validation and of the Starknet OS.
func (t *transaction) budget(kind Phase) cairo.StepBudget {
	b := cairo.StepBudget{Left: constants.MaxExecuteSteps, Work: maxExecuteWork}
	if kind == ValidatePhase || kind == ConstructorPhase {
		b = cairo.StepBudget{Left: constants.MaxValidateSteps, Work: maxValidateWork}
	}
	if t.tx == nil { // outside a transaction
		return b
	}
	b.Left = min(b.Left, t.bound/constants.StepGas)
	if kind == ExecutePhase {
		used := t.overhead().Steps
		if f := t.out.Validate; f != nil {
			used += f.Resources.Steps
		}
		b.Left -= min(b.Left, used)
	}
	return b
}

// stepsUsed returns the steps of calls in the phase that are billed in VM resources, without the Starknet OS's.
func (p *phase) stepsUsed() uint64 { return p.granted.Left - p.budget.Left }

// workGas returns a measure, in gas, of the time that calls took which are billed in VM resources. It counts towards a block's Sierra gas.
func (p *phase) workGas() uint64 {
	return (p.stepsUsed() + p.granted.Work - p.budget.Work) * constants.StepGas
}

// count adds a syscall to the resources of a frame that is billed by them. A keccak syscall counts its linear part only.
func (s *syscalls) count(selector cairo.Selector) error {
	if !s.frame.CairoSteps {
		return nil
	}
	cost, _ := costOf(selector)
	if selector != cairo.Keccak {
		s.used = s.used.Plus(cost.Constant, 1)
	}
	return s.work(cost.Constant, 1)
}

// countUnits adds n times a syscall's linear part. The constant part of keccak counts once in a frame.
func (s *syscalls) countUnits(selector cairo.Selector, n uint64) error {
	if !s.frame.CairoSteps {
		return nil
	}
	cost, _ := costOf(selector)
	if selector == cairo.Keccak && !s.keccak {
		s.keccak = true
		s.used = s.used.Plus(cost.Constant, 1)
	}
	s.used = s.used.Plus(cost.Linear, n)
	return s.work(cost.Linear, n)
}

// work takes n times the work of r from the phase's budget.
func (s *syscalls) work(r constants.Resources, n uint64) error {
	left := &s.phase.budget.Work
	if each := gasOf(r) / constants.StepGas; each > 0 && n > *left/each {
		*left = 0
		return failf(noWork)
	} else {
		*left -= n * each
	}
	return nil
}

// outOfSteps returns the failure of a frame that is billed in Sierra gas when its phase has no steps left: blockifier's machine stops it
// at its next instruction, although it does not count its steps.
func (p *phase) outOfSteps(f *Frame) error {
	if !f.CairoSteps && p.budget.Left == 0 {
		return failCallf(noSteps)
	}
	return nil
}

// BilledBySteps returns the class of the first call that is billed in VM resources; ok is false if there is none.
func (o *Outcome) BilledBySteps() (class felt.Felt, ok bool) {
	for _, top := range []*Frame{o.Validate, o.Execute, o.FeeTransfer} {
		if f := top.billedBySteps(); f != nil {
			return f.ClassHash, true
		}
	}
	return felt.Felt{}, false
}

func (f *Frame) billedBySteps() *Frame {
	if f == nil || f.CairoSteps {
		return f
	}
	for _, in := range f.Inner {
		if found := in.billedBySteps(); found != nil {
			return found
		}
	}
	return nil
}

// L2Gas returns the L2 gas of the call and its inner calls, without the data of events and messages.
func (f *Frame) L2Gas() uint64 { return saturatingAdd(f.GasConsumed, vmGas(f.Resources, 0)) }

// addInner adds the resources of the inner calls to those of the frame itself.
func (f *Frame) addInner() {
	for _, in := range f.Inner {
		f.Resources = f.Resources.Plus(in.Resources, 1)
	}
}

var boundAccounts = sync.OnceValue(func() (set struct{ v1, dataGas map[felt.Felt]bool }) {
	read := func(list []string) map[felt.Felt]bool {
		m := make(map[felt.Felt]bool, len(list))
		for _, class := range list {
			m[felt.MustHex(class)] = true
		}
		return m
	}
	set.v1, set.dataGas = read(constants.V1BoundAccounts()), read(constants.DataGasAccounts())
	return set
})

// TxInfoFor returns the transaction info that contracts of a class see, which differs from info for some account classes.
func TxInfoFor(class felt.Felt, info *cairo.TxInfo) *cairo.TxInfo {
	accounts := boundAccounts()
	version, query := info.Version, felt.FromLimbs([4]uint64{0, 0, 1, 0})
	plain := version.Cmp(&query) < 0
	if !plain {
		version.Sub(&version, &query)
	}
	if version != felt.FromUint64(3) {
		return info
	}
	v1, dataGas := accounts.v1[class] && info.Tip <= constants.V1BoundMaxTip, accounts.dataGas[class]
	if !v1 && !dataGas {
		return info
	}
	own := *info
	if v1 {
		if own.Version = felt.One; !plain {
			own.Version.Add(&own.Version, &query)
		}
	}
	if dataGas {
		own.ResourceBounds = slices.Clone(info.ResourceBounds)[:2] // L1 gas, L2 gas
	}
	return &own
}
