package watcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/light"
	"github.com/cometbft/cometbft/light/provider"
	lighthttp "github.com/cometbft/cometbft/light/provider/http"
	lightdb "github.com/cometbft/cometbft/light/store/db"
	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/block/statement"
)

// Block is a block with its signed header, and the signed header of the next height, which contains its outcome.
type Block struct {
	Height    int64
	Txs       [][]byte
	Light     *cmttypes.LightBlock // height n: the header of the block
	Next      *cmttypes.LightBlock // height n+1: AppHash and LastResultsHash of n
	TxResults [][]byte             // canonical results of height n, which hash to Next.LastResultsHash; nil until fetched
}

// chain reads verified blocks from nodes through a light client. Everything that it returns is verified.
type chain struct {
	light    *light.Client
	nodes    []*rpchttp.HTTP
	followed atomic.Uint32 // index, modulo len(nodes), of the node that blocks are read from; grows by one with each failure
	genesis  *cmttypes.GenesisDoc
}

// openChain connects to nodes (CometBFT RPC addresses; the first is followed as long as it answers, the others are witnesses). Trust starts
// at the validators of the genesis, or at the newest header in db.
func openChain(ctx context.Context, genesis *cmttypes.GenesisDoc, nodes []string, db dbm.DB, period time.Duration) (*chain, error) {
	c := &chain{genesis: genesis}
	var providers []provider.Provider
	for _, node := range nodes {
		reader, err := rpchttp.New(node, "/websocket")
		if err != nil {
			return nil, fmt.Errorf("watcher: node %s: %w", node, err)
		}
		c.nodes = append(c.nodes, reader)
		p, err := lighthttp.New(genesis.ChainID, node)
		if err != nil {
			return nil, fmt.Errorf("watcher: node %s: %w", node, err)
		}
		providers = append(providers, retryingProvider{p, witnessLag})
	}
	witnesses := providers[1:]
	if len(witnesses) == 0 {
		// A single node is its own witness: signatures are still checked, but forks are not detected.
		witnesses = providers
	}
	first, err := providers[0].LightBlock(ctx, genesis.InitialHeight)
	if errors.Is(err, provider.ErrNoResponse) {
		return nil, fmt.Errorf("watcher: node %s does not answer", nodes[0])
	}
	if err != nil {
		return nil, fmt.Errorf("watcher: node %s: header of height %d: %w", nodes[0], genesis.InitialHeight, err)
	}
	if want := genesis.ValidatorHash(); !bytes.Equal(first.ValidatorsHash, want) {
		return nil, fmt.Errorf("watcher: header of height %d is signed by validators %X, genesis has %X", first.Height, first.ValidatorsHash, want)
	}
	if c.light, err = light.NewClient(ctx, genesis.ChainID,
		light.TrustOptions{Period: period, Height: first.Height, Hash: first.Hash()},
		providers[0], witnesses, lightdb.New(db, genesis.ChainID)); err != nil {
		return nil, forked(first.Height, fmt.Errorf("watcher: light client: %w", err))
	}
	return c, nil
}

// node returns the node that blocks are read from. Answers are verified, so any node will do.
func (c *chain) node() *rpchttp.HTTP { return c.nodes[int(c.followed.Load())%len(c.nodes)] }

// failed switches to the next node if err is a failure of the node.
func (c *chain) failed(ctx context.Context, err error) {
	if err != nil && !errors.Is(err, errNotYet) && ctx.Err() == nil {
		c.followed.Add(1)
	}
}

// errNotYet is the error of a height that the chain has not reached.
var errNotYet = errors.New("watcher: height not reached yet")

// block returns the verified block of a height, or errNotYet if the next header does not exist yet.
func (c *chain) block(ctx context.Context, height int64) (b *Block, err error) {
	defer func() { c.failed(ctx, err) }()
	node := c.node()
	status, err := node.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("watcher: status: %w", err)
	}
	if status.SyncInfo.LatestBlockHeight < height+1 {
		return nil, errNotYet
	}
	next, err := c.light.VerifyLightBlockAtHeight(ctx, height+1, time.Now())
	if err != nil {
		return nil, forked(height+1, fmt.Errorf("watcher: header %d: %w", height+1, err))
	}
	this, err := c.light.VerifyLightBlockAtHeight(ctx, height, time.Now())
	if err != nil {
		return nil, forked(height, fmt.Errorf("watcher: header %d: %w", height, err))
	}
	if !bytes.Equal(next.LastBlockID.Hash, this.Hash()) { // both are signed
		return nil, &ForkError{next.Height, fmt.Errorf("header %d follows %X, header %d is %X", next.Height, next.LastBlockID.Hash, height, this.Hash())}
	}
	answer, err := node.Block(ctx, &height)
	if err != nil {
		return nil, fmt.Errorf("watcher: block %d: %w", height, err)
	}
	if answer.Block == nil || !bytes.Equal(answer.Block.Txs.Hash(), this.DataHash) {
		return nil, fmt.Errorf("watcher: transactions of block %d do not hash to %X, its header's data hash", height, this.DataHash)
	}
	b = &Block{Height: height, Light: this, Next: next}
	for _, tx := range answer.Block.Txs {
		b.Txs = append(b.Txs, tx)
	}
	return b, nil
}

// results returns the transaction results of a verified block, checked against the results hash in the next header.
func (c *chain) results(ctx context.Context, b *Block) (results []statement.Result, err error) {
	defer func() { c.failed(ctx, err) }()
	answer, err := c.node().BlockResults(ctx, &b.Height)
	if err != nil {
		return nil, fmt.Errorf("watcher: results of block %d: %w", b.Height, err)
	}
	results = make([]statement.Result, len(answer.TxsResults))
	for i, r := range answer.TxsResults {
		results[i] = statement.Result{Code: r.Code, Data: r.Data, GasWanted: r.GasWanted, GasUsed: r.GasUsed}
	}
	if hash := headers.ResultsHash(results); !bytes.Equal(hash, b.Next.LastResultsHash) {
		return nil, fmt.Errorf("watcher: results of block %d hash to %X, header %d signs %X", b.Height, hash, b.Next.Height, b.Next.LastResultsHash)
	}
	return results, nil
}
