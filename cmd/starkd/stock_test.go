package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/starknet"
)

// TestStockCometBFT runs the application under the official cometbft binary, over a socket and over gRPC.
func TestStockCometBFT(t *testing.T) {
	cometbft := build(t, "cometbft", "github.com/cometbft/cometbft/cmd/cometbft")
	for _, transport := range []string{"socket", "grpc"} {
		t.Run(transport, func(t *testing.T) { runStock(t, cometbft, transport) })
	}
}

func runStock(t *testing.T, cometbft, transport string) {
	dir := t.TempDir()
	home, appHome := filepath.Join(dir, "comet"), filepath.Join(dir, "app")
	if output, err := exec.Command(cometbft, "init", "--home", home).CombinedOutput(); err != nil {
		t.Fatalf("cometbft init: %v\n%s", err, output)
	}
	if _, stderr, code := command(t, "init", "--home", appHome, "--chain-id", "STOCK"); code != 0 {
		t.Fatal(stderr)
	}
	// The genesis has the validator of cometbft init, and our app_state, parameters and chain id.
	theirs, err := cmttypes.GenesisDocFromFile(filepath.Join(home, "config", "genesis.json"))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := cmttypes.GenesisDocFromFile(filepath.Join(appHome, "config", "genesis.json"))
	if err != nil {
		t.Fatal(err)
	}
	ours.Validators = theirs.Validators
	if err := ours.SaveAs(filepath.Join(home, "config", "genesis.json")); err != nil {
		t.Fatal(err)
	}
	abci, rpcAddress := "tcp://"+freeAddress(t), "tcp://"+freeAddress(t)
	server := launch(t, "starkd abci", filepath.Join(dir, "abci.log"), starkd(t), "abci", "--home", appHome, "--address", abci, "--transport", transport)
	until(t, "the ABCI server", func() (bool, error) {
		log, err := os.ReadFile(server.log)
		return bytes.Contains(log, []byte("ABCI ("+transport+")")), err
	}, server)
	proxy := abci
	if transport == "grpc" {
		// CometBFT 0.40's gRPC client takes its address as a gRPC target, which tcp:// is not.
		proxy = strings.TrimPrefix(abci, "tcp://")
	}
	start := func() *process {
		return launch(t, "cometbft", filepath.Join(dir, "cometbft.log"), cometbft, "start", "--home", home,
			"--proxy_app="+proxy, "--abci="+transport, "--rpc.laddr="+rpcAddress, "--p2p.laddr=tcp://"+freeAddress(t))
	}
	comet := start()
	client, err := rpchttp.New(rpcAddress, "/websocket")
	if err != nil {
		t.Fatal(err)
	}
	height := func(above int64) {
		t.Helper()
		until(t, fmt.Sprintf("a block above %d", above), func() (bool, error) {
			status, err := client.Status(t.Context())
			return err == nil && status.SyncInfo.LatestBlockHeight > above, nil
		}, server, comet)
	}
	height(1)

	testnet, err := wallet.ReadTestnet(appHome)
	if err != nil {
		t.Fatal(err)
	}
	// Without JSON-RPC there are no estimates: use nonce 0 and large bounds.
	w := &wallet.Wallet{Chain: felt.FromShortString("STOCK"), Address: testnet.Accounts[0].Address, Key: testnet.Accounts[0].PrivateKey}
	tx := w.Invoke(wallet.Transfer(testnet.Accounts[1].Address, 5))
	tx.ResourceBounds = starknet.ResourceBounds{L2Gas: starknet.ResourceBound{MaxAmount: 100_000_000, MaxPricePerUnit: starknet.NewUint128(2_000_000_000)}}
	if err := w.Sign(tx); err != nil {
		t.Fatal(err)
	}
	raw, err := starknet.MarshalTransaction(tx)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := client.BroadcastTxSync(t.Context(), raw[:len(raw)-1])
	if err != nil || bad.Code == 0 {
		t.Errorf("a cut transaction: %+v, %v", bad, err)
	}
	taken, err := client.BroadcastTxSync(t.Context(), raw)
	if err != nil || taken.Code != 0 {
		t.Fatalf("broadcast_tx_sync: %+v, %v", taken, err)
	}
	var included int64
	until(t, "the transaction's block", func() (bool, error) {
		found, err := client.Tx(t.Context(), taken.Hash, false)
		if err != nil {
			return false, err
		}
		included = found.Height
		return true, nil
	}, server, comet)
	results, err := client.BlockResults(t.Context(), &included)
	if err != nil || len(results.TxsResults) == 0 || len(results.TxsResults) > 2 { // statements about proofs may come first
		t.Fatalf("results of block %d: %+v, %v", included, results, err)
	}
	result := new(starknet.Result)
	if err := result.UnmarshalBinary(results.TxsResults[len(results.TxsResults)-1].Data); err != nil {
		t.Fatal(err)
	}
	if receipt := &result.Receipt; receipt.TransactionHash != tx.Hash(w.Chain) || receipt.Reverted || len(receipt.Events) != 2 {
		t.Errorf("receipt %+v of transaction %v", receipt, tx.Hash(w.Chain))
	}

	// Both continue the same chain after kill -9, restarted in either order.
	comet.kill()
	server.kill()
	server = launch(t, "starkd abci", filepath.Join(dir, "abci.log"), starkd(t), "abci", "--home", appHome, "--address", abci, "--transport", transport)
	comet = start()
	height(included + 2)
	block, err := client.Block(t.Context(), &included)
	if err != nil {
		t.Fatal(err)
	}
	next := included + 1
	after, err := client.Block(t.Context(), &next)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(block.Block.AppHash, after.Block.AppHash) {
		t.Errorf("the app hash %X does not change with the transaction", after.Block.AppHash)
	}
	comet.kill()
	server.stop(t)
}
