package watcher

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cometbft/cometbft/light/provider"
	cmttypes "github.com/cometbft/cometbft/types"
)

// scripted is a provider that returns its errors one after the other, and then a block.
type scripted struct {
	provider.Provider
	errs []error
}

func (s *scripted) LightBlock(context.Context, int64) (*cmttypes.LightBlock, error) {
	if len(s.errs) == 0 {
		return new(cmttypes.LightBlock), nil
	}
	err := s.errs[0]
	s.errs = s.errs[1:]
	return nil, err
}

func TestPatient(t *testing.T) {
	refused := errors.New("dial tcp 127.0.0.1:26657: connect: connection refused")
	bad := provider.ErrBadLightBlock{Reason: errors.New("of another chain")}
	behind := provider.ErrHeightTooHigh
	var long []error
	for range 1000 {
		long = append(long, behind)
	}
	for _, c := range []struct {
		name string
		errs []error
		want error
	}{
		{"there", nil, nil},
		{"away", []error{refused}, provider.ErrNoResponse},
		{"silent", []error{provider.ErrNoResponse}, provider.ErrNoResponse},
		{"a moment behind", []error{behind, behind}, nil},
		{"behind, then away", []error{behind, refused}, provider.ErrNoResponse},
		{"far behind", long, provider.ErrNoResponse},
		{"without old blocks", []error{provider.ErrLightBlockNotFound}, provider.ErrLightBlockNotFound},
		{"wrong", []error{bad}, bad},
	} {
		_, err := retryingProvider{&scripted{errs: c.errs}, 100 * time.Millisecond}.LightBlock(t.Context(), 5)
		if err != c.want { // the light client compares with == too
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (retryingProvider{&scripted{errs: []error{behind}}, time.Hour}).LightBlock(ctx, 5); err == nil {
		t.Error("a block after the end")
	}
}
