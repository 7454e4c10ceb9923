package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// fakeInvoke returns a transaction of an account and its receipt with an event of another contract.
func fakeInvoke(sender felt.Felt, nonce uint64) (*starknet.Invoke, starknet.Receipt) {
	tx := &starknet.Invoke{Common: fakeCommon(nonce), SenderAddress: sender, Calldata: us(nonce)}
	return tx, starknet.Receipt{Events: []starknet.Event{{From: fakeOtherHandle, Keys: us(nonce, 7), Data: us(1, 2)}, {From: fakeAccount, Keys: us(8)}}}
}

// TestSubscribeNewHeads checks that headers are sent in order from the given block, and then for each new block.
func TestSubscribeNewHeads(t *testing.T) {
	chain := newLiveChain(t)
	_, h := serveLive(t, chain, Config{})
	for _, c := range []struct {
		params string
		first  int
	}{
		{`{}`, 4}, {`[]`, 4}, {`{"block_id":null}`, 4}, {`{"block_id":"latest"}`, 4}, {`["latest"]`, 4}, {`[{"block_number":0}]`, 0},
		{fmt.Sprintf(`{"block_id":{"block_hash":"%s"}}`, chain.blocks[2].BlockHash), 2},
	} {
		client := dial(t, h, "/ws")
		id := client.subscribe("NewHeads", c.params)
		for n := c.first; n < 5; n++ {
			client.want(id, fmt.Sprintf(`"block_number":%d,`, n), `"block_hash":"`+chain.blocks[n].BlockHash.String()+`"`)
		}
		client.wantNothing()
	}
	client := dial(t, h, "/ws")
	id := client.subscribe("NewHeads", `{}`)
	client.want(id, `"block_number":4,`)
	for n := 5; n < 50; n++ {
		chain.grow(t, nil, nil)
	}
	for n := 5; n < 50; n++ {
		client.want(id, fmt.Sprintf(`"block_number":%d,`, n))
	}
	client.wantNothing()
}

// TestBlocksBack checks that a subscription can begin 1024 blocks before the latest, but not 1025.
func TestBlocksBack(t *testing.T) {
	chain := newLiveChain(t)
	for range 1100 {
		chain.add(t, nil, nil, &starknet.StateDiff{})
	}
	_, h := serveLive(t, chain, Config{})
	c := dial(t, h, "/ws")
	head := len(chain.blocks) - 1
	for _, method := range []string{"NewHeads", "Events"} {
		if _, err := c.ask("starknet_subscribe"+method, fmt.Sprintf(`{"block_id":{"block_number":%d}}`, head-1025)); !errors.Is(err, errTooManyBlocksBack) {
			t.Errorf("%s from 1025 blocks back: %v", method, err)
		} else if fault := c.spec.error("starknet_subscribe"+method, err); fault != "" {
			t.Error(fault)
		}
	}
	c.subscribe("Events", fmt.Sprintf(`{"block_id":{"block_number":%d}}`, head-1024))
	id := c.subscribe("NewHeads", fmt.Sprintf(`{"block_id":{"block_number":%d}}`, head-1024))
	for n := head - 1024; n <= head; n++ {
		c.want(id, fmt.Sprintf(`"block_number":%d,`, n))
	}
	c.wantNothing()
}

// TestSubscribeEvents checks that a subscription sends the events that starknet_getEvents returns for its filter, and then those of new
// blocks.
func TestSubscribeEvents(t *testing.T) {
	chain := newLiveChain(t)
	_, h := serveLive(t, chain, Config{MaxKeys: 4, MaxAddresses: 2})
	one, many := dial(t, h, "/ws"), dial(t, h, "/ws")
	filters := []struct{ address, keys string }{
		{``, ``}, {`"0xacc"`, ``}, {`["0xacc"]`, ``}, {`["0xabc","0xacc"]`, ``}, {`[]`, `[]`}, {``, `[["0x1"]]`}, {`"0xabc"`, `[["0x1","0x9"]]`},
		{``, `[[],["0x3","0x7"]]`}, {`"0xdead"`, ``},
	}
	members := func(address, keys, name string) (s string) {
		if address != "" {
			s += fmt.Sprintf(`,%q:%s`, name, address)
		}
		if keys != "" {
			s += `,"keys":` + keys
		}
		return s
	}
	// The events of the whole chain by getEvents.
	found := func(f struct{ address, keys string }) (events []string) {
		raw, err := one.ask("starknet_getEvents", `[{"chunk_size":1000`+members(f.address, f.keys, "address")+`}]`)
		if err != nil {
			t.Fatal(err)
		}
		var page struct{ Events []json.RawMessage }
		if err := json.Unmarshal(raw, &page); err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			events = append(events, string(e))
		}
		return events
	}
	status := func(event string) string { // the form in a notification
		return strings.TrimSuffix(event, "}") + `,"finality_status":"ACCEPTED_ON_L2"}`
	}
	ids := make([]string, len(filters))
	got := map[string][]string{}
	for i, f := range filters {
		ids[i] = many.subscribe("Events", `{"block_id":{"block_number":0},"finality_status":"PRE_CONFIRMED"`+members(f.address, f.keys, "from_address")+`}`)
	}
	for nonce := uint64(7); nonce < 10; nonce++ {
		tx, receipt := fakeInvoke(fakeAccount, nonce)
		chain.grow(t, []starknet.Transaction{tx}, []starknet.Receipt{receipt})
		chain.grow(t, nil, nil)
	}
	total := 0
	for _, f := range filters {
		total += len(found(f))
	}
	for range total {
		n := many.next()
		got[n.id] = append(got[n.id], string(n.result))
	}
	many.wantNothing()
	for i, f := range filters {
		want := found(f)
		if len(got[ids[i]]) != len(want) {
			t.Errorf("%+v: %d events, want %d", f, len(got[ids[i]]), len(want))
			continue
		}
		for j := range want {
			if got[ids[i]][j] != status(want[j]) {
				t.Errorf("%+v: event %d:\n got %s\nwant %s", f, j, got[ids[i]][j], status(want[j]))
			}
		}
	}
	t.Logf("%d notifications by %d filters", total, len(filters))
	// The default is the latest block.
	c := dial(t, h, "/ws")
	id := c.subscribe("Events", `{}`)
	c.wantNothing() // the latest block is empty
	tx, receipt := fakeInvoke(fakeDeployed, 3)
	chain.grow(t, []starknet.Transaction{tx}, []starknet.Receipt{receipt})
	c.want(id, `"from_address":"0xabc"`, `"block_number":11`, `"transaction_index":0`, `"event_index":0`)
	c.want(id, `"from_address":"0xacc"`, `"event_index":1`)
	for _, bad := range []struct {
		params string
		want   *jsonrpc.Error
	}{
		{`{"keys":[["0x1","0x2"],["0x3"]]}`, errTooManyKeys},
		{`{"from_address":["0x1","0x2","0x3"]}`, jsonrpc.ErrInvalidParams},
		{`{"finality_status":"ACCEPTED_ON_L1"}`, jsonrpc.ErrInvalidParams},
		{`{"finality_status":["ACCEPTED_ON_L2"]}`, jsonrpc.ErrInvalidParams},
		{`{"keys":"0x1"}`, jsonrpc.ErrInvalidParams},
		{`{"block_id":"pre_confirmed"}`, jsonrpc.ErrInvalidParams},
		{`{"block_id":"l1_accepted"}`, jsonrpc.ErrInvalidParams},
		{`{"block_id":{"block_number":99}}`, ErrBlockNotFound},
		{`{"block_id":{"block_hash":"0x99"}}`, ErrBlockNotFound},
	} {
		if _, err := c.ask("starknet_subscribeEvents", bad.params); !errors.Is(err, bad.want) {
			t.Errorf("%s: %v, want %d", bad.params, err, bad.want.Code)
		} else if fault := c.spec.error("starknet_subscribeEvents", err); err.Code > 0 && fault != "" {
			t.Error(fault)
		}
	}
}

// TestSubscribeTransactionStatus checks the statuses of a transaction from the mempool to a block.
func TestSubscribeTransactionStatus(t *testing.T) {
	chain := newLiveChain(t)
	_, h := serveLive(t, chain, Config{})
	c := dial(t, h, "/ws")
	tx, receipt := fakeInvoke(fakeAccount, 20)
	hash := tx.Hash(fakeChainID)
	id := c.subscribe("TransactionStatus", `["`+hash.String()+`"]`)
	c.wantNothing() // the transaction is unknown
	chain.receive(tx)
	c.want(id, `"transaction_hash":"`+hash.String()+`"`, `"status":{"finality_status":"RECEIVED"}`)
	late := c.subscribe("TransactionStatus", `{"transaction_hash":"`+hash.String()+`"}`)
	c.want(late, `"status":{"finality_status":"RECEIVED"}`)
	chain.grow(t, nil, nil)
	c.wantNothing()
	receipt.Reverted, receipt.RevertReason = true, "out of luck"
	chain.grow(t, []starknet.Transaction{tx}, []starknet.Receipt{receipt})
	for _, id := range []string{id, late} {
		c.want(id, `"status":{"finality_status":"ACCEPTED_ON_L2","execution_status":"REVERTED","failure_reason":"out of luck"}`)
	}
	chain.grow(t, nil, nil)
	c.wantNothing()
	old := c.subscribe("TransactionStatus", `["`+chain.hash(3, 0).String()+`"]`)
	c.want(old, `"ACCEPTED_ON_L2","execution_status":"SUCCEEDED"`)
	for _, params := range []string{`[]`, `["x"]`, `[["0x1"]]`} {
		if _, err := c.ask("starknet_subscribeTransactionStatus", params); !errors.Is(err, jsonrpc.ErrInvalidParams) {
			t.Errorf("%s: %v", params, err)
		}
	}
}

// TestSubscribeTransactions checks subscriptions to receipts and transactions of every type in blocks, by sender, and to transactions that
// enter the mempool.
func TestSubscribeTransactions(t *testing.T) {
	chain := newLiveChain(t)
	_, h := serveLive(t, chain, Config{MaxAddresses: 2})
	c := dial(t, h, "/ws")
	ids := map[string]string{}
	for name, s := range map[string][2]string{
		"receipts":     {"NewTransactionReceipts", `{}`},
		"receipts of":  {"NewTransactionReceipts", `{"sender_address":["` + fakeDeployed.String() + `"],"finality_status":["PRE_CONFIRMED","ACCEPTED_ON_L2"]}`},
		"no receipts":  {"NewTransactionReceipts", `{"finality_status":["PRE_CONFIRMED"]}`},
		"transactions": {"NewTransactions", `[]`},
		"transactions of": {"NewTransactions",
			`{"sender_address":["` + fakeDeployed.String() + `","0x1"],"finality_status":["RECEIVED","CANDIDATE","PRE_CONFIRMED","ACCEPTED_ON_L2"],"tags":["INCLUDE_PROOF_FACTS"]}`},
		"received": {"NewTransactions", `{"finality_status":["RECEIVED"],"sender_address":[]}`},
	} {
		ids[c.subscribe(s[0], s[1])] = name
	}
	c.wantNothing() // they begin at the next block
	// A block with a transaction of each type, all of which were in the mempool.
	template := chain.blocks[1]
	var txs []starknet.Transaction
	receipts := append([]starknet.Receipt(nil), template.Receipts...)
	txs = append(txs, template.Transactions...)
	mine, receipt := fakeInvoke(fakeDeployed, 1)
	txs, receipts = append(txs, mine), append(receipts, receipt)
	for _, tx := range txs {
		chain.receive(tx)
	}
	got := map[string][]string{}
	collect := func(n int) {
		for range n {
			n := c.next()
			got[ids[n.id]] = append(got[ids[n.id]], string(n.result))
		}
	}
	collect(5 + 2) // five for all senders, two for fakeDeployed: its deployment and its transaction
	chain.grow(t, txs, receipts)
	collect(5 + 2 + 5 + 2)
	c.wantNothing()
	for name, want := range map[string]int{"receipts": 5, "receipts of": 2, "no receipts": 0, "transactions": 5, "transactions of": 4, "received": 5} {
		if len(got[name]) != want {
			t.Errorf("%s: %d, want %d: %v", name, len(got[name]), want, got[name])
		}
	}
	for i, tx := range txs {
		hash := tx.Hash(fakeChainID).String()
		for name, texts := range map[string][]string{
			"receipts":     {`"type":"` + tx.Type().String() + `"`, `"finality_status":"ACCEPTED_ON_L2"`, `"block_number":5`, `"block_hash":"` + chain.blocks[5].BlockHash.String() + `"`},
			"transactions": {`"type":"` + tx.Type().String() + `"`, `"finality_status":"ACCEPTED_ON_L2"`},
			"received":     {`"type":"` + tx.Type().String() + `"`, `"finality_status":"RECEIVED"`},
		} {
			for _, text := range append(texts, `"transaction_hash":"`+hash+`"`) {
				if !strings.Contains(got[name][i], text) {
					t.Errorf("%s: %d without %s: %s", name, i, text, got[name][i])
				}
			}
		}
	}
	for i, text := range []string{"RECEIVED", "RECEIVED", "ACCEPTED_ON_L2", "ACCEPTED_ON_L2"} {
		if got := got["transactions of"][i]; !strings.Contains(got, text) || i%2 == 1 && !strings.Contains(got, `"proof_facts":[]`) {
			t.Errorf("transactions of: %d: %s, want %s", i, got, text)
		}
	}
	for _, bad := range []struct {
		method, params string
		want           *jsonrpc.Error
	}{
		{"NewTransactionReceipts", `{"sender_address":["0x1","0x2","0x3"]}`, errTooManyAddresses},
		{"NewTransactions", `{"sender_address":["0x1","0x2","0x3"]}`, errTooManyAddresses},
		{"NewTransactionReceipts", `{"finality_status":["RECEIVED"]}`, jsonrpc.ErrInvalidParams},
		{"NewTransactionReceipts", `{"finality_status":["ACCEPTED_ON_L1"]}`, jsonrpc.ErrInvalidParams},
		{"NewTransactions", `{"finality_status":["ACCEPTED_ON_L1"]}`, jsonrpc.ErrInvalidParams},
		{"NewTransactions", `{"finality_status":"RECEIVED"}`, jsonrpc.ErrInvalidParams},
		{"NewTransactions", `{"tags":["X"]}`, jsonrpc.ErrInvalidParams},
		{"NewTransactions", `{"sender_address":"0x1"}`, jsonrpc.ErrInvalidParams},
	} {
		if _, err := c.ask("starknet_subscribe"+bad.method, bad.params); !errors.Is(err, bad.want) {
			t.Errorf("%s %s: %v, want %d", bad.method, bad.params, err, bad.want.Code)
		} else if fault := c.spec.error("starknet_subscribe"+bad.method, err); err.Code > 0 && fault != "" {
			t.Error(fault)
		}
	}
}

// TestSubscriptions09 checks that notifications under the path of version 0.9 match its schemas exactly, as starknet.go requires.
func TestSubscriptions09(t *testing.T) {
	chain := newLiveChain(t)
	_, h := serveLive(t, chain, Config{})
	for path, commitments := range map[string]bool{"/ws/rpc/v0_9": false, "/rpc/v0_9": false, "/ws": true} {
		c := dial(t, h, path)
		heads, events := c.subscribe("NewHeads", `[{"block_number":0}]`), c.subscribe("Events", `{"from_address":"0xacc","block_id":{"block_number":0}}`)
		seen := map[string]int{}
		for range len(chain.blocks) + 8 {
			n := c.next()
			seen[n.id]++
			if has := strings.Contains(string(n.result), "event_commitment") || strings.Contains(string(n.result), "event_index"); has != commitments {
				t.Errorf("%s: %v", path, n)
			}
		}
		if seen[heads] != len(chain.blocks) || seen[events] != 8 {
			t.Errorf("%s: %v", path, seen)
		}
		receipts, transactions := c.subscribe("NewTransactionReceipts", `{}`), c.subscribe("NewTransactions", `{}`)
		status := c.subscribe("TransactionStatus", `["`+chain.hash(1, 3).String()+`"]`)
		c.want(status, "REVERTED")
		template := chain.blocks[1]
		before := len(chain.blocks)
		chain.grow(t, template.Transactions, append([]starknet.Receipt(nil), template.Receipts...))
		for range 1 + 2 + 4 + 4 {
			seen[c.next().id]++
		}
		if seen[heads] != before+1 || seen[events] != 10 || seen[receipts] != 4 || seen[transactions] != 4 {
			t.Errorf("%s: %v", path, seen)
		}
		chain.mu.Lock() // restores the chain for the next path
		chain.blocks, chain.diffs = chain.blocks[:before], chain.diffs[:before]
		for i := range template.Receipts {
			chain.places[template.Receipts[i].TransactionHash] = starknet.Position{Block: 1, Index: uint64(i)}
		}
		chain.mu.Unlock()
		c.conn.Close()
	}
}

// TestUnsubscribe checks that a subscription sends nothing after the answer to unsubscribe, and that others continue.
func TestUnsubscribe(t *testing.T) {
	chain := newLiveChain(t)
	s, h := serveLive(t, chain, Config{})
	c, other := dial(t, h, "/ws"), dial(t, h, "/ws")
	stays, goes := c.subscribe("NewHeads", "{}"), c.subscribe("NewTransactions", `{"finality_status":["RECEIVED"]}`)
	theirs := other.subscribe("NewHeads", "{}")
	c.want(stays, `"block_number":4`)
	other.want(theirs, `"block_number":4`)
	if got, err := c.ask("starknet_unsubscribe", `["`+goes+`"]`); err != nil || string(got) != "true" {
		t.Fatalf("unsubscribe: %s, %v", got, err)
	}
	if s.feed.wanted.Load() != 0 {
		t.Errorf("%d subscriptions want the mempool", s.feed.wanted.Load())
	}
	for _, id := range []string{goes, theirs, "x", ""} { // ended, of another socket, unknown
		_, err := c.ask("starknet_unsubscribe", `{"subscription_id":"`+id+`"}`)
		if !errors.Is(err, errInvalidSubscriptionID) {
			t.Errorf("unsubscribe %q: %v", id, err)
		} else if fault := c.spec.error("starknet_unsubscribe", err); fault != "" {
			t.Error(fault)
		}
	}
	if _, err := c.ask("starknet_unsubscribe", `[1]`); !errors.Is(err, jsonrpc.ErrInvalidParams) {
		t.Errorf("unsubscribe 1: %v", err)
	}
	tx, receipt := fakeInvoke(fakeAccount, 9)
	chain.receive(tx)
	chain.grow(t, []starknet.Transaction{tx}, []starknet.Receipt{receipt})
	c.want(stays, `"block_number":5`)
	c.wantNothing()
	other.want(theirs, `"block_number":5`)
	// Nothing is sent after the answer, even while notifications are being sent.
	for range 20 {
		id := c.subscribe("NewHeads", `[{"block_number":0}]`)
		if got, err := c.ask("starknet_unsubscribe", `["`+id+`"]`); err != nil || string(got) != "true" {
			t.Fatalf("unsubscribe: %s, %v", got, err)
		}
		c.notifications = nil
		chain.grow(t, nil, nil)
		c.want(stays, `"block_number":`)
	}
}

// TestSubscriptionBound checks that subscriptions beyond the bound are rejected and that the socket stays open.
func TestSubscriptionBound(t *testing.T) {
	chain := newLiveChain(t)
	_, h := serveLive(t, chain, Config{})
	c := dial(t, h, "/ws")
	var ids []string
	rejected := 0
	for range 1000 {
		raw, err := c.ask("starknet_subscribeTransactionStatus", `["0x1"]`)
		switch {
		case err == nil:
			ids = append(ids, string(raw))
		case errors.Is(err, jsonrpc.ErrLimit) && strings.Contains(fmt.Sprint(err.Data), "at most 64"):
			rejected++
		default:
			t.Fatal(err)
		}
	}
	if len(ids) != 64 || rejected != 936 {
		t.Errorf("%d subscriptions, %d rejected", len(ids), rejected)
	}
	// After one has ended a new one is allowed. Another socket has its own bound.
	if _, err := c.ask("starknet_unsubscribe", `[`+ids[0]+`]`); err != nil {
		t.Fatal(err)
	}
	heads := c.subscribe("NewHeads", "{}")
	c.want(heads, `"block_number":4`)
	dial(t, h, "/ws").subscribe("NewHeads", "{}")
	// The bound holds in a batch too.
	batch := `[` + strings.TrimSuffix(strings.Repeat(`{"jsonrpc":"2.0","id":5,"method":"starknet_subscribeNewHeads"},`, 100), ",") + `]`
	other := dial(t, h, "/ws")
	if err := other.conn.WriteMessage(1, []byte(batch)); err != nil {
		t.Fatal(err)
	}
	other.conn.SetReadDeadline(time.Now().Add(patience))
	_, answer, err := other.conn.ReadMessage()
	if err != nil || strings.Count(string(answer), `"result"`) != 64 || strings.Count(string(answer), "-32005") != 36 {
		t.Errorf("a batch of 100: %s, %v", answer, err)
	}
}

// TestMempoolFlood checks that a client that does not read does not block the mempool, which notifies of far more transactions than are
// kept.
func TestMempoolFlood(t *testing.T) {
	chain := newLiveChain(t)
	_, h := serveLive(t, chain, Config{Transport: jsonrpc.Config{MaxQueue: 1000, StallTimeout: time.Minute}})
	c := dial(t, h, "/ws")
	id := c.subscribe("NewTransactions", `{"finality_status":["RECEIVED"]}`)
	listener := chain.listening()
	tx, _ := fakeInvoke(fakeAccount, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range uint64(200_000) {
			listener.Transaction(tx, u(n))
		}
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the mempool waits for a client")
	}
	c.want(id, "RECEIVED")
}

// FuzzSocket checks that the answers to any messages are valid, and that no subscriptions are left when the socket has ended.
func FuzzSocket(f *testing.F) {
	chain := newLiveChain(f)
	for _, m := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"starknet_subscribeNewHeads","params":{"block_id":{"block_number":1}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"starknet_subscribeEvents","params":{"from_address":["0xacc"],"keys":[[],["0x3"]],"block_id":"latest","finality_status":"PRE_CONFIRMED"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"starknet_subscribeEvents","params":["0xacc",[["0x1"]],{"block_number":0},"ACCEPTED_ON_L2"]}`,
		`{"jsonrpc":"2.0","id":1,"method":"starknet_subscribeTransactionStatus","params":["` + chain.hash(1, 0).String() + `"]}`,
		`{"jsonrpc":"2.0","id":1,"method":"starknet_subscribeNewTransactionReceipts","params":[["ACCEPTED_ON_L2"],["0xacc"]]}`,
		`{"jsonrpc":"2.0","id":1,"method":"starknet_subscribeNewTransactions","params":{"finality_status":["RECEIVED"],"sender_address":["0xacc"],"tags":["INCLUDE_PROOF_FACTS"]}}`,
		`[{"jsonrpc":"2.0","method":"starknet_subscribeNewHeads"},{"jsonrpc":"2.0","id":2,"method":"starknet_unsubscribe","params":["1"]},1]`,
	} {
		f.Add([]byte(m))
	}
	s, h := serveLive(f, chain, Config{Transport: jsonrpc.Config{Timeout: 10 * time.Millisecond}})
	tx, _ := fakeInvoke(fakeAccount, 1)
	f.Fuzz(func(t *testing.T, message []byte) {
		if strings.Contains(string(message), "starknet_call") {
			t.Skip("the fake's panic, on purpose")
		}
		conn, _, err := dialStatus(h, "/ws", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		write := func(message []byte) {
			if err := conn.WriteMessage(websocket.TextMessage, message); err != nil {
				t.Fatal(err)
			}
		}
		write(message)
		s.feed.newTransaction(tx, u(1))
		write([]byte(`{"jsonrpc":"2.0","id":"the last answer","method":"starknet_chainId"}`))
		conn.SetReadDeadline(time.Now().Add(patience))
		for answer := []byte(nil); !bytes.HasPrefix(answer, []byte(`{"jsonrpc":"2.0","id":"the last answer","result"`)); {
			if _, answer, err = conn.ReadMessage(); err != nil {
				t.Fatal(err)
			}
			if !json.Valid(answer) {
				t.Errorf("%q: %q", message, answer)
			}
		}
		conn.Close()
		s.waitForSockets(t, 0)
		if n := s.feed.wanted.Load(); n != 0 {
			t.Errorf("%q: %d subscriptions are left over", message, n)
		}
	})
}
