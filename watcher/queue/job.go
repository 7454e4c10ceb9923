package queue

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
)

// Bounds of messages.
const (
	maxMessage = 16 << 10 // bytes of a message
	maxName    = 128      // bytes of the name of a job or a worker
	maxError   = 4 << 10  // bytes of an error's text; the rest is cut off
	maxInput   = 1 << 32  // bytes of a job's input
)

// version is the version of the messages.
const version = 1

// Job is a proof to be made.
type Job struct {
	// Name says what is proved: 1 to 128 lower-case letters, digits, - and _. Jobs with the same name have the same proof.
	Name string `json:"name"`
	// Input is the key of the encoded input in the store, of Size bytes with the SHA-256 Digest (hexadecimal).
	Input  string `json:"input"`
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	// FirstBlock and LastBlock are the blocks of the job's transactions.
	FirstBlock uint64 `json:"first_block"`
	LastBlock  uint64 `json:"last_block"`
	// Transactions and Steps are the number of transactions, and of Cairo steps as far as the watcher knows.
	Transactions int    `json:"transactions"`
	Steps        uint64 `json:"steps"`
}

// Validate reports the first fault of a job.
func (j *Job) Validate() error {
	if err := checkName(j.Name); err != nil {
		return fmt.Errorf("queue: the job's name %w", err)
	}
	switch digest, err := hex.DecodeString(j.Digest); {
	case j.Input == "" || len(j.Input) > 2*maxName || strings.Trim(j.Input, "abcdefghijklmnopqrstuvwxyz0123456789-_./") != "" || strings.Contains(j.Input, ".."):
		return fmt.Errorf("queue: job %s: input %.80q is not a key of at most %d lower-case letters, digits, -, _, . and /", j.Name, j.Input, 2*maxName)
	case err != nil || len(digest) != 32 || j.Digest != strings.ToLower(j.Digest):
		return fmt.Errorf("queue: job %s: digest %.80q is not 64 lower-case hexadecimal digits", j.Name, j.Digest)
	case j.Size < 1 || j.Size > maxInput:
		return fmt.Errorf("queue: job %s: an input of %d bytes, want 1 to %d", j.Name, j.Size, int64(maxInput))
	case j.LastBlock < j.FirstBlock:
		return fmt.Errorf("queue: job %s: last block %d before first block %d", j.Name, j.LastBlock, j.FirstBlock)
	case j.Transactions < 1:
		return fmt.Errorf("queue: job %s: %d transactions, want at least 1", j.Name, j.Transactions)
	}
	return nil
}

// checkName checks the name of a job or a worker.
func checkName(name string) error {
	if name == "" || len(name) > maxName || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return fmt.Errorf("%.140q is not 1 to %d lower-case letters, digits, - and _", name, maxName)
	}
	return nil
}

// message is what is sent: a version, and one of the other members.
type message struct {
	Version  int       `json:"version"`
	Job      *Job      `json:"job,omitempty"`
	Tries    *tries    `json:"tries,omitempty"`
	SetAside *SetAside `json:"set_aside,omitempty"`
	Worker   *Worker   `json:"worker,omitempty"`
	Event    *Event    `json:"event,omitempty"`
}

// tries is what is remembered of a job that failed or was given back.
type tries struct {
	Failed   int    `json:"failed"`   // leases that ended with Lease.Fail
	Released int    `json:"released"` // leases that ended with Lease.Release
	Error    string `json:"error"`    // the last error
}

// encode returns a message's bytes.
func encode(m message) ([]byte, error) {
	m.Version = version
	data, err := jsonv2.Marshal(m)
	if err == nil && len(data) > maxMessage {
		err = fmt.Errorf("queue: a message of %d bytes exceeds %d", len(data), maxMessage)
	}
	return data, err
}

// decode returns the message in data. It checks the size and the version, and the job if there is one.
func decode(data []byte) (*message, error) {
	if len(data) > maxMessage {
		return nil, fmt.Errorf("queue: a message of %d bytes exceeds %d", len(data), maxMessage)
	}
	var is struct {
		Version int `json:"version"`
	}
	if err := jsonv2.Unmarshal(data, &is); err != nil {
		return nil, fmt.Errorf("queue: a malformed message: %w", err)
	}
	if is.Version != version {
		return nil, fmt.Errorf("queue: a message of version %d, want %d: watchers and workers have different versions of starkd", is.Version, version)
	}
	m := new(message)
	if err := jsonv2.Unmarshal(data, m, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("queue: a malformed message: %w", err)
	}
	if m.Job != nil {
		if err := m.Job.Validate(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// decodeJob returns the job in data.
func decodeJob(data []byte) (*Job, error) {
	m, err := decode(data)
	if err != nil {
		return nil, err
	}
	if m.Job == nil {
		return nil, errors.New("queue: a message without a job")
	}
	return m.Job, nil
}

// shortened returns text with at most maxError bytes, as valid UTF-8.
func shortened(text string) string {
	if len(text) > maxError {
		text = text[:maxError]
		for !utf8.ValidString(text) && len(text) > maxError-utf8.UTFMax {
			text = text[:len(text)-1]
		}
	}
	return strings.ToValidUTF8(text, "?")
}

// SetAside is a job that is not tried any more.
type SetAside struct {
	Job   Job       `json:"job"`
	Error string    `json:"error"` // of the last try
	Tries int       `json:"tries"`
	Time  time.Time `json:"time"`
}

// SetAsideError is the error of putting a job that has been set aside.
type SetAsideError struct{ SetAside }

func (e *SetAsideError) Error() string {
	return fmt.Sprintf("queue: job %s was set aside after %d tries: %s", e.Job.Name, e.Tries, e.SetAside.Error)
}
