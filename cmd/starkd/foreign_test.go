package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// TestForeign declares, deploys and calls contracts of other projects with starknet.js, from an account class of another project.
func TestForeign(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: no starknet.js")
	}
	scripts := filepath.Join(golden.ModuleRoot(t), "scripts", "js")
	if _, err := os.Stat(filepath.Join(scripts, "node_modules", "starknet")); err != nil {
		t.Skip("starknet.js is not installed: run npm ci in scripts/js")
	}
	corpus := filepath.Dir(filepath.Dir(golden.Corpus(t, "sierra-casm", "account__account.contract_class.json")))
	n := newTestnet(t, 1, "--block-time", "300ms")
	n.start(t, 0)
	n.ready(t, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, node, filepath.Join(scripts, "foreign.mjs"), n.dir, corpus)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("foreign.mjs: %v\n%s%s", err, stdout.Bytes(), stderr.Bytes())
	}
	var told struct {
		Account   string            `json:"account"`
		Contracts map[string]string `json:"contracts"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &told); err != nil || told.Account == "" || len(told.Contracts) < 5 {
		t.Fatalf("%v: %s", err, stdout.Bytes())
	}
	t.Logf("%d contracts", len(told.Contracts))
}
