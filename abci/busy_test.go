package abci

import (
	"context"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	abcitypes "github.com/cometbft/cometbft/abci/types"
)

// TestBusy checks that new transactions are rejected as busy once Commit has waited for commitPatience, so that it can begin, and that
// rechecks of the mempool's transactions still run.
func TestBusy(t *testing.T) {
	w := newFixture(t)
	a := New(w.open(t, dbm.NewMemDB()))
	ctx, now := context.Background(), time.Unix(1_700_000_000, 5)
	if _, err := a.InitChain(ctx, &abcitypes.RequestInitChain{Time: now, ChainId: testChain, AppStateBytes: w.appState, InitialHeight: 1}); err != nil {
		t.Fatal(err)
	}
	check := func(what string, kind abcitypes.CheckTxType, codespace string) {
		t.Helper()
		r, err := a.CheckTx(ctx, &abcitypes.RequestCheckTx{Tx: w.transfer(t, 0), Type: kind})
		if err != nil || r.Codespace != codespace || (r.Code == 0) != (codespace == "") {
			t.Errorf("%s: %v (%v), want codespace %q", what, r, err, codespace)
		}
	}
	check("before a block", abcitypes.CheckTxType_New, "")
	if _, err := a.FinalizeBlock(ctx, &abcitypes.RequestFinalizeBlock{Height: 1, Time: now, ProposerAddress: proposer}); err != nil {
		t.Fatal(err)
	}
	a.finalized.Store(time.Now().Add(time.Hour).UnixNano())
	check("Commit has not waited long", abcitypes.CheckTxType_New, "")
	a.finalized.Store(time.Now().Add(-commitPatience - time.Millisecond).UnixNano())
	check("Commit has waited long", abcitypes.CheckTxType_New, CodespaceBusy)
	check("a recheck", abcitypes.CheckTxType_Recheck, "")
	if _, err := a.Commit(ctx, &abcitypes.RequestCommit{}); err != nil {
		t.Fatal(err)
	}
	check("after Commit", abcitypes.CheckTxType_New, "")
}
