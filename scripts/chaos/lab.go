//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/starkd/starkd/internal/wallet"
)

const (
	validators = 4
	diskSize   = 192 << 20 // size of a node's file system
	patience   = 5 * time.Minute
)

// lab is the chain: its network, disks and processes. Node i has the address 10.77.0.(i+1) in its own network namespace. A bridge connects
// the nodes; the watcher and the load are in the namespace of the bridge.
type lab struct {
	*wallet.Testnet
	starkd string
	dir    string

	mu    sync.Mutex
	procs []*process // validators, then the watcher
	ended []string   // last messages of processes that exited by themselves when they should
}

// process is a process of the chain, over its restarts.
type process struct {
	name      string
	args      []string
	namespace string
	log       string
	cmd       *exec.Cmd
	exited    chan struct{}
	expected  bool // whether the process was told to exit or is expected to
}

// newLab creates the chain's files, disks and network, without starting it.
func newLab(ctx context.Context, starkd string) (*lab, error) {
	dir, err := os.MkdirTemp("", "starkd-chaos")
	if err != nil {
		return nil, err
	}
	l := &lab{starkd: starkd, dir: dir}
	// Mounts made here must not reach the machine's own mount namespace.
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("private mounts: %w", err)
	}
	if err := l.disks(); err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, starkd, "testnet", "--validators", fmt.Sprint(validators), "--output", l.net(),
		"--seed", "chaos", "--block-time", "500ms").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("starkd testnet: %w: %s", err, out)
	}
	if err := l.readdress(); err != nil {
		return nil, err
	}
	if l.Testnet, err = wallet.ReadTestnet(l.net()); err != nil {
		return nil, err
	}
	if err := network(ctx); err != nil {
		return nil, err
	}
	for i := range validators {
		l.procs = append(l.procs, &process{
			name: fmt.Sprintf("node%d", i), namespace: namespace(i), args: []string{"start", "--home", l.home(i)},
			log: filepath.Join(dir, fmt.Sprintf("node%d.log", i)),
		})
	}
	l.procs = append(l.procs, &process{
		name: "watcher", args: []string{"watch", "--exit-on-halt", "--home", filepath.Join(l.net(), "watcher")}, log: filepath.Join(dir, "watcher.log"),
	})
	return l, nil
}

func (l *lab) net() string { return filepath.Join(l.dir, "net") }

func (l *lab) home(i int) string { return filepath.Join(l.net(), fmt.Sprintf("node%d", i)) }

// disks mounts a file system of limited size for each node's home.
func (l *lab) disks() error {
	for i := range validators {
		if err := os.MkdirAll(l.home(i), 0o755); err != nil {
			return err
		}
		if err := syscall.Mount("tmpfs", l.home(i), "tmpfs", 0, fmt.Sprintf("size=%d", diskSize)); err != nil {
			return fmt.Errorf("a file system for node%d: %w", i, err)
		}
	}
	return nil
}

// readdress replaces the nodes' addresses in every file that contains one. A testnet's ports differ by node, so the port identifies the
// node.
func (l *lab) readdress() error {
	owner := map[string]int{} // port to node
	port := regexp.MustCompile(`127\.0\.0\.1:(\d+)`)
	for i := range validators {
		for _, name := range []string{"config.toml", "app.toml"} {
			data, err := os.ReadFile(filepath.Join(l.home(i), "config", name))
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(data)) {
				// Peers and a watcher's settings refer to other processes; the application runs in the node's process.
				if key, _, _ := strings.Cut(line, "="); strings.Contains(key, "peers") || strings.Contains(key, "nodes") || strings.TrimSpace(key) == "rest" || strings.TrimSpace(key) == "proxy_app" {
					continue
				}
				for _, m := range port.FindAllStringSubmatch(line, -1) {
					if other, taken := owner[m[1]]; taken && other != i {
						return fmt.Errorf("port %s is of node%d and node%d", m[1], other, i)
					}
					owner[m[1]] = i
				}
			}
		}
	}
	return filepath.WalkDir(l.net(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".toml") && !strings.HasSuffix(path, ".json") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		moved := port.ReplaceAllFunc(data, func(m []byte) []byte {
			if i, ok := owner[string(port.FindSubmatch(m)[1])]; ok {
				return bytes.Replace(m, []byte("127.0.0.1"), []byte(address(i)), 1)
			}
			return m
		})
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(path, moved, info.Mode())
	})
}

func address(i int) string   { return fmt.Sprintf("10.77.0.%d", i+1) }
func namespace(i int) string { return fmt.Sprintf("chaos-%d-%d", os.Getpid(), i) }
func link(i int) string      { return fmt.Sprintf("v%d", i) }

// network creates the namespaces and two bridges. All nodes are on the first bridge; the second connects the nodes that are cut off.
func network(ctx context.Context) error {
	lines := []string{
		"link set lo up",
		"link add br0 type bridge", "addr add 10.77.0.254/24 dev br0", "link set br0 up",
		"link add br1 type bridge", "link set br1 up",
	}
	for i := range validators {
		ns := namespace(i)
		lines = append(lines,
			"netns add "+ns,
			fmt.Sprintf("link add %s type veth peer name eth0 netns %s", link(i), ns),
			fmt.Sprintf("link set %s master br0", link(i)), fmt.Sprintf("link set %s up", link(i)),
			fmt.Sprintf("-n %s addr add %s/24 dev eth0", ns, address(i)),
			fmt.Sprintf("-n %s link set eth0 up", ns), fmt.Sprintf("-n %s link set lo up", ns),
		)
	}
	for _, line := range lines {
		if err := ip(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// ip runs the command ip with the words of line.
func ip(ctx context.Context, line string) error {
	if out, err := exec.CommandContext(ctx, "ip", strings.Fields(line)...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", line, err, bytes.TrimSpace(out))
	}
	return nil
}

// start starts process i.
func (l *lab) start(i int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.procs[i]
	file, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	args := append([]string{l.starkd}, p.args...)
	if p.namespace != "" {
		args = append([]string{"ip", "netns", "exec", p.namespace}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = file, file
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		file.Close()
		return err
	}
	exited := make(chan struct{})
	p.cmd, p.exited, p.expected = cmd, exited, false
	go func() {
		cmd.Wait()
		file.Close()
		close(exited)
	}()
	return nil
}

// kill kills process i with SIGKILL.
func (l *lab) kill(i int) {
	l.expect(i)
	l.procs[i].cmd.Process.Kill()
	<-l.procs[i].exited
}

// expect allows process i to exit.
func (l *lab) expect(i int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.procs[i].expected = true
}

// unexpected returns an error if a process has exited that was not expected to.
func (l *lab) unexpected() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.procs {
		if p.exited == nil || p.expected {
			continue
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended by itself with status %d: %s", p.name, p.cmd.ProcessState.ExitCode(), lastLine(p.log))
		default:
		}
	}
	return nil
}

// startAll starts all processes and waits for the first block.
func (l *lab) startAll(ctx context.Context) error {
	for i := range l.procs {
		if err := l.start(i); err != nil {
			return err
		}
	}
	for i := range validators {
		if err := l.caughtUp(ctx, i, 1); err != nil {
			return err
		}
	}
	return nil
}

// height returns the height of node i, 0 if it does not answer within two seconds.
func (l *lab) height(ctx context.Context, i int) uint64 {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	height, err := l.Nodes[i].Client().BlockNumber(ctx)
	if err != nil {
		return 0
	}
	return height
}

// top returns the greatest height of the nodes.
func (l *lab) top(ctx context.Context) uint64 {
	heights := make([]uint64, validators)
	var wg sync.WaitGroup
	for i := range validators {
		wg.Go(func() { heights[i] = l.height(ctx, i) })
	}
	wg.Wait()
	return slices.Max(heights)
}

// caughtUp waits until node i has block n.
func (l *lab) caughtUp(ctx context.Context, i int, n uint64) error {
	return l.until(ctx, fmt.Sprintf("block %d of node%d", n, i), func() bool { return l.height(ctx, i) >= n })
}

// until polls a condition. It fails at the time limit, or if a process has exited unexpectedly.
func (l *lab) until(ctx context.Context, what string, so func() bool) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if so() {
			return nil
		}
		if err := l.unexpected(); err != nil {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("waiting for %s: not within %v", what, patience)
}

// close ends every process, removes the namespaces and, unless keep is set, the files.
func (l *lab) close(keep bool) {
	for i, p := range l.procs {
		if p.exited != nil {
			l.kill(i)
		}
	}
	for i := range validators {
		if err := ip(context.Background(), "netns del "+namespace(i)); err != nil {
			fmt.Fprintln(os.Stderr, "chaos:", err)
		}
		if err := syscall.Unmount(l.home(i), syscall.MNT_DETACH); err != nil {
			fmt.Fprintln(os.Stderr, "chaos: unmount:", err)
		}
	}
	if !keep {
		os.RemoveAll(l.dir)
	}
}

// lastLine returns the error line at the end of a log, or else its last line.
func lastLine(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	for i := len(lines) - 1; i >= max(0, len(lines)-3); i-- {
		if strings.HasPrefix(lines[i], "starkd: ") {
			return lines[i]
		}
	}
	return lines[len(lines)-1]
}

// reachable reports whether a TCP connection to a node succeeds, which shows that a partition is healed.
func reachable(ctx context.Context, url string) bool {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		return false
	}
	return errors.Join(conn.Close()) == nil
}
