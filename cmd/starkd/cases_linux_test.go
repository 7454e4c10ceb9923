package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starkd/starkd/internal/golden"
)

// maxRefusalTime is the processor time allowed for refusing a file: 1 s by the cases, doubled for other work on the machine. Time in the system is left
// out: for a file of 255 MB it is the page faults of the memory that is bounded too, 0.3 to 2.9 s on one virtual machine within a minute.
const maxRefusalTime = 2 * time.Second

// measured runs starkd, and returns its standard error, exit status, largest resident memory and processor time outside of the system.
func measured(t *testing.T, args ...string) (stderr string, code int, memory int64, cpu time.Duration) {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), starkd(t), args...)
	cmd.Stderr = &errs
	cmd.Run()
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("no resource usage")
	}
	return errs.String(), cmd.ProcessState.ExitCode(), usage.Maxrss << 10, cmd.ProcessState.UserTime()
}

// TestCaseHostileFiles checks that files of n bytes that are made to use much memory are refused within 8·n + 64 MB and a second, up to the
// largest size of a file: read from disk, downloaded and inflated, and in the browser's verifier.
func TestCaseHostileFiles(t *testing.T) {
	gen, gen2, dir, py := golden.Case(t, "verify", "dos", "gen.py"), golden.Case(t, "verify", "dos", "gen2.py"), t.TempDir(), python(t, "hashlib")
	_, _, least, _ := measured(t, "version")
	// judge verifies a file or a download of n bytes.
	judge := func(t *testing.T, what, from string, n int64, want string) (used int64, cpu time.Duration) {
		t.Helper()
		stderr, code, memory, cpu := measured(t, "verify", from)
		used = max(0, memory-least)
		if code != 1 && code != 3 || !strings.HasPrefix(stderr, want) || !strings.HasPrefix(stderr, map[int]string{1: "refused: ", 3: "could not check: "}[code]) || strings.Count(stderr, "\n") != 2 {
			t.Errorf("%s: status %d, want %q\n%.2000s", what, code, want, stderr)
		}
		if most := 8*n + 64<<20; used > most {
			t.Errorf("%s: %d MB of memory above the %d of a start, at most %d are allowed", what, used>>20, least>>20, most>>20)
		}
		if cpu > maxRefusalTime {
			t.Errorf("%s: refused after %v of processor time", what, cpu)
		}
		return used, cpu
	}
	var worst int64
	var longest time.Duration
	var jobs []browserJob
	var small []string
	for _, kind := range []string{"stone-mem", "uncovered", "contracts", "results", "words"} {
		sizes := []int{1, 8, 255}
		if os.Getenv("STARKD_FULL") == "" && kind != "stone-mem" {
			sizes = sizes[:2] // writing the files takes longer than refusing them
		}
		for _, mb := range sizes {
			path := filepath.Join(dir, fmt.Sprintf("%s%d.json", kind, mb))
			if kind == "words" {
				script(t, dir, py, gen2, fmt.Sprint(mb), path)
			} else {
				script(t, dir, py, gen, kind, fmt.Sprint(mb), path)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			used, cpu := judge(t, fmt.Sprintf("%s of %d MB", kind, mb), path, info.Size(), "refused: ")
			worst, longest = max(worst, used*1000/info.Size()), max(longest, cpu)
			if mb > 8 {
				os.Remove(path)
				continue
			}
			jobs = append(jobs, browserJob{Proof: path})
			if mb == 8 {
				small = append(small, path)
			}
		}
	}
	t.Logf("got: refused within %d.%d·n and %v of processor time", worst/1000, worst%1000/100, longest)

	t.Run("HTTP", func(t *testing.T) {
		for _, path := range small {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var packed bytes.Buffer
			z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
			if err != nil {
				t.Fatal(err)
			}
			z.Write(data)
			z.Close()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { // as server.py
				w.Header().Set("Content-Encoding", "gzip")
				w.Write(packed.Bytes())
			}))
			// The size of the download bounds the memory, whatever it inflates to.
			used, cpu := judge(t, filepath.Base(path)+" by gzip", server.URL+"/x", int64(packed.Len()), "")
			t.Logf("got: %s: a download of %d kB takes %d MB and %v", filepath.Base(path), packed.Len()>>10, used>>20, cpu)
			server.Close()
		}
	})
	t.Run("escapes", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(foreignServer))
		defer server.Close()
		_, stderr, code := command(t, "verify", server.URL+"/esc")
		if code != 3 || strings.ContainsAny(stderr, "\x1b\u009b\u202e") || strings.Count(stderr, "\n") != 2 || !strings.Contains(stderr, `\x1b[2K`) {
			t.Errorf("status %d, %q", code, stderr)
		}
		t.Logf("got: %.90s…", stderr)
	})
	t.Run("browser", func(t *testing.T) {
		for i, a := range browser(t, jobs) {
			if a.OK || a.Verdict == "valid" || a.Error == "" || strings.Contains(a.Error, "verifier failed") {
				t.Errorf("%s: %+v", jobs[i].Proof, a)
			}
		}
		t.Logf("got: %d files answered", len(jobs))
	})
}

// TestCaseAbuse runs each mode of ops/abuse.py that holds connections. It checks that the block interval at most doubles, and that the memory
// of the node stays within its bound. TestAbuse does the same without Python.
func TestCaseAbuse(t *testing.T) {
	full(t)
	n := newTestnet(t, 1, "--block-time", "200ms")
	n.exec(t, 0)
	n.until(t, "some blocks", func() (bool, error) { return n.height(t, 0) > 20, nil })
	for _, args := range [][]string{
		{"slowloris", "1500", "15"}, {"slowbody", "200", "35"}, {"idle", "1500", "10"},
		{"slowread", "60", n.Accounts[0].Address.String(), "10"}, {"ws", "200", "10"},
	} {
		t.Run(args[0], func(t *testing.T) {
			var out bytes.Buffer
			cmd := abuse(t, n, args...)
			cmd.Stdout, cmd.Stderr = &out, &out
			n.underAttack(t, 10*time.Second, func() (end func()) {
				if err := cmd.Start(); err != nil {
					t.Error(err)
				}
				time.Sleep(2 * time.Second)
				return func() {
					if err := cmd.Wait(); err != nil {
						t.Errorf("%v\n%s", err, out.Bytes())
					}
				}
			})
			t.Logf("got: %.300s", strings.ReplaceAll(out.String(), "\n", "; "))
		})
	}
	n.nodes[0].stop(t)
}
