package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// open opens a queue with an embedded server that listens on loopback, and closes it at the end of the test.
func open(t *testing.T, change ...func(*Config)) *Queue {
	t.Helper()
	config := Config{Dir: t.TempDir(), URL: "embedded://127.0.0.1:0", Lease: time.Second, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, c := range change {
		c(&config)
	}
	q, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

func jobOf(name string) Job {
	return Job{Name: name, Input: "jobs/" + name, Digest: strings.Repeat("ab", 32), Size: 10, FirstBlock: 3, LastBlock: 4, Transactions: 2, Steps: 1 << 20}
}

// put puts jobs into q.
func put(t *testing.T, q *Queue, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := q.Put(t.Context(), jobOf(name)); err != nil {
			t.Fatal(err)
		}
	}
}

// take returns the next lease within seconds.
func take(t *testing.T, q *Queue, worker string) *Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	l, err := q.Take(ctx, worker)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// none checks that q has no job to take now.
func none(t *testing.T, q *Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if l, err := q.Take(ctx, "nobody"); err == nil {
		t.Fatalf("took %s, try %d; want no job", l.Job().Name, l.Try())
	} else if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

// TestOneJobPerName checks that a name that waits or runs is not put again, and can be after its end.
func TestOneJobPerName(t *testing.T) {
	t.Parallel()
	q := open(t)
	put(t, q, "a", "b", "a")
	first := take(t, q, "w1")
	if got := first.Job(); got != jobOf("a") || first.Try() != 1 {
		t.Errorf("took %+v, try %d; want %+v, try 1", got, first.Try(), jobOf("a"))
	}
	put(t, q, "a", "a")
	second := take(t, q, "w2")
	if second.Job().Name != "b" {
		t.Errorf("took %s, want b", second.Job().Name)
	}
	none(t, q)
	for _, l := range []*Lease{first, second} {
		if err := l.Done(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	none(t, q)
	put(t, q, "a")
	if l := take(t, q, "w1"); l.Job().Name != "a" || l.Try() != 1 {
		t.Errorf("took %s, try %d; want a, try 1", l.Job().Name, l.Try())
	}
}

// TestLostWorker checks that a job whose worker falls silent is given to another, that a worker that reports keeps its job longer than a
// lease, and that a job that loses all its workers is set aside.
func TestLostWorker(t *testing.T) {
	t.Parallel()
	q := open(t, func(c *Config) { c.MaxLost = 2 })
	put(t, q, "a")
	kept := take(t, q, "w1")
	time.Sleep(2500 * time.Millisecond)
	none(t, q)
	kept.stop() // the worker is gone
	for try := 2; try <= 2; try++ {
		l := take(t, q, "w2")
		if l.Job().Name != "a" || l.Try() != try {
			t.Fatalf("took %s, try %d; want a, try %d", l.Job().Name, l.Try(), try)
		}
		l.stop()
	}
	events, err := q.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if l, err := q.Take(ctx, "w3"); err == nil {
		t.Fatalf("took %s, try %d, after its tries", l.Job().Name, l.Try())
	}
	list, err := q.SetAside(t.Context(), 10)
	if err != nil || len(list) != 1 || list[0].Job != jobOf("a") || list[0].Tries != 2 || list[0].Error != "2 workers were lost with this job" {
		t.Errorf("set aside: %+v, %v", list, err)
	}
	if e := <-events; e.Kind != Aside || e.Job != "a" || e.Worker != "w3" {
		t.Errorf("event %+v", e)
	}
	// The first worker comes back after all: its job is gone, and its end says so or is ignored, but it breaks nothing.
	_ = kept.Done(t.Context())
	none(t, q)
}

// TestFailures checks that a job that fails is tried again until its tries are spent, that giving a job back is not a try, and that a job
// that was set aside is put again only by Retry or after Discard.
func TestFailures(t *testing.T) {
	t.Parallel()
	q := open(t, func(c *Config) { c.MaxTries = 3 })
	ctx := t.Context()
	events, err := q.Events(ctx)
	if err != nil {
		t.Fatal(err)
	}
	put(t, q, "a")
	for range 4 {
		if err := take(t, q, "w").Release(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for try := 1; try <= 3; try++ {
		l := take(t, q, "w")
		if l.Try() != try {
			t.Fatalf("try %d, want %d", l.Try(), try)
		}
		if err := l.Fail(ctx, fmt.Errorf("no memory at try %d", try)); err != nil {
			t.Fatal(err)
		}
		want := Event{Failed, "a", "w", fmt.Sprintf("no memory at try %d", try)}
		if try == 3 {
			want.Kind = Aside
		}
		if e := <-events; e != want {
			t.Errorf("event %+v, want %+v", e, want)
		}
	}
	none(t, q)
	err = q.Put(ctx, jobOf("a"))
	if e, ok := errors.AsType[*SetAsideError](err); !ok || e.Tries != 3 || !strings.Contains(err.Error(), "no memory at try 3") {
		t.Errorf("putting a job that is set aside: %v", err)
	}
	if ok, err := q.Retry(ctx, "b"); ok || err != nil {
		t.Errorf("retry of a job that is not set aside: %t, %v", ok, err)
	}
	if ok, err := q.Retry(ctx, "a"); !ok || err != nil {
		t.Fatalf("retry: %t, %v", ok, err)
	}
	l := take(t, q, "w")
	if l.Try() != 1 {
		t.Errorf("try %d after Retry, want 1", l.Try())
	}
	if err := l.Fail(ctx, errors.New("again")); err != nil {
		t.Fatal(err)
	}
	if l = take(t, q, "w"); l.Try() != 2 {
		t.Errorf("try %d, want 2", l.Try())
	}
	if err := l.Done(ctx); err != nil {
		t.Fatal(err)
	}
	put(t, q, "a")
	if l = take(t, q, "w"); l.Try() != 1 {
		t.Errorf("try %d of a job that was done before, want 1", l.Try())
	}
	if s, err := q.Status(ctx); err != nil || s.SetAside != 0 {
		t.Errorf("status %+v, %v; want nothing set aside", s, err)
	}
}

// TestBusyJobs checks that a worker that is given a job gives it back while another one says that it has it, and that the return is not a try.
func TestBusyJobs(t *testing.T) {
	t.Parallel()
	q := open(t)
	ctx := t.Context()
	put(t, q, "a")
	kept := take(t, q, "w1")
	// The server forgets the lease.
	if err := kept.msg.Nak(); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if l, err := q.Take(ended, "w2"); err == nil {
		t.Fatalf("took %s, which w1 has", l.Job().Name)
	}
	kept.stop()
	l := take(t, q, "w2")
	if l.Job().Name != "a" || l.Try() != 2 {
		t.Errorf("took %s, try %d; want a, try 2", l.Job().Name, l.Try())
	}
	if err := l.Release(ctx); err != nil {
		t.Fatal(err)
	}
	if l = take(t, q, "w1"); l.Try() != 2 {
		t.Errorf("try %d, want 2", l.Try())
	}
	l.stop()

	// A process that has just begun to hear reports does not take a job whose worker may live.
	time.Sleep(q.lease + q.lease/2)
	begun := time.Now()
	remote, err := Open(ctx, Config{URL: "nats://" + q.Address()})
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	if l = take(t, remote, "w3"); l.Try() != 3 || time.Since(begun) < q.lease/2 {
		t.Errorf("try %d after %v, want try 3 after half of the lease's time, %v", l.Try(), time.Since(begun), q.lease)
	}
}

// TestWithdraw checks that a job that is withdrawn is gone, whether it waits or runs, and can be put again.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	q := open(t)
	ctx := t.Context()
	put(t, q, "a", "b")
	l := take(t, q, "w")
	if jobs, err := q.Jobs(ctx); err != nil || !slices.Equal(jobs, []string{"a", "b"}) {
		t.Errorf("the queue has the jobs %v, %v", jobs, err)
	}
	for _, name := range []string{"a", "b", "c"} {
		if err := q.Withdraw(ctx, name); err != nil {
			t.Errorf("withdrawing %s: %v", name, err)
		}
	}
	if err := q.Withdraw(ctx, "*"); err == nil {
		t.Error("all jobs are withdrawn at once")
	}
	if s, err := q.Status(ctx); err != nil || s.Waiting+s.Running != 0 {
		t.Errorf("status %+v, %v; want no job", s, err)
	}
	if err := l.Done(ctx); err != nil {
		t.Logf("the end of a job that is gone: %v", err)
	}
	none(t, q)
	put(t, q, "a")
	if l := take(t, q, "w"); l.Job().Name != "a" || l.Try() != 1 {
		t.Errorf("took %s, try %d; want a, try 1", l.Job().Name, l.Try())
	}
}

// TestStatus checks counts, workers and their stages.
func TestStatus(t *testing.T) {
	t.Parallel()
	q := open(t)
	ctx := t.Context()
	put(t, q, "a", "b", "c")
	l := take(t, q, "w1")
	l.Stage("FRI")
	time.Sleep(stageInterval)
	l.Stage("FRI, 8 s left")
	var s *Status
	for range 100 {
		var err error
		if s, err = q.Status(ctx); err != nil {
			t.Fatal(err)
		}
		if len(s.Workers) == 1 && s.Workers[0].Stage == "FRI, 8 s left" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if s.Waiting != 2 || s.Running != 1 || s.SetAside != 0 || time.Since(s.Oldest) > time.Minute {
		t.Errorf("status %+v", s)
	}
	if len(s.Workers) != 1 || s.Workers[0].Job != "a" || s.Workers[0].Stage != "FRI, 8 s left" || time.Since(s.Workers[0].Since) > time.Minute {
		t.Fatalf("workers %+v", s.Workers)
	}
	l.stop()
	time.Sleep(q.lease + 100*time.Millisecond)
	if s, err := q.Status(ctx); err != nil || len(s.Workers) != 0 || s.Waiting != 3 || s.Running != 0 {
		t.Errorf("status after the worker was lost: %+v, %v", s, err)
	}
}

// TestRestart checks that jobs, counts of tries and jobs set aside survive a restart, and that another process reaches an embedded server with
// its token only.
func TestRestart(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), t.Context()
	const token = "sesame"
	at := func(c *Config) { c.Dir, c.URL, c.MaxTries = dir, "embedded://"+token+"@127.0.0.1:0", 2 }
	q := open(t, at)
	put(t, q, "a", "b", "c")
	for range 2 {
		if err := take(t, q, "w").Fail(ctx, errors.New("bad")); err != nil { // a, b
			t.Fatal(err)
		}
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, at)
	if _, err := Open(ctx, Config{URL: "nats://" + q.Address()}); err == nil {
		t.Fatal("the server was reached without its token")
	}
	remote := open(t, func(c *Config) { c.URL, c.MaxTries = "nats://"+token+"@"+q.Address(), 2 })
	tries := map[string]int{}
	for range 3 {
		l := take(t, remote, "w")
		tries[l.Job().Name] = l.Try()
		if err := l.Done(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if tries["a"] != 2 || tries["b"] != 2 || tries["c"] != 1 {
		t.Errorf("tries %v, want 2, 2 and 1", tries)
	}
}

// TestRefusedMessages checks that a message that is not a job, or not under its name, is set aside with a reason, and that the jobs behind it
// are not held up.
func TestRefusedMessages(t *testing.T) {
	t.Parallel()
	q := open(t)
	ctx := t.Context()
	good, err := encode(message{Job: new(jobOf("good"))})
	if err != nil {
		t.Fatal(err)
	}
	for i, data := range []string{
		"", "null", `{"version":1}`, `{"version":2,"job":{}}`, `{"version":1,"job":{"name":"../x"}}`, `{"version":1,"extra":1}`,
		strings.Replace(string(good), `"size":10`, `"size":4294967297`, 1), string(good), "\x00\xff",
	} {
		if _, err := q.js.Publish(ctx, fmt.Sprintf("starkd.jobs.bad%d", i), []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := q.js.Publish(ctx, "starkd.jobs.large", make([]byte, maxMessage+1)); err == nil {
		t.Error("the server takes a message that is too large")
	}
	put(t, q, "good")
	if l := take(t, q, "w"); l.Job().Name != "good" {
		t.Errorf("took %s", l.Job().Name)
	}
	list, err := q.SetAside(ctx, 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 9 {
		t.Errorf("%d are set aside, want 9", len(list))
	}
	for _, a := range list {
		if strings.ContainsAny(a.Error, "\n\r") || !strings.HasPrefix(a.Error, "queue: ") || !strings.HasPrefix(a.Job.Name, "malformed-") {
			t.Errorf("set aside %q: %q", a.Job.Name, a.Error)
		}
	}
}

// TestForeignStream checks that a stream of another program is not used.
func TestForeignStream(t *testing.T) {
	t.Parallel()
	q := open(t)
	if _, err := q.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "other-jobs", Subjects: []string{"other.jobs.*"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{URL: "nats://" + q.Address() + "?name=other"}); err == nil || !strings.Contains(err.Error(), "was not made by starkd") {
		t.Errorf("got %v", err)
	}
	// Two queues of one server are separate.
	second := open(t, func(c *Config) { c.URL = "nats://" + q.Address() + "?name=second" })
	put(t, q, "a")
	none(t, second)
}

// TestChain checks that a queue belongs to the chain of the first watcher.
func TestChain(t *testing.T) {
	t.Parallel()
	q := open(t) // a worker's
	put(t, q, "a")
	at := func(chain string) Config { return Config{URL: "nats://" + q.Address(), Chain: chain} }
	for _, chain := range []string{"ONE", "", "ONE"} {
		again, err := Open(t.Context(), at(chain))
		if err != nil {
			t.Fatalf("chain %q: %v", chain, err)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Open(t.Context(), at("OTHER"))
	if e, ok := errors.AsType[*ChainError](err); !ok || e.Queue != "ONE" || e.Chain != "OTHER" {
		t.Errorf("another chain: %v", err)
	}
	if l := take(t, q, "w"); l.Job().Name != "a" {
		t.Errorf("took %s", l.Job().Name)
	}
}

func TestCheckURL(t *testing.T) {
	for text, want := range map[string]string{
		"embedded": "", "embedded://127.0.0.1:4222": "", "embedded://localhost:0": "", "embedded://[::1]:4222": "", "embedded://tok@0.0.0.0:4222": "",
		"nats://a": "", "nats://u:p@a:4222,tls://b:4222?name=x&replicas=3": "",
		"":                          "scheme",
		"redis://a":                 "scheme",
		"embedded://0.0.0.0:4222":   "token",
		"embedded://10.0.0.1:4222":  "token",
		"embedded://127.0.0.1":      "host:port",
		"embedded://a:b@0.0.0.0:1":  "password",
		"embedded,nats://a":         "one address",
		"embedded?replicas=3":       "replicas",
		"nats://a?replicas=6":       "between 1 and 5",
		"nats://a?name=A":           "lower-case",
		"nats://a?lease=1":          "unknown parameter",
		"nats://a/b":                "path",
		"nats://":                   "no host",
		"nats://secret:\x01@a:4222": "malformed",
		"nats:a":                    "no //",
	} {
		err := CheckURL(text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error shows a secret: %v", text, err)
		}
	}
}

// TestValidate checks the last good and the first bad value of each member of a job.
func TestValidate(t *testing.T) {
	for want, change := range map[string]func(*Job){
		"":                 func(*Job) {},
		"1 to 128":         func(j *Job) { j.Name = strings.Repeat("a", 129) },
		"name \"\"":        func(j *Job) { j.Name = "" },
		"name \"A\"":       func(j *Job) { j.Name = "A" },
		"name \"a.b\"":     func(j *Job) { j.Name = "a.b" },
		"is not a key":     func(j *Job) { j.Input = "" },
		"\"../x\" is not":  func(j *Job) { j.Input = "../x" },
		"digest":           func(j *Job) { j.Digest = strings.Repeat("AB", 32) },
		"64 lower-case":    func(j *Job) { j.Digest = j.Digest[2:] },
		"0 bytes":          func(j *Job) { j.Size = 0 },
		"4294967297 bytes": func(j *Job) { j.Size = maxInput + 1 },
		"last block 2":     func(j *Job) { j.LastBlock = 2 },
		"0 transactions":   func(j *Job) { j.Transactions = 0 },
	} {
		j := jobOf("a")
		change(&j)
		if err := j.Validate(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", j, err, want)
		}
	}
	j := jobOf(strings.Repeat("a", 128))
	j.Size, j.LastBlock, j.Input = maxInput, j.FirstBlock, strings.Repeat("x", 256)
	if err := j.Validate(); err != nil {
		t.Error(err)
	}
}

// FuzzDecode checks that no message makes decode panic, and that what it accepts is encoded and decoded again.
func FuzzDecode(f *testing.F) {
	for _, m := range []message{
		{Job: new(jobOf("a"))}, {Tries: &tries{1, 2, "x"}}, {SetAside: &SetAside{Job: jobOf("b"), Error: "e", Tries: 5}},
		{Worker: &Worker{Name: "w", Since: time.Unix(1, 0).UTC()}}, {Event: &Event{Done, "a", "w", ""}},
	} {
		data, err := encode(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decode(data)
		if err != nil {
			return
		}
		again, err := encode(*m)
		if err != nil {
			return // it may be longer than what it was read from
		}
		if _, err := decode(again); err != nil {
			t.Errorf("%q is decoded, %q is not: %v", data, again, err)
		}
	})
}
