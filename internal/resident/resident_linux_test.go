package resident

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"testing"
)

// TestCleanMappings checks which mappings of the executable may be released: read-only ones without a changed page.
func TestCleanMappings(t *testing.T) {
	const text = `00400000-01e16000 r-xp 00000000 fe:00 1234 /bin/starkd
Size:              26712 kB
Private_Dirty:      2048 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
01e16000-045b8000 r--p 01a16000 fe:00 1234 /bin/starkd
Private_Dirty:         0 kB
Anonymous:             4 kB
045b8000-04705000 rw-p 041b8000 fe:00 1234 /bin/starkd
Anonymous:             0 kB
7f0000000000-7f0000001000 r--p 00000000 fe:00 77 /lib/libc.so
Anonymous:             0 kB
7f0000002000-7f0000003000 r--p 00000000 00:00 0
Anonymous:             0 kB
7f0000004000-7f0000005000 r--p 00005000 fe:00 1234 /bin/starkd
Anonymous:             0 kB
`
	want := []mapping{{0x400000, 0x1e16000}, {0x7f0000004000, 0x7f0000005000}}
	if got := cleanMappings([]byte(text), "/bin/starkd"); !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	for n := range len(text) { // a truncated file
		if got := cleanMappings([]byte(text[:n]), "/bin/starkd"); len(got) > 2 {
			t.Errorf("%d bytes: %x", n, got)
		}
	}
}

// TestReleaseBinary releases the pages of the running test and checks that fewer of its file are in memory, and that it goes on.
func TestReleaseBinary(t *testing.T) {
	resident := func() (kB int) {
		t.Helper()
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Skip(err)
		}
		_, rest, _ := bytes.Cut(status, []byte("RssFile:"))
		if _, err := fmt.Sscanf(string(rest), "%d kB", &kB); err != nil {
			t.Skip(err)
		}
		return kB
	}
	before := resident()
	ReleaseBinary()
	after := resident()
	if after > before/4*3 {
		t.Errorf("%d kB of files are in memory after the release, %d kB before", after, before)
	}
	t.Logf("%d kB before, %d kB after", before, after)
}
