package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/node/home"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/client"
)

// patience is how long a test waits for something that must happen. It is generous, because machines may be slow and busy.
const patience = 5 * time.Minute

// anyPort returns settings of a node or watcher that listens on free ports.
func anyPort() *config.Config {
	return &config.Config{RPC: config.RPC{Address: "127.0.0.1:0"}, App: config.App{Engine: "vm"}, Watch: config.Watch{REST: "127.0.0.1:0"}}
}

// newHome makes the home of a chain with one validator that listens on free ports.
func newHome(t *testing.T, chainID string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "home")
	network := home.Network{ChainID: chainID, Seed: chainID, BlockTime: 100 * time.Millisecond, AnyPort: true}
	if err := network.Init(dir, "node"); err != nil {
		t.Fatal(err)
	}
	return dir
}

// runner is a Node, Watcher or ABCI.
type runner interface {
	Run(context.Context) error
	Ready() <-chan struct{}
	Close() error
}

// running is a runner whose Run was called.
type running struct {
	runner
	cancel context.CancelFunc
	done   chan error
}

// run runs s and waits until it is ready.
func run(t *testing.T, s runner) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{s, cancel, make(chan error, 1)}
	go func() { r.done <- s.Run(ctx) }()
	select {
	case <-s.Ready():
	case err := <-r.done:
		t.Fatalf("Run ends with %v before it is ready", err)
	case <-time.After(patience):
		t.Fatal("Run is not ready")
	}
	return r
}

// stop ends the run, which must return nil, and closes the runner.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	select {
	case err := <-r.done:
		if err != nil {
			t.Errorf("Run returns %v, want nil", err)
		}
	case <-time.After(patience):
		t.Fatal("Run does not return")
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// dial returns a client of a node with its own connections, which are closed at the end of the test.
func dial(t *testing.T, n *Node) *client.Client {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	return client.New("http://"+n.RPCAddress()+"/rpc", &http.Client{Transport: transport})
}

// reach waits until a node has the block of a height.
func reach(t *testing.T, n *Node, height uint64) {
	t.Helper()
	c := dial(t, n)
	var got uint64
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got, err = c.BlockNumber(t.Context()); err == nil && got >= height {
			return
		}
	}
	t.Fatalf("%s: height %d, %v, want %d", n.ChainID(), got, err, height)
}

// TestTwoNodes checks that two nodes of different chains run in one process, each with its own ports, metrics and state.
func TestTwoNodes(t *testing.T) {
	var nodes []*Node
	for _, name := range []string{"FIRST", "SECOND"} {
		n, err := Open(Config{Home: newHome(t, name), Settings: anyPort(), Log: t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		defer run(t, n).stop(t)
		nodes = append(nodes, n)
	}
	hashes := map[string]string{}
	for _, n := range nodes {
		reach(t, n, 3)
		block, err := dial(t, n).Block(t.Context(), rpc.BlockByNumber(1))
		if err != nil {
			t.Fatal(err)
		}
		if other, found := hashes[block.BlockHash.String()]; found {
			t.Errorf("%s and %s have the same block 1", n.ChainID(), other)
		}
		hashes[block.BlockHash.String()] = n.ChainID()
		if chain, err := dial(t, n).ChainID(t.Context()); err != nil || chain.String() == "" {
			t.Errorf("%s: chain id %v, %v", n.ChainID(), chain, err)
		}
		metrics := get(t, "http://"+n.MetricsAddress()+"/metrics")
		for _, other := range nodes {
			if has := strings.Contains(metrics, `cometbft_consensus_height{chain_id="`+other.ChainID()+`"}`); has != (n == other) {
				t.Errorf("the metrics of %s have those of %s: %t", n.ChainID(), other.ChainID(), has)
			}
		}
		if !strings.Contains(metrics, "go_goroutines ") {
			t.Errorf("the metrics of %s lack those of the process", n.ChainID())
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestNothingIsLeft checks that a node, a watcher that follows it and an ABCI server leave no goroutines, open files or connections.
func TestNothingIsLeft(t *testing.T) {
	t.Run("node and watcher", func(t *testing.T) {
		before := measure(t)
		settings := anyPort()
		settings.App.Engine = "native"
		dir := newHome(t, "LEFT")
		n, err := Open(Config{Home: dir, Settings: settings, Log: t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		node := run(t, n)

		settings = anyPort()
		settings.Watch.Nodes = []string{strings.Replace(n.CometAddress(), "tcp", "http", 1)}
		watching := filepath.Join(t.TempDir(), "watcher")
		for _, sub := range []string{"config", "data"} {
			if err := os.MkdirAll(filepath.Join(watching, sub), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		genesis, err := os.ReadFile(filepath.Join(dir, "config", "genesis.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(watching, "config", "genesis.json"), genesis, 0o644); err != nil {
			t.Fatal(err)
		}
		w, err := OpenWatcher(WatcherConfig{Home: watching, Settings: settings, Log: t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		watcher := run(t, w)
		var height uint64
		for deadline := time.Now().Add(patience); height < 3; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the watcher has replayed %d blocks, want 3", height)
			}
			var status struct {
				Height uint64 `json:"height"`
			}
			if err := json.Unmarshal([]byte(get(t, "http://"+w.RESTAddress()+"/v1/status")), &status); err != nil {
				t.Fatal(err)
			}
			height = status.Height
		}
		watcher.stop(t)
		node.stop(t)
		before.same(t)
	})
	t.Run("ABCI server", func(t *testing.T) {
		before := measure(t)
		a, err := OpenABCI(ABCIConfig{Home: t.TempDir(), Settings: anyPort(), Address: "unix://" + filepath.Join(t.TempDir(), "abci.sock"), Log: t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		run(t, a).stop(t)
		before.same(t)
	})
	t.Run("a node that does not start", func(t *testing.T) {
		before := measure(t)
		dir := newHome(t, "LEFT")
		settings := anyPort()
		n, err := Open(Config{Home: dir, Settings: settings, Log: t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		r := run(t, n)
		reach(t, n, 1)
		r.stop(t)
		// The genesis is compared when the databases of CometBFT are open.
		path := filepath.Join(dir, "config", "genesis.json")
		genesis, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(genesis), `"name": "node"`, `"name": "edon"`, 1)
		if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		if n, err = Open(Config{Home: dir, Settings: settings, Log: t.Output()}); err != nil {
			t.Fatal(err)
		}
		if err := n.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "this home's chain LEFT began with") {
			t.Errorf("Run with another genesis: %v", err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		before.same(t)
	})
}

// TestLife checks that a node runs once and that Close ends it.
func TestLife(t *testing.T) {
	n, err := Open(Config{Home: newHome(t, "LIFE"), Settings: anyPort(), Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, n)
	if err := n.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "already running") {
		t.Errorf("a second Run: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Errorf("Close while it runs: %v", err)
	}
	if err := <-r.done; err != nil {
		t.Errorf("Run ends with %v after Close, want nil", err)
	}
	if err := n.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("Run after Close: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

// TestValidate checks that every fault of a configuration is reported.
func TestValidate(t *testing.T) {
	settings := &config.Config{App: config.App{Engine: "steam"}, RPC: config.RPC{Address: "nowhere"}}
	for name, err := range map[string]error{
		"node":    (&Config{Settings: settings}).Validate(),
		"watcher": (&WatcherConfig{Settings: settings}).Validate(),
		"ABCI":    (&ABCIConfig{Settings: settings, Transport: "pigeon"}).Validate(),
	} {
		want := []string{"Home is missing", `"steam"`, `"nowhere"`}
		if name == "ABCI" {
			want = append(want, `"pigeon"`)
		}
		for _, fault := range want {
			if err == nil || !strings.Contains(err.Error(), fault) {
				t.Errorf("%s: %v, want a fault with %s", name, err, fault)
			}
		}
	}
}

// openThings are the goroutines of the process, counted by their first function, and its open files.
type openThings struct {
	goroutines map[string]int
	files      []string
}

// goroutineCount matches the number of goroutines at the beginning of a stack in the profile.
var goroutineCount = regexp.MustCompile(`(?m)^(\d+) @`)

// measure returns the goroutines and open files of the process.
func measure(t *testing.T) openThings {
	t.Helper()
	o := openThings{goroutines: map[string]int{}}
	var text strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&text, 1); err != nil {
		t.Fatal(err)
	}
	for _, stack := range strings.Split(text.String(), "\n\n") {
		_, frames, found := strings.Cut(stack, "\n")
		if !found {
			continue
		}
		count := goroutineCount.FindStringSubmatch(stack)
		if count == nil {
			t.Fatalf("a profile without a count: %q", stack)
		}
		n, err := strconv.Atoi(count[1])
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(frames), "\n")
		o.goroutines[lines[len(lines)-1]] += n
	}
	if runtime.GOOS != "linux" {
		return o
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(target, "/proc/") {
			o.files = append(o.files, target)
		}
	}
	slices.Sort(o.files)
	return o
}

// kept are goroutines that stay, one of each for every node that ran. CometBFT does not stop those of its write-ahead log, whose file is
// closed; and it starts the standard library's goroutine for signals.
var kept = []string{"autofile.OpenAutoFile.func1", "autofile.(*AutoFile).closeFileRoutine", "os/signal.loop"}

// same checks that the process has no more goroutines and open files than before, and waits 20 seconds for them to end.
func (o openThings) same(t *testing.T) {
	t.Helper()
	var more []string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		now := measure(t)
		more = nil
		for where, n := range now.goroutines {
			had := o.goroutines[where]
			if slices.ContainsFunc(kept, func(k string) bool { return strings.Contains(where, k) }) {
				had++
			}
			if n > had {
				more = append(more, fmt.Sprintf("%d goroutines of %s", n-o.goroutines[where], where))
			}
		}
		left := slices.Clone(o.files)
		for _, f := range now.files {
			if i := slices.Index(left, f); i >= 0 {
				left = slices.Delete(left, i, i+1)
			} else {
				more = append(more, "file "+f)
			}
		}
		if len(more) == 0 {
			return
		}
	}
	t.Errorf("left behind:\n%s", strings.Join(more, "\n"))
}

// TestWatcherOfANodesHome checks that a watcher refuses a node's home, whose state it would change.
func TestWatcherOfANodesHome(t *testing.T) {
	dir := newHome(t, "HOME")
	w, err := OpenWatcher(WatcherConfig{Home: dir, Log: t.Output()})
	if err == nil {
		w.Close()
		t.Fatal("a watcher opens the home of a node")
	}
	if !strings.Contains(err.Error(), dir+" is the home of a node") {
		t.Errorf("OpenWatcher: %v", err)
	}
}
