package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/client"
	"github.com/starkd/starkd/starknet"
)

// hostileClass returns a class that takes long to compile: the counter with a function that has 15,000 constants.
func hostileClass(t *testing.T) *starknet.ContractClass {
	t.Helper()
	program, err := sierra.ParseText(string(golden.Gunzip(t, filepath.Join("testdata", "hostile.sierra.gz"))))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := contracts.ClassJSON(contracts.Counter)
	if err != nil {
		t.Fatal(err)
	}
	class := &starknet.ContractClass{}
	if err := json.Unmarshal(raw, class); err != nil {
		t.Fatal(err)
	}
	program.Version = sierra.Version{Major: 1, Minor: 9, Patch: 3}
	felts, err := sierra.EncodeFelts(program)
	if err != nil {
		t.Fatal(err)
	}
	class.SierraProgram = append(class.SierraProgram[:6:6], felts[6:]...) // with the compiler's version of the counter
	return class
}

// pace is the pace of blocks during some time.
type pace struct {
	blocks  uint64
	mean    time.Duration
	longest time.Duration
}

// watchPace measures the pace of blocks until the returned function is called.
func watchPace(t *testing.T, n *testnet) (stop func() pace) {
	ctx, cancel := context.WithCancel(t.Context())
	out := make(chan pace)
	go func() {
		first, began := n.height(t, 0), time.Now()
		last, at := first, began
		var longest time.Duration
		for ctx.Err() == nil {
			time.Sleep(20 * time.Millisecond)
			if h := n.height(t, 0); h > last {
				longest = max(longest, time.Since(at))
				last, at = h, time.Now()
			}
		}
		longest = max(longest, time.Since(at))
		p := pace{blocks: last - first, longest: longest}
		p.mean = time.Since(began) / time.Duration(max(1, p.blocks))
		out <- p
	}()
	return func() pace { cancel(); return <-out }
}

// TestHostileDeclares sends many classes that take long to compile, unsigned and signed, over CometBFT's RPC and JSON-RPC. It checks that
// blocks are still made and that honest transactions enter them.
func TestHostileDeclares(t *testing.T) {
	full(t)
	const many = 30
	n := newTestnet(t, 1, "--block-time", "300ms")
	n.exec(t, 0)
	n.ready(t, 0)
	class := hostileClass(t)
	honest := n.wallet(t, 5, 0)
	if _, _, err := honest.Wait(t.Context(), send(t, honest, honest.Invoke(wallet.Transfer(n.Accounts[2].Address, 1)))); err != nil {
		t.Fatal(err)
	}
	stop := watchPace(t, n)
	time.Sleep(5 * time.Second)
	rest := stop()
	t.Logf("at rest: %d blocks, one in %v, longest %v", rest.blocks, rest.mean, rest.longest)

	serial := 0
	declares := func(signed bool) []starknet.Transaction {
		w := n.wallet(t, 1, 0)
		nonce, err := n.client(0).Nonce(t.Context(), rpc.LatestBlock, w.Address)
		if err != nil {
			t.Fatal(err)
		}
		var txs []starknet.Transaction
		for range many {
			serial++
			definition := *class
			definition.ABI = fmt.Sprintf("[\"%d\"]", serial)
			tx := &starknet.Declare{SenderAddress: w.Address, ClassHash: definition.Hash(), CompiledClassHash: felt.One, Class: &definition}
			tx.Fields().ResourceBounds = starknet.ResourceBounds{L2Gas: starknet.ResourceBound{MaxAmount: 9_000_000_000, MaxPricePerUnit: starknet.NewUint128(2_000_000_000)}}
			tx.Fields().Nonce = nonce
			tx.Fields().Signature = []felt.Felt{felt.One, felt.One}
			if signed {
				if err := w.Sign(tx); err != nil {
					t.Fatal(err)
				}
			}
			txs = append(txs, tx)
		}
		return txs
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: many}}
	byComet := func(tx starknet.Transaction) (string, error) {
		raw, err := starknet.MarshalTransaction(tx)
		if err != nil {
			return "", err
		}
		body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "broadcast_tx_sync", "params": map[string]any{"tx": raw}})
		if err != nil {
			return "", err
		}
		response, err := client.Post(n.Nodes[0].Comet, "application/json", bytes.NewReader(body))
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		var answer struct {
			Error  json.RawMessage
			Result struct {
				Code int
				Log  string
			}
		}
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d %.30s %.60s", answer.Result.Code, answer.Result.Log, answer.Error), nil
	}
	byRPC := func(tx starknet.Transaction) (string, error) {
		_, err := n.client(0).Submit(t.Context(), tx)
		if err == nil {
			return "taken", nil
		}
		return fmt.Sprintf("%.60s", err), nil
	}
	for _, attack := range []struct {
		name   string
		signed bool
		send   func(starknet.Transaction) (string, error)
	}{
		{"unsigned by CometBFT", false, byComet}, {"unsigned by JSON-RPC", false, byRPC},
		{"signed by CometBFT", true, byComet}, {"signed by JSON-RPC", true, byRPC},
	} {
		t.Run(attack.name, func(t *testing.T) {
			txs := declares(attack.signed)
			var mu sync.Mutex
			answers := map[string]int{}
			stop := watchPace(t, n)
			began := time.Now()
			var wg sync.WaitGroup
			for _, tx := range txs {
				wg.Go(func() {
					answer, err := attack.send(tx)
					if err != nil {
						answer = err.Error()
					}
					mu.Lock()
					answers[answer]++
					mu.Unlock()
				})
			}
			time.Sleep(100 * time.Millisecond)
			from, sent := n.height(t, 0), time.Now()
			hash := send(t, honest, honest.Invoke(wallet.Transfer(n.Accounts[2].Address, 1)))
			admitted := n.height(t, 0)
			_, block, err := honest.Wait(t.Context(), hash)
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(sent)
			wg.Wait()
			answered := time.Since(began)
			time.Sleep(time.Second)
			p := stop()
			t.Logf("%d blocks, one in %v, longest %v; all answered after %v, an honest transaction is in %d blocks later, after %v, %d after it was admitted", p.blocks, p.mean, p.longest, answered, block-from, took, block-admitted)
			for a, k := range answers {
				t.Logf("%d × %s", k, a)
			}
			if limit := 2*rest.mean + 200*time.Millisecond; p.mean > limit {
				t.Errorf("a block in %v, at rest in %v", p.mean, rest.mean)
			}
			if block-admitted > 3 || block-from > 10 {
				t.Errorf("an honest transaction is in %d blocks later, %d after it was admitted", block-from, block-admitted)
			}
		})
	}
}

// usage returns the CPU time and the resident memory of a process.
func usage(t *testing.T, p *process) (cpu time.Duration, rss uint64) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		t.Skip(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var user, system, pages uint64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12]+" "+fields[21], &user, &system, &pages); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond, pages * uint64(os.Getpagesize()) >> 20
}

// TestClientsThatLeave checks that the node stops working on simulations of 83,000 transfers when the four clients that requested them
// disconnect.
func TestClientsThatLeave(t *testing.T) {
	full(t)
	n := newTestnet(t, 1, "--block-time", "300ms")
	n.exec(t, 0)
	n.ready(t, 0)
	w := n.wallet(t, 1, 0)
	calls := make([]wallet.Call, 830)
	for i := range calls {
		calls[i] = wallet.Transfer(felt.FromUint64(uint64(1000+i)), 1)
	}
	txs := make([]starknet.Transaction, 100)
	for i := range txs {
		tx := w.Invoke(calls...)
		tx.Nonce = felt.FromUint64(uint64(i))
		tx.Query = true
		txs[i] = tx
	}
	time.Sleep(2 * time.Second)
	restCPU, rest := usage(t, n.nodes[0])
	time.Sleep(2 * time.Second)
	cpu, _ := usage(t, n.nodes[0])
	restCPU = (cpu - restCPU) / 2
	var body []byte
	client.New("http://unused", &http.Client{Transport: capture{&body}}).EstimateFee(t.Context(), rpc.LatestBlock, true, txs...)
	ctx, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	begin, _ := usage(t, n.nodes[0])
	for range 4 {
		wg.Go(func() {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, n.Nodes[0].RPC+"/rpc", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			request.Header.Set("Content-Type", "application/json")
			if answer, err := http.DefaultClient.Do(request); err == nil {
				text, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
				answer.Body.Close()
				t.Errorf("a simulation is answered before its client leaves: %s", text)
			}
		})
	}
	n.until(t, "four simulations", func() (bool, error) { // the node has read their bodies by then
		cpu, _ := usage(t, n.nodes[0])
		return cpu > begin+4*time.Second, nil
	})
	after, peak := usage(t, n.nodes[0])
	t.Logf("bodies of %d MB; at rest: %v of CPU a second, %d MB; with four simulations %d MB", len(body)>>20, restCPU, rest, peak)
	leave()
	wg.Wait()
	began := time.Now()
	last := after
	for i := range 8 {
		time.Sleep(500 * time.Millisecond)
		cpu, rss := usage(t, n.nodes[0])
		t.Logf("%v after they left: %v of CPU in half a second, %d MB", time.Since(began).Round(10*time.Millisecond), cpu-last, rss)
		if used := cpu - last; i >= 1 && used > restCPU/2+150*time.Millisecond {
			t.Errorf("%v after the clients left the node still takes %v of CPU in half a second", time.Since(began), used)
		}
		if i >= 3 && rss > rest+max(200, (peak-rest)/3) {
			t.Errorf("%v after the clients left the node takes %d MB, %d MB with them, %d MB at rest", time.Since(began), rss, peak, rest)
		}
		last = cpu
	}
}

// capture is a transport that keeps the body of a request and sends nothing.
type capture struct{ body *[]byte }

func (c capture) RoundTrip(r *http.Request) (*http.Response, error) {
	*c.body, _ = io.ReadAll(r.Body)
	return nil, http.ErrAbortHandler
}
