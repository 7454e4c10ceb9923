package watcher

import (
	"context"
	"errors"
	"time"

	"github.com/cometbft/cometbft/light/provider"
	cmttypes "github.com/cometbft/cometbft/types"
)

// retryingProvider is a node as a provider of the light client. CometBFT's light client drops a provider permanently on most errors, such
// as a refused connection, so a watcher would lose its nodes one by one as they restart. It also sleeps for 30 seconds if a witness is a
// moment behind. retryingProvider returns ErrNoResponse for connection errors, which the light client tolerates, and asks a node that is
// behind again for the time lag. Invalid answers are returned unchanged.
type retryingProvider struct {
	provider.Provider
	lag time.Duration
}

// witnessLag is more than the delay between nodes that take part in consensus.
const witnessLag = 3 * time.Second

// LightBlock returns the light block of a height from the node.
func (p retryingProvider) LightBlock(ctx context.Context, height int64) (*cmttypes.LightBlock, error) {
	for deadline := time.Now().Add(p.lag); ; {
		block, err := p.Provider.LightBlock(ctx, height)
		switch _, bad := errors.AsType[provider.ErrBadLightBlock](err); {
		case err == nil, bad, errors.Is(err, provider.ErrLightBlockNotFound):
			return block, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !errors.Is(err, provider.ErrHeightTooHigh), time.Now().After(deadline):
			return nil, provider.ErrNoResponse
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(p.lag / 30):
		}
	}
}
