//go:build unix

package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/cairo/vm"
)

// classFile is a class to compile.
type classFile struct {
	name  string
	data  []byte
	class *sierra.ContractClass
}

// classesBySize returns the classes of Sierra 1.7 or newer in a folder, plain or gzipped, by descending length of the program.
func classesBySize(dir string) ([]classFile, error) {
	var found []classFile
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(strings.TrimSuffix(path, ".gz"), ".json") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".gz") {
			r, err := gzip.NewReader(bytes.NewReader(data))
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if data, err = io.ReadAll(r); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		if !bytes.Contains(data, []byte(`"sierra_program"`)) {
			return nil
		}
		class, err := sierra.DecodeClass(data)
		if err != nil {
			return nil // the corpus has invalid classes too
		}
		program, err := class.Program()
		if err != nil || program.Version.Major != 1 || program.Version.Minor < 7 {
			return nil
		}
		name, err := filepath.Rel(dir, path)
		found = append(found, classFile{name, data, class})
		return err
	})
	slices.SortStableFunc(found, func(a, b classFile) int { return len(b.class.SierraProgram) - len(a.class.SierraProgram) })
	found = slices.CompactFunc(found, func(a, b classFile) bool { return slices.Equal(a.class.SierraProgram, b.class.SierraProgram) })
	return found, err
}

// classes measures the processor time of compiling the n largest classes in a folder: to machine code, again from the cache on disk, and by
// Cairo Native.
func (b *bench) classes(dir string, n int) (string, error) {
	list, err := classesBySize(dir)
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", fmt.Errorf("no classes of Sierra 1.7 or newer under %s", dir)
	}
	var out strings.Builder
	out.WriteString("| class | felts of Sierra | statements | native, ms | from the cache, ms | cache, KB | Cairo Native, ms |\n")
	out.WriteString("| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	done := 0
	for _, c := range list {
		if done == n {
			break
		}
		if _, err := compiler.GasInfo(c.class); err != nil {
			continue // the compiler rejects it
		}
		done++
		line, err := b.compile(c)
		if err != nil {
			return "", fmt.Errorf("%s: %w", c.name, err)
		}
		fmt.Fprintln(os.Stderr, line)
		out.WriteString(line + "\n")
	}
	return out.String(), nil
}

// compile measures one class and returns its table row.
func (b *bench) compile(c classFile) (string, error) {
	program, err := c.class.Program()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "bench-cache")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	least := [2]time.Duration{time.Hour, time.Hour} // without and with the cache
	var size int64
	for round := range 5 {
		cache := filepath.Join(dir, strconv.Itoa(round))
		for i := range least {
			took, err := prepare(c.class, program, cache)
			if err != nil {
				return "", err
			}
			least[i] = min(least[i], took)
		}
		if size, err = folderSize(cache); err != nil {
			return "", err
		}
	}
	peer := "–"
	if b.peer != "" {
		if peer, err = b.peerCompile(dir, c.data); err != nil {
			peer = err.Error()
		}
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	name := strings.TrimSuffix(filepath.Base(c.name), ".contract_class.json")
	return fmt.Sprintf("| %s | %d | %d | %.0f | %.1f | %d | %s |", name, len(c.class.SierraProgram), len(program.Statements),
		ms(least[0]), ms(least[1]), size/1024, peer), nil
}

// prepare measures the time in which a new engine compiles a class or loads it from its cache.
func prepare(class *sierra.ContractClass, program *sierra.Program, cache string) (time.Duration, error) {
	engine, err := native.NewEngine(vm.NewEngine(), native.Options{CacheDir: cache})
	if err != nil {
		return 0, err
	}
	start := processTime()
	gas, err := compiler.GasInfo(class)
	if err == nil {
		err = engine.Prepare(&cairo.Class{Hash: class.Hash(), Sierra: program, Gas: func() *sierra.GasInfo { return gas }})
	}
	took := processTime() - start
	return took, errors.Join(err, engine.Close())
}

// processTime returns the processor time that this process has used.
func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // Getrusage fails only for invalid arguments
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// folderSize returns the total size of the files in a folder.
func folderSize(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}

// peerCompile returns the milliseconds in which Cairo Native compiles a class.
func (b *bench) peerCompile(dir string, class []byte) (string, error) {
	path := filepath.Join(dir, "class.json")
	if err := os.WriteFile(path, class, 0o644); err != nil {
		return "", err
	}
	var stderr bytes.Buffer
	cmd := exec.Command(b.peer, path, "-", "0", "0", "-")
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("rejected: %s", bytes.TrimSpace(stderr.Bytes()))
	}
	var o outcome
	if err := json.Unmarshal(stdout, &o); err != nil {
		return "", err
	}
	return fmt.Sprintf("%.0f", float64(o.CompileCPUNs)/1e6), nil
}
