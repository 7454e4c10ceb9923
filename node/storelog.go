package node

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"runtime"
	"strings"
)

// storeLog is the writer of package log, which pebble logs to. Lines go to our log at level debug. A line after which pebble ends the
// process is logged as an error and printed with a hint.
type storeLog struct {
	log    *slog.Logger
	stderr io.Writer
	home   string
}

// LogStores sends what the databases of a process log to l. The line after which a database ends the process also goes to stderr, with a
// hint about the home folder. It changes the output of package log.
func LogStores(l *slog.Logger, stderr io.Writer, home string) {
	log.SetFlags(0)
	log.SetOutput(&storeLog{l, stderr, home})
}

func (s *storeLog) Write(p []byte) (int, error) {
	text := strings.TrimSpace(string(p))
	if fatal() {
		s.log.Error("database", "fault", text)
		fmt.Fprintf(s.stderr, "starkd: the database has failed: %s\nhint: %s\n", strings.Join(strings.Fields(text), " "), FaultHint(s.home, text))
	} else {
		s.log.Debug("database", "says", text)
	}
	return len(p), nil
}

// fatal reports whether pebble's Logger.Fatalf is on the stack. Fatalf ends the process with status 1 after it has written the line.
func fatal() bool {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, "defaultLogger.Fatalf") {
			return true
		}
		if !more {
			return false
		}
	}
}
