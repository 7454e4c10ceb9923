package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"
)

// startRefused runs starkd, and checks that it ends with status 1, a reason and a hint as its last words, and no Go trace. A service that is
// still starting may log a line after them.
func startRefused(t *testing.T, reason, hint string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, starkd(t), args...)
	cmd.Stderr = &errs
	if err := cmd.Run(); err == nil {
		t.Errorf("starkd %s ends with status 0", strings.Join(args, " "))
		return
	}
	lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
	last := len(lines) - 1
	for last > 0 && last > len(lines)-6 && !strings.HasPrefix(lines[last], "starkd: ") {
		last--
	}
	text := strings.Join(lines[last:], "\n")
	want := "^starkd: .*" + reason + ".*\nhint: .*" + hint
	if code := cmd.ProcessState.ExitCode(); code != 1 || !regexp.MustCompile(want).MatchString(text) || strings.Contains(errs.String(), "goroutine ") {
		t.Errorf("status %d, want 1 and %q; standard error ends with\n%s", code, want, strings.Join(lines[max(0, len(lines)-12):], "\n"))
	}
}

// usedHome makes the home of a chain with one validator that has made some blocks and has stopped.
func usedHome(t *testing.T) *testnet {
	t.Helper()
	n := newTestnet(t, 1, "--block-time", "50ms")
	n.exec(t, 0)
	n.until(t, "some blocks", func() (bool, error) { return n.height(t, 0) > 4, nil })
	n.nodes[0].stop(t)
	if log, err := os.ReadFile(n.nodes[0].log); err != nil || bytes.Contains(log, []byte("\nE[")) || bytes.Contains(log, []byte("level=ERROR")) {
		t.Errorf("a clean run logs errors (%v):\n%s", err, tail(n.nodes[0].log, 10))
	}
	if left, _ := filepath.Glob(filepath.Join(n.Nodes[0].Home, "*", "write-file-atomic-*")); len(left) > 0 {
		t.Errorf("a clean stop leaves %v", left)
	}
	return n
}

// edit replaces a text in a file.
func edit(t *testing.T, path, from, to string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(from)) {
		t.Fatalf("%s has no %q", path, from)
	}
	if err := os.WriteFile(path, bytes.Replace(data, []byte(from), []byte(to), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedHomes checks that a node with a damaged home prints the reason in one line and advice in another.
func TestDamagedHomes(t *testing.T) {
	n := usedHome(t)
	remove := func(names ...string) func(*testing.T, string) {
		return func(t *testing.T, home string) {
			for _, name := range names {
				if err := os.RemoveAll(filepath.Join(home, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	write := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, home string) {
			if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	change := func(name, from, to string) func(*testing.T, string) {
		return func(t *testing.T, home string) { edit(t, filepath.Join(home, name), from, to) }
	}
	mode := func(name string, mode os.FileMode) func(*testing.T, string) {
		return func(t *testing.T, home string) {
			if err := os.Chmod(filepath.Join(home, name), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	cut := func(dir string) func(*testing.T, string) {
		return func(t *testing.T, home string) {
			files, err := filepath.Glob(filepath.Join(home, dir, "*"))
			if err != nil || len(files) == 0 {
				t.Fatal(files, err)
			}
			for _, f := range files {
				if err := os.Truncate(f, 7); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, c := range []struct {
		name         string
		damage       func(t *testing.T, home string)
		reason, hint string
	}{
		{"CometBFT's databases are gone", remove("data/state.db", "data/blockstore.db", "data/cs.wal"), "", "priv_validator_state.json"},
		{"the state database is gone", remove("data/state.db"), "StoreBlockHeight", "priv_validator_state.json"},
		{"the block store is gone", remove("data/blockstore.db"), "", "priv_validator_state.json"},
		{"the address book is empty", write("config/addrbook.json", ""), "addrbook.json", "remove it"},
		{"CURRENT is gone", remove("data/starknet.db/CURRENT"), "", "damaged or missing"},
		{"the application's database is cut", cut("data/starknet.db"), "starknet.db", "damaged or missing"},
		{"the state database is cut", cut("data/state.db"), "state.db", "damaged or missing"},
		{"the block store is cut", cut("data/blockstore.db"), "blockstore.db", "damaged or missing"},
		{"another backend, ours", change("config/app.toml", `"pebbledb"`, `"goleveldb"`), "starknet.db was written by pebbledb, db_backend is goleveldb", "set db_backend back"},
		{"another backend, CometBFT's", change("config/config.toml", `db_backend = "goleveldb"`, `db_backend = "pebbledb"`), "was written by goleveldb, db_backend is pebbledb", "set db_backend back"},
		{"another chain id", change("config/genesis.json", `"chain_id": "COMET_STARK"`, `"chain_id": "OTHER"`), `chain OTHER.* this home's chain COMET_STARK began with`, "own genesis.json"},
		{"another balance", change("config/genesis.json", `"amount": "0x3635c9adc5dea00000"`, `"amount": "0x1"`), "genesis.json hashes to", "own genesis.json"},
		{"an empty validator key", write("config/priv_validator_key.json", "{}"), "priv_key, pub_key or address is missing", "restore"},
		{"a broken validator key", write("config/priv_validator_key.json", "{"), "priv_validator_key.json", "restore"},
		{"no validator key", remove("config/priv_validator_key.json"), "priv_validator_key.json", "restore"},
		{"what was signed is gone", remove("data/priv_validator_state.json"), "priv_validator_state.json", "may sign twice"},
		{"what was signed is broken", write("data/priv_validator_state.json", "{"), "priv_validator_state.json", "may sign twice"},
		{"an empty node key", write("config/node_key.json", "{}"), "node_key.json: priv_key is missing", ""},
		{"the group reads the validator key", mode("config/priv_validator_key.json", 0o640), "mode 0640", "chmod 600"},
		{"the world reads the validator key", mode("config/priv_validator_key.json", 0o604), "mode 0604", "chmod 600"},
		{"the world reads the node key", mode("config/node_key.json", 0o644), "mode 0644", "chmod 600"},
		{"a misspelt key of CometBFT's", change("config/config.toml", "timeout_commit =", "timeout_comit ="), "timeout_comit", "config.toml|CometBFT"},
		{"a log level that is none", change("config/config.toml", `log_level = "info"`, `log_level = "starkd:loud"`), "loud", "levels"},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := filepath.Join(t.TempDir(), "home")
			if err := os.CopyFS(home, os.DirFS(n.Nodes[0].Home)); err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"priv_validator_key.json", "node_key.json"} {
				if err := os.Chmod(filepath.Join(home, "config", secret), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c.damage(t, home)
			startRefused(t, c.reason, c.hint, "start", "--home", home)
		})
	}
	t.Run("in use", func(t *testing.T) {
		n.exec(t, 0)
		n.ready(t, 0)
		startRefused(t, "starknet.db", "another starkd is running", "start", "--home", n.Nodes[0].Home)
		n.nodes[0].stop(t)
	})
	t.Run("goes on", func(t *testing.T) { // with temporary files of a crash, and other spaces in the genesis
		litter := filepath.Join(n.Nodes[0].Home, "config", "write-file-atomic-0123")
		if err := os.WriteFile(litter, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		edit(t, filepath.Join(n.Nodes[0].Home, "config", "genesis.json"), "{", "{\n\n")
		edit(t, filepath.Join(n.Nodes[0].Home, "config", "genesis.json"), `"balances": [`, "\"balances\":\n [ ")
		last := n.height(t, 0)
		n.exec(t, 0)
		n.until(t, "more blocks", func() (bool, error) { return n.height(t, 0) > last+2, nil })
		if _, err := os.Stat(litter); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("litter is still there: %v", err)
		}
		n.nodes[0].stop(t)
	})
}

// TestGenesisInTheFuture checks that a node that waits for the genesis time ends at a signal.
func TestGenesisInTheFuture(t *testing.T) {
	n := newTestnet(t, 1)
	path := filepath.Join(n.Nodes[0].Home, "config", "genesis.json")
	doc, err := cmttypes.GenesisDocFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc.GenesisTime = time.Now().Add(24 * time.Hour)
	if err := doc.SaveAs(path); err != nil {
		t.Fatal(err)
	}
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		n.exec(t, 0)
		p := n.nodes[0]
		until(t, "the wait", func() (bool, error) {
			log, err := os.ReadFile(p.log)
			return bytes.Contains(log, []byte("waiting for the genesis time")), err
		}, p)
		p.expected = true
		p.cmd.Process.Signal(signal)
		select {
		case <-p.exited:
		case <-time.After(patience):
			t.Fatalf("the node does not end after %v", signal)
		}
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("status %d after %v", code, signal)
		}
		if err := os.Remove(p.log); err != nil {
			t.Fatal(err)
		}
	}
}

// TestJSONLog checks that with log_format = "json" every line on standard error is JSON, whether ours, CometBFT's or a database's.
func TestJSONLog(t *testing.T) {
	n := newTestnet(t, 1, "--block-time", "50ms")
	edit(t, filepath.Join(n.Nodes[0].Home, "config", "config.toml"), `log_format = "plain"`, `log_format = "json"`)
	edit(t, filepath.Join(n.Nodes[0].Home, "config", "config.toml"), `log_level = "info"`, `log_level = "starkd:debug,*:error"`)
	n.exec(t, 0)
	n.until(t, "some blocks", func() (bool, error) { return n.height(t, 0) > 3, nil })
	n.nodes[0].stop(t)
	log, err := os.ReadFile(n.nodes[0].log)
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for line := range strings.Lines(string(log)) {
		var entry struct{ Level, Msg string }
		if strings.HasPrefix(line, "starkd ") { // standard output
			continue
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if entry.Msg != "" && (entry.Level == "DEBUG" || entry.Level == "INFO") {
			ours++
		}
	}
	if ours == 0 {
		t.Error("our lines at level debug are not in the log")
	}
}
