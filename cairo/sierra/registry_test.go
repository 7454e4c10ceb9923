package sierra

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// TestRegistryOfClasses checks that every class of the corpus specialises and validates.
func TestRegistryOfClasses(t *testing.T) {
	used := make(map[string]bool)
	for _, file := range classFiles(t) {
		p, err := readClass(t, file).Program()
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewRegistry(p)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		for i := range p.Libfuncs {
			used[r.Libfunc(LibfuncID(i)).Generic] = true
		}
	}
	var missing []string
	for name := range libfuncLists(t, "audited") {
		if !used[name] {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		t.Errorf("%d audited libfuncs occur in no class: %v", len(missing), missing)
	}
}

// TestRegistryOfTexts checks that every text of the corpus specialises and validates.
func TestRegistryOfTexts(t *testing.T) {
	for name, text := range textCases(t) {
		p, err := ParseText(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewRegistry(p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// libfuncLists reads an official list: the required version of each libfunc, nil if any version will do.
func libfuncLists(t *testing.T, name string) map[string]*Version {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(golden.Corpus(t, "libfunc-lists"), name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Allowed json.RawMessage `json:"allowed_libfuncs"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	versions := make(map[string]*Version)
	var names []string
	if json.Unmarshal(list.Allowed, &names) == nil {
		for _, n := range names {
			versions[n] = nil
		}
	} else if err := json.Unmarshal(list.Allowed, &versions); err != nil {
		t.Fatal(err)
	}
	return versions
}

// TestAudited checks that the table has all official libfuncs and allows those of the audited list.
func TestAudited(t *testing.T) {
	all, allowed := libfuncLists(t, "all"), libfuncLists(t, "audited")
	if len(all) != 281 || len(allowed) != 258 {
		t.Fatalf("lists of %d and %d, want 281 and 258", len(all), len(allowed))
	}
	for name := range all {
		if libfuncTable()[name] == nil {
			t.Errorf("libfunc %s is not in the table", name)
		}
	}
	for name, row := range libfuncTable() {
		want, listed := allowed[name]
		since, ok := Audited(name)
		if ok != listed {
			t.Errorf("%s: allowed is %t, want %t", name, ok, listed)
		}
		if want == nil {
			want = &Version{}
		}
		if since.Major != want.Major || since.Minor != want.Minor {
			t.Errorf("%s: needs version %v, want %v", name, since, *want)
		}
		if _, known := all[name]; known == (row.since == debugging) {
			t.Errorf("%s: on the official list is %t", name, known)
		}
	}
}
