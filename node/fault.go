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

// What is said of a home that is damaged, or used at the wrong time. CometBFT and pebble report much of it by panics; guard is the one
// place where those become errors.

// guard calls f, which assembles something from a home's files, and returns a panic as an error of one line.
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

// FaultHint returns the advice for a fault that home's files or the system gave. CometBFT's panics are texts, so texts are looked at.
func FaultHint(home, fault string) string {
	has := func(text string) bool { return strings.Contains(fault, text) }
	data := filepath.Join(home, "data")
	anew := "remove the databases in " + data + " (all of it but priv_validator_state.json) and sync anew, or restore a copy of the whole folder"
	switch {
	case has("no space left on device"), has("disk quota exceeded"):
		return "the disk of " + data + " is full: make room and start again; what was committed is safe"
	case has("too many open files"):
		return "the process may open too few files: raise the limit (ulimit -n, LimitNOFILE=); 8192 is plenty"
	case has("read-only file system"), has("permission denied"):
		return "the user who runs starkd must be able to write " + home
	case has("resource temporarily unavailable"):
		return "another starkd is running on this home"
	case has("addrbook"), has("AddrBook"):
		return filepath.Join(home, "config", "addrbook.json") + " is damaged: remove it, the node makes a new one"
	case has("priv_validator_state"):
		return "what this validator has signed is in that file: restore the newest copy; a validator that forgets it may sign twice"
	case has("address already in use"), has("cannot assign requested address"):
		return "config.toml chooses the addresses: laddr of [rpc] and [p2p]"
	case has("out of memory"), has("cannot allocate memory"):
		return "the machine has too little memory"
	case has("AppHash does not match"), has("wrong Block.Header.AppHash"):
		return "this node's state is not the one that the validators signed, or not of the blocks in its store: keep " + data + " for examination, then " + anew
	case has("StoreBlockHeight"), has("app block height"), has("AppBlockHeight"):
		return "a part of " + data + " is missing or of another age: " + anew
	}
	return "a file of " + data + " may be damaged or missing: " + anew
}

// homeFault adds a hint to an error of assembling something from home's files.
func homeFault(home string, err error) error {
	if _, hinted := hint.Of(err); err == nil || hinted {
		return err
	}
	return hint.With(err, "%s", FaultHint(home, err.Error()))
}
