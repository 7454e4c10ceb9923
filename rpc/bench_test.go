package rpc

import (
	"testing"

	"github.com/starkd/starkd/starknet"
)

// BenchmarkGetBlockWithTxs runs the request that starknet.js sends three times before each transaction, for a block of 500
// transfers.
func BenchmarkGetBlockWithTxs(b *testing.B) {
	f := newFakeChain(b)
	var txs []starknet.Transaction
	for n := range uint64(500) {
		tx := &starknet.Invoke{Common: fakeCommon(n), SenderAddress: fakeAccount}
		for range 8 {
			tx.Calldata = append(tx.Calldata, fakeClassHash)
		}
		txs = append(txs, tx)
	}
	f.add(b, txs, make([]starknet.Receipt, len(txs)), &starknet.StateDiff{})
	s := NewServer(f, Config{})
	const body = `{"jsonrpc":"2.0","id":1,"method":"starknet_getBlockWithTxs","params":["latest"]}`
	for b.Loop() {
		_, answer := post(b, s, "/rpc", body)
		b.SetBytes(int64(len(answer)))
	}
}
