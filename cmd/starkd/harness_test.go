package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/viper"

	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/node"
	"github.com/starkd/starkd/node/home"
	"github.com/starkd/starkd/rpc/client"
)

// The tests of this package run the command as users do, with files and ports, and as a process where a test is about the process. binDir is
// the folder of the binaries that they build, once.
var binDir string

func TestMain(m *testing.M) {
	if len(os.Args) == 6 && os.Args[1] == attackerCommand {
		os.Exit(attacker(os.Args[2:]))
	}
	if len(os.Args) == 4 && os.Args[1] == queueCommand {
		os.Exit(queueServer(os.Args[2], os.Args[3]))
	}
	var err error
	if binDir, err = os.MkdirTemp("", "starkd-test"); err != nil {
		panic(err)
	}
	stdlog.SetOutput(io.Discard) // pebble logs its background work there
	code := m.Run()
	os.RemoveAll(binDir)
	os.Exit(code)
}

// build builds a command of this module, or of one that it requires, and returns the binary.
func build(t *testing.T, name, pkg string) string {
	t.Helper()
	out := filepath.Join(binDir, name)
	if runtime.GOOS == "windows" {
		out += ".exe"
	}
	cmd := exec.Command("go", "build", "-o", out, pkg)
	cmd.Dir = golden.ModuleRoot(t)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, output)
	}
	return out
}

var builtStarkd struct {
	once sync.Once
	path string
}

// starkd returns the binary under test.
func starkd(t *testing.T) string {
	t.Helper()
	builtStarkd.once.Do(func() { builtStarkd.path = build(t, "starkd", "./cmd/starkd") })
	if builtStarkd.path == "" {
		t.Fatal("starkd was not built; another test says why")
	}
	return builtStarkd.path
}

// command runs a command of starkd in this process and returns its output and exit status.
func command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), code
}

// process is a server in the background: a process, or a node or watcher in this process. The output of all its runs is in one log. A failed
// test prints the end of the log.
type process struct {
	name, log string
	cmd       *exec.Cmd          // nil in this process
	end       context.CancelFunc // ends a server in this process
	err       error              // error of the server, set before exited is closed
	exited    chan struct{}
	expected  bool // the test has ended it
}

// launch starts a process, which ends at the end of the test at the latest.
func launch(t *testing.T, name, log, path string, args ...string) *process {
	t.Helper()
	file := openLog(t, log)
	p := &process{name: name, log: log, cmd: exec.Command(path, args...), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = file, file
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		file.Close()
		close(p.exited)
	}()
	p.endWith(t)
	return p
}

// host runs a node or watcher, which open returns, in this process, until the end of the test at the latest.
func host[S interface {
	Run(context.Context) error
	Close() error
}](t *testing.T, name, log string, open func(log io.Writer) (S, error)) *process {
	t.Helper()
	file := openLog(t, log)
	server, err := open(file)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{name: name, log: log, end: cancel, exited: make(chan struct{})}
	go func() {
		defer close(p.exited)
		err := server.Run(ctx)
		p.err = errors.Join(err, server.Close(), file.Close())
	}()
	p.endWith(t)
	return p
}

func openLog(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// endWith ends the server with the test.
func (p *process) endWith(t *testing.T) {
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("end of %s's log:\n%s", p.name, tail(p.log, 15))
		}
	})
}

// kill ends a process with kill -9. A server in this process is stopped normally.
func (p *process) kill() {
	p.expected = true
	if p.cmd != nil {
		p.cmd.Process.Kill()
	} else {
		p.end()
	}
	<-p.exited
}

// stop ends the server, and checks that it ends without an error; a process, with status 0.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.expected = true
	if p.cmd != nil {
		p.cmd.Process.Signal(syscall.SIGTERM)
	} else {
		p.end()
	}
	select {
	case <-p.exited:
	case <-time.After(patience):
		t.Fatalf("%s does not end when it is told to", p.name)
	}
	if ending := p.ending(); ending != "" {
		t.Fatalf("%s ends with %s when it is told to end", p.name, ending)
	}
}

// ending returns the error or the status with which the server ended, or "" if there was none.
func (p *process) ending() string {
	switch {
	case p.err != nil:
		return p.err.Error()
	case p.cmd != nil && p.cmd.ProcessState.ExitCode() != 0:
		return fmt.Sprintf("status %d", p.cmd.ProcessState.ExitCode())
	}
	return ""
}

// died returns an error if the server has ended although the test has not ended it.
func (p *process) died() bool {
	select {
	case <-p.exited:
		return !p.expected
	default:
		return false
	}
}

func tail(path string, lines int) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > 64<<10 {
		f.Seek(-64<<10, io.SeekEnd)
	}
	var kept []string
	for s := bufio.NewScanner(f); s.Scan(); {
		kept = append(kept, s.Text())
	}
	return strings.Join(kept[max(0, len(kept)-lines):], "\n")
}

// patience is how long a test waits for something that must happen. It is generous, because machines may be slow and busy.
const patience = 10 * time.Minute

// until polls until the condition holds. It fails at once when one of the processes has died.
func until(t *testing.T, what string, so func() (bool, error), alive ...*process) {
	t.Helper()
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		ok, err := so()
		if ok && err == nil {
			return
		}
		last = err
		for _, p := range alive {
			if p != nil && p.died() {
				t.Fatalf("waiting for %s: %s died (%s)", what, p.name, p.ending())
			}
		}
	}
	t.Fatalf("waiting for %s: not after %v (%v)", what, patience, last)
}

// testnet is a chain whose nodes listen on loopback.
type testnet struct {
	*wallet.Testnet
	dir     string
	nodes   []*process
	watcher *process
}

// newTestnet makes the homes of a testnet with the command, on free ports. It starts nothing.
func newTestnet(t *testing.T, validators int, flags ...string) *testnet {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "net")
	args := append([]string{"testnet", "--validators", fmt.Sprint(validators), "--output", dir, "--port-offset", fmt.Sprint(freeOffset(t, validators))}, flags...)
	if _, stderr, code := command(t, args...); code != 0 {
		t.Fatalf("starkd testnet: status %d\n%s", code, stderr)
	}
	network, err := wallet.ReadTestnet(dir)
	if err != nil {
		t.Fatal(err)
	}
	return &testnet{Testnet: network, dir: dir, nodes: make([]*process, validators)}
}

var offsets struct {
	sync.Mutex
	next, port int
}

// freeOffset returns a --port-offset below the range of outgoing connections with which every port of a testnet is free.
func freeOffset(t *testing.T, validators int) int {
	t.Helper()
	offsets.Lock()
	defer offsets.Unlock()
	if offsets.next == 0 {
		offsets.next = 200 + 40*(os.Getpid()%100)
	}
	for range 100 {
		offset := offsets.next % 5000
		offsets.next += 50
		if free(validators, offset) {
			return offset
		}
	}
	t.Fatal("no free ports for a testnet")
	return 0
}

func free(validators, offset int) bool {
	for i := range validators {
		p := home.DefaultPorts("127.0.0.1", i, offset)
		for _, port := range []int{p.P2P, p.Comet, p.RPC, p.RPC + 1, p.Metrics} {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				return false
			}
			l.Close()
		}
	}
	return true
}

// freeAddress returns the host:port of a port that is free now, below the range of outgoing connections.
func freeAddress(t *testing.T) string {
	t.Helper()
	offsets.Lock()
	defer offsets.Unlock()
	for range 1000 {
		offsets.port++
		address := fmt.Sprintf("127.0.0.1:%d", 20000+(os.Getpid()*7+offsets.port)%4000)
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

// start starts validators in this process, with the configured engine.
func (n *testnet) start(t *testing.T, which ...int) {
	t.Helper()
	for _, i := range which {
		n.startOn(t, i, "")
	}
}

// startOn starts a validator in this process with an engine, or with the configured one for "".
func (n *testnet) startOn(t *testing.T, i int, engine string) {
	t.Helper()
	n.nodes[i] = host(t, fmt.Sprintf("node%d", i), n.nodeLog(i), func(log io.Writer) (*node.Node, error) {
		settings, err := config.Load(n.Nodes[i].Home, viper.New())
		if err != nil {
			return nil, err
		}
		if engine != "" {
			settings.App.Engine = engine
		}
		return node.Open(node.Config{Home: n.Nodes[i].Home, Settings: settings, Log: log})
	})
}

func (n *testnet) nodeLog(i int) string { return filepath.Join(n.dir, fmt.Sprintf("node%d.log", i)) }

// exec starts validators as processes, for tests of the exit status, memory or files of a process.
func (n *testnet) exec(t *testing.T, which ...int) {
	t.Helper()
	for _, i := range which {
		n.nodes[i] = launch(t, fmt.Sprintf("node%d", i), n.nodeLog(i), starkd(t), "start", "--home", n.Nodes[i].Home)
	}
}

// watch starts the watcher in this process.
func (n *testnet) watch(t *testing.T) {
	t.Helper()
	n.watcher = host(t, "watcher", filepath.Join(n.dir, "watcher.log"), func(log io.Writer) (*node.Watcher, error) {
		return node.OpenWatcher(node.WatcherConfig{Home: n.Watcher.Home, ExitOnHalt: true, Log: log})
	})
}

// execWatcher starts the watcher as a process.
func (n *testnet) execWatcher(t *testing.T, flags ...string) {
	t.Helper()
	n.watcher = launch(t, "watcher", filepath.Join(n.dir, "watcher.log"), starkd(t), append([]string{"watch", "--home", n.Watcher.Home, "--exit-on-halt"}, flags...)...)
}

func (n *testnet) genesis() string { return filepath.Join(n.Watcher.Home, "config", "genesis.json") }

func (n *testnet) processes() []*process {
	return append(n.nodes[:len(n.nodes):len(n.nodes)], n.watcher)
}

// until polls until the condition holds, while the processes of the testnet run.
func (n *testnet) until(t *testing.T, what string, so func() (bool, error)) {
	t.Helper()
	until(t, what, so, n.processes()...)
}

// ready waits until a node has made a block.
func (n *testnet) ready(t *testing.T, node int) {
	t.Helper()
	n.until(t, fmt.Sprintf("the first block of node%d", node), func() (bool, error) { return n.height(t, node) > 0, nil })
}

// height returns the height of the last block that a node has executed, or 0 if it does not answer.
func (n *testnet) height(t *testing.T, node int) uint64 {
	height, err := n.client(node).BlockNumber(t.Context())
	if err != nil {
		return 0
	}
	return height
}

func (n *testnet) client(node int) *client.Client { return n.Nodes[node].Client() }

// wallet returns the wallet of a funded account, which uses a node.
func (n *testnet) wallet(t *testing.T, account, node int) *wallet.Wallet {
	t.Helper()
	w, err := wallet.New(t.Context(), n.client(node), n.Accounts[account])
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// get reads a JSON answer and returns the HTTP status, or 0 without an answer.
func get(ctx context.Context, url string, into any) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 300))
		return response.StatusCode, fmt.Errorf("%s: %s: %s", url, response.Status, body)
	}
	return response.StatusCode, json.NewDecoder(response.Body).Decode(into)
}

// full skips a long test unless STARKD_FULL is set.
func full(t *testing.T) {
	t.Helper()
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("set STARKD_FULL=1 (make test-full)")
	}
}
