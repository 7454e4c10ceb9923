package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/node"
)

// halts checks that a process ends by itself with status 1, and with a reason and a hint as the last lines of its log.
func halts(t *testing.T, p *process, reason, hint string) {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		t.Fatalf("%s lives on", p.name)
	}
	p.expected = true
	text := tail(p.log, 2)
	want := "starkd: .*" + reason + ".*\nhint: .*" + hint
	if code := p.cmd.ProcessState.ExitCode(); code != 1 || !regexp.MustCompile(want).MatchString(text) {
		t.Errorf("%s ends with status %d, want 1 and %q; its log ends with\n%s", p.name, code, want, tail(p.log, 10))
	}
}

// healthz returns the health report of a node and the HTTP status.
func (n *testnet) healthz(t *testing.T, i int) (int, node.HealthReport) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get(n.Nodes[i].RPC + "/healthz")
	if err != nil {
		return 0, node.HealthReport{}
	}
	defer response.Body.Close()
	var report node.HealthReport
	if err := json.NewDecoder(response.Body).Decode(&report); err != nil {
		t.Errorf("/healthz: %v", err)
	}
	return response.StatusCode, report
}

// metrics returns the metrics of the first node, without labels.
func (n *testnet) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	comet, err := url.Parse(n.Nodes[0].Comet)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(comet.Port())
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get(fmt.Sprintf("http://%s:%d/metrics", comet.Hostname(), port+3))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	values := map[string]float64{}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if name, _, _ = strings.Cut(name, "{"); ok && !strings.HasPrefix(name, "#") {
			values[name], _ = strconv.ParseFloat(value[strings.LastIndex(value, " ")+1:], 64)
		}
	}
	return values
}

// TestFewDescriptors checks that a node that may open 512 files still makes blocks and answers clients while another client holds 700
// connections, and that the node logs that the limit is low.
func TestFewDescriptors(t *testing.T) {
	n := newTestnet(t, 1, "--block-time", "100ms")
	log := filepath.Join(n.dir, "node0.log")
	n.nodes[0] = launch(t, "node0", log, "/bin/sh", "-c", `ulimit -n 512 && exec "$0" "$@"`, starkd(t), "start", "--home", n.Nodes[0].Home)
	n.ready(t, 0)
	for range 700 {
		c, err := net.Dial("tcp", strings.TrimPrefix(n.Nodes[0].RPC, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	began := n.height(t, 0)
	n.until(t, "more blocks", func() (bool, error) { return n.height(t, 0) >= began+5, nil })
	if status, report := n.healthz(t, 0); status != http.StatusOK || report.Status != "ok" || report.Height < began {
		t.Errorf("/healthz: %d %+v", status, report)
	}
	metrics := n.metrics(t)
	for _, name := range []string{"starkd_node_height", "starkd_node_healthy", "starkd_rpc_connections", "starkd_rpc_connections_turned_away_total", "cometbft_consensus_height"} {
		if metrics[name] == 0 {
			t.Errorf("/metrics: %s is %v", name, metrics[name])
		}
	}
	if open := metrics["starkd_rpc_connections"]; open > 128 {
		t.Errorf("%v connections are open, at most 128", open)
	}
	n.nodes[0].stop(t)
	if text, err := os.ReadFile(log); err != nil || !strings.Contains(string(text), "open_files=512 json_rpc_connections=128") || strings.Contains(string(text), "too many open files") {
		t.Errorf("the log (%v) says nothing of the limit, or that it was reached", err)
	}
}

// TestNoDescriptors checks that a node without free descriptors ends with the reason.
func TestNoDescriptors(t *testing.T) {
	n := newTestnet(t, 1, "--block-time", "100ms")
	n.exec(t, 0)
	n.ready(t, 0)
	// The process can open no files from now on. Consensus opens one for each signature.
	limit := unix.Rlimit{Cur: 8, Max: 8}
	if err := unix.Prlimit(n.nodes[0].cmd.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		t.Skip("prlimit:", err)
	}
	halts(t, n.nodes[0], "too many open files", "ulimit -n")
	n.exec(t, 0)
	n.ready(t, 0)
	n.nodes[0].stop(t)
}

// TestFullDisk checks that a node whose disk is full ends with the reason, and continues when there is room again. On a read-only disk it does
// not start.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	rounds := 2
	if os.Getenv("STARKD_FULL") != "" {
		rounds = 20
	}
	n := newTestnet(t, 1, "--block-time", "20ms")
	data := filepath.Join(n.Nodes[0].Home, "data")
	state, err := os.ReadFile(filepath.Join(data, "priv_validator_state.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("starkd-test", data, "tmpfs", 0, "size=64m"); err != nil {
		t.Skip("no small disk:", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(data, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(data, "priv_validator_state.json"), state, 0o600); err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for range rounds {
		n.exec(t, 0)
		n.until(t, "more blocks", func() (bool, error) { return n.height(t, 0) > last+2, nil })
		last = n.height(t, 0)
		filler := filepath.Join(data, "filler")
		f, err := os.Create(filler)
		if err != nil {
			t.Fatal(err)
		}
		for chunk := make([]byte, 64<<10); err == nil; {
			_, err = f.Write(chunk)
		}
		f.Close()
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		halts(t, n.nodes[0], "no space left on device", "is full: make room")
		startRefused(t, "no space left on device", "is full: make room", "start", "--home", n.Nodes[0].Home)
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}
	n.exec(t, 0)
	n.until(t, "more blocks", func() (bool, error) { return n.height(t, 0) > last+2, nil })
	n.nodes[0].stop(t)
	if err := unix.Mount("", data, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	startRefused(t, "read-only file system", "must be able to write", "start", "--home", n.Nodes[0].Home)
}

// TestWrongAppHash checks that a validator that computes another state than the others ends with the reason, also after a restart.
func TestWrongAppHash(t *testing.T) {
	n := newTestnet(t, 4, "--block-time", "100ms")
	n.start(t, 0, 1, 2)
	log := filepath.Join(n.dir, "node3.log")
	n.nodes[3] = launch(t, "node3", log, changed(t, wrongHash), "start", "--home", n.Nodes[3].Home)
	halts(t, n.nodes[3], "wrong Block.Header.AppHash", "not the one that the validators signed")
	before := n.height(t, 0)
	n.until(t, "the others to go on", func() (bool, error) { return n.height(t, 0) > before+2, nil })
	if status, report := n.healthz(t, 0); status != http.StatusOK || report.Peers != 2 {
		t.Errorf("/healthz of an honest node: %d %+v", status, report)
	}
	for i := range 3 {
		n.nodes[i].stop(t)
	}
}

// TestHaltsWhileCatchingUp checks that a node that gets blocks from its peers ends with the reason when it has computed another state, and
// when it cannot execute a block.
func TestHaltsWhileCatchingUp(t *testing.T) {
	for name, c := range map[string]struct{ line, reason string }{
		"another state": {wrongHash, "wrong Block.Header.AppHash"},
		"no execution":  {failure, "(block 5 cannot be executed: |failed to apply block; error )the test's fault"}, // a slow node may have reached consensus already
	} {
		t.Run(name, func(t *testing.T) {
			starkd := changed(t, c.line) // before the ports of the network are chosen, because it takes a while
			n := newTestnet(t, 4, "--block-time", "100ms")
			n.start(t, 0, 1, 2)
			n.until(t, "some blocks", func() (bool, error) { return n.height(t, 0) > 10, nil })
			n.nodes[3] = launch(t, "node3", filepath.Join(n.dir, "node3.log"), starkd, "start", "--home", n.Nodes[3].Home)
			halts(t, n.nodes[3], c.reason, "")
			before := n.height(t, 0)
			n.until(t, "the others to go on", func() (bool, error) { return n.height(t, 0) > before+2, nil })
			for i := range 3 {
				n.nodes[i].stop(t)
			}
		})
	}
}

// Lines of code that make a node report a wrong app hash, or fail, from block 5 on.
const (
	wrongHash = "	if r.Height >= 5 {\n		f.AppHash[31] ^= 1\n	}\n"
	failure   = "	if r.Height >= 5 {\n		return nil, fmt.Errorf(\"the test's fault\")\n	}\n"
)

// changed builds starkd with an additional line of code after the execution of a block.
func changed(t *testing.T, line string) string {
	t.Helper()
	source := filepath.Join(golden.ModuleRoot(t), "abci", "abci.go")
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	const honest = "	f, err := a.app.Finalize(b)\n	if err != nil {\n		return nil, err\n	}\n"
	if strings.Count(string(text), honest) != 1 {
		t.Fatalf("abci.go has no %q", honest)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, "abci.go"), filepath.Join(dir, "overlay.json")
	lie := strings.Replace(string(text), honest, honest+line, 1)
	if err := os.WriteFile(changed, []byte(lie), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace":{%q:%q}}`, source, changed), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "starkd")
	cmd := exec.Command("go", "build", "-overlay", overlay, "-o", out, "./cmd/starkd")
	cmd.Dir = golden.ModuleRoot(t)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return out
}
