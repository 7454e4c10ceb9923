package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Config configures a Queue. Zero fields mean their defaults.
type Config struct {
	// URL is the queue's server:
	//   - "embedded": a server in this process, which only this process can reach. The default.
	//   - "embedded://[TOKEN@]HOST:PORT": the same, for workers in other processes too. The token is needed except on loopback.
	//   - "nats://[USER:PASSWORD@|TOKEN@]HOST:PORT[,…]" or "tls://…": a NATS server or cluster with JetStream. Credentials may also come from
	//     NATS's own environment variables: NATS_USER, NATS_PASSWORD, NATS_CREDS, NATS_NKEY, NATS_CA, NATS_CERT and NATS_KEY.
	// A query may set name, the prefix of streams and subjects (default starkd), and replicas, the copies of the streams in a cluster
	// (default 1), as in nats://a,nats://b?name=mychain&replicas=3.
	URL string
	// Dir is the folder for the files of an embedded server.
	Dir string
	// Chain is the id of the chain whose jobs the queue has. A queue that belongs to another chain is an error. Workers, which prove jobs of any
	// chain, leave it empty.
	Chain string
	// Lease is the time after which the job of a silent worker is given to another one. Workers report three times as often. It is set when the
	// streams are made. Default 30 s.
	Lease time.Duration
	// MaxTries is the number of failed tries after which a job is set aside. Default 5.
	MaxTries int
	// MaxLost is the number of workers lost with a job after which it is set aside: it may be what ends them. Default 10.
	MaxLost int
	// Log receives the log. Default none.
	Log *slog.Logger
}

func (c *Config) setDefaults() {
	if c.URL == "" {
		c.URL = embedded
	}
	if c.Lease == 0 {
		c.Lease = 30 * time.Second
	}
	if c.MaxTries == 0 {
		c.MaxTries = 5
	}
	if c.MaxLost == 0 {
		c.MaxLost = 10
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// address is a parsed Config.URL.
type address struct {
	embedded *url.URL // nil for an existing server
	servers  []string // of an existing server
	name     string
	replicas int
}

// CheckURL reports the fault of a Config.URL.
func CheckURL(text string) error {
	_, err := parseURL(text)
	return err
}

// parseURL parses a Config.URL.
func parseURL(text string) (*address, error) {
	a := &address{name: "starkd", replicas: 1}
	for part := range strings.SplitSeq(text, ",") {
		u, err := url.Parse(part)
		if err != nil {
			return nil, errors.New("the URL is malformed") // its text may contain a password
		}
		if u.Path == embedded && u.Scheme == "" {
			u.Scheme, u.Path = embedded, ""
		}
		if u.Path != "" && u.Path != "/" || u.Fragment != "" || u.Opaque != "" {
			return nil, fmt.Errorf("%s has a path, a fragment or no //", u.Redacted())
		}
		for key, values := range u.Query() {
			switch value := values[0]; key {
			case "name":
				if err := checkName(value); err != nil {
					return nil, fmt.Errorf("name %w", err)
				}
				a.name = value
			case "replicas":
				if a.replicas, err = strconv.Atoi(value); err != nil || a.replicas < 1 || a.replicas > 5 {
					return nil, fmt.Errorf("replicas %.20q is not between 1 and 5", value)
				}
			default:
				return nil, fmt.Errorf("unknown parameter %.80q; there are name and replicas", key)
			}
		}
		u.RawQuery = ""
		switch u.Scheme {
		case embedded:
			if text != part {
				return nil, errors.New("an embedded server has one address")
			}
			if err := checkEmbedded(u); err != nil {
				return nil, err
			}
			a.embedded = u
		case "nats", "tls", "ws", "wss":
			if u.Host == "" {
				return nil, fmt.Errorf("%s has no host", u.Redacted())
			}
			a.servers = append(a.servers, u.String())
		default:
			return nil, fmt.Errorf("scheme %.20q is not embedded, nats, tls, ws or wss", u.Scheme)
		}
	}
	if a.embedded != nil && a.replicas > 1 {
		return nil, errors.New("an embedded server has no replicas")
	}
	return a, nil
}

// Queue is a connection to a queue of jobs. It is safe for concurrent use.
type Queue struct {
	config Config
	name   string
	server *server.Server // nil for an existing server
	conn   *nats.Conn
	js     jetstream.JetStream
	jobs   jetstream.Stream
	errors jetstream.Stream
	taken  jetstream.Consumer
	lease  time.Duration

	closing  context.CancelFunc // ends the renewals of leases
	closed   context.Context
	renewals sync.WaitGroup

	mu      sync.Mutex
	workers map[string]Worker // by name; those that have reported
	again   chan struct{}     // closed, and replaced, when the server is reached again
	hears   time.Time         // since when the reports of workers are heard
}

// Open connects to a queue, or starts an embedded server, and makes the streams if they are missing. The caller must call Close.
func Open(ctx context.Context, config Config) (*Queue, error) {
	config.setDefaults()
	at, err := parseURL(config.URL)
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	q := &Queue{config: config, name: at.name, workers: map[string]Worker{}, again: make(chan struct{})}
	q.closed, q.closing = context.WithCancel(context.Background())
	options := []nats.Option{
		nats.Name("starkd"), nats.MaxReconnects(-1), nats.ReconnectWait(time.Second), nats.ReconnectBufSize(1 << 20),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				config.Log.Warn("the queue's server cannot be reached", "err", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			config.Log.Info("the queue's server is reached again")
			q.mu.Lock()
			defer q.mu.Unlock()
			close(q.again)
			q.again, q.hears = make(chan struct{}), time.Now()
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { config.Log.Warn("queue", "err", err) }),
	}
	servers := strings.Join(at.servers, ",")
	if at.embedded != nil {
		if q.server, err = startServer(at.embedded, config.Dir, config.Log); err != nil {
			return nil, err
		}
		options = append(options, nats.InProcessServer(q.server))
		if token := at.embedded.User.Username(); token != "" {
			options = append(options, nats.Token(token))
		}
	} else {
		options = append(options, credentials()...)
	}
	if q.conn, err = nats.Connect(servers, options...); err != nil {
		return nil, errors.Join(fmt.Errorf("queue: %s: %w", redacted(config.URL), err), q.Close())
	}
	if err := q.prepare(ctx, at.replicas); err != nil {
		return nil, errors.Join(fmt.Errorf("queue: %s: %w", redacted(config.URL), err), q.Close())
	}
	return q, nil
}

// redacted returns the URL without passwords and tokens.
func redacted(text string) string {
	parts := strings.Split(text, ",")
	for i := range parts {
		if before, after, ok := strings.Cut(parts[i], "@"); ok {
			scheme, _, _ := strings.Cut(before, "://")
			parts[i] = scheme + "://…@" + after
		}
	}
	return strings.Join(parts, ",")
}

// credentials returns the options that NATS's environment variables ask for.
func credentials() (options []nats.Option) {
	env := os.Getenv
	if user := env("NATS_USER"); user != "" {
		options = append(options, nats.UserInfo(user, env("NATS_PASSWORD")))
	}
	if file := env("NATS_CREDS"); file != "" {
		options = append(options, nats.UserCredentials(file))
	}
	if file := env("NATS_NKEY"); file != "" {
		options = append(options, func(o *nats.Options) error {
			seed, err := nats.NkeyOptionFromSeed(file)
			if err != nil {
				return fmt.Errorf("NATS_NKEY: %w", err)
			}
			return seed(o)
		})
	}
	if file := env("NATS_CA"); file != "" {
		options = append(options, nats.RootCAs(file))
	}
	if cert, key := env("NATS_CERT"), env("NATS_KEY"); cert != "" {
		options = append(options, nats.ClientCert(cert, key))
	}
	return options
}

// maxJobs bounds the jobs that wait or run.
const maxJobs = 100_000

// prepare makes the streams and the consumer if they are missing, and begins to listen to workers.
func (q *Queue) prepare(ctx context.Context, replicas int) error {
	var err error
	if q.js, err = jetstream.New(q.conn); err != nil {
		return err
	}
	if q.jobs, err = q.stream(ctx, jetstream.StreamConfig{
		Name: q.name + "-jobs", Subjects: []string{q.name + ".jobs.*"}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage,
		MaxMsgs: maxJobs, MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgSize: maxMessage, Replicas: replicas,
	}); err != nil {
		return err
	}
	if err := q.bind(ctx); err != nil {
		return err
	}
	if q.errors, err = q.stream(ctx, jetstream.StreamConfig{
		Name: q.name + "-errors", Subjects: []string{q.name + ".tries.*", q.name + ".aside.*"}, Storage: jetstream.FileStorage,
		MaxMsgs: maxJobs, MaxMsgsPerSubject: 1, Discard: jetstream.DiscardOld, MaxMsgSize: maxMessage, Replicas: replicas,
	}); err != nil {
		return err
	}
	const durable = "provers"
	if q.taken, err = q.jobs.Consumer(ctx, durable); errors.Is(err, jetstream.ErrConsumerNotFound) {
		q.taken, err = q.jobs.CreateConsumer(ctx, jetstream.ConsumerConfig{
			Durable: durable, AckPolicy: jetstream.AckExplicitPolicy, AckWait: q.config.Lease, MaxDeliver: -1, MaxAckPending: -1,
		})
	}
	if err != nil {
		return fmt.Errorf("consumer %s: %w", durable, err)
	}
	q.lease = q.taken.CachedInfo().Config.AckWait
	q.mu.Lock()
	q.hears = time.Now()
	q.mu.Unlock()
	_, err = q.conn.Subscribe(q.name+".workers", q.hear)
	return err
}

// stream returns the stream of want.Name, which it makes if it is missing. A stream that exists keeps its settings, but those on which the
// queue relies must be the wanted ones.
func (q *Queue) stream(ctx context.Context, want jetstream.StreamConfig) (jetstream.Stream, error) {
	s, err := q.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = q.js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process has just made it
			s, err = q.js.Stream(ctx, want.Name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", want.Name, err)
	}
	if is := s.CachedInfo().Config; is.Retention != want.Retention || is.MaxMsgsPerSubject != want.MaxMsgsPerSubject ||
		is.Discard != want.Discard || is.DiscardNewPerSubject != want.DiscardNewPerSubject || !slices.Equal(is.Subjects, want.Subjects) {
		return nil, fmt.Errorf("stream %s exists and was not made by starkd: retention %v, subjects %v", want.Name, is.Retention, is.Subjects)
	}
	return s, nil
}

// ChainError is the error of a queue with jobs of another chain.
type ChainError struct{ Chain, Queue string }

func (e *ChainError) Error() string {
	return fmt.Sprintf("queue: the queue has jobs of chain %q, not of chain %q: choose another ?name=NAME in its URL", e.Queue, e.Chain)
}

// chainKey is the key of the chain's id in the metadata of the stream of jobs.
const chainKey = "starkd.chain"

// bind records the chain of the queue if it has none yet, and checks it otherwise.
func (q *Queue) bind(ctx context.Context) error {
	config := q.jobs.CachedInfo().Config
	switch is := config.Metadata[chainKey]; {
	case q.config.Chain == "" || is == q.config.Chain:
		return nil
	case is != "":
		return &ChainError{Chain: q.config.Chain, Queue: is}
	}
	config.Metadata = maps.Clone(config.Metadata)
	if config.Metadata == nil {
		config.Metadata = map[string]string{}
	}
	config.Metadata[chainKey] = q.config.Chain
	_, err := q.js.UpdateStream(ctx, config)
	return err
}

// Close closes the connection and stops an embedded server. Leases that are not finished are lost.
func (q *Queue) Close() error {
	q.mu.Lock()
	q.closing()
	q.mu.Unlock()
	q.renewals.Wait()
	if q.conn != nil {
		if q.server == nil && q.conn.IsConnected() {
			_ = q.conn.FlushTimeout(time.Second) // reports of workers; nothing depends on them
		}
		q.conn.Close()
	}
	if q.server != nil {
		q.server.Shutdown()
		q.server.WaitForShutdown()
	}
	return nil
}

// Address returns the host:port on which an embedded server listens, or "".
func (q *Queue) Address() string {
	if q.server == nil || q.server.Addr() == nil {
		return ""
	}
	return q.server.Addr().String()
}

// Put puts a job into the queue, durably. A job whose name is waiting or running already is not put again. The error is a *SetAsideError if
// the job has been set aside. Putting a job whose proof is stored is harmless: a worker finds the proof and ends the job.
func (q *Queue) Put(ctx context.Context, job Job) error {
	if err := job.Validate(); err != nil {
		return err
	}
	if aside, err := q.aside(ctx, job.Name); err != nil {
		return err
	} else if aside != nil {
		return &SetAsideError{*aside}
	}
	return q.put(ctx, job)
}

// put does what Put does, without the look at jobs that are set aside.
func (q *Queue) put(ctx context.Context, job Job) error {
	data, err := encode(message{Job: &job})
	if err != nil {
		return err
	}
	_, err = q.js.Publish(ctx, q.name+".jobs."+job.Name, data, jetstream.WithExpectStream(q.name+"-jobs"))
	if e, ok := errors.AsType[*jetstream.APIError](err); ok && e.Description == server.ErrMaxMsgsPerSubject.Error() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue: putting job %s: %w", job.Name, err)
	}
	return nil
}

// Jobs returns the names of the jobs that wait or run. It takes time in proportion to their number.
func (q *Queue) Jobs(ctx context.Context) ([]string, error) {
	info, err := q.jobs.Info(ctx, jetstream.WithSubjectFilter(q.name+".jobs.*"))
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	names := make([]string, 0, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		names = append(names, strings.TrimPrefix(subject, q.name+".jobs."))
	}
	slices.Sort(names)
	return names, nil
}

// Withdraw takes a job out of the queue, whether it waits or runs. A worker that has it is not told.
func (q *Queue) Withdraw(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return fmt.Errorf("queue: the job's name %w", err)
	}
	if err := q.jobs.Purge(ctx, jetstream.WithPurgeSubject(q.name+".jobs."+name)); err != nil {
		return fmt.Errorf("queue: withdrawing job %s: %w", name, err)
	}
	return q.forget(ctx, q.name+".tries."+name)
}

// last returns the last message of a subject of the errors, or nil.
func (q *Queue) last(ctx context.Context, subject string) (*message, error) {
	raw, err := q.errors.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("queue: %s: %w", subject, err)
	}
	m, err := decode(raw.Data)
	if err != nil {
		return nil, fmt.Errorf("queue: %s: %w", subject, err)
	}
	return m, nil
}

// aside returns the job with a name if it has been set aside, else nil.
func (q *Queue) aside(ctx context.Context, name string) (*SetAside, error) {
	m, err := q.last(ctx, q.name+".aside."+name)
	if err != nil || m == nil {
		return nil, err
	}
	if m.SetAside == nil {
		return nil, fmt.Errorf("queue: %s.aside.%s: no job in the message", q.name, name)
	}
	return m.SetAside, nil
}

// keep stores a message of the errors.
func (q *Queue) keep(ctx context.Context, subject string, m message) error {
	data, err := encode(m)
	if err != nil {
		return err
	}
	if _, err := q.js.Publish(ctx, subject, data, jetstream.WithExpectStream(q.name+"-errors")); err != nil {
		return fmt.Errorf("queue: %s: %w", subject, err)
	}
	return nil
}

// forget deletes the messages of a subject of the errors.
func (q *Queue) forget(ctx context.Context, subject string) error {
	if err := q.errors.Purge(ctx, jetstream.WithPurgeSubject(subject)); err != nil {
		return fmt.Errorf("queue: %s: %w", subject, err)
	}
	return nil
}

// Retry puts a job that was set aside into the queue again, with all its tries. It returns false if no such job is set aside.
func (q *Queue) Retry(ctx context.Context, name string) (bool, error) {
	if err := checkName(name); err != nil {
		return false, fmt.Errorf("queue: the job's name %w", err)
	}
	aside, err := q.aside(ctx, name)
	if err != nil || aside == nil {
		return false, err
	}
	if err := q.forget(ctx, q.name+".tries."+name); err != nil {
		return false, err
	}
	if err := q.put(ctx, aside.Job); err != nil {
		return false, err
	}
	return true, q.forget(ctx, q.name+".aside."+name)
}

// Discard forgets a job that was set aside, so that it can be put again.
func (q *Queue) Discard(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return fmt.Errorf("queue: the job's name %w", err)
	}
	return errors.Join(q.forget(ctx, q.name+".tries."+name), q.forget(ctx, q.name+".aside."+name))
}
