//go:build unix

// Command transfers measures ERC20 transfers per second through app.Finalize alone, without network and consensus and with a state in
// memory. It includes the work of a validator for a decided block: decoding, account validation with signatures, execution, fees, receipts
// and the state root.
//
//	go run ./scripts/bench/transfers [-engines native,vm] [-accounts N] [-transactions N] [-blocks N] [-cpuprofile PREFIX]
//
// The engines run the same blocks and must compute equal app hashes. PREFIX-ENGINE.prof is a profile for go tool pprof -tagfocus
// phase=finalize.
package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/starknet"
)

const (
	chainID   = "STARKD_BENCH"
	startTime = 1_700_000_000
)

var proposer = []byte("twenty bytes address")

// settings holds the values of the flags.
type settings struct {
	engines                        []string
	accounts, transactions, blocks int
	cpuprofile                     string
}

func main() {
	var s settings
	engines := flag.String("engines", "native,vm", "engines to compare, native and vm, separated by commas")
	flag.IntVar(&s.accounts, "accounts", 100, "number of accounts; each sends to the next in turn")
	flag.IntVar(&s.transactions, "transactions", 500, "number of transfers in a block")
	flag.IntVar(&s.blocks, "blocks", 4, "number of measured blocks, after one to warm up")
	flag.StringVar(&s.cpuprofile, "cpuprofile", "", "prefix of profiles to write")
	flag.Parse()
	s.engines = strings.Split(*engines, ",")
	if err := run(&s); err != nil {
		fmt.Fprintln(os.Stderr, "transfers:", err)
		os.Exit(1)
	}
}

func run(s *settings) error {
	if s.accounts < 2 || s.transactions < 1 || s.blocks < 1 {
		return fmt.Errorf("%d accounts, %d transactions and %d blocks: need at least 2, 1 and 1", s.accounts, s.transactions, s.blocks)
	}
	wallets, genesis, err := begin(s.accounts)
	if err != nil {
		return err
	}
	blocks, err := sign(s, wallets)
	if err != nil {
		return err
	}
	var first []byte
	for _, name := range s.engines {
		m, err := measure(s, name, genesis, blocks)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Printf("%s: %s\n", name, m)
		if first == nil {
			first = m.appHash
		}
		if !bytes.Equal(first, m.appHash) {
			return fmt.Errorf("app hash %x on %s, %x on %s", first, s.engines[0], m.appHash, name)
		}
	}
	return nil
}

// begin returns accounts and the genesis that funds them.
func begin(accounts int) ([]*wallet.Wallet, []byte, error) {
	g := app.Genesis{FeeRecipients: map[string]felt.Felt{hex.EncodeToString(proposer): felt.FromUint64(0x5e9)}}
	hashes := map[string]felt.Felt{}
	for _, name := range []string{contracts.Account, contracts.ERC20} {
		b, err := contracts.ClassJSON(name)
		if err != nil {
			return nil, nil, err
		}
		class := &starknet.ContractClass{}
		if err := json.Unmarshal(b, class); err != nil {
			return nil, nil, err
		}
		g.Classes = append(g.Classes, class)
		hashes[name] = class.Hash()
	}
	var wallets []*wallet.Wallet
	for i := range accounts {
		key := felt.FromUint64(1000 + uint64(i))
		public, err := starkcurve.PublicKey(key)
		if err != nil {
			return nil, nil, err
		}
		constructor := []felt.Felt{public}
		w := &wallet.Wallet{
			Chain: felt.FromShortString(chainID), Key: key,
			Address: starknet.ContractAddress(felt.Zero, key, hashes[contracts.Account], constructor),
		}
		wallets = append(wallets, w)
		g.Contracts = append(g.Contracts, app.GenesisContract{Address: w.Address, ClassHash: hashes[contracts.Account], Constructor: &constructor})
		funds, _ := starknet.NewUint128(1_000_000_000_000_000_000).Mul64(1000)
		g.Balances = append(g.Balances, app.GenesisBalance{Address: w.Address, Amount: funds})
	}
	token := []felt.Felt{felt.FromShortString("Starknet Token"), felt.FromShortString("STRK"), felt.FromUint64(18), {}, {}, wallets[0].Address}
	g.Contracts = append(g.Contracts, app.GenesisContract{Address: starknet.StrkAddress, ClassHash: hashes[contracts.ERC20], Constructor: &token})
	b, err := json.Marshal(&g)
	return wallets, b, err
}

// sign returns blocks of signed transfers, the first of them for warming up.
func sign(s *settings, wallets []*wallet.Wallet) ([]*app.Block, error) {
	bound := starknet.ResourceBound{MaxAmount: 100_000_000, MaxPricePerUnit: starknet.NewUint128(2_000_000_000)}
	nonces := make([]uint64, len(wallets))
	var blocks []*app.Block
	for height := range s.blocks + 1 {
		b := &app.Block{Height: uint64(height) + 1, Timestamp: startTime + 5*(uint64(height)+1), Proposer: proposer}
		for i := range s.transactions {
			from := i % len(wallets)
			tx := wallets[from].Invoke(wallet.Transfer(wallets[(from+1)%len(wallets)].Address, 1000))
			tx.Nonce, tx.ResourceBounds.L2Gas = felt.FromUint64(nonces[from]), bound
			nonces[from]++
			if err := wallets[from].Sign(tx); err != nil {
				return nil, err
			}
			raw, err := starknet.MarshalTransaction(tx)
			if err != nil {
				return nil, err
			}
			b.Txs = append(b.Txs, raw)
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// measurement is an engine's result.
type measurement struct {
	transactions int // in a block
	blocks       []time.Duration
	cpu          time.Duration // of all blocks; other processes disturb it less than wall time
	appHash      []byte
	stats        map[string]uint64 // runs of the native engine by outcome
	l2Gas        uint64            // of a transaction
}

func (m *measurement) String() string {
	var sum time.Duration
	for _, d := range m.blocks {
		sum += d
	}
	perSecond := func(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }
	best := slices.Min(m.blocks)
	text := fmt.Sprintf("%.0f transfers per second in the best of %d blocks of %d, %.0f over all; %v each, %v of CPU time; L2 gas %d each; app hash %x",
		perSecond(m.transactions, best), len(m.blocks), m.transactions, perSecond(m.transactions*len(m.blocks), sum),
		(best / time.Duration(m.transactions)).Round(time.Microsecond),
		(m.cpu / time.Duration(m.transactions*len(m.blocks))).Round(time.Microsecond), m.l2Gas, m.appHash)
	if m.stats != nil {
		text += fmt.Sprintf("; runs %v", m.stats)
	}
	return text
}

// measure runs the blocks on a new chain.
func measure(s *settings, name string, genesis []byte, blocks []*app.Block) (*measurement, error) {
	m := &measurement{transactions: s.transactions}
	config := app.Config{}
	reference := vm.NewEngine()
	var engine cairo.Engine = reference
	switch name {
	case "vm":
	case "native":
		n, err := native.NewEngine(reference, native.Options{})
		if err != nil {
			return nil, err
		}
		defer n.Close()
		defer func() { m.stats = n.Stats() }()
		engine = n
	default:
		return nil, fmt.Errorf("neither native nor vm")
	}
	store, err := state.Open(dbm.NewMemDB())
	if err != nil {
		return nil, err
	}
	a, err := app.New(store, engine, executor.CompileClass, config)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if _, err := a.InitGenesis(chainID, startTime, genesis); err != nil {
		return nil, err
	}
	if err := m.step(a, blocks[0]); err != nil {
		return nil, err
	}
	m.blocks, m.cpu = nil, 0 // the first block only warms up
	if s.cpuprofile != "" {
		f, err := os.Create(s.cpuprofile + "-" + name + ".prof")
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return nil, err
		}
		defer pprof.StopCPUProfile()
	}
	for _, b := range blocks[1:] {
		if err := m.step(a, b); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// step runs a block and checks that every transfer succeeded.
func (m *measurement) step(a *app.App, b *app.Block) error {
	var f *app.Finalized
	var err error
	pprof.Do(context.Background(), pprof.Labels("phase", "finalize"), func(context.Context) {
		start, cpu := time.Now(), cpuTime()
		f, err = a.Finalize(b)
		m.blocks, m.cpu = append(m.blocks, time.Since(start)), m.cpu+cpuTime()-cpu
	})
	if err != nil {
		return err
	}
	for i, r := range f.Results {
		if r.Err != nil {
			return fmt.Errorf("block %d: transaction %d: %w", b.Height, i, r.Err)
		}
		m.l2Gas = r.GasUsed
	}
	m.appHash = f.AppHash
	if err := a.Commit(); err != nil {
		return err
	}
	block, ok, err := a.Store().Block(b.Height)
	if err != nil || !ok {
		return fmt.Errorf("block %d is not stored: %v", b.Height, err)
	}
	for i := range block.Receipts {
		if block.Receipts[i].Reverted {
			return fmt.Errorf("block %d: transaction %d reverted: %s", b.Height, i, block.Receipts[i].RevertReason)
		}
	}
	return nil
}

// cpuTime returns the processor time that this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // Getrusage fails only for invalid arguments
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
