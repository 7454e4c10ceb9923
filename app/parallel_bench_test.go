package app

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"syscall"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/engines"
	"github.com/starkd/starkd/starknet"
)

// BenchmarkParallel finalizes blocks of 300 transfers on one core and on several: decoding, signatures, execution, fees, receipts, and the
// state root. The metrics are the wall time and the processor time of a transaction, of all of Finalize (finalize) and of its execution (run).
// Run it with STARKD_ENGINE=native. "independent" has senders and recipients that differ within 100 transactions, "checked" the same after the
// mempool has validated them, "recipient" one recipient, "chain" senders that were the recipient of the transaction before, "sender" one sender.
func BenchmarkParallel(b *testing.B) {
	const accounts, transactions = 100, 300
	c := &chain{t: b, db: dbm.NewMemDB(), counter: u(0xc0)}
	token := []felt.Felt{felt.FromShortString("T"), felt.FromShortString("T"), u(18), u(0), u(0), u(1)}
	g := Genesis{
		Classes:       []*starknet.ContractClass{class(b, contracts.Account), class(b, contracts.ERC20)},
		Contracts:     []GenesisContract{{Address: starknet.StrkAddress, ClassHash: classHash(b, contracts.ERC20), Constructor: &token}},
		FeeRecipients: map[string]felt.Felt{hex.EncodeToString(proposer): u(0x5e9)},
	}
	funds, _ := starknet.NewUint128(tokens).Mul64(1000)
	var senders []*account
	for i := range uint64(accounts) {
		a := newAccount(b, 3000+i)
		key := []felt.Felt{a.public()}
		g.Contracts = append(g.Contracts, GenesisContract{Address: a.address, ClassHash: classHash(b, contracts.Account), Constructor: &key})
		g.Balances = append(g.Balances, GenesisBalance{a.address, funds})
		senders = append(senders, a)
	}
	genesis, err := json.Marshal(&g)
	if err != nil {
		b.Fatal(err)
	}
	store, err := state.Open(c.db)
	if err != nil {
		b.Fatal(err)
	}
	if c.app, err = New(store, engines.New(b), compile, Config{}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.app.Close)
	if _, err := c.app.InitGenesis(testChain, testTime, genesis); err != nil {
		b.Fatal(err)
	}
	for _, workload := range []struct {
		name  string
		sends func(i int) (from int, to felt.Felt)
	}{
		{"independent", func(i int) (int, felt.Felt) { return i % accounts, u(uint64(1_000_000 + i%accounts)) }},
		{"checked", func(i int) (int, felt.Felt) { return i % accounts, u(uint64(1_000_000 + i%accounts)) }},
		{"recipient", func(i int) (int, felt.Felt) { return i % accounts, u(1_000_000) }},
		{"chain", func(i int) (int, felt.Felt) { return i % accounts, senders[(i+1)%accounts].address }},
		{"sender", func(i int) (int, felt.Felt) { return 0, u(uint64(1_000_000 + i)) }},
	} {
		var txs [][]byte
		for _, a := range senders {
			a.nonce = 0
		}
		for i := range transactions {
			from, to := workload.sends(i)
			txs = append(txs, senders[from].sign(b, senders[from].transfer(to, 1)))
		}
		block := c.next(txs...)
		for _, cores := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/cores=%d", workload.name, cores), func(b *testing.B) {
				c.app.config.Parallel, c.app.tally = cores, aheadTally{}
				var run, finalize, cpu time.Duration
				if _, err := c.app.runBlock(block, true); err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					c.app.runs.Purge()
					if workload.name != "checked" {
						c.app.decoded, c.app.validated = newDecoded(), newValidated()
					}
					start, used := time.Now(), processorTime()
					if _, err := c.app.runBlock(block, true); err != nil {
						b.Fatal(err)
					}
					run += time.Since(start)
					if _, err := c.app.Finalize(block); err != nil {
						b.Fatal(err)
					}
					finalize, cpu = finalize+time.Since(start), cpu+processorTime()-used
				}
				n := float64(transactions * b.N)
				b.ReportMetric(float64(run.Microseconds())/n, "µs/tx-run")
				b.ReportMetric(float64(finalize.Microseconds())/n, "µs/tx-finalize")
				b.ReportMetric(float64(cpu.Microseconds())/n, "µs/tx-cpu")
				b.ReportMetric(float64(c.app.tally.ranAgain)/n, "again/tx")
			})
		}
	}
}

// processorTime returns the processor time of the process.
func processorTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
