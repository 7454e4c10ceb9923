package watcher

import (
	"os"
	"path/filepath"
	"testing"

	cmtjson "github.com/cometbft/cometbft/libs/json"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/prover/stone/transcript"
	"github.com/starkd/starkd/prover/stwo"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/pcs"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
	"github.com/starkd/starkd/starknet"
)

// The tests in this file make the bundles that cmd/verifier-wasm mutates. After a change of the statement,
//
//	STARKD_FULL=1 go test -run Seed ./watcher -update
//
// writes them again.

// leastClass returns the code of testdata/least.cairo.
func leastClass(t testing.TB) *casm.Class {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "least.compiled_contract_class.json"))
	if err != nil {
		t.Fatal(err)
	}
	class, err := casm.DecodeClass(text)
	if err != nil {
		t.Fatal(err)
	}
	return class
}

// newLeast returns a chain with one validator and one class, which is both the account and the fee token.
func newLeast(t testing.TB) *local {
	l := &local{t: t, nonces: map[felt.Felt]uint64{}}
	l.validators, l.keys = validatorSet(1)
	l.wallet = &wallet.Wallet{Chain: felt.FromShortString("TEST"), Key: felt.FromUint64(4711), Address: felt.FromUint64(0xacc)}
	code := leastClass(t)
	// A proof does not depend on the Sierra program of the class.
	definition := classFile(t, "contracts", "classes", contracts.Fibonacci+".contract_class.json")
	hash := definition.Hash()
	funds, _ := starknet.NewUint128(1_000_000_000_000_000_000).Mul64(1000)
	l.start(&app.Genesis{
		Classes:   []*starknet.ContractClass{definition},
		Contracts: []app.GenesisContract{{Address: l.wallet.Address, ClassHash: hash}, {Address: starknet.StrkAddress, ClassHash: hash}},
		Balances:  []app.GenesisBalance{{Address: l.wallet.Address, Amount: funds}},
	}, func(*starknet.ContractClass, *sierra.Program) (*casm.Class, error) { return code, nil })
	return l
}

// weakest returns the parameters of a proof with 2 bits of security, which is the fastest to verify.
func weakest(steps uint64) stone.Parameters {
	p := stone.DefaultParameters(steps)
	p.Channel, p.Commitment, p.Friendly = transcript.Keccak256, transcript.Keccak256Masked160MSB, transcript.Keccak256Masked160MSB
	p.FriendlyUpdates, p.PageHash, p.LogBlowup, p.Queries, p.PowBits = false, "keccak256", 1, 1, 1
	return p
}

// weakestStwo are the parameters of a proof of S-two with 2 bits of security.
var weakestStwo = &stwo.Params{
	Hash: channel.Blake2s, Preprocessed: preprocessed.CanonicalSmall, Config: pcs.Config{PowBits: 1, LogBlowup: 1, Queries: 1, FoldStep: 4},
}

// TestLeastSeed makes the bundle of a chain with the smallest class, with the weakest parameters and a proof of Stone.
func TestLeastSeed(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("a proof of 65,536 steps: set STARKD_FULL=1 (make test-full)")
	}
	l := newLeast(t)
	l.leastSeed("least", 2, cairoos.Layout, func(trace *cairo.Trace) (*block.Proof, error) {
		p, err := prover.Prove(t.Context(), trace, weakest(trace.Public.Steps), nil)
		if err != nil {
			return nil, err
		}
		p.Annotations = nil
		return &block.Proof{Stone: p}, nil
	})
}

// TestLeastStwoSeed makes the bundle of the same chain with a proof of S-two.
func TestLeastStwoSeed(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("a proof of S-two: set STARKD_FULL=1 (make test-full)")
	}
	l := newLeast(t)
	l.leastSeed("least-stwo", 3, cairoos.LayoutStwo, (&stwoSystem{params: *weakestStwo}).proveRun(t))
}

// proveRun returns a function that proves a run.
func (s *stwoSystem) proveRun(t testing.TB) func(*cairo.Trace) (*block.Proof, error) {
	return func(trace *cairo.Trace) (*block.Proof, error) {
		r, err := s.prepare(trace)
		if err != nil {
			return nil, err
		}
		return s.prove(t.Context(), &r, nil)
	}
}

// leastSeed makes the bundle of a chain with one transfer, in a version of the file format.
func (l *local) leastSeed(name string, version int, layout string, prove func(*cairo.Trace) (*block.Proof, error)) {
	t := l.t
	t.Helper()
	l.block(l.invoke(l.wallet.Address, wallet.Transfer(felt.FromUint64(0xbe), 1)))
	b, results := l.verified(1)
	trace, err := l.app.TraceCalls(t.Context(), 1, vm.NewEngine(), 0)
	if err != nil {
		t.Fatal(err)
	}
	proof := &block.Bundle{Version: version, Chain: "TEST", Block: 1}
	failed, err := cairoos.RunParts([]*cairoos.Block{osBlock(trace)}, cairoos.Options{Layout: layout}, func(part cairoos.Part) error {
		p, err := prove(part.Trace)
		proof.Proofs = append(proof.Proofs, p)
		return err
	})
	if err != nil || len(failed) != 0 {
		t.Fatal(err, failed)
	}
	if err := l.watcher.witness(b, results, trace, nil, proof); err != nil {
		t.Fatal(err)
	}
	bundle, err := proof.Encode()
	if err != nil {
		t.Fatal(err)
	}
	l.seed(name, bundle)
}

// TestFullSeed makes the bundle of a chain with real classes, with the parameters of a watcher, in version 2 of the file format.
func TestFullSeed(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("a proof of 131,072 steps: set STARKD_FULL=1 (make test-full)")
	}
	mixed(t).fullSeed("bundle", 2)
}

// TestFullStwoSeed makes the same with a proof of S-two.
func TestFullStwoSeed(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("a proof of a block by S-two: set STARKD_FULL=1 (make test-full)")
	}
	l := mixed(t)
	l.watcher.system = &stwoSystem{params: *StwoParams(26, 70)}
	l.fullSeed("bundle-stwo", 3)
}

// fullSeed makes the bundle of the first block in a version of the file format.
func (l *local) fullSeed(name string, version int) {
	t := l.t
	t.Helper()
	b, results := l.verified(1)
	_, bundle, err := l.watcher.proveBlock(t.Context(), b, results)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := block.Parse(bundle)
	if err != nil {
		t.Fatal(err)
	}
	proof.Version = version
	if bundle, err = proof.Encode(); err != nil {
		t.Fatal(err)
	}
	l.seed(name, bundle)
}

// seed compares a bundle in the testdata of cmd/verifier-wasm with the one that was made, or writes it and its genesis with -update.
func (l *local) seed(name string, bundle []byte) {
	t := l.t
	t.Helper()
	proof, err := block.Parse(bundle)
	if err != nil {
		t.Fatal(err)
	}
	anchor, err := headers.Verify(proof, &headers.Trust{Genesis: l.watcher.trusted})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := block.Verify(proof, anchor, prover.Policy{MinBits: prover.AnyBits}); err != nil {
		t.Fatal(err)
	}
	doc := *l.watcher.config.Genesis
	doc.AppState = nil // verifiers do not read it
	genesis, err := cmtjson.MarshalIndent(&doc, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const folder = "../../cmd/verifier-wasm/testdata/"
	golden.Gzip(t, folder+name+".json.gz", bundle)
	golden.Equal(t, folder+name+".genesis.json", append(genesis, '\n'))
}
