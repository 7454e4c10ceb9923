package rpc

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/starknet"
)

// TestStarknetJS runs starknet.js, on which Starknet's wallets are built, against the server: reads, the requests of execute,
// deployAccount and declare, and waiting. STARKD_STARKNETJS is a folder in which `npm install starknet@10.8.0` was run, by default
// scripts/js.
func TestStarknetJS(t *testing.T) {
	dir := os.Getenv("STARKD_STARKNETJS")
	if dir == "" {
		dir = filepath.Join(golden.ModuleRoot(t), "scripts", "js")
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed: no starknet.js")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "starknet")); err != nil {
		t.Skip("starknet.js is not installed: run npm ci in scripts/js")
	}
	f := &miningChain{fakeChain: newFakeChain(t), t: t}
	f.classes[fakeClassHash].ABI = `[]`
	f.classes = map[felt.Felt]*starknet.ContractClass{fakeClassHash: f.classes[fakeClassHash]}
	h := httptest.NewServer(NewServer(f, Config{}))
	defer h.Close()

	// Node.js looks up modules from the script's folder.
	run := t.TempDir()
	script, err := os.ReadFile(filepath.Join("testdata", "starknetjs.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(run, "starknetjs.mjs"), script, 0o600); err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Abs(filepath.Join(dir, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(run, "node_modules")); err != nil {
		t.Fatal(err)
	}
	class, err := os.ReadFile(golden.Corpus(t, "contracts", "sierra-casm", "d_bounds.contract_class.json"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "starknetjs.mjs", h.URL, fakeAccount.String(), string(class))
	cmd.Dir = run
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, stderr.Bytes())
	}
	golden.Equal(t, "starknetjs.golden", out)
}

// miningChain is a fakeChain that puts every sent transaction into its own block at once.
type miningChain struct {
	*fakeChain
	t testing.TB
}

func (f *miningChain) Submit(_ context.Context, tx starknet.Transaction) (felt.Felt, error) {
	diff := &starknet.StateDiff{}
	if d, ok := tx.(*starknet.Declare); ok {
		f.classes[d.ClassHash] = d.Class
		diff.Declared = append(diff.Declared, starknet.DeclaredClass{ClassHash: d.ClassHash, CompiledClassHash: d.CompiledClassHash})
	}
	f.add(f.t, []starknet.Transaction{tx}, []starknet.Receipt{{ActualFee: starknet.NewUint128(1)}}, diff)
	return tx.Hash(fakeChainID), nil
}
