package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// maxStore bounds the files of the embedded server, in bytes.
const maxStore = 1 << 30

// startTimeout is the time that the embedded server may take to start.
const startTimeout = 30 * time.Second

// embedded is the value of Config.URL for a server in this process. Followed by ://[TOKEN@]HOST:PORT, the server listens there.
const embedded = "embedded"

// startServer starts the embedded server that u describes, with its files in dir.
func startServer(u *url.URL, dir string, log *slog.Logger) (*server.Server, error) {
	if dir == "" {
		return nil, errors.New("queue: the embedded server needs a folder for its files")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	options := &server.Options{
		ServerName: "starkd", JetStream: true, StoreDir: dir, SyncAlways: true, JetStreamMaxStore: maxStore, JetStreamMaxMemory: maxStore / 8,
		NoSigs: true, NoSystemAccount: true, DontListen: true, Authorization: u.User.Username(), MaxControlLine: 4096,
	}
	if u.Host != "" {
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			return nil, fmt.Errorf("queue: %q is not host:port", u.Host)
		}
		options.DontListen, options.Host, options.Port = false, u.Hostname(), int(port)
		if port == 0 {
			options.Port = server.RANDOM_PORT
		}
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	s.SetLoggerV2(&serverLog{log}, false, false, false)
	go s.Start()
	if !s.ReadyForConnections(startTimeout) || !s.JetStreamEnabled() {
		s.Shutdown()
		return nil, fmt.Errorf("queue: the embedded server did not start within %v on %q with its files in %s", startTimeout, u.Host, dir)
	}
	return s, nil
}

// checkEmbedded checks the address of an embedded server. Everybody who can connect can take, put and delete jobs, so an address that other
// machines reach needs a token.
func checkEmbedded(u *url.URL) error {
	if u.Host == "" {
		return nil
	}
	host := u.Hostname()
	if _, err := strconv.ParseUint(u.Port(), 10, 16); err != nil {
		return fmt.Errorf("%q is not host:port", u.Host)
	}
	if _, ok := u.User.Password(); ok {
		return errors.New("the embedded server takes a token, TOKEN@host:port, and no password")
	}
	if ip := net.ParseIP(host); u.User.Username() == "" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("the embedded server would listen on %s for everybody: add a token, embedded://TOKEN@%[1]s", u.Host)
	}
	return nil
}

// serverLog writes the embedded server's warnings and errors to the log.
type serverLog struct{ log *slog.Logger }

func (l *serverLog) line(level func(string, ...any), format string, v []any) {
	level("queue server: " + strings.TrimSpace(fmt.Sprintf(format, v...)))
}
func (l *serverLog) Noticef(format string, v ...any) { l.line(l.log.Debug, format, v) }
func (l *serverLog) Warnf(format string, v ...any)   { l.line(l.log.Warn, format, v) }
func (l *serverLog) Errorf(format string, v ...any)  { l.line(l.log.Error, format, v) }
func (l *serverLog) Fatalf(format string, v ...any)  { l.line(l.log.Error, format, v) }
func (l *serverLog) Debugf(string, ...any)           {}
func (l *serverLog) Tracef(string, ...any)           {}
