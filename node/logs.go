package node

import (
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	cmtconfig "github.com/cometbft/cometbft/config"
	cmtflags "github.com/cometbft/cometbft/libs/cli/flags"
	cmtlog "github.com/cometbft/cometbft/libs/log"

	"github.com/starkd/starkd/internal/hint"
)

// NewLogger returns a logger that writes to w with the format and level of c, as a node does. A program can use it for its own lines.
func NewLogger(c *cmtconfig.Config, w io.Writer) (*slog.Logger, error) {
	log, _, err := newLogs(c, w)
	return log, logFault(c.RootDir, err)
}

// logFault adds advice to an error of newLogs.
func logFault(home string, err error) error {
	if err == nil {
		return nil
	}
	return hint.With(fmt.Errorf("%s: %w", filepath.Join(home, "config", "config.toml"), err), "valid levels are, for example, info or consensus:debug,starkd:info,*:error")
}

// newLogs returns our logger and CometBFT's, with log_format and log_level of config.toml. In a level for each module, such as
// "consensus:debug,*:error", our module is starkd.
func newLogs(c *cmtconfig.Config, w io.Writer) (*slog.Logger, cmtlog.Logger, error) {
	w = cmtlog.NewSyncWriter(w)
	level, err := ourLevel(c.LogLevel)
	if err != nil {
		return nil, nil, err
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler
	var comet cmtlog.Logger
	switch c.LogFormat {
	case cmtconfig.LogFormatJSON:
		handler, comet = slog.NewJSONHandler(w, options), cmtlog.NewTMJSONLogger(w)
	case cmtconfig.LogFormatPlain:
		handler, comet = slog.NewTextHandler(w, options), cmtlog.NewTMLogger(w)
	default:
		return nil, nil, fmt.Errorf("log_format %q is neither %s nor %s", c.LogFormat, cmtconfig.LogFormatPlain, cmtconfig.LogFormatJSON)
	}
	comet, err = cmtflags.ParseLogLevel(c.LogLevel, comet, cmtconfig.DefaultLogLevel)
	if err != nil {
		return nil, nil, fmt.Errorf("log_level: %w", err)
	}
	return slog.New(handler), comet, nil
}

// levelNone is above every level that the program logs.
const levelNone = slog.LevelError + 1

// ourLevel returns the level of the module starkd in a log_level.
func ourLevel(text string) (slog.Level, error) {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError, "none": levelNone}
	found := slog.LevelInfo
	named := false
	for item := range strings.SplitSeq(text, ",") {
		module, name, ok := strings.Cut(item, ":")
		if !ok {
			module, name = "*", item
		}
		level, known := levels[name]
		if !known {
			return 0, fmt.Errorf("log_level: %q is not one of debug, info, warn, error, none", name)
		}
		if module == "starkd" || module == "*" && !named {
			found, named = level, module == "starkd"
		}
	}
	return found, nil
}

// textLog returns the logger of a watcher or an ABCI server, which have no config.toml. It discards everything if w is nil.
func textLog(w io.Writer) *slog.Logger {
	if w == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(w, nil))
}
