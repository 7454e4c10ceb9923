package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/watcher"
)

// TestWatchHalts checks a watcher whose genesis gives one account another balance, so that it disagrees with the chain. It must report both
// app hashes and the height, over REST until a signal ends it, and in its exit status.
func TestWatchHalts(t *testing.T) {
	n := newTestnet(t, 1)
	n.start(t, 0)
	n.ready(t, 0)

	// home makes a home like that of the testnet's watcher, with another genesis.
	home := func(name string, genesis []byte) string {
		dir := filepath.Join(n.dir, name)
		config, err := os.ReadFile(filepath.Join(n.Watcher.Home, "config", "app.toml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, sub := range []string{"config", "data"} {
			if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		for file, data := range map[string][]byte{"app.toml": config, "genesis.json": genesis} {
			if err := os.WriteFile(filepath.Join(dir, "config", file), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	good, err := os.ReadFile(n.genesis())
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(good, &doc); err != nil {
		t.Fatal(err)
	}
	doc["app_state"].(map[string]any)["balances"].([]any)[1].(map[string]any)["amount"] = "0x1"
	bad, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	verdict := regexp.MustCompile(`watcher: app hash after block 0 is ([0-9A-F]{64}) by this replica, validators signed ([0-9A-F]{64})`)
	both := func(where, text string) {
		t.Helper()
		found := verdict.FindStringSubmatch(text)
		if found == nil || found[1] == found[2] {
			t.Errorf("%s: no two app hashes: %s", where, text)
		}
	}

	t.Run("exit on halt", func(t *testing.T) {
		_, stderr, code := command(t, "watch", "--home", home("exits", bad), "--rest", freeAddress(t), "--exit-on-halt")
		if code != 1 || !strings.Contains(stderr, "\nhint: ") {
			t.Errorf("status %d\n%s", code, stderr)
		}
		both("standard error", stderr[strings.LastIndex(stderr, "\nstarkd: ")+1:])
	})

	t.Run("serves the reason", func(t *testing.T) {
		address, log := freeAddress(t), filepath.Join(n.dir, "halted.log")
		p := launch(t, "halted", log, starkd(t), "watch", "--home", home("halted", bad), "--rest", address)
		health := ""
		until(t, "the watcher to halt", func() (bool, error) {
			var status watcher.Status
			if _, err := get(t.Context(), "http://"+address+"/v1/status", &status); err != nil || status.Halted == "" {
				return false, err
			}
			code, err := get(t.Context(), "http://"+address+"/healthz", nil)
			if code != http.StatusServiceUnavailable {
				t.Fatalf("/healthz of a halted watcher: %d, %v", code, err)
			}
			health = err.Error()
			both("/v1/status", status.Halted)
			return true, nil
		}, p)
		both("/healthz", health)
		var proofs map[string]any
		if _, err := get(t.Context(), "http://"+address+"/v1/proofs", &proofs); err != nil {
			t.Errorf("proofs are not served any more: %v", err)
		}
		p.expected = true
		p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.exited:
		case <-time.After(patience):
			t.Fatal("a halted watcher does not end after SIGTERM")
		}
		end := tail(log, 2)
		if code := p.cmd.ProcessState.ExitCode(); code != 1 || !strings.HasPrefix(end, "starkd: ") || !strings.Contains(end, "\nhint: ") {
			t.Errorf("status %d, at the end of its log:\n%s", code, end)
		}
		both("standard error", end)
	})

	t.Run("a genesis that was changed", func(t *testing.T) {
		n.watch(t)
		n.until(t, "the watcher to replay", func() (bool, error) {
			status, err := n.status(t.Context())
			return err == nil && status.Height > 0, err
		})
		n.watcher.stop(t)
		if err := os.WriteFile(n.genesis(), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, stderr, code := command(t, "watch", "--home", n.Watcher.Home)
		if code != 1 || !strings.Contains(stderr, "the genesis has state 0x") || !strings.Contains(stderr, "\nhint: ") {
			t.Errorf("status %d\n%s", code, stderr)
		}
	})

	t.Run("without nodes", func(t *testing.T) {
		address, log := freeAddress(t), filepath.Join(n.dir, "alone.log")
		p := launch(t, "alone", log, starkd(t), "watch", "--home", home("alone", good), "--rest", address, "--nodes", "http://127.0.0.1:1")
		until(t, "the watcher to try again", func() (bool, error) {
			var status watcher.Status
			_, err := get(t.Context(), "http://"+address+"/v1/status", &status)
			return status.LastError != "", err
		}, p)
		if code, err := get(t.Context(), "http://"+address+"/healthz", nil); code != http.StatusServiceUnavailable || !strings.Contains(err.Error(), "no node has been reached yet") {
			t.Errorf("/healthz: %d, %v", code, err)
		}
		p.stop(t)
		if end, err := os.ReadFile(log); err != nil || bytes.Contains(end, []byte("panic")) {
			t.Errorf("%v: %s", err, end)
		}
	})
}

// TestWatchStopsWhileProving checks that a watcher ends at a signal without finishing its current proof. It proves by Stone, whose proofs take long
// enough.
func TestWatchStopsWhileProving(t *testing.T) {
	full(t)
	n := newTestnet(t, 1)
	n.start(t, 0)
	n.ready(t, 0)
	n.execWatcher(t, "--system", "stone")
	for i, stage := range []string{"commit trace", "composition", "quotients"} {
		w := n.wallet(t, i, 0)
		send(t, w, w.Invoke(wallet.Transfer(n.Accounts[5].Address, 1)))
		n.until(t, "the stage "+stage, func() (bool, error) {
			status, err := n.status(t.Context())
			return err == nil && strings.HasPrefix(status.ProvingStage, stage), err
		})
		started := time.Now()
		n.watcher.stop(t)
		took := time.Since(started)
		t.Logf("in stage %q: ended %v after SIGTERM", stage, took.Round(time.Millisecond))
		if took > 10*time.Second { // a proof takes longer, and the machine may be slow
			t.Errorf("in stage %q: ended %v after SIGTERM", stage, took)
		}
		n.execWatcher(t, "--system", "stone")
	}
}
