package sierra

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestTextRoundTrip checks that texts are printed as they were. A text with comments must print as the same program
// without them.
func TestTextRoundTrip(t *testing.T) {
	for name, text := range textCases(t) {
		p, err := ParseText(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := p.Text()
		if strings.Contains(text, "//") {
			back, err := ParseText(got)
			if err != nil || !reflect.DeepEqual(back, p) {
				t.Errorf("%s: changes when printed: %v", name, err)
			}
			continue
		}
		if strings.TrimSpace(got) != strings.TrimSpace(text) {
			t.Errorf("%s: %s", name, firstDiff(got, text))
		}
	}
}

// TestClassTextRoundTrip checks that classes printed as text parse to the same program.
func TestClassTextRoundTrip(t *testing.T) {
	for _, file := range classFiles(t) {
		p, err := readClass(t, file).Program()
		if err != nil {
			t.Fatal(err)
		}
		text := p.Text()
		back, err := ParseText(text)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		if back.Text() != text {
			t.Errorf("%s: text changes when printed again", filepath.Base(file))
		}
		back.Version, back.Compiler = p.Version, p.Compiler
		if a, b := mustEncode(t, p), mustEncode(t, back); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: text has another felt form", filepath.Base(file))
		}
	}
}

func mustEncode(t *testing.T, p *Program) any {
	t.Helper()
	f, err := EncodeFelts(p)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// firstDiff returns the first line that differs.
func firstDiff(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			return "got " + g[i] + ", want " + strings.Join(w[min(i, len(w)):min(i+1, len(w))], "")
		}
	}
	return "got only a prefix"
}
