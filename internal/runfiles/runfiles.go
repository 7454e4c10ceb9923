// Package runfiles reads and writes the files of a Cairo run in the official runners' formats: the trace (registers), the memory, and the AIR
// public and private inputs.
package runfiles

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/cairo"
)

// maxFile is the largest size of a trace or memory file in bytes, enough for 2^24 steps.
const maxFile = 2 << 30

// Read returns the content of a file of at most limit bytes, or of stdin for "-".
func Read(path string, stdin io.Reader, limit int64) ([]byte, error) {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: longer than %d bytes", path, limit)
	}
	return data, nil
}

// Load reads the run whose AIR inputs are in the files public and private. The private input names the files of trace and memory. One of the
// two inputs may be stdin, for "-".
func Load(public, private string, stdin io.Reader) (*cairo.Trace, error) {
	publicJSON, err := Read(public, stdin, maxFile)
	if err != nil {
		return nil, err
	}
	privateJSON, err := Read(private, stdin, maxFile)
	if err != nil {
		return nil, err
	}
	var paths struct {
		Trace  string `json:"trace_path"`
		Memory string `json:"memory_path"`
	}
	if err := jsonv2.Unmarshal(privateJSON, &paths); err != nil {
		return nil, fmt.Errorf("%s: %w", private, err)
	}
	if paths.Trace == "" || paths.Memory == "" {
		return nil, fmt.Errorf("%s: trace_path or memory_path is missing", private)
	}
	var files [2][]byte
	for i, path := range []string{paths.Trace, paths.Memory} {
		if _, err := os.Stat(path); err != nil {
			// Runners write the path that they were given, which may be relative to their working directory. Look next to the private input.
			path = filepath.Join(filepath.Dir(private), filepath.Base(path))
		}
		if files[i], err = Read(path, stdin, maxFile); err != nil {
			return nil, err
		}
	}
	return cairo.LoadTrace(publicJSON, privateJSON, files[0], files[1])
}

// Paths names the files of a run. Files with an empty name are not written. A private input needs the names of trace and memory.
type Paths struct {
	Trace, Memory, Public, Private string
}

// Run is a run whose files can be written, several at the same time. *cairo0.RunResult is one.
type Run interface {
	WriteRegisters(w io.Writer) error
	WriteMemory(w io.Writer) error
	WritePublic(w io.Writer) error
	WritePrivate(w io.Writer, tracePath, memoryPath string) error
}

// Save writes a run to files, which takes as long as the longest of them with enough processors.
func Save(run Run, to Paths) error {
	trace, err := filepath.Abs(to.Trace)
	if err != nil {
		return err
	}
	memory, err := filepath.Abs(to.Memory)
	if err != nil {
		return err
	}
	var files sync.WaitGroup
	var errs [4]error
	for i, file := range []struct {
		path  string
		write func(io.Writer) error
	}{
		{to.Trace, run.WriteRegisters},
		{to.Memory, run.WriteMemory},
		{to.Public, run.WritePublic},
		{to.Private, func(w io.Writer) error { return run.WritePrivate(w, trace, memory) }},
	} {
		if file.path != "" {
			files.Go(func() { errs[i] = Write(file.path, file.write) })
		}
	}
	files.Wait()
	return cmp.Or(errs[0], errs[1], errs[2], errs[3])
}

// Write creates a file, calls write with it and closes it. It returns the errors of writing and closing.
func Write(path string, write func(w io.Writer) error) error {
	w, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(w), w.Close())
}
