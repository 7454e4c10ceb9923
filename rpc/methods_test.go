package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// TestRequiredParameters checks that a request without one of its required parameters is answered with error -32602, which names the
// parameter.
func TestRequiredParameters(t *testing.T) {
	spec, f := loadOpenRPC(t, "v0.10.2"), newFakeChain(t)
	cases := methodCases(t, f)
	s := NewServer(f, Config{Transport: jsonrpc.Config{Log: quiet}})
	seen := map[string]bool{}
	for _, c := range cases {
		var members map[string]json.RawMessage
		if c.code != 0 || seen[c.method] || json.Unmarshal([]byte(c.params), &members) != nil {
			continue
		}
		for _, p := range spec.methods[c.method].params {
			name, required := p["name"].(string), p["required"] == true
			value, given := members[name]
			if !required || !given {
				continue
			}
			seen[c.method] = true
			delete(members, name)
			params, err := json.Marshal(members)
			if err != nil {
				t.Fatal(err)
			}
			members[name] = value
			result, rpcErr := ask(t, s, "/", c.method, string(params))
			if rpcErr == nil || rpcErr.Code != -32602 || !strings.Contains(fmt.Sprint(rpcErr.Data), name) {
				t.Errorf("%s without %s: %s, %v", c.method, name, bounded.Clip(result), rpcErr)
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("%d methods have required parameters: %v", len(seen), seen)
	}
}

// TestGates checks that a request waits for the gate of its method and for no other.
func TestGates(t *testing.T) {
	kinds := map[string]string{
		"starknet_call": "executions", "starknet_addInvokeTransaction": "executions", "starknet_addDeployAccountTransaction": "executions",
		"starknet_estimateFee": "simulations", "starknet_simulateTransactions": "simulations",
		"starknet_traceTransaction": "simulations", "starknet_traceBlockTransactions": "simulations",
		"starknet_addDeclareTransaction": "declares",
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFakeChain(t)
		cases := append(methodCases(t, f), methodCase{method: "starknet_specVersion", params: "[]"})
		s := NewServer(f, Config{Transport: jsonrpc.Config{Timeout: time.Second, Log: quiet}})
		table := s.table(SpecVersion)
		gates := map[string]jsonrpc.Gate{"executions": s.executions, "simulations": s.simulations, "declares": s.declares}
		// busy sends a request while all tokens of some gates are taken.
		busy := func(c *methodCase, taken ...string) bool {
			for _, kind := range taken {
				for range cap(gates[kind]) {
					gates[kind] <- struct{}{}
				}
			}
			_, err := ask(t, s, "/", c.method, c.params)
			for _, kind := range taken {
				for range cap(gates[kind]) {
					<-gates[kind]
				}
			}
			return err != nil && err.Data == "the node is busy"
		}
		seen := map[string]bool{}
		for i := range cases {
			c := &cases[i]
			if seen[c.method] {
				continue
			}
			seen[c.method] = true
			kind := kinds[c.method]
			var others []string
			for other := range gates {
				if other != kind {
					others = append(others, other)
				}
			}
			if busy(c, others...) {
				t.Errorf("%s waits for the gates %v", c.method, others)
			}
			if kind == "" { // the gate of package jsonrpc
				if table[c.method].Gate != nil {
					t.Errorf("%s has a gate", c.method)
				}
				continue
			}
			if !busy(c, kind) {
				t.Errorf("%s does not wait for the gate %s", c.method, kind)
			}
		}
		if len(seen) != len(table) {
			t.Errorf("%d of %d methods: %v", len(seen), len(table), seen)
		}
	})
}

// TestFilteredStateUpdate checks that a state update of some contracts has all kinds of their changes and no changes of other contracts.
func TestFilteredStateUpdate(t *testing.T) {
	s := NewServer(newFakeChain(t), Config{Transport: jsonrpc.Config{Log: quiet}})
	for account, want := range map[string][]string{
		fakeAccount.String(): {
			`"nonces":[{"contract_address":"0xacc","nonce":"0x3"}]`, `"storage_diffs":[{"address":"0xacc"`, `"deployed_contracts":[]`,
			`"replaced_classes":[{"contract_address":"0xacc"`,
		},
		fakeDeployed.String(): {
			`"nonces":[{"contract_address":"` + fakeDeployed.String() + `","nonce":"0x1"}]`, `"storage_diffs":[]`,
			`"deployed_contracts":[{"address":"` + fakeDeployed.String() + `"`, `"replaced_classes":[]`,
		},
	} {
		result, err := ask(t, s, "/", "starknet_getStateUpdate", `[{"block_number":1},["`+account+`"]]`)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			if !bytes.Contains(result, []byte(text)) {
				t.Errorf("changes of %s: %s, want %s", account, result, text)
			}
		}
	}
}

// unreadable is a chain whose headers can be read but whose blocks cannot.
type unreadable struct{ *liveChain }

func (unreadable) Block(context.Context, uint64) (*starknet.Block, error) {
	return nil, errors.New("disk on fire")
}

// TestSubscriptionFails checks that a socket whose subscription cannot read a block is closed with code 1011, and that only the log has the
// reason.
func TestSubscriptionFails(t *testing.T) {
	for _, method := range []string{"NewTransactions", "NewTransactionReceipts"} {
		t.Run(method, func(t *testing.T) {
			chain := newLiveChain(t)
			var log bytes.Buffer
			s, h := serveLive(t, unreadable{chain}, Config{Transport: jsonrpc.Config{Log: slog.New(slog.NewTextHandler(&log, nil))}})
			c := dial(t, h, "/ws")
			c.subscribe(method, "{}")
			txs, receipts := bigReceipts(1)
			chain.grow(t, txs, receipts)
			if e := c.closed(); e.Code != websocket.CloseInternalServerErr || e.Text != "internal error" {
				t.Errorf("closed with %v", e)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := s.Shutdown(ctx); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(log.String(), "disk on fire") {
				t.Errorf("log %q", log.String())
			}
		})
	}
}

// headless is a chain whose head cannot be read.
type headless struct{ *liveChain }

func (headless) Head(context.Context) (Head, error) { return Head{}, errors.New("disk on fire") }

// TestSubscriptionWithoutHead checks that a subscription is rejected if the head cannot be read, and that the socket stays open.
func TestSubscriptionWithoutHead(t *testing.T) {
	_, h := serveLive(t, headless{newLiveChain(t)}, Config{})
	c := dial(t, h, "/ws")
	for _, method := range []string{"NewHeads", "Events", "NewTransactions", "NewTransactionReceipts"} {
		if id, err := c.ask("starknet_subscribe"+method, "{}"); err == nil || err.Code != -32603 {
			t.Errorf("%s: %s, %v", method, id, err)
		}
	}
	if _, err := c.ask("starknet_chainId", "[]"); err != nil {
		t.Error(err)
	}
}

// TestRejection checks that Rejection returns the specification's error for a code, with the reason as its data, and an unexpected error
// with the code for any other.
func TestRejection(t *testing.T) {
	for _, c := range []struct {
		code int
		want string
	}{
		{starknet.CodeNonAccount, "rpc: Sender address is not an account contract (58): \"why\""},
		{starknet.CodeContractError, "rpc: Contract error (40): {\"revert_error\":\"why\"}"},
		{7, "rpc: An unexpected error occurred (63): \"7: why\""},
	} {
		if got := Rejection(c.code, "why").Error(); got != c.want {
			t.Errorf("%d: %s, want %s", c.code, got, c.want)
		}
	}
}
