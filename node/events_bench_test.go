package node

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/pebbledb"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// BenchmarkGetEvents queries a chain of 10,000 blocks, each with ten transfers of the fee token and their fees, for rare events, with the
// index of events and without it.
//
//	go test ./node -run xxx -bench GetEvents -benchtime 3x
func BenchmarkGetEvents(b *testing.B) {
	const blocks = 10_000
	db, err := pebbledb.Open("bench", b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	store, err := state.Open(db)
	if err != nil {
		b.Fatal(err)
	}
	transfer, rare := felt.FromShortString("Transfer"), felt.FromUint64(0xace)
	user := func(n uint64) felt.Felt { return felt.FromUint64(1_000_000 + n) }
	event := func(from, to felt.Felt) starknet.Event {
		return starknet.Event{From: starknet.StrkAddress, Keys: []felt.Felt{transfer, from, to}, Data: []felt.Felt{felt.One, felt.Zero}}
	}
	for h := range uint64(blocks) {
		change, err := store.Apply(&starknet.StateDiff{})
		if err != nil {
			b.Fatal(err)
		}
		block := &starknet.Block{Header: starknet.Header{Number: h, StateRoot: change.Commitment, Version: starknet.Version}}
		for i := range uint64(10) {
			from, to := user(h*10+i), user((h*10+i)%1000)
			r := starknet.Receipt{TransactionHash: felt.FromUint64(1 + h*10 + i), Type: starknet.InvokeType}
			r.Events = []starknet.Event{event(from, to), event(from, felt.One)}
			if h%4000 == 1999 && i == 3 { // in three blocks
				r.Events = append(r.Events, event(from, rare), starknet.Event{From: rare, Keys: []felt.Felt{rare}})
			}
			block.Transactions = append(block.Transactions, &starknet.Invoke{SenderAddress: from, Calldata: []felt.Felt{to}})
			block.Receipts = append(block.Receipts, r)
		}
		// The block has no commitments: they would take most of the time and are not measured.
		block.TransactionCount, block.EventCount, block.BlockHash = 10, 20, felt.FromUint64(1+h)
		if err := store.Commit(block, change, nil); err != nil {
			b.Fatal(err)
		}
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	backend := &backend{reads: reads{store: store}}
	servers := []struct {
		name string
		*rpc.Server
	}{
		{"index", rpc.NewServer(struct {
			rpc.Backend
			rpc.EventIndexer
		}{backend, backend}, rpc.Config{Transport: jsonrpc.Config{Log: quiet}})},
		{"scan", rpc.NewServer(struct{ rpc.Backend }{backend}, rpc.Config{Transport: jsonrpc.Config{Log: quiet}})},
	}
	for _, c := range []struct {
		name, filter string
		want         int
	}{
		{"contract that is rare", fmt.Sprintf(`"address":"%v"`, rare), 3},
		{"first key that is rare", fmt.Sprintf(`"keys":[["%v"]]`, rare), 3},
		{"transfers of the fee token to a user who is rare", fmt.Sprintf(`"address":"%v","keys":[["%v"],[],["%v"]]`, starknet.StrkAddress, transfer, rare), 3},
		{"of a contract that is not there", `"address":"0xdead"`, 0},
		{"first page of all transfers", fmt.Sprintf(`"address":"%v"`, starknet.StrkAddress), 1000},
	} {
		for _, s := range servers {
			b.Run(c.name+"/"+s.name, func(b *testing.B) {
				body := `{"jsonrpc":"2.0","id":1,"method":"starknet_getEvents","params":[{"from_block":{"block_number":0},"chunk_size":1000,` + c.filter + `}]}`
				for b.Loop() {
					w := httptest.NewRecorder()
					s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/rpc", strings.NewReader(body)))
					if got := strings.Count(w.Body.String(), `"event_index"`); got != c.want {
						b.Fatalf("%d events, want %d: %.300s", got, c.want, w.Body)
					}
				}
			})
		}
	}
}
