package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInitAndStart runs the first two commands of a new user with a binary of `go build`, without build tags. It checks that the default
// database opens, that blocks are made, and that the chain continues after a kill -9.
func TestInitAndStart(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	if _, stderr, code := command(t, "init", "--home", home); code != 0 {
		t.Fatalf("starkd init: status %d\n%s", code, stderr)
	}
	// Nodes of other tests use the default ports.
	toml := filepath.Join(home, "config", "config.toml")
	text, err := os.ReadFile(toml)
	if err != nil {
		t.Fatal(err)
	}
	edited := string(text)
	for _, port := range []string{":26656", ":26657", ":26660"} {
		address := freeAddress(t)
		edited = strings.ReplaceAll(edited, port, address[strings.LastIndex(address, ":"):])
	}
	if err := os.WriteFile(toml, []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	height := func() uint64 {
		response, err := http.Post("http://"+address, "application/json", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"starknet_blockNumber"}`))
		if err != nil {
			return 0
		}
		defer response.Body.Close()
		var answer struct{ Result uint64 }
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			return 0
		}
		return answer.Result
	}
	start := func() *process {
		return launch(t, "node", filepath.Join(home, "log"), starkd(t), "start", "--home", home, "--rpc", address)
	}
	node := start()
	until(t, "the second block", func() (bool, error) { return height() >= 2, nil }, node)
	if found, err := filepath.Glob(filepath.Join(home, "data", "starknet.db", "OPTIONS-*")); err != nil || len(found) == 0 {
		t.Errorf("the state's database is not pebble's: %v, %v", found, err)
	}
	before := height()
	node.kill()
	node = start()
	until(t, "a block after the kill", func() (bool, error) { return height() > before, nil }, node)
	node.stop(t)
}
