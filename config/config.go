// Package config turns the file config/app.toml, STARKD_ environment variables and command-line flags (viper, in rising
// order of precedence) into one typed, validated Config. CometBFT's own settings stay in its config/config.toml.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/spf13/viper"
	"github.com/starkd/starkd/internal/hint"
)

// Config is everything that app.toml says. The zero value of a field means its default.
type Config struct {
	RPC   RPC   `mapstructure:"rpc"`
	App   App   `mapstructure:"app"`
	Watch Watch `mapstructure:"watch"`
}

// RPC is the Starknet JSON-RPC server of a node.
type RPC struct {
	// Address is host:port to listen on; "off" serves none. Default 127.0.0.1:5050.
	Address string `mapstructure:"address"`
	// MaxBodyBytes bounds a request body; a declare of the largest class takes about 5 MB. Default 16 MiB.
	MaxBodyBytes int64 `mapstructure:"max_body_bytes"`
	// CORSOrigin is the Access-Control-Allow-Origin of every answer, and whose pages may open websockets. Default "*".
	CORSOrigin string `mapstructure:"cors_origin"`
	// MaxConnections bounds the open connections of JSON-RPC, or of a watcher's REST. A process that may open few files has fewer: a
	// quarter of them. Default 1024.
	MaxConnections int `mapstructure:"max_connections"`
	// MaxConnectionsPerAddress bounds those of one IPv4 address or IPv6 /64, loopback excepted. Default 128.
	MaxConnectionsPerAddress int `mapstructure:"max_connections_per_address"`
	// MaxExecutionMiB bounds the memory of what runs for clients at once, in MiB: a call takes 1024, an estimate, a simulation or a trace 1792.
	// Default 7168.
	MaxExecutionMiB int64 `mapstructure:"max_execution_mib"`
	// MaxBlockAge is how old the last block may be before a node's /healthz says 503; at least ten times as long as a block takes.
	// Default 1m.
	MaxBlockAge time.Duration `mapstructure:"max_block_age"`
}

// What an execution takes of RPC.MaxExecutionMiB.
const (
	CallMiB  = 1024 // a run of the VM with all the gas there is: 900 MB were measured
	TraceMiB = 1792 // the same, calldata and results that are kept, and the answer
)

// Engines are the names of what executes Cairo: machine code, the VM, or one after the other on every run, the node stopping
// where they differ.
var Engines = []string{"native", "vm", "both"}

// App is the state machine of a node or of a watcher's replica.
type App struct {
	// DBBackend is the state's database: pebbledb or goleveldb. Default pebbledb.
	DBBackend string `mapstructure:"db_backend"`
	// Engine executes Cairo on a node: one of Engines. A replica is always on the VM. Default native.
	Engine string `mapstructure:"engine"`
	// BlockSteps is the most VM steps that this node puts into a block it proposes, so that proving keeps up. Default 400000.
	BlockSteps uint64 `mapstructure:"block_steps"`
}

// Watch is the watcher.
type Watch struct {
	// Nodes are CometBFT RPC addresses (http://host:port): the first is followed, the others are the light client's
	// witnesses. Default http://127.0.0.1:26657.
	Nodes []string `mapstructure:"nodes"`
	// REST is host:port of the proof server. Default 127.0.0.1:5051.
	REST string `mapstructure:"rest"`
	// Store is the gocloud.dev/blob URL of the proof store; empty means data/proofs in the watcher's home.
	Store string `mapstructure:"store"`
	// TrustingPeriod is how old a verified header may be and still be trusted. The validators are those of the genesis for
	// good, so that a watcher may join a chain at any time. Default 87600h, ten years.
	TrustingPeriod time.Duration `mapstructure:"trusting_period"`
	// Security is a preset of proof parameters, one of Securities. "proven" is 20 grinding bits and 78 queries, for 96 bits of
	// proven security. With "custom" PowBits and Queries decide, else they are not read. Default custom.
	Security string `mapstructure:"security"`
	// PowBits and Queries are the proof's grinding bits and FRI queries; bits + 2·queries is its conjectured security. Default
	// 20, 38.
	PowBits int `mapstructure:"pow_bits"`
	Queries int `mapstructure:"queries"`
	// MaxSteps bounds one proof's Cairo steps; a block above it is split by transactions. Default 262144.
	MaxSteps uint64 `mapstructure:"max_steps"`
}

// Securities are the values of Watch.Security.
var Securities = []string{"custom", "conjectured", "proven"}

// Proofs returns the grinding bits and FRI queries of the proofs that a watcher makes.
func (w *Watch) Proofs() (powBits uint, queries int) {
	switch w.Security {
	case "conjectured":
		return 20, 38
	case "proven":
		return 20, 78
	}
	return uint(w.PowBits), w.Queries
}

// Default returns the configuration of a single node on this machine.
func Default() *Config {
	c := new(Config)
	c.setDefaults()
	return c
}

// WithDefaults returns a copy of c whose zero fields have their defaults.
func (c *Config) WithDefaults() *Config {
	filled := *c
	filled.setDefaults()
	return &filled
}

func (c *Config) setDefaults() {
	def(&c.RPC.Address, "127.0.0.1:5050")
	def(&c.RPC.MaxBodyBytes, 16<<20)
	def(&c.RPC.CORSOrigin, "*")
	def(&c.RPC.MaxConnections, 1024)
	def(&c.RPC.MaxConnectionsPerAddress, 128)
	def(&c.RPC.MaxExecutionMiB, 7168)
	def(&c.RPC.MaxBlockAge, time.Minute)
	def(&c.App.DBBackend, "pebbledb")
	def(&c.App.Engine, "native")
	def(&c.App.BlockSteps, 400_000)
	if len(c.Watch.Nodes) == 0 {
		c.Watch.Nodes = []string{"http://127.0.0.1:26657"}
	}
	def(&c.Watch.REST, "127.0.0.1:5051")
	def(&c.Watch.TrustingPeriod, 87600*time.Hour)
	def(&c.Watch.Security, "custom")
	def(&c.Watch.PowBits, 20)
	def(&c.Watch.Queries, 38)
	def(&c.Watch.MaxSteps, 1<<18)
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate reports every fault of c at once.
func (c *Config) Validate() error {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, fmt.Errorf("config: %s: "+format, append([]any{field}, args...)...))
	}
	if c.RPC.Address != "off" {
		if _, _, err := net.SplitHostPort(c.RPC.Address); err != nil {
			fault("rpc.address", "%q is neither host:port nor off", c.RPC.Address)
		}
	}
	if c.RPC.MaxBodyBytes < 1<<10 || c.RPC.MaxBodyBytes > 1<<30 {
		fault("rpc.max_body_bytes", "%d is not between 1 KiB and 1 GiB", c.RPC.MaxBodyBytes)
	}
	if c.RPC.MaxConnections < 1 || c.RPC.MaxConnections > 1<<20 {
		fault("rpc.max_connections", "%d is not between 1 and 1048576", c.RPC.MaxConnections)
	}
	if c.RPC.MaxConnectionsPerAddress < 1 || c.RPC.MaxConnectionsPerAddress > 1<<20 {
		fault("rpc.max_connections_per_address", "%d is not between 1 and 1048576", c.RPC.MaxConnectionsPerAddress)
	}
	if c.RPC.MaxExecutionMiB < CallMiB+TraceMiB || c.RPC.MaxExecutionMiB > 1<<20 {
		fault("rpc.max_execution_mib", "%d is not between %d, a call and a simulation, and 1048576", c.RPC.MaxExecutionMiB, CallMiB+TraceMiB)
	}
	if c.RPC.MaxBlockAge < time.Second {
		fault("rpc.max_block_age", "%v is below a second", c.RPC.MaxBlockAge)
	}
	if !slices.Contains([]string{"pebbledb", "goleveldb"}, c.App.DBBackend) {
		fault("app.db_backend", "%q is neither pebbledb nor goleveldb", c.App.DBBackend)
	}
	if !slices.Contains(Engines, c.App.Engine) {
		fault("app.engine", "%q is not one of %s", c.App.Engine, strings.Join(Engines, ", "))
	}
	for _, node := range c.Watch.Nodes {
		if u, err := url.Parse(node); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			fault("watch.nodes", "%q is not an http address", node)
		}
	}
	if _, _, err := net.SplitHostPort(c.Watch.REST); err != nil {
		fault("watch.rest", "%q is not host:port", c.Watch.REST)
	}
	if c.Watch.Store != "" {
		if u, err := url.Parse(c.Watch.Store); err != nil || u.Scheme == "" {
			fault("watch.store", "%q is not a bucket's URL", c.Watch.Store)
		}
	}
	if c.Watch.TrustingPeriod < time.Minute {
		fault("watch.trusting_period", "%v is below a minute", c.Watch.TrustingPeriod)
	}
	if !slices.Contains(Securities, c.Watch.Security) {
		fault("watch.security", "%q is not one of %q", c.Watch.Security, Securities)
	}
	if c.Watch.PowBits < 20 || c.Watch.PowBits > 50 {
		fault("watch.pow_bits", "%d is not between 20 and 50", c.Watch.PowBits)
	}
	if c.Watch.Queries < 1 || c.Watch.Queries > 48 {
		fault("watch.queries", "%d is not between 1 and 48", c.Watch.Queries)
	}
	if c.Watch.MaxSteps < 1<<14 || c.Watch.MaxSteps > 1<<21 || c.Watch.MaxSteps&(c.Watch.MaxSteps-1) != 0 {
		fault("watch.max_steps", "%d is not a power of two between 2^14 and 2^21", c.Watch.MaxSteps)
	}
	return errors.Join(faults...)
}

// Path is where a home folder keeps its app.toml.
func Path(home string) string { return filepath.Join(home, "config", "app.toml") }

// Load reads home's app.toml (absent means defaults) with the environment over it and v's bound flags over both. It refuses by name
// what it does not know, in the file and in the environment, and values that would be taken for the default or for another number.
func Load(home string, v *viper.Viper) (*Config, error) {
	c, err := read(home, v)
	return c, hint.With(err, "%s documents every field; STARKD_ environment variables override it", Path(home))
}

func read(home string, v *viper.Viper) (*Config, error) {
	v.SetEnvPrefix("STARKD")
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	all := fields(reflect.TypeFor[Config](), "")
	for key := range all {
		if err := v.BindEnv(key); err != nil {
			return nil, err
		}
	}
	if err := checkEnvironment(all); err != nil {
		return nil, err
	}
	path := Path(home)
	v.SetConfigFile(path)
	v.SetConfigType("toml")
	if err := v.ReadInConfig(); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("config: %s: %w", path, err)
	}
	if err := checkValues(v, all); err != nil {
		return nil, fmt.Errorf("config: %s: %w", path, err)
	}
	c := new(Config)
	if err := v.UnmarshalExact(c); err != nil {
		return nil, fmt.Errorf("config: %s: %s", path, DecodeFaults(v, err))
	}
	c.setDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// DecodeFaults returns in one line what viper says in several of values that do not decode, with the value of each field that it names.
func DecodeFaults(v *viper.Viper, err error) string {
	var faults []string
	for _, line := range strings.Split(err.Error(), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "decoding failed") {
			continue
		}
		if parts := strings.SplitN(line, "'", 3); len(parts) == 3 && v.Get(parts[1]) != nil && !strings.Contains(line, "invalid keys") {
			line = fmt.Sprintf("%s: %q %s", parts[1], fmt.Sprint(v.Get(parts[1])), strings.TrimSpace(parts[2]))
		}
		faults = append(faults, line)
	}
	return strings.Join(faults, "; ")
}

// Write writes c to home's app.toml, each field with what it means.
func Write(home string, c *Config) error {
	path := Path(home)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	var b strings.Builder
	if err := fileTemplate.Execute(&b, c); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

var fileTemplate = template.Must(template.New("app.toml").Parse(`# starkd. CometBFT's own settings are in config.toml beside this file. Environment variables such as
# STARKD_RPC_ADDRESS override it, flags override both.

[rpc]
# Starknet JSON-RPC: host:port to listen on, or "off".
address = {{printf "%q" .RPC.Address}}
# Largest request body in bytes; a declare of the largest class takes about 5 MB.
max_body_bytes = {{.RPC.MaxBodyBytes}}
# Access-Control-Allow-Origin of every answer, and the only origin whose pages may open websockets; "*" is any.
cors_origin = {{printf "%q" .RPC.CORSOrigin}}
# Open connections of JSON-RPC, or of a watcher's REST, in all and from one address (an IPv4 address or an IPv6 /64). Loopback, where
# reverse proxies connect from, has only the first bound. A process that may open few files has fewer: a quarter of them.
max_connections = {{.RPC.MaxConnections}}
max_connections_per_address = {{.RPC.MaxConnectionsPerAddress}}
# Memory of what runs for clients at once, in MiB: a call takes 1024, an estimate, a simulation or a trace 1792. A request that finds no
# free memory within a second is rejected.
max_execution_mib = {{.RPC.MaxExecutionMiB}}
# How old the last block may be before /healthz says 503; at least ten times as long as a block takes.
max_block_age = {{printf "%q" .RPC.MaxBlockAge.String}}

[app]
# Database of the state: pebbledb or goleveldb.
db_backend = {{printf "%q" .App.DBBackend}}
# What executes Cairo: native (machine code), vm, or both, which runs everything twice and stops the node where the two differ.
# Results are the same; the choice is the node's own. A watcher is always on the VM.
engine = {{printf "%q" .App.Engine}}
# VM steps in a block that this node proposes at most, so that proving keeps up.
block_steps = {{.App.BlockSteps}}

[watch]
# CometBFT RPC addresses: the first is followed, the others are witnesses of the light client.
nodes = [{{range $i, $n := .Watch.Nodes}}{{if $i}}, {{end}}{{printf "%q" $n}}{{end}}]
# Proofs by REST: host:port to listen on.
rest = {{printf "%q" .Watch.REST}}
# Proof store, a gocloud.dev/blob URL; empty means data/proofs in this home.
store = {{printf "%q" .Watch.Store}}
# How old a verified header may be and still be trusted. The validators never change, so it may be long.
trusting_period = {{printf "%q" .Watch.TrustingPeriod.String}}
# Security of the proofs: "proven" (20 grinding bits, 78 queries: 96 bits by theorems), "conjectured" (20, 38: 96 bits if a
# conjecture holds, 57 by theorems), or "custom": pow_bits and queries below decide.
security = {{printf "%q" .Watch.Security}}
# Grinding bits and FRI queries of a proof, read if security is "custom"; pow_bits + 2*queries is its conjectured security in bits.
pow_bits = {{.Watch.PowBits}}
queries = {{.Watch.Queries}}
# Cairo steps of one proof at most, a power of two; a block above it is split by transactions.
max_steps = {{.Watch.MaxSteps}}
`))
