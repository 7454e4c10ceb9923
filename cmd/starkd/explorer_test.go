package main

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/starknet"
)

// TestExplorer opens the pages of the explorer in a browser, with an event and a class that contain markup, and verifies a proof there.
func TestExplorer(t *testing.T) {
	full(t)
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: no browser is driven")
	}
	n := newTestnet(t, 1, "--block-time", "300ms")
	n.start(t, 0)
	n.ready(t, 0)
	n.watch(t)
	w := n.wallet(t, 0, 0)
	// An Approval event whose spender is markup: 31 bytes, as a short string.
	spender := felt.FromShortString("<svg onload=pwned=1>")
	approve := wallet.Call{To: starknet.StrkAddress, Name: "approve", Calldata: []felt.Felt{spender, felt.FromUint64(1), felt.Zero}}
	if _, _, err := w.Wait(t.Context(), send(t, w, w.Invoke(approve))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, filepath.Join(golden.ModuleRoot(t), "scripts", "js", "explorer.mjs"), n.Watcher.REST, "--genesis", n.genesis())
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 77 {
		t.Skipf("no browser: %s", output.Bytes())
	}
	if err != nil {
		t.Fatalf("explorer.mjs: %v\n%s", err, output.Bytes())
	}
	t.Logf("%s", output.Bytes())
}
