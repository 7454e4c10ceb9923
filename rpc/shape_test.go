package rpc

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// TestShape checks that requests with too many small values or names, which take many times the size of their text in memory, are rejected
// before they are allocated.
func TestShape(t *testing.T) {
	s := NewServer(newFakeChain(t), Config{Transport: jsonrpc.Config{MaxBody: 16 << 20}, MaxSimulated: 2})
	request := func(method, params string) string {
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params)
	}
	list := func(n int, element string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
	}
	object := func(n int) string {
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf(`"a%d":""`, i))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	tx := broadcast(t, &starknet.Invoke{Common: fakeCommon(1), SenderAddress: fakeAccount})
	for _, c := range []struct{ name, body, fault string }{
		{"the most members", request("starknet_chainId", object(64)), ""},
		{"one more", request("starknet_chainId", object(65)), "an object of more than 64 members"},
		// The request, its id and the list are values too.
		{"the most numbers", request("starknet_chainId", list(1<<20-3, "1")), ""},
		{"one more", request("starknet_chainId", list(1<<20-2, "1")), "more than 1048576 lists"},
		{"many strings", request("starknet_chainId", list(2_000_000, `""`)), ""},
		{"many lists", request("starknet_getEvents", `[{"chunk_size":1,"keys":`+list(1<<20, "[]")+`}]`), "more than 1048576 lists"},
		{"the most felts", request("starknet_getStorageProof", `["latest",`+list(maxFelts, `"0x1"`)+`]`), "at most 1000"},
		{"one more", request("starknet_getStorageProof", `["latest",`+list(maxFelts+1, `"0x1"`)+`]`), "more than 131072 felts"},
		{"many keys", request("starknet_getEvents", `[{"chunk_size":1,"keys":[`+list(2_000_000, `"0x1"`)+`]}]`), "more than 131072 felts"},
		{"many addresses", request("starknet_getEvents", `[{"chunk_size":1,"address":`+list(2_000_000, `"0x1"`)+`}]`), "more than 131072 felts"},
		{"many lists of keys", request("starknet_getEvents", `[{"chunk_size":1,"keys":`+list(maxFelts+1, `[]`)+`}]`), "more than 131072 lists of felts"},
		{"much calldata", request("starknet_call", `[{"contract_address":"0x1","entry_point_selector":"0x1","calldata":`+list(2_000_000, `"0x1"`)+`},"latest"]`), "more than 131072 felts"},
		{"the most transactions", request("starknet_estimateFee", `[`+list(2, tx)+`,[],"latest"]`), ""},
		{"one more", request("starknet_estimateFee", `[`+list(3, tx)+`,[],"latest"]`), "too many transactions, at most 2"},
		{"many strings for transactions", request("starknet_estimateFee", `[`+list(2_000_000, `""`)+`,[],"latest"]`), "too many transactions, at most 2"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, got := post(t, s, "/", c.body)
		runtime.ReadMemStats(&after)
		if c.fault == "" && strings.Contains(got, `"error"`) || !strings.Contains(got, c.fault) {
			t.Errorf("%s: %.200s, want %q", c.name, got, c.fault)
		}
		most := uint64(10*len(c.body) + 1<<20)
		if strings.Contains(c.body, `"0x1",`) || strings.Contains(c.body, `[],[]`) {
			most += 160 * maxFelts // a list up to its bound, including the memory for decoding its elements
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > most {
			t.Errorf("%s: %d bytes allocated for a body of %d, at most %d", c.name, n, len(c.body), most)
		}
	}
}
