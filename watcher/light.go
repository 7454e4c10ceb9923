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

// Block is a block whose header validators of the genesis' chain of trust signed, with the header that signs its outcome.
type Block struct {
	Height    int64
	Txs       [][]byte
	Light     *cmttypes.LightBlock // height n: what was executed
	Next      *cmttypes.LightBlock // height n+1: AppHash and LastResultsHash of n
	TxResults [][]byte             // canonical results of height n, hashing to Next.LastResultsHash; nil until fetched
}

// chain is a light client's view of a chain together with its blocks. Nothing it returns is taken from a node on trust.
type chain struct {
	light    *light.Client
	nodes    []*rpchttp.HTTP
	followed atomic.Uint32 // counts up to the node that blocks are read from: the next one after each that fails
	genesis  *cmttypes.GenesisDoc
}

// openChain connects to nodes (CometBFT RPC addresses; the first is followed while it answers, the rest are witnesses).
// Trust starts at the genesis validator set, or at what the store db already holds.
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
		// A single node watches itself: forks are not detected then, signatures still are checked.
		witnesses = providers
	}
	first, err := providers[0].LightBlock(ctx, genesis.InitialHeight)
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

// node returns the node that blocks are read from. Which one it is matters to nothing but its being there.
func (c *chain) node() *rpchttp.HTTP { return c.nodes[int(c.followed.Load())%len(c.nodes)] }

// failed turns to the next node if err is a failure to be tried again.
func (c *chain) failed(ctx context.Context, err error) {
	if err != nil && !errors.Is(err, errNotYet) && ctx.Err() == nil {
		c.followed.Add(1)
	}
}

// errNotYet is a height that the chain has not reached.
var errNotYet = errors.New("watcher: height not reached yet")

// block returns the verified block of a height whose successor's header exists, or errNotYet.
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

// results returns a verified block's transaction results, which hash to what the next header signs.
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
