package native

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// onVM are the audited libfuncs that are not lowered: classes that use them run on the VM.
var onVM = []string{}

// TestLibfuncTable: every audited libfunc is lowered, or named in onVM.
func TestLibfuncTable(t *testing.T) {
	data, err := os.ReadFile(golden.Corpus(t, "libfunc-lists/audited.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Allowed map[string]json.RawMessage `json:"allowed_libfuncs"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	lowered := 0
	for name := range list.Allowed {
		is := lowerings[name] != nil
		if is {
			lowered++
		}
		if is == slices.Contains(onVM, name) {
			t.Errorf("%s: lowered is %t", name, is)
		}
	}
	t.Logf("%d of %d audited libfuncs are lowered", lowered, len(list.Allowed))
}
