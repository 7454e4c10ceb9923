package queue

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// fetchWait is the time that one request for a job waits for one.
const fetchWait = 2 * time.Second

// flushTimeout is the time that a job which is given back may take to reach the server.
const flushTimeout = 5 * time.Second

// Lease is a job that a worker has. It is renewed until Done, Fail or Release is called, one of which must be called once.
type Lease struct {
	queue  *Queue
	worker string
	job    *Job
	try    int
	tries  tries
	msg    jetstream.Msg
	begun  time.Time

	stop func() // ends the renewals and waits for their end

	mu    sync.Mutex
	stage string
	told  time.Time // when the stage was reported
}

// Take returns the next job, as soon as there is one, for the worker with this name. While the server cannot be reached it waits. The error is
// that of ctx, or nats.ErrConnectionClosed after Close.
func (q *Queue) Take(ctx context.Context, worker string) (*Lease, error) {
	if err := checkName(worker); err != nil {
		return nil, fmt.Errorf("queue: the worker's name %w", err)
	}
	var said error
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		q.report(Worker{Name: worker})
		msg, err := q.fetch()
		if err == nil && msg != nil {
			var lease *Lease
			if lease, err = q.accept(ctx, worker, msg); lease != nil || ctx.Err() != nil {
				return lease, err
			}
		}
		if err == nil {
			said = nil
			continue
		}
		if q.conn.IsClosed() {
			return nil, fmt.Errorf("queue: %w", err)
		}
		if said == nil || said.Error() != err.Error() {
			q.config.Log.Warn("no job can be taken", "err", err)
			said = err
		}
		select {
		case <-ctx.Done():
		case <-time.After(fetchWait / 2):
		}
	}
}

// fetch asks for the next message and returns it, or nil if none came in time. It does not end with a context: the server would send the
// next message nonetheless, and nobody would have it.
func (q *Queue) fetch() (jetstream.Msg, error) {
	batch, err := q.taken.Fetch(1, jetstream.FetchMaxWait(fetchWait))
	if err != nil {
		return nil, err
	}
	for msg := range batch.Messages() {
		return msg, nil
	}
	return nil, batch.Error()
}

// accept returns the lease of a message's job. It returns nil if the job is not to be run: it is malformed or had its tries, so it is set
// aside; or ctx has ended, so it is given back.
func (q *Queue) accept(ctx context.Context, worker string, msg jetstream.Msg) (*Lease, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return nil, err
	}
	job, err := decodeJob(msg.Data())
	if err == nil && msg.Subject() != q.name+".jobs."+job.Name {
		err = fmt.Errorf("queue: job %s came as %.200q", job.Name, msg.Subject())
	}
	if err != nil {
		// Nothing in the message can be relied on but its bytes.
		name := fmt.Sprintf("malformed-%x", sha256.Sum256(msg.Data()))
		refused := &Lease{queue: q, worker: worker, job: &Job{Name: name}, msg: msg, stop: func() {}}
		return nil, refused.setAside(ctx, 1, err.Error())
	}
	l := &Lease{queue: q, worker: worker, job: job, msg: msg, begun: time.Now(), stop: func() {}}
	known, err := q.last(context.WithoutCancel(ctx), q.name+".tries."+job.Name)
	if err != nil {
		return nil, errors.Join(err, msg.NakWithDelay(fetchWait))
	}
	if known != nil && known.Tries != nil {
		l.tries = *known.Tries
	}
	if ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), l.Release(context.WithoutCancel(ctx)))
	}
	lost := max(int(meta.NumDelivered)-1-l.tries.Released-l.tries.Failed, 0)
	if q.busy(worker, job.Name, lost > 0) {
		// The server has lost its memory of the other's lease, or did not hear of it for the lease's time.
		q.config.Log.Warn("a job is given back, because another worker has it or may have it", "job", job.Name)
		return nil, l.giveBack(context.WithoutCancel(ctx), q.lease/2)
	}
	if l.tries.Failed >= q.config.MaxTries || lost >= q.config.MaxLost {
		text := fmt.Sprintf("%d workers were lost with this job", lost)
		if l.tries.Error != "" {
			text = fmt.Sprintf("%s (%d failed, %d workers were lost)", l.tries.Error, l.tries.Failed, lost)
		}
		return nil, l.setAside(ctx, l.tries.Failed+lost, text)
	}
	l.try = l.tries.Failed + lost + 1
	l.renew()
	return l, nil
}

// renew begins to renew the lease.
func (l *Lease) renew() {
	renewing, stop := context.WithCancel(l.queue.closed)
	done := make(chan struct{})
	l.stop = func() { stop(); <-done }
	l.tell()
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	if l.queue.closed.Err() != nil { // Close may be waiting already
		close(done)
		return
	}
	l.queue.renewals.Go(func() {
		defer close(done)
		ticker := time.NewTicker(l.queue.lease / 3)
		defer ticker.Stop()
		for {
			l.queue.mu.Lock()
			again := l.queue.again
			l.queue.mu.Unlock()
			select {
			case <-renewing.Done():
				return
			case <-ticker.C:
			case <-again: // the server may have missed the last renewals
			}
			// If this is lost, another worker gets the job; the proof is stored once nevertheless.
			if err := l.msg.InProgress(); err != nil {
				l.queue.config.Log.Warn("a lease could not be renewed", "job", l.job.Name, "err", err)
			}
			l.tell()
		}
	})
}

// Job returns the job.
func (l *Lease) Job() Job { return *l.job }

// Try returns the number of this try: 1 for the first.
func (l *Lease) Try() int { return l.try }

// stageInterval is the least time between two reports of stages.
const stageInterval = time.Second

// Stage says what the worker does, such as "FRI, 8 s left", for Status.
func (l *Lease) Stage(stage string) {
	l.mu.Lock()
	l.stage = shortened(stage)
	due := time.Since(l.told) >= stageInterval
	l.mu.Unlock()
	if due {
		l.tell()
	}
}

// tell reports the worker and its stage.
func (l *Lease) tell() {
	l.mu.Lock()
	l.told = time.Now()
	report := Worker{Name: l.worker, Job: l.job.Name, Stage: l.stage, Since: l.begun}
	l.mu.Unlock()
	l.queue.report(report)
}

// end ends the renewals, and reports that the worker has no job.
func (l *Lease) end() {
	l.stop()
	l.queue.report(Worker{Name: l.worker})
}

// Done ends a job whose proof is stored. If it returns an error the job may be given to another worker, which finds the proof.
func (l *Lease) Done(ctx context.Context) error {
	l.end()
	if err := l.queue.end(ctx, l.msg); err != nil {
		return fmt.Errorf("queue: ending job %s: %w", l.job.Name, err)
	}
	l.queue.publish(Event{Kind: Done, Job: l.job.Name, Worker: l.worker})
	if l.tries.Failed+l.tries.Released > 0 {
		return l.queue.forget(ctx, l.queue.name+".tries."+l.job.Name)
	}
	return nil
}

// Fail ends a try with an error. The job is tried again after a pause, or set aside if this was the last try.
func (l *Lease) Fail(ctx context.Context, reason error) error {
	l.end()
	text := shortened(strings.TrimSpace(reason.Error()))
	if l.tries.Failed+1 >= l.queue.config.MaxTries {
		return l.setAside(ctx, l.try, text)
	}
	l.tries.Failed, l.tries.Error = l.tries.Failed+1, text
	if err := l.queue.keep(ctx, l.queue.name+".tries."+l.job.Name, message{Tries: &l.tries}); err != nil {
		return err
	}
	l.queue.publish(Event{Kind: Failed, Job: l.job.Name, Worker: l.worker, Error: text})
	return l.msg.NakWithDelay(min(time.Second<<min(l.try, 10), time.Minute))
}

// Release gives the job back, untried, to be taken by another worker at once.
func (l *Lease) Release(ctx context.Context) error {
	l.end()
	if err := l.giveBack(ctx, 0); err != nil {
		return err
	}
	return l.queue.conn.FlushTimeout(flushTimeout)
}

// giveBack gives the job back, untried, to be taken after a pause.
func (l *Lease) giveBack(ctx context.Context, pause time.Duration) error {
	l.tries.Released++
	if err := l.queue.keep(ctx, l.queue.name+".tries."+l.job.Name, message{Tries: &l.tries}); err != nil {
		return err
	}
	if pause == 0 {
		return l.msg.Nak()
	}
	return l.msg.NakWithDelay(pause)
}

// setAside stores the job with its error and takes it out of the queue. A crash between the two repeats both.
func (l *Lease) setAside(ctx context.Context, tries int, text string) error {
	aside := SetAside{Job: *l.job, Error: shortened(text), Tries: tries, Time: time.Now().UTC()}
	if err := l.queue.keep(ctx, l.queue.name+".aside."+l.job.Name, message{SetAside: &aside}); err != nil {
		return err
	}
	if err := l.queue.end(ctx, l.msg); err != nil {
		return fmt.Errorf("queue: setting job %s aside: %w", l.job.Name, err)
	}
	l.queue.config.Log.Error("a job is set aside", "job", l.job.Name, "tries", tries, "err", aside.Error)
	l.queue.publish(Event{Kind: Aside, Job: l.job.Name, Worker: l.worker, Error: aside.Error})
	return nil
}

// end takes a message out of the queue, and returns when the server has confirmed it.
func (q *Queue) end(ctx context.Context, msg jetstream.Msg) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
	}
	return msg.DoubleAck(ctx)
}
