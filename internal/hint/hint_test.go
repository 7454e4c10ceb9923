package hint

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

// TestHint checks that advice is found through wrapped errors, and that the error can still be tested with errors.Is.
func TestHint(t *testing.T) {
	if err := With(nil, "nothing"); err != nil {
		t.Errorf("With(nil): %v", err)
	}
	inner := With(fs.ErrNotExist, "make %s", "a file")
	for _, c := range []struct {
		err  error
		want string
		ok   bool
	}{
		{nil, "", false},
		{fs.ErrNotExist, "", false},
		{inner, "make a file", true},
		{fmt.Errorf("outer: %w", inner), "make a file", true},
		{With(fmt.Errorf("outer: %w", inner), "ask"), "ask", true}, // the outermost applies
	} {
		if got, ok := Of(c.err); got != c.want || ok != c.ok {
			t.Errorf("Of(%v) = %q, %t, want %q, %t", c.err, got, ok, c.want, c.ok)
		}
	}
	if inner.Error() != fs.ErrNotExist.Error() || !errors.Is(inner, fs.ErrNotExist) {
		t.Errorf("an error with advice is %v", inner)
	}
}
