package watcher

import (
	"context"
	"errors"
	"time"

	"github.com/cometbft/cometbft/light/provider"
	cmttypes "github.com/cometbft/cometbft/types"
)

// retryingProvider is a node as the light client's provider. CometBFT's light client drops a provider permanently on any error that is
// not one of a few, a refused connection among them, so that a watcher would lose its nodes one by one as they are
// restarted; and it sleeps for 30 seconds where a witness is a moment behind. Here, a node that is away did not respond, and
// one that is behind is asked again for lag before it counts as such. What a node says wrongly is passed on as it is.
type retryingProvider struct {
	provider.Provider
	lag time.Duration
}

// witnessLag is more than nodes that take part in consensus are apart.
const witnessLag = 3 * time.Second

// LightBlock asks the node.
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
