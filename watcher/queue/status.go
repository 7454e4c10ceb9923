package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Worker is what a worker says of itself.
type Worker struct {
	Name  string    `json:"name"`
	Job   string    `json:"job,omitempty"`   // name of the job that it has; empty if it waits for one
	Stage string    `json:"stage,omitempty"` // see Lease.Stage
	Since time.Time `json:"since,omitzero"`  // when it took the job
	seen  time.Time
}

// maxWorkers bounds the workers that a Queue remembers.
const maxWorkers = 10_000

// report tells everybody about a worker. A report can be lost; the next one comes soon.
func (q *Queue) report(w Worker) { q.send(q.name+".workers", message{Worker: &w}) }

// send publishes a message that nobody stores.
func (q *Queue) send(subject string, m message) {
	data, err := encode(m)
	if err == nil {
		err = q.conn.Publish(subject, data)
	}
	if err != nil {
		q.config.Log.Debug("queue: a report is lost", "err", err)
	}
}

// hear remembers a worker's report.
func (q *Queue) hear(msg *nats.Msg) {
	m, err := decode(msg.Data)
	if err != nil || m.Worker == nil || checkName(m.Worker.Name) != nil {
		return
	}
	w := *m.Worker
	w.Stage, w.seen = shortened(w.Stage), time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, known := q.workers[w.Name]; known || len(q.workers) < maxWorkers {
		q.workers[w.Name] = w
	}
}

// busy reports whether another worker than the one with this name says that it has a job, or may have said so before this process heard reports, if taken says
// that one had it. A worker that is gone has been silent for a lease's time, but for a report of a stage, when its job is given to another one; a worker that
// works reports three times in that time.
func (q *Queue) busy(worker, job string, taken bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if taken && time.Since(q.hears) < q.lease/2 {
		return true
	}
	for name, w := range q.workers {
		if name != worker && w.Job == job && time.Since(w.seen) < q.lease/2 {
			return true
		}
	}
	return false
}

// Status is the state of a queue.
type Status struct {
	Waiting  int       `json:"waiting"`         // jobs that no worker has, including those that pause after a failure
	Running  int       `json:"running"`         // jobs that workers have
	Oldest   time.Time `json:"oldest,omitzero"` // when the oldest of these jobs was put
	Workers  []Worker  `json:"workers"`         // that have reported within a lease's time, by name
	SetAside int       `json:"set_aside"`
}

// Status returns the state of the queue.
func (q *Queue) Status(ctx context.Context) (*Status, error) {
	jobs, err := q.jobs.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	failed, err := q.errors.Info(ctx, jetstream.WithSubjectFilter(q.name+".aside.*"))
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	s := &Status{SetAside: len(failed.State.Subjects), Workers: []Worker{}}
	q.mu.Lock()
	for name, w := range q.workers {
		if time.Since(w.seen) > q.lease {
			delete(q.workers, name)
			continue
		}
		s.Workers = append(s.Workers, w)
	}
	q.mu.Unlock()
	slices.SortFunc(s.Workers, func(a, b Worker) int { return strings.Compare(a.Name, b.Name) })
	for _, w := range s.Workers {
		if w.Job != "" {
			s.Running++
		}
	}
	if total := int(jobs.State.Msgs); total > 0 {
		s.Running = min(s.Running, total)
		s.Waiting, s.Oldest = total-s.Running, jobs.State.FirstTime
	} else {
		s.Running = 0
	}
	return s, nil
}

// SetAside returns the jobs that are set aside, by name, at most limit of them.
func (q *Queue) SetAside(ctx context.Context, limit int) ([]SetAside, error) {
	info, err := q.errors.Info(ctx, jetstream.WithSubjectFilter(q.name+".aside.*"))
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	names := make([]string, 0, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		names = append(names, strings.TrimPrefix(subject, q.name+".aside."))
	}
	slices.Sort(names)
	list := []SetAside{}
	for _, name := range names[:min(limit, len(names))] {
		aside, err := q.aside(ctx, name)
		if err != nil {
			return nil, err
		}
		if aside != nil { // it may just have been put again
			list = append(list, *aside)
		}
	}
	return list, nil
}

// The kinds of events.
const (
	Done   = "done"      // the job's proof is stored
	Failed = "failed"    // a try failed; the job will be tried again
	Aside  = "set_aside" // the job was set aside
)

// Event is something that happened to a job.
type Event struct {
	Kind   string `json:"kind"`
	Job    string `json:"job"`
	Worker string `json:"worker"`
	Error  string `json:"error,omitempty"`
}

// publish tells everybody about an event.
func (q *Queue) publish(e Event) { q.send(q.name+".events", message{Event: &e}) }

// eventBuffer is the number of events that wait for a slow receiver.
const eventBuffer = 1024

// Events returns a channel of events, which is closed when ctx ends. Events are hints: they get lost while the server cannot be reached, while
// nobody listens, and when the receiver is slow. What counts is the stored proof, and SetAside.
func (q *Queue) Events(ctx context.Context) (<-chan Event, error) {
	raw := make(chan *nats.Msg, eventBuffer)
	sub, err := q.conn.ChanSubscribe(q.name+".events", raw)
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	events := make(chan Event)
	go func() {
		defer close(events)
		defer sub.Unsubscribe()
		for {
			select {
			case <-ctx.Done():
				return
			case msg := <-raw:
				m, err := decode(msg.Data)
				if err != nil || m.Event == nil {
					continue
				}
				select {
				case events <- *m.Event:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return events, nil
}
