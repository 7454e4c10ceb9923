package tablefile

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/pcs"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// config returns parameters with a blowup of 2.
func config() *pcs.Config { return &pcs.Config{LogBlowup: 1, Queries: 3, FoldStep: 1} }

const smallRoot = "068d1166c9f9f0ec247641ca391ee8396170e69343dfcacc632f9638670d2bec" // stwo-cairo-prover 1.3.0

// TestOpen makes the table of canonical_small, opens it again, and refuses damaged files.
func TestOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	open := func(ctx context.Context) (*Table, error) {
		return Open(ctx, dir, preprocessed.CanonicalSmall, channel.Blake2s, config())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context's end: %v", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("after the context's end there are files: %v", files)
	}
	for _, what := range []string{"made", "opened"} {
		table, err := open(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		root := table.Root()
		if got := hex.EncodeToString(root[:]); got != smallRoot {
			t.Errorf("%s: root %s, want %s", what, got, smallRoot)
		}
		twiddles := circle.NewTwiddles(21)
		for i, c := range preprocessed.CanonicalSmall.Columns() {
			if c.LogSize > 15 {
				continue
			}
			want := make([]m31.M31, 2<<c.LogSize)
			twiddles.Extend(want, c.Values())
			if !slices.Equal(table.Doubled(twiddles, i, nil), want) || !slices.Equal(table.Columns[i].Values(), c.Values()) {
				t.Errorf("%s: column %s has other cells", what, c.ID)
			}
		}
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 || filepath.Base(files[0]) != "canonical_small-blake2s-blowup1.stwo" {
		t.Fatalf("files %v (%v)", files, err)
	}
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLayout(preprocessed.CanonicalSmall, channel.Blake2s, config())
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(data []byte) []byte{
		"too short": func(data []byte) []byte { return data[:len(data)-1] },
		"too long":  func(data []byte) []byte { return append(data, 0) },
		"header":    func(data []byte) []byte { data[100] ^= 1; return data },
		"layer":     func(data []byte) []byte { data[l.layerAt+1000] ^= 1; return data },
	} {
		if err := os.WriteFile(files[0], damage(slices.Clone(good)), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestNames checks that files with different roots have different names.
func TestNames(t *testing.T) {
	lifting := uint32(22)
	lifted := config()
	lifted.LiftingLogSize = &lifting
	wide := config()
	wide.LogBlowup = 2
	names := map[string]bool{}
	for _, c := range []*pcs.Config{config(), lifted, wide} {
		for _, h := range []channel.Hash{channel.Blake2s, channel.Blake2sM31, channel.Poseidon252} {
			for _, v := range []preprocessed.Variant{preprocessed.Canonical, preprocessed.CanonicalWithoutPedersen, preprocessed.CanonicalSmall} {
				l, err := newLayout(v, h, c)
				if err == nil {
					names[l.name()] = true
				}
			}
		}
	}
	// Columns of 2^26 cells are higher than lifting_log_size 22.
	if want := 3*9 - 3*2; len(names) != want {
		t.Errorf("%d names, want %d", len(names), want)
	}
	if _, err := newLayout(preprocessed.Canonical, channel.Blake2s, &pcs.Config{}); err == nil {
		t.Error("parameters out of their bounds: no error")
	}
}

var folder = flag.String("folder", "", "folder for the table of the variant canonical, 5 GiB")

// TestCanonical makes or opens the table of the variant canonical, and compares its root with that of StarkWare's verifier in Cairo.
func TestCanonical(t *testing.T) {
	if *folder == "" {
		t.Skip("set -folder: the table takes 5 GiB of disk")
	}
	const want = "a98e22423bf5d235981f0b36d939ae56ef3be2751c58b032b2831e6e24ba0364"
	start := time.Now()
	table, err := Open(t.Context(), *folder, preprocessed.Canonical, channel.Blake2s, config())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("opened after %v", time.Since(start))
	root := table.Root()
	if got := hex.EncodeToString(root[:]); got != want {
		t.Errorf("root %s, want %s", got, want)
	}
	start = time.Now()
	for _, c := range table.Columns {
		if c.LogSize == 23 {
			c.Values()
		}
	}
	t.Logf("values of the table of points after %v", time.Since(start))
	if err := table.Close(); err != nil {
		t.Error(err)
	}
}
