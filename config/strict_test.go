package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/viper"

	"github.com/starkd/starkd/internal/golden"
)

// load returns the configuration of a home whose app.toml is body.
func load(t *testing.T, body string) (*Config, error) {
	t.Helper()
	home := t.TempDir()
	if err := Write(home, Default()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(Path(home), []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
	return Load(home, viper.New())
}

// TestZerosAreNotDefaults checks that a field set to zero, to an empty value or to a negative one is an error that names the field.
func TestZerosAreNotDefaults(t *testing.T) {
	for key, kind := range fields(reflect.TypeFor[Config](), "") {
		section, name, _ := strings.Cut(key, ".")
		var bad []string
		switch {
		case kind.Name() == "Duration":
			bad = []string{`"0s"`, `"-1m"`, "0", "60"}
		case kind.Kind() == reflect.String:
			bad = []string{`""`, "0", "true"}
		case kind.Kind() == reflect.Slice:
			bad = []string{"[]"}
		default:
			bad = []string{"0", "-5", "1.5", "true", `"0"`, `"-0"`}
		}
		if slices.Contains(mayBeZero, key) {
			bad = nil // Validate checks other values
		}
		for _, value := range bad {
			_, err := load(t, "["+section+"]\n"+name+" = "+value+"\n")
			if err == nil || !strings.Contains(err.Error(), key) {
				t.Errorf("%s = %s: %v does not name it", key, value, err)
			}
		}
	}
	for key, c := range map[string]struct{ bad, good string }{
		"STARKD_APP_BLOCK_STEPS":     {"0", "1"},
		"STARKD_WATCH_POW_BITS":      {"-0", "20"},
		"STARKD_RPC_MAX_BLOCK_AGE":   {"0s", "1s"},
		"STARKD_RPC_MAX_CONNECTIONS": {"-1", "1"},
	} {
		t.Run(key, func(t *testing.T) {
			t.Setenv(key, c.bad)
			if _, err := load(t, ""); err == nil {
				t.Errorf("%s=%s is accepted", key, c.bad)
			}
			t.Setenv(key, c.good)
			if _, err := load(t, ""); err != nil {
				t.Errorf("%s=%s: %v", key, c.good, err)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	for _, c := range []struct{ key, good, bad string }{
		{"rpc.max_connections", "1", "0"},
		{"rpc.max_connections", "1048576", "1048577"},
		{"rpc.max_connections_per_address", "1", "-1"},
		{"rpc.max_connections_per_address", "1048576", "1048577"},
		{"rpc.max_execution_mib", `2816`, `2815`},
		{"rpc.max_execution_mib", `1048576`, `1048577`},
		{"rpc.max_block_age", `"1s"`, `"999ms"`},
		{"app.proof_lag_max", `"1s"`, `"999ms"`}, {"app.proof_lag_max", `"24h"`, `"24h0m1s"`},
		{"rpc.max_body_bytes", "1024", "1023"},
		{"rpc.max_body_bytes", "1073741824", "1073741825"},
	} {
		section, name, _ := strings.Cut(c.key, ".")
		if _, err := load(t, "["+section+"]\n"+name+" = "+c.good+"\n"); err != nil {
			t.Errorf("%s = %s: %v", c.key, c.good, err)
		}
		if _, err := load(t, "["+section+"]\n"+name+" = "+c.bad+"\n"); err == nil || !strings.Contains(err.Error(), c.key) {
			t.Errorf("%s = %s: %v", c.key, c.bad, err)
		}
	}
}

func TestMisspeltVariable(t *testing.T) {
	for name, ok := range map[string]bool{
		"STARKD_RPC_ADRESS": false, "STARKD_RCP_ADDRESS": false, "STARKD_RPC_": false, "STARKD_WATCH": false, "STARKD_FULLY": false,
		"STARKD_FULL": true, "STARKD_RPC": true, "STARKD_OS_COMPILE": true, "STARKDX": true,
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "127.0.0.1:1")
			if _, err := load(t, ""); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), name) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestDevelopmentVariables checks that every STARKD_ variable that tests and scripts read is a setting or is in the list development.
func TestDevelopmentVariables(t *testing.T) {
	root, variable := golden.ModuleRoot(t), regexp.MustCompile(`STARKD_[A-Z0-9_]*[A-Z0-9]_?`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == ".git" || name == "node_modules" || name == "testdata" || name == "assets" || name == "bin") {
			return filepath.SkipDir
		}
		if ext := filepath.Ext(path); d.IsDir() || path == filepath.Join(root, "config", "strict_test.go") || ext != ".go" && ext != "" && ext != ".mjs" && ext != ".py" && ext != ".yml" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil // a broken link
		}
		for _, name := range variable.FindAllString(string(text), -1) {
			if name == "STARKD_CALL" || name == "STARKD_RPC_ADRESS" { // a chain id, and a misspelt variable of a test
				continue
			}
			t.Setenv(strings.TrimSuffix(name, "_"), "127.0.0.1:1")
			if err := checkEnvironment(fields(reflect.TypeFor[Config](), "")); err != nil && !strings.HasSuffix(name, "_") {
				t.Errorf("%s: %v; list it in config/strict.go", path, err)
			}
			os.Unsetenv(strings.TrimSuffix(name, "_"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
