package main

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"runtime"
	"strings"

	"github.com/starkd/starkd/node"
)

// storeLog is the writer of the standard log, where pebble writes: into our log at level debug, but for what pebble ends the process
// with right after, which becomes a reason and a hint.
type storeLog struct {
	log    *slog.Logger
	stderr io.Writer
	home   string
}

// logStores sends the standard log to a storeLog.
func logStores(l *slog.Logger, stderr io.Writer, home string) {
	log.SetFlags(0)
	log.SetOutput(&storeLog{l, stderr, home})
}

func (s *storeLog) Write(p []byte) (int, error) {
	text := strings.TrimSpace(string(p))
	if fatal() {
		s.log.Error("database", "fault", text)
		fmt.Fprintf(s.stderr, "starkd: the database cannot go on: %s\nhint: %s\n", strings.Join(strings.Fields(text), " "), node.FaultHint(s.home, text))
	} else {
		s.log.Debug("database", "says", text)
	}
	return len(p), nil
}

// fatal reports whether pebble's Logger.Fatalf is on the stack, which ends the process with status 1 when the line is written.
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
