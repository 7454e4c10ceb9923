package queue

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starkd/starkd/watcher/blobs"
)

// The variables that make a test binary a watcher or a worker, until it is killed.
const (
	roleVariable   = "STARKD_TEST_QUEUE_ROLE"   // watcher or worker
	folderVariable = "STARKD_TEST_QUEUE_FOLDER" // with the folders queue and store, and the file created
	portVariable   = "STARKD_TEST_QUEUE_PORT"
	jobsVariable   = "STARKD_TEST_QUEUE_JOBS" // number of jobs that the watcher puts
)

func TestMain(m *testing.M) {
	roles := map[string]func() error{"watcher": watcherProcess, "worker": workerProcess}
	if run, ok := roles[os.Getenv(roleVariable)]; ok {
		if err := run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// testLease is the lease's time in tests with processes.
const testLease = time.Second

func openStore() (*blobs.Bucket, error) {
	return blobs.Open(context.Background(), "file://"+filepath.Join(os.Getenv(folderVariable), "store"))
}

// watcherProcess runs the embedded server, and puts every job that has no proof.
func watcherProcess() error {
	ctx := context.Background()
	q, err := Open(ctx, Config{
		URL: "embedded://127.0.0.1:" + os.Getenv(portVariable), Dir: filepath.Join(os.Getenv(folderVariable), "queue"), Lease: testLease,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	store, err := openStore()
	if err != nil {
		return err
	}
	jobs, err := strconv.Atoi(os.Getenv(jobsVariable))
	if err != nil {
		return err
	}
	for {
		for n := range jobs {
			name := jobName(n)
			if _, err := store.Size(ctx, "proofs/"+name); err == nil {
				continue
			}
			if err := q.Put(ctx, jobOf(name)); err != nil {
				return err
			}
			for {
				s, err := q.Status(ctx)
				if err != nil {
					return err
				}
				if s.Waiting < 20 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func jobName(n int) string { return fmt.Sprintf("%d-%d-x", n, n+1) }

// workerProcess does jobs: it stores each job's proof, on condition that there is none, and appends the job's name to the file created if it was
// the one that stored it. One try in 20 fails.
func workerProcess() error {
	ctx := context.Background()
	folder := os.Getenv(folderVariable)
	created, err := os.OpenFile(filepath.Join(folder, "created"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	store, err := openStore()
	if err != nil {
		return err
	}
	var q *Queue
	for q == nil { // the watcher may be down
		if q, err = Open(ctx, Config{URL: "nats://127.0.0.1:" + os.Getenv(portVariable), Lease: testLease}); err != nil {
			time.Sleep(50 * time.Millisecond)
		}
	}
	for {
		lease, err := q.Take(ctx, "w"+strconv.Itoa(os.Getpid()))
		if err != nil {
			return err
		}
		name := lease.Job().Name
		lease.Stage("proving")
		time.Sleep(time.Duration(10+rand.IntN(50)) * time.Millisecond)
		if rand.IntN(20) == 0 {
			_ = lease.Fail(ctx, errors.New("bad luck")) // the server may be down
			continue
		}
		switch err := store.Create(ctx, "proofs/"+name, []byte(strings.Repeat(name, 1000))); {
		case err == nil:
			if _, err := fmt.Fprintln(created, name); err != nil {
				return err
			}
		case !errors.Is(err, blobs.ErrExists):
			return err
		}
		_ = lease.Done(ctx) // the server may be down; then the job comes again
	}
}

// TestKills kills the watcher with its server, and workers, at random instants. In the end every job has its proof, was done by one worker,
// and the queue is empty.
func TestKills(t *testing.T) {
	t.Parallel()
	kills := 6
	if os.Getenv("STARKD_FULL") != "" {
		kills = 100
	}
	jobs := 40 + 8*kills
	folder := t.TempDir()
	for _, name := range []string{"queue", "store"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err := errors.Join(err, listener.Close()); err != nil {
		t.Fatal(err)
	}
	start := func(role string) *exec.Cmd {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), roleVariable+"="+role, folderVariable+"="+folder, portVariable+"="+port, fmt.Sprintf("%s=%d", jobsVariable, jobs))
		c.Stderr = t.Output()
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	kill := func(c *exec.Cmd) {
		t.Helper()
		if err := c.Process.Signal(syscall.SIGKILL); err != nil {
			t.Errorf("%v had ended: %v", c.Env[len(c.Env)-4], err)
		}
		_ = c.Wait() // killed
	}
	processes := []*exec.Cmd{start("watcher"), start("worker"), start("worker"), start("worker")}
	roles := []string{"watcher", "worker", "worker", "worker"}
	t.Cleanup(func() {
		for _, c := range processes {
			kill(c)
		}
	})
	for range kills {
		time.Sleep(time.Duration(100+rand.IntN(300)) * time.Millisecond)
		victim := rand.IntN(len(processes))
		kill(processes[victim])
		processes[victim] = start(roles[victim])
	}
	var q *Queue
	for range 200 {
		if q, err = Open(t.Context(), Config{URL: "nats://127.0.0.1:" + port}); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	store, err := blobs.Open(t.Context(), "file://"+filepath.Join(folder, "store"))
	if err != nil {
		t.Fatal(err)
	}
	missing := func() (n int) {
		for i := range jobs {
			if _, err := store.Size(t.Context(), "proofs/"+jobName(i)); err != nil {
				n++
			}
		}
		return n
	}
	var s *Status
	for deadline := time.Now().Add(time.Minute + time.Duration(kills)*time.Second/2); ; time.Sleep(50 * time.Millisecond) {
		if s, err = q.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.SetAside > 0 || s.Waiting+s.Running == 0 && missing() == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d jobs have no proof, %+v", missing(), s)
		}
	}
	if list, err := q.SetAside(t.Context(), 10); err != nil || len(list) > 0 {
		t.Errorf("set aside: %+v, %v", list, err)
	}
	file, err := os.Open(filepath.Join(folder, "created"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	times := map[string]int{}
	for lines := bufio.NewReader(file); ; {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		times[strings.TrimSpace(line)]++
	}
	// A worker can be killed between its proof and its line in the file.
	unsaid := 0
	for i := range jobs {
		switch n := times[jobName(i)]; {
		case n == 0:
			unsaid++
		case n > 1:
			t.Errorf("job %s was done %d times", jobName(i), n)
		}
		proof, err := store.Get(t.Context(), "proofs/"+jobName(i), 1<<20)
		if err != nil || string(proof) != strings.Repeat(jobName(i), 1000) {
			t.Errorf("the proof of job %s: %d bytes, %v", jobName(i), len(proof), err)
		}
	}
	if unsaid > kills {
		t.Errorf("%d jobs were done by nobody, with %d kills", unsaid, kills)
	}
	t.Logf("%d jobs done with %d kills", jobs, kills)
}
