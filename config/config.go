// Package config reads the settings of a node or watcher into one typed, validated Config. Flags override STARKD_ environment
// variables, which override the file config/app.toml (package viper merges them). CometBFT's own settings are in config/config.toml.
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
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/spf13/viper"

	"github.com/starkd/starkd/internal/hint"
)

// Config is the content of app.toml. A zero field means its default.
type Config struct {
	RPC   RPC   `mapstructure:"rpc"`
	App   App   `mapstructure:"app"`
	Watch Watch `mapstructure:"watch"`
}

// RPC is the Starknet JSON-RPC server of a node.
type RPC struct {
	// Address is the host:port to listen on, or "off" for no server. Default 127.0.0.1:5050.
	Address string `mapstructure:"address"`
	// MaxBodyBytes is the largest request body in bytes. A DECLARE of the largest class takes about 5 MB. Default 16 MiB.
	MaxBodyBytes int64 `mapstructure:"max_body_bytes"`
	// CORSOrigin is the Access-Control-Allow-Origin of every answer, and the origin whose pages may open websockets. Default "*", any.
	CORSOrigin string `mapstructure:"cors_origin"`
	// MaxConnections bounds the open connections of JSON-RPC, or of a watcher's REST server. The limit on open files bounds them too: a
	// node uses at most a quarter of its files for JSON-RPC, a watcher half of them for REST. Default 1024.
	MaxConnections int `mapstructure:"max_connections"`
	// MaxConnectionsPerAddress bounds the connections of one IPv4 address or IPv6 /64 network, except loopback. Default 128.
	MaxConnectionsPerAddress int `mapstructure:"max_connections_per_address"`
	// MaxExecutionMiB bounds the memory of the executions that JSON-RPC clients run at once, in MiB. A call reserves CallMiB; an estimate, a
	// simulation or a trace reserves TraceMiB. Default 7168.
	MaxExecutionMiB int64 `mapstructure:"max_execution_mib"`
	// MaxBlockAge is the age of the last block above which a node's /healthz answers 503. A node raises it to ten times the time that
	// a block may take. Default 1m.
	MaxBlockAge time.Duration `mapstructure:"max_block_age"`
}

// The memory that one execution reserves of RPC.MaxExecutionMiB, in MiB.
const (
	CallMiB  = 1024 // a run of the VM with the maximum of gas; 900 MB measured
	TraceMiB = 1792 // the same, and the calldata, results and answer of the trace
)

// Engines are the names of the Cairo engines: machine code, the VM, or both, which runs everything on each and stops the node if the
// results differ.
var Engines = []string{"native", "vm", "both"}

// App is the application: the state machine of a node, or of a watcher's replica.
type App struct {
	// DBBackend is the database of the state: pebbledb or goleveldb. Default pebbledb.
	DBBackend string `mapstructure:"db_backend"`
	// Engine is the Cairo engine of a node, one of Engines. A watcher always uses the VM. Default native.
	Engine string `mapstructure:"engine"`
	// BlockSteps bounds the VM steps of a block that this node proposes. Default 10^8, more than the gas of a block allows.
	BlockSteps uint64 `mapstructure:"block_steps"`
	// ProofLagMax is the time within which the blocks that this node proposes shall be proved: it proposes as much as the watchers of
	// Watch.URLs say that they can prove in it, and at least one transaction. 0, the default, means no bound.
	ProofLagMax time.Duration `mapstructure:"proof_lag_max"`
	// Parallel is the number of cores that execute a block, such as "4", or "all". Default all.
	Parallel string `mapstructure:"parallel"`
}

// ParallelAll is the value of App.Parallel that stands for all cores.
const ParallelAll = "all"

// maxParallel bounds App.Parallel.
const maxParallel = 1024

// Cores returns the number that Parallel names, 0 for ParallelAll.
func (a *App) Cores() (int, error) {
	if a.Parallel == ParallelAll {
		return 0, nil
	}
	n, err := strconv.Atoi(a.Parallel)
	if err != nil || n < 1 || n > maxParallel || strconv.Itoa(n) != a.Parallel {
		return 0, fmt.Errorf("%q is neither %q nor between 1 and %d", a.Parallel, ParallelAll, maxParallel)
	}
	return n, nil
}

// Watch is a watcher, and what a node expects of watchers.
type Watch struct {
	// Nodes are CometBFT RPC addresses (http://host:port). The watcher follows the first; the others are the witnesses of its light
	// client. Default http://127.0.0.1:26657.
	Nodes []string `mapstructure:"nodes"`
	// REST is the host:port of the server for proofs and the explorer. Default 127.0.0.1:5051.
	REST string `mapstructure:"rest"`
	// URLs are the watchers whose proofs a node verifies, or stores with the same paths. While none of them has the proof of a block, the node
	// says so in its votes. Default http://127.0.0.1:5051.
	URLs []string `mapstructure:"urls"`
	// MinBits is the conjectured security, in bits, that a node demands of proofs. Default 96.
	MinBits int `mapstructure:"min_bits"`
	// Store is the URL of the proof store, which watchers and workers may share: file:///PATH, s3://BUCKET?region=REGION, gs://BUCKET or
	// azblob://CONTAINER. Empty means data/proofs in the watcher's home.
	Store string `mapstructure:"store"`
	// Queue is the URL of the queue of proof jobs: "embedded", a server in the watcher's process that only it reaches;
	// "embedded://[TOKEN@]HOST:PORT", which workers reach there; or "nats://HOST:PORT", an existing server or cluster. Default embedded.
	Queue string `mapstructure:"queue"`
	// TrustingPeriod is the age up to which a verified header is trusted. It can be long because the validators never change: they are
	// those of the genesis, and a watcher may join the chain at any time. Default 87600h, ten years.
	TrustingPeriod time.Duration `mapstructure:"trusting_period"`
	// System is the proof system, one of Systems. Default stwo, but stone if Security demands more than S-two can prove.
	System string `mapstructure:"system"`
	// Security is the security of the proofs, one of Securities: "conjectured" is 96 bits of conjectured security, "proven" is 96 bits of proven
	// security, which only Stone's proofs have. "custom" uses PowBits and Queries, which the presets ignore. Default custom.
	Security string `mapstructure:"security"`
	// PowBits and Queries set the conjectured security of a custom proof to PowBits + 2·Queries bits. They are the proof-of-work bits and the
	// FRI queries of Stone's proofs; a proof of S-two has as many bits with other numbers. Defaults 20 and 38, which are 96 bits.
	PowBits int `mapstructure:"pow_bits"`
	Queries int `mapstructure:"queries"`
	// Memory bounds the memory of the process while it makes a proof of S-two, such as "6GiB" or "3000MiB"; "free" is what the machine has free when
	// the watcher starts. A run that needs more is made shorter. Default free.
	Memory string `mapstructure:"memory"`
	// MaxSteps bounds the Cairo steps of a proof of several transactions; a power of two. A longer block is split between transactions. A transaction
	// that is longer has a proof alone, if the memory suffices. 0 means that the bound follows from Memory, up to 2^22. Default 0, with Stone 262144.
	MaxSteps uint64 `mapstructure:"max_steps"`
}

// The schemes of URLs of proof stores, and of servers of queues.
var (
	stores = []string{"file", "s3", "gs", "azblob", "mem"}
	queues = []string{"nats", "tls", "ws", "wss"}
)

// Securities are the values of Watch.Security.
var Securities = []string{"custom", "conjectured", "proven"}

// Systems are the values of Watch.System.
var Systems = []string{systemStwo, systemStone}

const (
	systemStwo  = "stwo"
	systemStone = "stone"

	// stwoBits is the largest conjectured security of S-two's proofs: their field bounds it at about 100 bits, and proven security at 87.
	stwoBits = 96
)

// bits returns the conjectured security of the proofs that a watcher makes.
func (w *Watch) bits() int {
	switch w.Security {
	case "conjectured":
		return 96
	case "proven":
		return 20 + 2*78
	}
	return w.PowBits + 2*w.Queries
}

// Proofs returns the proof-of-work bits and FRI queries of the proofs that a watcher makes, for its proof system. With S-two a query gives one
// bit, and with Stone two.
func (w *Watch) Proofs() (powBits uint, queries int) {
	if w.System == systemStwo {
		bits := w.bits()
		work := 26
		if bits < 40 {
			work = 20
		}
		return uint(work), bits - work
	}
	switch w.Security {
	case "conjectured":
		return 20, 38
	case "proven":
		return 20, 78
	}
	return uint(w.PowBits), w.Queries
}

// MemoryFree is the value of Watch.Memory that stands for what the machine has free.
const MemoryFree = "free"

// MemoryBytes returns the bytes of Memory, 0 for MemoryFree.
func (w *Watch) MemoryBytes() (int64, error) {
	if w.Memory == MemoryFree {
		return 0, nil
	}
	for unit, shift := range map[string]uint{"MiB": 20, "GiB": 30} {
		if digits, ok := strings.CutSuffix(w.Memory, unit); ok {
			n, err := strconv.ParseUint(digits, 10, 24)
			return int64(n) << shift, err
		}
	}
	return 0, fmt.Errorf("config: %q has neither of the units MiB and GiB", w.Memory)
}

// Default returns the default configuration: a node and a watcher on this machine.
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
	def(&c.App.BlockSteps, 100_000_000)
	def(&c.App.Parallel, ParallelAll)
	if len(c.Watch.Nodes) == 0 {
		c.Watch.Nodes = []string{"http://127.0.0.1:26657"}
	}
	def(&c.Watch.REST, "127.0.0.1:5051")
	if len(c.Watch.URLs) == 0 {
		c.Watch.URLs = []string{"http://127.0.0.1:5051"}
	}
	def(&c.Watch.MinBits, 96)
	def(&c.Watch.Queue, "embedded")
	def(&c.Watch.TrustingPeriod, 87600*time.Hour)
	def(&c.Watch.Security, "custom")
	def(&c.Watch.PowBits, 20)
	def(&c.Watch.Queries, 38)
	if c.Watch.bits() > stwoBits {
		def(&c.Watch.System, systemStone)
	}
	def(&c.Watch.System, systemStwo)
	def(&c.Watch.Memory, MemoryFree)
	if c.Watch.System == systemStone {
		def(&c.Watch.MaxSteps, 1<<18)
	}
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
	if d := c.App.ProofLagMax; d != 0 && (d < time.Second || d > 24*time.Hour) {
		fault("app.proof_lag_max", "%v is neither 0 nor between 1s and 24h", d)
	}
	if _, err := c.App.Cores(); err != nil {
		fault("app.parallel", "%w", err)
	}
	for _, node := range c.Watch.Nodes {
		if u, err := url.Parse(node); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			fault("watch.nodes", "%q is not an http address", node)
		}
	}
	for _, watcher := range c.Watch.URLs {
		if u, err := url.Parse(watcher); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			fault("watch.urls", "%q is not an http address", watcher)
		}
	}
	if c.Watch.MinBits < 1 || c.Watch.MinBits > 256 {
		fault("watch.min_bits", "%d is not between 1 and 256", c.Watch.MinBits)
	}
	if _, _, err := net.SplitHostPort(c.Watch.REST); err != nil {
		fault("watch.rest", "%q is not host:port", c.Watch.REST)
	}
	if c.Watch.Store != "" {
		if u, err := url.Parse(c.Watch.Store); err != nil || !slices.Contains(stores, u.Scheme) {
			fault("watch.store", "%q is not a URL that begins with one of %q", c.Watch.Store, stores)
		}
	}
	// Package watcher/queue checks the rest, and does not show passwords.
	if scheme, _, ok := strings.Cut(c.Watch.Queue, "://"); scheme != "embedded" && (!ok || !slices.Contains(queues, scheme)) {
		fault("watch.queue", "scheme %.20q is neither embedded nor one of %q", scheme, queues)
	}
	if c.Watch.TrustingPeriod < time.Minute {
		fault("watch.trusting_period", "%v is below a minute", c.Watch.TrustingPeriod)
	}
	if !slices.Contains(Systems, c.Watch.System) {
		fault("watch.system", "%q is not one of %q", c.Watch.System, Systems)
	} else if bits := c.Watch.bits(); c.Watch.System == systemStwo && bits > stwoBits {
		fault("watch.system", "%q proves at most %d bits of conjectured security, %d are demanded by watch.security: choose %q", systemStwo, stwoBits, bits, systemStone)
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
	if n, err := c.Watch.MemoryBytes(); err != nil || c.Watch.Memory != MemoryFree && n < 1<<30 {
		fault("watch.memory", "%q is neither %q nor at least 1GiB, such as 6GiB or 3000MiB", c.Watch.Memory, MemoryFree)
	}
	most := 22 // log2
	if c.Watch.System == systemStone {
		most = 21
	}
	if n := c.Watch.MaxSteps; n != 0 && (n < 1<<14 || n > 1<<most || n&(n-1) != 0) {
		fault("watch.max_steps", "%d is not a power of two between 2^14 and 2^%d", n, most)
	}
	return errors.Join(faults...)
}

// Path returns the path of app.toml in a home folder.
func Path(home string) string { return filepath.Join(home, "config", "app.toml") }

// Load reads home's app.toml, STARKD_ environment variables and the flags bound to v. A missing file means defaults. Unknown fields and
// variables are errors, and so are values that decoding would change: zeros (which mean the default), fractions, booleans for numbers.
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

// DecodeFaults returns the message of an error of v.UnmarshalExact in one line, with the value of each field that it names.
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

// Write writes c to home's app.toml, with a comment that explains each field.
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

var fileTemplate = template.Must(template.New("app.toml").Parse(`# Settings of starkd. CometBFT's own settings are in config.toml in the same folder.
# Each field can also be set by an environment variable, such as STARKD_RPC_ADDRESS for rpc.address, which overrides this file.
# Flags override both. Without its line, a field has its default.

# The Starknet JSON-RPC server of a node. The limits on connections also hold for a watcher's REST server.
[rpc]
# The host:port to listen on, or "off" for no server.
address = {{printf "%q" .RPC.Address}}
# The largest request body in bytes. A DECLARE of the largest class takes about 5 MB.
max_body_bytes = {{.RPC.MaxBodyBytes}}
# The Access-Control-Allow-Origin of every answer, and the only origin whose pages may open websockets. "*" is any origin.
cors_origin = {{printf "%q" .RPC.CORSOrigin}}
# The largest number of open connections. The limit on open files bounds them too: JSON-RPC uses at most a quarter of the files, a
# watcher's REST server half of them.
max_connections = {{.RPC.MaxConnections}}
# The largest number of open connections from one address (an IPv4 address or an IPv6 /64 network). It does not hold for loopback,
# because a reverse proxy on this machine connects from there.
max_connections_per_address = {{.RPC.MaxConnectionsPerAddress}}
# The memory for executions that clients run at once, in MiB. A call reserves 1024; a fee estimate, a simulation or a trace reserves
# 1792. A request that waits for memory for more than a second gets an error.
max_execution_mib = {{.RPC.MaxExecutionMiB}}
# /healthz answers 503 when the last block is older than this. A node raises it to ten times the time that a block may take.
max_block_age = {{printf "%q" .RPC.MaxBlockAge.String}}

# The application: the state of the chain and the execution of transactions.
[app]
# The database of the state: pebbledb or goleveldb.
db_backend = {{printf "%q" .App.DBBackend}}
# The Cairo engine: native (machine code), vm, or both, which runs everything on each and stops the node if the results differ.
# The engines give the same results, so each node may choose its own. A watcher always uses the VM.
engine = {{printf "%q" .App.Engine}}
# The largest number of VM steps in a block that this node proposes. The default is more than the gas of a block allows.
block_steps = {{.App.BlockSteps}}
# The time within which the blocks that this node proposes shall be proved, such as "2m". The node then proposes only what the watchers of
# watch.urls can prove in this time, at their present pace and after what waits there already; it proposes one transaction a block
# when they have not answered for this long. "0s" means no bound.
proof_lag_max = {{printf "%q" .App.ProofLagMax.String}}
# How many cores execute a block: a number such as "4", or "all". The results are the same.
parallel = {{printf "%q" .App.Parallel}}

# The watcher: starkd watch. A node uses urls and min_bits only.
[watch]
# The watchers whose proofs a node verifies, so that it can say in its votes which blocks are proved.
urls = [{{range $i, $u := .Watch.URLs}}{{if $i}}, {{end}}{{printf "%q" $u}}{{end}}]
# The conjectured security, in bits, that a node demands of these proofs.
min_bits = {{.Watch.MinBits}}
# CometBFT RPC addresses of nodes. The watcher follows the first; the others are the witnesses of its light client.
nodes = [{{range $i, $n := .Watch.Nodes}}{{if $i}}, {{end}}{{printf "%q" $n}}{{end}}]
# The host:port of the server for proofs and the explorer.
rest = {{printf "%q" .Watch.REST}}
# The URL of the proof store: file:///PATH, s3://BUCKET?region=REGION, gs://BUCKET or azblob://CONTAINER, with the credentials that the
# cloud's own tools use. Empty means data/proofs in this home.
store = {{printf "%q" .Watch.Store}}
# The URL of the queue of proof jobs: "embedded" in the watcher's process; "embedded://127.0.0.1:4222", where workers of this machine reach
# it, or "embedded://TOKEN@0.0.0.0:4222" for those of others; or "nats://HOST:4222", an existing server or cluster.
queue = {{printf "%q" .Watch.Queue}}
# The age up to which a verified header is trusted. It can be long because the validators of a chain never change.
trusting_period = {{printf "%q" .Watch.TrustingPeriod.String}}
# The proof system: stwo, which is several times faster, or stone. Without this line it is stwo, or stone if security is more than S-two has.
system = {{printf "%q" .Watch.System}}
# The security of the proofs:
#   "conjectured"  96 bits if a conjecture holds, 57 bits proven by theorems
#   "proven"       96 bits proven by theorems; only system "stone" has them
#   "custom"       pow_bits + 2*queries bits if a conjecture holds
security = {{printf "%q" .Watch.Security}}
# The proof-of-work bits of Stone's proofs, if security is "custom": 20 to 50. S-two's proofs have the same security with other numbers.
pow_bits = {{.Watch.PowBits}}
# The FRI queries of Stone's proofs, if security is "custom": 1 to 48.
queries = {{.Watch.Queries}}
# The memory of the watcher while it makes a proof of S-two, such as "6GiB" or "3000MiB"; "free" is what the machine has free at the start.
memory = {{printf "%q" .Watch.Memory}}
# The largest number of Cairo steps in a proof of several transactions, a power of two. A longer block is split between transactions into several
# proofs; a longer transaction has a proof alone. Without this line the bound follows from memory, up to 2^22; with system "stone" it is 2^18.
{{with .Watch.MaxSteps}}max_steps = {{.}}{{else}}# max_steps = 262144{{end}}
`))
