//go:build linux

// Command chaos runs a chain of four validators and a watcher on this machine under load and injects faults: kill -9, full disks and
// network partitions. At the end every node must have the same blocks, every transaction must be in exactly one block and one proof, and
// every process that exited by itself must have exited with a non-zero status and a reason.
//
//	go run ./scripts/chaos [-kills N] [-full-disks N] [-partitions N] [-seed N] [-starkd PATH] [-keep]
//
// It needs root: each node gets its own network namespace and a file system in memory. The program restarts itself in new network and mount
// namespaces, so the machine's own stay unchanged and everything is removed when it ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// settings holds the values of the flags.
type settings struct {
	kills, disks, partitions int
	seed                     uint64
	starkd                   string
	keep                     bool
}

func main() {
	var s settings
	flag.IntVar(&s.kills, "kills", 20, "number of kills of a node or the watcher")
	flag.IntVar(&s.disks, "full-disks", 2, "number of full disks")
	flag.IntVar(&s.partitions, "partitions", 2, "number of network partitions")
	flag.Uint64Var(&s.seed, "seed", 1, "seed of the order and timing of the faults")
	flag.StringVar(&s.starkd, "starkd", "bin/starkd", "path of starkd")
	flag.BoolVar(&s.keep, "keep", false, "keep the folder with the logs")
	flag.Parse()
	if os.Getenv(inside) == "" {
		os.Exit(enter())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, &s); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// inside is the environment variable that is set in the process with its own namespaces.
const inside = "STARKD_CHAOS_INSIDE"

// enter restarts this program in new network and mount namespaces and returns its exit status.
func enter() int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 1
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Pdeathsig:    syscall.SIGKILL,
	}
	signal.Ignore(os.Interrupt) // the child exits on it, and this process after the child
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err, "(namespaces need root)")
		return 1
	}
	return 0
}

// run starts the chain, injects the faults and compares the results.
func run(ctx context.Context, s *settings) error {
	starkd, err := filepath.Abs(s.starkd)
	if err != nil {
		return err
	}
	l, err := newLab(ctx, starkd)
	if err != nil {
		return err
	}
	defer l.close(s.keep)
	fmt.Printf("logs: %s\n", l.dir)
	r := rand.New(rand.NewPCG(s.seed, 0))
	if err := l.startAll(ctx); err != nil {
		return err
	}
	load := newLoad(l)
	loading, stopLoad := context.WithCancel(ctx)
	defer stopLoad()
	done := make(chan error, 1)
	go func() { done <- load.run(loading) }()

	started := time.Now()
	for _, fault := range plan(s, r) {
		select {
		case err := <-done:
			return errors.Join(errors.New("the load ended early"), err)
		default:
		}
		if err := fault.inject(ctx, l, r); err != nil {
			return fmt.Errorf("%s: %w", fault.name, err)
		}
		if err := l.unexpected(); err != nil {
			return fmt.Errorf("after %s: %w", fault.name, err)
		}
	}
	fmt.Printf("faults: %d kills, %d full disks, %d partitions in %v\n", s.kills, s.disks, s.partitions, time.Since(started).Round(time.Second))
	stopLoad()
	if err := <-done; err != nil {
		return err
	}
	if err := load.settle(ctx); err != nil {
		return err
	}
	return judge(ctx, l, load)
}
