package config

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/viper"

	"github.com/starkd/starkd/rpc/jsonrpc"
)

func TestWriteThenLoadIsDefault(t *testing.T) {
	home := t.TempDir()
	if err := Write(home, Default()); err != nil {
		t.Fatal(err)
	}
	got, err := Load(home, viper.New())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, Default()) {
		t.Errorf("got %+v, want %+v", got, Default())
	}
	if got.App.Engine != "native" {
		t.Errorf("app.engine is %q by default, docs/operations.md says native", got.App.Engine)
	}
}

// TestFileHasEveryField checks that app.toml sets every field of Config and no other, each after a comment. watch.max_steps has no default with S-two.
func TestFileHasEveryField(t *testing.T) {
	home := t.TempDir()
	set := Default()
	set.Watch.MaxSteps = 1 << 20
	if err := Write(home, set); err != nil {
		t.Fatal(err)
	}
	v := viper.New()
	v.SetConfigFile(Path(home))
	if err := v.ReadInConfig(); err != nil {
		t.Fatal(err)
	}
	got, want := v.AllKeys(), slices.Sorted(maps.Keys(fields(reflect.TypeFor[Config](), "")))
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("app.toml has the keys %q, want %q", got, want)
	}
	text, err := os.ReadFile(Path(home))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.Contains(line, " = ") && !strings.HasPrefix(line, "#") && !strings.HasPrefix(lines[i-1], "#") {
			t.Errorf("no comment before %q", line)
		}
	}
}

func TestPrecedence(t *testing.T) {
	home := t.TempDir()
	if err := Write(home, Default()); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STARKD_RPC_ADDRESS", "127.0.0.1:6000")
	t.Setenv("STARKD_WATCH_REST", "127.0.0.1:6001")
	v := viper.New()
	v.Set("watch.rest", "127.0.0.1:6002") // as a bound flag does
	got, err := Load(home, v)
	if err != nil {
		t.Fatal(err)
	}
	if got.RPC.Address != "127.0.0.1:6000" || got.Watch.REST != "127.0.0.1:6002" {
		t.Errorf("rpc.address %s, watch.rest %s", got.RPC.Address, got.Watch.REST)
	}
}

func TestFaultsAreNamedAllAtOnce(t *testing.T) {
	home := t.TempDir()
	bad := Default()
	bad.RPC.Address = "nowhere"
	bad.App.Engine = "jit"
	bad.Watch.Queries = 500
	bad.Watch.Security = "absolute"
	bad.Watch.MaxSteps = 100000
	bad.Watch.Nodes = []string{"127.0.0.1:26657"}
	if err := Write(home, bad); err != nil {
		t.Fatal(err)
	}
	_, err := Load(home, viper.New())
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{`"nowhere"`, `"jit"`, "500", `"absolute"`, "100000", `"127.0.0.1:26657"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestUnknownAndMalformed(t *testing.T) {
	for body, want := range map[string]string{
		"[rpc]\nadress = \"x\"\n":                   "adress",
		"[rpc]\nmax_body_bytes = \"many\"\n":        `rpc.max_body_bytes: "many"`,
		"[rpc\n":                                    "app.toml",
		"[watch]\ntrusting_period = \"long ago\"\n": `watch.trusting_period: "long ago"`,
	} {
		home := t.TempDir()
		if err := Write(home, Default()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(Path(home), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(home, viper.New()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v does not name %s", body, err, want)
		}
	}
}

// TestMaxSteps checks the bounds of watch.max_steps for each system, and that it has no default with S-two: it then follows from the memory.
func TestMaxSteps(t *testing.T) {
	for _, c := range []struct {
		system      string
		steps, want uint64 // 0 for an error
	}{
		{"stwo", 1 << 14, 1 << 14}, {"stwo", 1 << 13, 0}, {"stwo", 1 << 22, 1 << 22}, {"stwo", 1 << 23, 0}, {"stwo", 1<<22 - 1, 0},
		{"stone", 0, 1 << 18}, {"stone", 1 << 21, 1 << 21}, {"stone", 1 << 22, 0},
	} {
		home := t.TempDir()
		set := Default()
		set.Watch.System, set.Watch.MaxSteps = c.system, c.steps
		if err := Write(home, set); err != nil {
			t.Fatal(err)
		}
		got, err := Load(home, viper.New())
		if (err == nil) != (c.want > 0) || err == nil && got.Watch.MaxSteps != c.want {
			t.Errorf("%s, %d steps: %v", c.system, c.steps, err)
		}
	}
	home := t.TempDir()
	if err := Write(home, Default()); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(home, viper.New()); err != nil || got.Watch.MaxSteps != 0 {
		t.Errorf("by default: %v", err)
	}
}

// TestSecurityPresets checks that a preset overrides pow_bits and queries, which app.toml always contains, and that the system follows from the
// security.
func TestSecurityPresets(t *testing.T) {
	for _, c := range []struct {
		security, system string
		custom, work     uint
		queries          int
	}{
		{"custom", "stone", 30, 30, 33}, {"conjectured", "stone", 30, 20, 38}, {"proven", "stone", 30, 20, 78},
		{"custom", "stwo", 20, 26, 60}, {"custom", "stwo", 30, 26, 70}, {"custom", "", 30, 26, 70}, {"custom", "", 31, 31, 33},
		{"conjectured", "", 30, 26, 70}, {"proven", "", 30, 20, 78},
	} {
		home, want := t.TempDir(), &Config{Watch: Watch{System: c.system}}
		want.Watch.Security, want.Watch.PowBits, want.Watch.Queries = c.security, int(c.custom), 33
		want = want.WithDefaults()
		if err := Write(home, want); err != nil {
			t.Fatal(err)
		}
		got, err := Load(home, viper.New())
		if err != nil {
			t.Fatal(err)
		}
		if work, queries := got.Watch.Proofs(); work != c.work || queries != c.queries {
			t.Errorf("system %q, security %q: %d grinding bits and %d queries, want %d and %d", c.system, c.security, work, queries, c.work, c.queries)
		}
	}
	for bits, good := range map[int]bool{19: false, 20: true, 50: true, 51: false} {
		c := (&Config{Watch: Watch{PowBits: bits}}).WithDefaults()
		if err := c.Validate(); (err == nil) != good {
			t.Errorf("pow_bits %d: %v", bits, err)
		}
	}
	for memory, want := range map[string]int64{"": 0, "free": 0, "6GiB": 6 << 30, "1024MiB": 1 << 30, "1023MiB": -1, "6": -1, "GiB": -1, "-1GiB": -1, "1.5GiB": -1, "99999999GiB": -1} {
		c := (&Config{Watch: Watch{Memory: memory}}).WithDefaults()
		if err := c.Validate(); (err == nil) != (want >= 0) {
			t.Errorf("memory %q: %v", memory, err)
		} else if got, _ := c.Watch.MemoryBytes(); err == nil && got != want {
			t.Errorf("memory %q is %d bytes, want %d", memory, got, want)
		}
	}
	// S-two's proofs have at most 96 bits.
	for _, c := range []struct {
		watch Watch
		good  bool
	}{
		{Watch{System: "stwo", PowBits: 20, Queries: 38}, true}, {Watch{System: "stwo", PowBits: 21, Queries: 38}, false},
		{Watch{System: "stwo", Security: "proven"}, false}, {Watch{System: "stone", Security: "proven"}, true}, {Watch{System: "snark"}, false},
	} {
		err := (&Config{Watch: c.watch}).WithDefaults().Validate()
		if (err == nil) != c.good || err != nil && !strings.Contains(err.Error(), "watch.system") {
			t.Errorf("%+v: %v", c.watch, err)
		}
	}
}

// TestOneBodyBound checks that the default of the configuration is the server's own.
func TestOneBodyBound(t *testing.T) {
	if got := Default().RPC.MaxBodyBytes; got != jsonrpc.DefaultMaxBody {
		t.Errorf("rpc.max_body_bytes is %d by default, rpc/jsonrpc has %d", got, jsonrpc.DefaultMaxBody)
	}
}
