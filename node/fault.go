package node

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/starkd/starkd/internal/hint"
)

// This file makes errors with advice from the errors and panics that a damaged or misused home causes.

// guard calls f and returns its error, or a panic as an error of one line. CometBFT and pebble report many faults of a home as panics.
func guard(log *slog.Logger, f func() error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		log.Debug("panic", "value", p, "stack", string(debug.Stack()))
		if bug, ok := p.(runtime.Error); ok {
			err = fmt.Errorf("a file is damaged or missing (%w)", bug)
		} else {
			err = fmt.Errorf("%v", p)
		}
	}()
	return f()
}

// FaultHint returns the advice for a fault of home's files or of the system. It looks at the text of the fault, because CometBFT panics
// with strings.
func FaultHint(home, fault string) string {
	has := func(text string) bool { return strings.Contains(fault, text) }
	data := filepath.Join(home, "data")
	resync := "remove everything in " + data + " except priv_validator_state.json and sync again, or restore a copy of the whole folder"
	switch {
	case has("no space left on device"), has("disk quota exceeded"):
		return "the disk of " + data + " is full: make room and start again; committed blocks are safe"
	case has("too many open files"):
		return "the process may open too few files: raise the limit (ulimit -n, LimitNOFILE=), for example to 8192"
	case has("read-only file system"), has("permission denied"):
		return "the user who runs starkd must be able to write " + home
	case has("resource temporarily unavailable"):
		return "another starkd is running on this home"
	case has("addrbook"), has("AddrBook"):
		return filepath.Join(home, "config", "addrbook.json") + " is damaged: remove it, and the node makes a new one"
	case has("priv_validator_state"):
		return "that file records what this validator has signed: restore the newest copy; without it the validator may sign twice"
	case has("address already in use"), has("cannot assign requested address"):
		return "choose other addresses in config.toml: laddr of [rpc] and [p2p]"
	case has("out of memory"), has("cannot allocate memory"):
		return "the machine has too little memory"
	case has("AppHash does not match"), has("wrong Block.Header.AppHash"):
		return "the state of this node is not the one that the validators signed, or does not match its block store: keep a copy of " + data + " for examination, then " + resync
	case has("StoreBlockHeight"), has("app block height"), has("AppBlockHeight"):
		return "a part of " + data + " is missing or older than the rest: " + resync
	}
	return "a file of " + data + " may be damaged or missing: " + resync
}

// homeFault adds the advice of FaultHint to an error that has none.
func homeFault(home string, err error) error {
	if _, hinted := hint.Of(err); err == nil || hinted {
		return err
	}
	return hint.With(err, "%s", FaultHint(home, err.Error()))
}
