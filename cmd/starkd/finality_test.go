package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/gorilla/websocket"
	"github.com/spf13/viper"

	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/node"
	"github.com/starkd/starkd/node/home"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/starknet"
	proved "github.com/starkd/starkd/starknet/finality"
	"github.com/starkd/starkd/starknet/trie"
	"github.com/starkd/starkd/watcher"
	"github.com/starkd/starkd/watcher/proofstore"
)

// lies makes wrong bundles of a block from its right bundle and that of another block.
var lies = []func(t *testing.T, right, other []byte) []byte{
	func(_ *testing.T, right, _ []byte) []byte { return flip(right, len(right)/2) },
	func(_ *testing.T, _, other []byte) []byte { return other },
	func(t *testing.T, right, _ []byte) []byte {
		return rewrite(t, right, func(b *block.Bundle) { b.Chain = "ANOTHER_CHAIN" })
	},
	func(t *testing.T, right, other []byte) []byte {
		foreign, err := block.Parse(other)
		if err != nil {
			t.Error(err)
			return nil
		}
		return rewrite(t, right, func(b *block.Bundle) { b.Proofs = foreign.Proofs })
	},
	func(t *testing.T, right, other []byte) []byte {
		foreign, err := block.Parse(right)
		if err != nil {
			t.Error(err)
			return nil
		}
		return rewrite(t, other, func(b *block.Bundle) { b.Block, b.Headers = foreign.Block, foreign.Headers })
	},
	func(t *testing.T, right, _ []byte) []byte {
		return rewrite(t, right, func(b *block.Bundle) {
			proof := b.Proofs[0].Stwo
			if b.Proofs[0].Stone != nil {
				proof = b.Proofs[0].Stone.Bytes
			}
			proof[len(proof)/2] ^= 1
		})
	},
	func(t *testing.T, right, _ []byte) []byte {
		return rewrite(t, right, func(b *block.Bundle) { b.Proofs = nil })
	},
	func(t *testing.T, right, _ []byte) []byte {
		return rewrite(t, right, func(b *block.Bundle) { b.Witness.Results[len(b.Witness.Results)-1].GasUsed++ })
	},
	func(t *testing.T, right, _ []byte) []byte { // a validator's signature of the second header
		return rewrite(t, right, func(b *block.Bundle) {
			b.Headers[1] = bytes.Replace(b.Headers[1], []byte(`"signature":"`), []byte(`"signature":"AAAA`), 1)
		})
	},
	func(_ *testing.T, right, _ []byte) []byte { return right[:len(right)-2] },
	func(_ *testing.T, _, _ []byte) []byte { return nil },
	func(_ *testing.T, _, _ []byte) []byte { return make([]byte, 1<<20) },
}

func flip(data []byte, i int) []byte {
	changed := bytes.Clone(data)
	changed[i] ^= 1
	return changed
}

// rewrite returns the file of a changed bundle.
func rewrite(t *testing.T, data []byte, change func(*block.Bundle)) []byte {
	b, err := block.Parse(bytes.Clone(data))
	if err != nil {
		t.Error(err)
		return nil
	}
	change(b)
	file, err := b.Encode()
	if err != nil {
		t.Error(err)
	}
	return file
}

// watchers serves, at /liar/I and /gate/I, the bundles that node I asks for: wrong ones of the liar, and right ones of the gate if it is open.
type watchers struct {
	t     *testing.T
	rest  string // of the real watcher
	lied  atomic.Int64
	mu    sync.Mutex
	open  map[string]bool   // gates
	other map[uint64]uint64 // a block with another proof, by block
}

func (w *watchers) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	var gate string
	var n uint64
	who, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if _, err := fmt.Sscanf(strings.ReplaceAll(rest, "/", " "), "%s v1 blocks %d proof", &gate, &n); err != nil {
		http.NotFound(rw, r)
		return
	}
	w.mu.Lock()
	open, other := w.open[gate], w.other[n]
	w.mu.Unlock()
	if who == "gate" && !open {
		http.NotFound(rw, r)
		return
	}
	right, found := w.bundle(n)
	if !found {
		http.NotFound(rw, r)
		return
	}
	if who == "gate" {
		rw.Write(right)
		return
	}
	foreign, found := w.bundle(other)
	if !found {
		http.NotFound(rw, r)
		return
	}
	rw.Write(lies[int(w.lied.Add(1)-1)%len(lies)](w.t, right, foreign))
}

func (w *watchers) bundle(n uint64) ([]byte, bool) {
	response, err := http.Get(fmt.Sprintf("%s/v1/blocks/%d/proof", w.rest, n))
	if err != nil {
		return nil, false
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return data, err == nil && response.StatusCode == http.StatusOK
}

func (w *watchers) openGates(names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range names {
		w.open[name] = true
	}
}

// accepted returns the number of the last block that a node says is ACCEPTED_ON_L1.
func (n *testnet) accepted(t *testing.T, i int) uint64 {
	t.Helper()
	b, err := n.client(i).Block(t.Context(), rpc.AcceptedBlock)
	if err != nil {
		t.Fatal(err)
	}
	return b.Number
}

func (n *testnet) health(t *testing.T, i int) *node.HealthReport {
	t.Helper()
	report := new(node.HealthReport)
	if status, err := get(t.Context(), n.Nodes[i].RPC+"/healthz", report); err != nil || report.Proofs == nil {
		t.Fatal(status, report, err)
	}
	return report
}

// TestAcceptedOnL1 runs four validators of a chain that votes about proofs. A watcher lies to all of them: the proved height stops before the
// first block with transactions, and the chain goes on. Then two validators, half of the power, find the right bundles: still nothing is proved.
// With the third one the blocks become ACCEPTED_ON_L1, although the fourth one hears lies only. A light client reads the height from a proof.
func TestAcceptedOnL1(t *testing.T) {
	n := newTestnet(t, 4, "--block-time", "500ms")
	w := &watchers{t: t, rest: n.Watcher.REST, open: map[string]bool{}, other: map[uint64]uint64{}}
	server := httptest.NewServer(w)
	defer server.Close()
	for i := range n.Nodes {
		c, err := config.Load(n.Nodes[i].Home, viper.New())
		if err != nil {
			t.Fatal(err)
		}
		if c.Watch.URLs[0] != n.Watcher.REST {
			t.Errorf("node%d asks %v, the testnet's watcher is %s", i, c.Watch.URLs, n.Watcher.REST)
		}
		c.Watch.URLs = []string{fmt.Sprintf("%s/liar/%d", server.URL, i), fmt.Sprintf("%s/gate/%d", server.URL, i)}
		if err := config.Write(n.Nodes[i].Home, c); err != nil {
			t.Fatal(err)
		}
	}
	n.start(t, 0, 1, 2, 3)
	n.watch(t)
	for i := range n.nodes {
		n.ready(t, i)
	}
	// Blocks without transactions need no proof.
	n.until(t, "empty blocks to be proved", func() (bool, error) { return n.accepted(t, 1) > 0, nil })

	var blocks []uint64 // with a transaction
	var hashes []felt.Felt
	for range 2 {
		wlt := n.wallet(t, 1, 1)
		hash, err := wlt.Send(t.Context(), wlt.Invoke(wallet.Transfer(n.Accounts[2].Address, 7)))
		if err != nil {
			t.Fatal(err)
		}
		_, number, err := wlt.Wait(t.Context(), hash)
		if err != nil {
			t.Fatal(err)
		}
		blocks, hashes = append(blocks, number), append(hashes, hash)
		// Blocks that wait together would share a bundle, and then neither is foreign to the other.
		n.until(t, "the proof of the block", func() (bool, error) { _, found := w.bundle(number); return found, nil })
	}
	w.mu.Lock()
	w.other[blocks[0]], w.other[blocks[1]] = blocks[1], blocks[0]
	w.mu.Unlock()
	statuses := subscribeStatus(t, n, hashes[0])
	statuses.want(t, rpc.AcceptedOnL2)

	// Every node is told lies about the first block, until all kinds have been told.
	stuck := blocks[0] - 1
	never := func(when string) {
		t.Helper()
		for i := range n.nodes {
			if got := n.accepted(t, i); got > stuck {
				t.Fatalf("%s: node%d says that block %d is proved; block %d is not", when, i, got, blocks[0])
			}
			if r := n.health(t, i); r.Status != "ok" || r.Proofs.Proved > stuck {
				t.Fatalf("%s: node%d reports %+v of %+v", when, i, r, r.Proofs)
			}
		}
	}
	n.until(t, "every lie to be told", func() (bool, error) {
		never("lies")
		return w.lied.Load() >= int64(len(lies)), nil
	})
	for i := range n.nodes {
		n.until(t, "the lies to be reported", func() (bool, error) { return len(n.health(t, i).Proofs.Refused) > 0, nil })
		r := n.health(t, i).Proofs
		if r.Verified != stuck || len(r.Refused) != 1 || r.Refused[0].Block != blocks[0] || !strings.Contains(r.Refused[0].URL, "/liar/") || strings.Contains(r.Refused[0].Reason, "\n") {
			t.Errorf("node%d: %+v", i, r)
		}
		if log, err := os.ReadFile(n.nodeLog(i)); err != nil || !bytes.Contains(log, []byte("a watcher serves a wrong bundle")) {
			t.Errorf("node%d's log does not report the lies (%v)", i, err)
		}
	}
	if got := n.accepted(t, 0); got != stuck {
		t.Errorf("block %d is the last that is proved, want %d", got, stuck)
	}

	// Half of the validators are not enough, and the chain goes on.
	w.openGates("0", "1")
	n.until(t, "two validators to verify the proofs", func() (bool, error) {
		never("half of the power")
		return n.health(t, 0).Proofs.Verified > blocks[1] && n.health(t, 1).Proofs.Verified > blocks[1], nil
	})
	height := n.height(t, 1)
	n.until(t, "more blocks", func() (bool, error) {
		never("half of the power")
		return n.height(t, 1) > height+8, nil
	})
	statuses.wantNothing(t)

	// Three quarters are.
	w.openGates("2")
	n.until(t, "the blocks to be ACCEPTED_ON_L1", func() (bool, error) { return n.accepted(t, 3) > blocks[1], nil })
	statuses.want(t, rpc.AcceptedOnL1)
	for i, hash := range hashes {
		for k := range n.nodes {
			n.until(t, "the status", func() (bool, error) {
				status, _, _, err := n.client(k).TransactionStatus(t.Context(), hash)
				return status == rpc.AcceptedOnL1, err
			})
		}
		if stdout, stderr, code := command(t, "verify", "--validators", n.genesis(), "--block", fmt.Sprint(blocks[i]), fmt.Sprintf("%s/v1/blocks/%d/proof", n.Watcher.REST, blocks[i])); code != 0 {
			t.Errorf("block %d is ACCEPTED_ON_L1, verify says %s%s", blocks[i], stdout, stderr)
		}
		var record proofstore.Record
		if _, err := get(t.Context(), fmt.Sprintf("%s/v1/proofs?block=%d", n.Watcher.REST, blocks[i]), &record); err != nil || record.Status != proofstore.Proved {
			t.Errorf("block %d: %+v, %v", blocks[i], record, err)
		}
	}
	if r := n.health(t, 3); r.Status != "ok" || r.Proofs.Verified != stuck || r.Proofs.Proved <= blocks[1] {
		t.Errorf("node3, which hears lies only: %+v of %+v", r, r.Proofs)
	}
	if body := metrics(t, n, 3); !strings.Contains(body, "starkd_node_bundles_refused_total") || !strings.Contains(body, fmt.Sprintf("starkd_node_verified_height %d\n", stuck)) {
		t.Errorf("metrics of node3:\n%s", body)
	}
	readByLight(t, n)
	// The statements in the blocks are no transactions that wait for a proof.
	n.until(t, "the watcher to wait for no proof", func() (bool, error) {
		var status watcher.Status
		_, err := get(t.Context(), n.Watcher.REST+"/v1/status", &status)
		return status.Waiting.Transactions == 0, err
	})

	// A restarted validator goes on from where it was.
	verified := n.health(t, 0).Proofs.Verified
	n.nodes[0].stop(t)
	w.mu.Lock()
	delete(w.open, "0")
	w.mu.Unlock()
	n.start(t, 0)
	n.until(t, "node0 to answer", func() (bool, error) { return n.height(t, 0) > 0, nil })
	n.until(t, "node0 to verify more", func() (bool, error) { return n.health(t, 0).Proofs.Verified > verified, nil })
}

func metrics(t *testing.T, n *testnet, i int) string {
	t.Helper()
	comet, err := home.Comet(n.Nodes[i].Home)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get("http://" + comet.Instrumentation.PrometheusListenAddr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// readByLight reads the proved height as a light client does, with CometBFT's code for signatures and a storage proof of an untrusted node.
func readByLight(t *testing.T, n *testnet) {
	t.Helper()
	genesis, err := cmttypes.GenesisDocFromFile(n.genesis())
	if err != nil {
		t.Fatal(err)
	}
	var validators []*cmttypes.Validator
	for _, v := range genesis.Validators {
		validators = append(validators, cmttypes.NewValidator(v.PubKey, v.Power))
	}
	set := cmttypes.NewValidatorSet(validators)
	height := n.accepted(t, 2) + 3
	n.until(t, "the next header", func() (bool, error) { return n.height(t, 2) > height+1, nil })
	next := int64(height + 1)
	signed, err := n.comet(t, 2).Commit(t.Context(), &next)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(set.VerifyCommitLight(n.ChainID, signed.Commit.BlockID, next, signed.Commit), signed.ValidateBasic(n.ChainID)); err != nil {
		t.Fatal(err)
	}
	id := rpc.BlockByNumber(height)
	proof, err := n.client(2).StorageProof(t.Context(), id, &rpc.StorageProofRequest{
		ContractAddresses: []felt.Felt{proved.Address}, Slots: []starknet.ContractSlots{{Contract: proved.Address, Keys: []felt.Felt{proved.Slot}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	root := starknet.StateCommitment(proof.ContractsRoot, proof.ClassesRoot)
	if app := root.Bytes(); !bytes.Equal(app[:], signed.AppHash) {
		t.Fatalf("the proof's roots commit to %v, header %d signs %X", root, next, signed.AppHash)
	}
	nodes := func(list []rpc.ProofNode) (out trie.Proof) {
		for _, p := range list {
			out = append(out, trie.Node{Left: p.Left, Right: p.Right, Child: p.Child, Path: p.Path, Length: p.Length})
		}
		return out
	}
	leaf, err := trie.VerifyProof(trie.Pedersen, proof.ContractsRoot, proved.Address, nodes(proof.Contracts))
	if err != nil {
		t.Fatal(err)
	}
	contract := trie.Contract{ClassHash: proof.ContractLeaves[0].ClassHash, StorageRoot: proof.ContractLeaves[0].StorageRoot, Nonce: proof.ContractLeaves[0].Nonce}
	if trie.ContractLeaves([]trie.Contract{contract})[0] != leaf {
		t.Fatalf("leaf %v is not that of %+v", leaf, contract)
	}
	value, err := trie.VerifyProof(trie.Pedersen, contract.StorageRoot, proved.Slot, nodes(proof.Storage[0]))
	if err != nil {
		t.Fatal(err)
	}
	said, err := n.client(2).StorageAt(t.Context(), id, proved.Address, proved.Slot)
	if err != nil || said != value || !value.IsUint64() || value.Uint64() == 0 || value.Uint64() > height-3 {
		t.Errorf("the light client reads %v after block %d, the node says %v (%v)", value, height, said, err)
	}
}

// statusSubscription is a websocket with a subscription to the status of a transaction. It is read all the time, so that pings are answered.
type statusSubscription struct{ messages chan []byte }

func subscribeStatus(t *testing.T, n *testnet, hash felt.Felt) *statusSubscription {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(n.Nodes[1].RPC, "http", "ws", 1)+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"jsonrpc":"2.0","id":1,"method":"starknet_subscribeTransactionStatus","params":["`+hash.String()+`"]}`)); err != nil {
		t.Fatal(err)
	}
	s := &statusSubscription{make(chan []byte, 100)}
	go func() {
		defer close(s.messages)
		for {
			_, message, err := conn.ReadMessage()
			if err != nil {
				return
			}
			s.messages <- message
		}
	}()
	if answer := <-s.messages; !bytes.Contains(answer, []byte(`"result"`)) {
		t.Fatalf("the subscription is answered %s", answer)
	}
	return s
}

// want waits for the next status and checks it.
func (s *statusSubscription) want(t *testing.T, status rpc.TransactionStatus) {
	t.Helper()
	select {
	case message := <-s.messages:
		if !bytes.Contains(message, []byte(`"finality_status":"`+string(status)+`"`)) {
			t.Fatalf("got %s, want %s", message, status)
		}
	case <-time.After(patience):
		t.Fatalf("no status %s", status)
	}
}

// wantNothing checks that there was no other status so far.
func (s *statusSubscription) wantNothing(t *testing.T) {
	t.Helper()
	select {
	case message := <-s.messages:
		t.Fatalf("got %s", message)
	default:
	}
}
