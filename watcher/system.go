package watcher

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/security"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/prover/stwo"
	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/pcs"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// The names of the proof systems, in Config.System.
const (
	SystemStwo  = "stwo"
	SystemStone = "stone"
)

// A system makes proofs of one proof system. It verifies each proof before it returns it.
type system interface {
	// format is the version of the OS program and of its output.
	format() statement.Format
	// prepare returns a run of the OS program in the form that prove takes.
	prepare(trace *cairo.Trace) (run, error)
	// prove proves a run, and drops it. stage is called at the beginning of each stage, with its name, its number (from 0) and the number of stages.
	prove(ctx context.Context, r *run, stage func(name string, number, total int)) (*block.Proof, error)
	// tooLarge reports whether err says that a run needs more memory than the prover may take, or is too large for a proof.
	tooLarge(err error) bool
	// security returns the security of a proof of a run of this many steps.
	security(steps uint64) security.Bits
}

// run is a run of the OS program: a trace for Stone, the input of S-two's prover for S-two.
type run struct {
	trace *cairo.Trace
	input *adapter.Input
	alone bool // the run is of one transaction
}

// newSystem returns the proof system of a configuration.
func newSystem(c *Config) (system, error) {
	switch c.System {
	case SystemStone:
		return &stoneSystem{c.PowBits, c.Queries}, nil
	case SystemStwo, "":
		return &stwoSystem{params: *StwoParams(c.PowBits, c.Queries), memory: c.Memory}, nil
	}
	return nil, fmt.Errorf("watcher: the proof system %q is neither %s nor %s", c.System, SystemStwo, SystemStone)
}

// Memory of a proof of S-two's system, in bytes. TestMemoryOfSteps compares it with the prover's estimate.
const (
	proofBytes    = 450 << 20 // of a proof of few steps
	transferBytes = 900       // of a step of transfers with their signatures, twice what it is
	plainBytes    = 430       // of a step of a program that uses no builtin but range_check, the least
)

// Bounds returns the bounds Config.MaxSteps and Config.MaxAlone that suit the memory that a proof may take, in bytes; 0 means that it is not known. They
// are what can be tried: a run that needs more memory than there is is split, and a transaction that does is left out.
func Bounds(system string, memory int64) (maxSteps, maxAlone uint64) {
	const usual, longest, longestAlone = 1 << 18, 1 << 22, 1 << 24
	switch {
	case system == SystemStone:
		return usual, usual
	case memory == 0:
		return usual, longest
	}
	within := func(perStep int64, most uint64) uint64 {
		steps := uint64(leastSteps)
		for steps < most && proofBytes+perStep*2*int64(steps) <= memory {
			steps *= 2
		}
		return steps
	}
	return within(transferBytes, longest), within(plainBytes, longestAlone)
}

// StwoParams returns the parameters of a watcher's proofs of S-two. The preprocessed columns are the smallest variant, whose preparation takes a
// second.
func StwoParams(powBits uint, queries int) *stwo.Params {
	return &stwo.Params{
		Hash: channel.Blake2s, Preprocessed: preprocessed.CanonicalSmall,
		Config: pcs.Config{PowBits: uint32(powBits), LogBlowup: 1, Queries: uint32(queries), FoldStep: 3},
	}
}

// stoneSystem makes Stone's proofs.
type stoneSystem struct {
	powBits uint
	queries int
}

func (s *stoneSystem) format() statement.Format { return statement.FormatStone }

func (s *stoneSystem) tooLarge(error) bool { return false }

func (s *stoneSystem) parameters(steps uint64) stone.Parameters {
	p := stone.DefaultParameters(steps)
	p.PowBits, p.Queries = s.powBits, s.queries
	return p
}

func (s *stoneSystem) security(steps uint64) security.Bits {
	p := s.parameters(steps)
	return p.Security(steps)
}

func (s *stoneSystem) prepare(trace *cairo.Trace) (run, error) { return run{trace: trace}, nil }

func (s *stoneSystem) prove(ctx context.Context, r *run, stage func(string, int, int)) (*block.Proof, error) {
	trace := r.trace
	p, err := prover.Prove(ctx, trace, s.parameters(trace.Public.Steps), &prover.Progress{Stage: stage})
	if err != nil {
		return nil, err
	}
	p.Annotations = nil // they repeat the proof, at twice its size
	return &block.Proof{Stone: p}, nil
}

// stwoSystem makes proofs of S-two.
type stwoSystem struct {
	params stwo.Params
	memory int64 // see Config.Memory

	mu     sync.Mutex
	prover *stwo.Prover // made for the first proof; it takes seconds and memory, which a chain without transactions does not need
}

func (s *stwoSystem) format() statement.Format { return statement.FormatStwo }

func (s *stwoSystem) tooLarge(err error) bool {
	_, memory := errors.AsType[*stwo.MemoryError](err)
	_, size := errors.AsType[*stwo.SizeError](err)
	return memory || size || errors.Is(err, errWide)
}

// errWide is the error of a run of several transactions that needs larger preprocessed columns than the usual ones.
var errWide = errors.New("watcher: the tables of the run are too long for the usual preprocessed columns")

func (s *stwoSystem) security(steps uint64) security.Bits { return s.params.Security(steps) }

// open returns the prover of a run. It keeps the one with the usual preprocessed columns. A run of one transaction that is too large for them gets a prover
// of its own, whose columns take 2 GiB and some seconds, or 6 GiB and a minute if the run uses the builtin pedersen, as most do.
func (s *stwoSystem) open(ctx context.Context, r *run) (*stwo.Prover, error) {
	in := r.input
	variant, err := stwo.SmallestVariant(in)
	if err != nil {
		return nil, err
	}
	if variant != preprocessed.CanonicalSmall && variant != s.params.Preprocessed {
		if !r.alone {
			return nil, errWide
		}
		params := s.params
		params.Preprocessed = variant
		if least, _, err := stwo.MemoryNeeded(in, &params); err != nil {
			return nil, err
		} else if s.memory > 0 && least > s.memory {
			return nil, &stwo.MemoryError{Need: least, Bound: s.memory}
		}
		p, err := stwo.NewProver(ctx, &params)
		if err != nil {
			return nil, err
		}
		return p.WithMemory(s.memory), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prover == nil {
		p, err := stwo.NewProver(ctx, &s.params)
		if err != nil {
			return nil, err
		}
		s.prover = p.WithMemory(s.memory)
	}
	return s.prover, nil
}

func (s *stwoSystem) prepare(trace *cairo.Trace) (run, error) {
	input, err := adapter.FromTrace(trace)
	return run{input: input}, err
}

func (s *stwoSystem) prove(ctx context.Context, r *run, stage func(string, int, int)) (*block.Proof, error) {
	p, err := s.open(ctx, r)
	if err != nil {
		return nil, err
	}
	proof, err := prover.ProveStwo(ctx, p, r.input, &stwo.Progress{Stage: stage})
	if err != nil {
		return nil, err
	}
	return block.NewStwo(proof), nil
}
