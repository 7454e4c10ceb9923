package runfiles

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// fakeRun writes the names of its files.
type fakeRun struct{ fault string }

func (r fakeRun) write(w io.Writer, name string) error {
	if r.fault == name {
		return errors.New(name)
	}
	_, err := io.WriteString(w, name)
	return err
}

func (r fakeRun) WriteRegisters(w io.Writer) error { return r.write(w, "trace") }
func (r fakeRun) WriteMemory(w io.Writer) error    { return r.write(w, "memory") }
func (r fakeRun) WritePublic(w io.Writer) error    { return r.write(w, "public") }
func (r fakeRun) WritePrivate(w io.Writer, trace, memory string) error {
	return r.write(w, "private of "+filepath.Base(trace)+" and "+filepath.Base(memory))
}

// TestSave checks that each file gets its content, that a file without a name is not written, and that the error of any file is returned.
func TestSave(t *testing.T) {
	dir := t.TempDir()
	paths := Paths{Trace: filepath.Join(dir, "t"), Memory: filepath.Join(dir, "m"), Public: filepath.Join(dir, "a"), Private: filepath.Join(dir, "p")}
	if err := Save(fakeRun{}, paths); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{paths.Trace: "trace", paths.Memory: "memory", paths.Public: "public", paths.Private: "private of t and m"} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", filepath.Base(path), got, err, want)
		}
	}
	for _, fault := range []string{"trace", "memory", "public", "private of t and m"} {
		if err := Save(fakeRun{fault}, paths); err == nil || err.Error() != fault {
			t.Errorf("fault in %s: %v", fault, err)
		}
	}
	if err := Save(fakeRun{}, Paths{Memory: filepath.Join(dir, "only")}); err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 5 {
		t.Errorf("%d files, want 5", len(files))
	}
	if err := Save(fakeRun{}, Paths{Trace: filepath.Join(dir, "none", "t")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that does not exist: %v", err)
	}
}
