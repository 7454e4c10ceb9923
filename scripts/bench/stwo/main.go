// Command stwo compares our prover for S-two with StarkWare's, on the same runs and parameters, one after the other.
//
//	go run ./scripts/bench/stwo -peer PATH -programs DIR [-repeat N] [-memory BOUND] [-out FILE]
//
// PATH is StarkWare's prover as a command that takes `bench PARAMETERS INPUT OUTPUT` and writes run.json (total_without_shared_wall_cpu_s: wall and
// processor seconds without the preprocessed columns). DIR holds Cairo 0 programs for the layout all_cairo_stwo, which cairo-compile of
// cairo-lang 0.14.0.1 must be able to compile (it must be on PATH). Each program runs in our VM; both provers get the same prover_input.json.
// Both must write the same proof.
//
// It prints a Markdown table: for each program the seconds of the proof alone (without reading the input and without the preprocessed
// columns), the processor seconds, and the peak memory of the whole process, the least of N runs (default 2). Ours includes the verification of the
// new proof. -out writes the same figures as JSON, for the plot.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/prover/stwo/adapter"
)

// parameters are those of production with the smallest preprocessed columns.
const parameters = `{"channel_hash":"blake2s","channel_salt":0,"pcs_config":{"pow_bits":26,"fri_config":{"log_blowup_factor":1,"log_last_layer_degree_bound":0,"n_queries":70,"fold_step":3},"lifting_log_size":null},"preprocessed_trace":"canonical_small","store_polynomials_coefficients":false,"include_all_preprocessed_columns":false}`

// figures are the measurements of one prover on one program.
type figures struct {
	Wall   float64 `json:"wall_s"`
	CPU    float64 `json:"cpu_s"`
	Memory float64 `json:"peak_gib"`
	Phases string  `json:"phases,omitempty"`
}

// better returns the figures of the faster run, with the smaller memory.
func (f *figures) better(g *figures) *figures {
	if f == nil {
		return g
	}
	g.Memory = min(f.Memory, g.Memory)
	if f.Wall < g.Wall {
		f.Memory = g.Memory
		return f
	}
	return g
}

// row is the comparison on one program.
type row struct {
	Program string   `json:"program"`
	Steps   int      `json:"steps"`
	Ours    *figures `json:"ours"`
	Theirs  *figures `json:"theirs,omitempty"`
	Equal   bool     `json:"equal_proofs"`
}

func main() {
	log.SetFlags(0)
	peer := flag.String("peer", "", "StarkWare's prover; without it only ours runs")
	programs := flag.String("programs", "", "folder with Cairo 0 programs")
	repeat := flag.Int("repeat", 2, "runs of each prover")
	out := flag.String("out", "", "file for the figures as JSON")
	memory := flag.String("memory", "", "bound on the memory of our prover, as 2GiB")
	flag.Parse()
	work, err := os.MkdirTemp("", "stwo-bench-")
	check(err)
	defer os.RemoveAll(work)
	starkd := filepath.Join(work, "starkd")
	command("go", "build", "-trimpath", "-o", starkd, "./cmd/starkd")
	params := filepath.Join(work, "parameters.json")
	check(os.WriteFile(params, []byte(parameters), 0o644))

	sources, err := filepath.Glob(filepath.Join(*programs, "*.cairo"))
	check(err)
	if len(sources) == 0 {
		log.Fatalf("no programs in %q", *programs)
	}
	var rows []row
	fmt.Println("| program | steps | ours: wall, CPU s; GiB | theirs: wall, CPU s; GiB | wall | memory |")
	fmt.Println("|---|---:|---|---|---:|---:|")
	for _, source := range sources {
		r := row{Program: strings.TrimSuffix(filepath.Base(source), ".cairo")}
		input := filepath.Join(work, "input.json")
		r.Steps = run(source, work, input)
		theirs := filepath.Join(work, "theirs")
		ours := filepath.Join(work, "ours.json")
		for range *repeat {
			if *peer != "" {
				r.Theirs = r.Theirs.better(measurePeer(*peer, params, input, theirs))
			}
			r.Ours = r.Ours.better(measureOurs(starkd, params, input, ours, *memory))
		}
		line := fmt.Sprintf("| %s | %d | %.1f, %.1f; %.2f |", r.Program, r.Steps, r.Ours.Wall, r.Ours.CPU, r.Ours.Memory)
		if r.Theirs != nil {
			r.Equal = equalJSON(ours, filepath.Join(theirs, "proof.json"))
			if !r.Equal {
				log.Fatalf("%s: the proofs differ", r.Program)
			}
			line += fmt.Sprintf(" %.1f, %.1f; %.2f | %.2f× | %.2f× |", r.Theirs.Wall, r.Theirs.CPU, r.Theirs.Memory, r.Ours.Wall/r.Theirs.Wall, r.Ours.Memory/r.Theirs.Memory)
		} else {
			line += " | | |"
		}
		fmt.Println(line)
		fmt.Fprintf(os.Stderr, "%s: ours %s\n", r.Program, r.Ours.Phases)
		if r.Theirs != nil {
			fmt.Fprintf(os.Stderr, "%s: theirs %s\n", r.Program, r.Theirs.Phases)
		}
		rows = append(rows, r)
	}
	if *out != "" {
		text, err := json.MarshalIndent(rows, "", "  ")
		check(err)
		check(os.WriteFile(*out, append(text, '\n'), 0o644))
	}
}

// run compiles a program, runs it, writes the prover's input and returns the number of steps.
func run(source, work, input string) int {
	compiled := filepath.Join(work, "program.json")
	command("cairo-compile", "--proof_mode", "--no_debug_info", source, "--output", compiled)
	program, err := os.ReadFile(compiled)
	check(err)
	result, err := cairo0.RunProgram(program, cairo0.RunOptions{Layout: "all_cairo_stwo", ProofMode: true})
	check(err)
	in, err := adapter.FromTrace(result.Trace)
	check(err)
	file, err := os.Create(input)
	check(err)
	check(in.WriteJSON(file))
	check(file.Close())
	steps := 0
	for i := range in.Opcodes {
		steps += len(in.Opcodes[i].PC)
	}
	return steps
}

// measureOurs runs our prover within a bound on its memory, if that is not empty.
func measureOurs(starkd, params, input, proof, memory string) *figures {
	args := []string{"prove", "--system", "stwo", "--parameter_file", params, "--prover_input_file", input, "--out_file", proof}
	if memory != "" {
		args = append(args, "--memory", memory)
	}
	stderr, usage := measure(nil, starkd, args...)
	// Lines such as "[1/12] base columns, 3.1s", with the time since the start, and at last "proved 64 steps in 11.261s, …".
	stage := regexp.MustCompile(`(?m)^\[\d+/\d+\] (.*), (\S+)$`)
	total := regexp.MustCompile(`(?m)^proved \d+ steps in (\S+),`).FindStringSubmatch(stderr)
	stages := stage.FindAllStringSubmatch(stderr, -1)
	if total == nil || len(stages) == 0 {
		log.Fatalf("starkd prove: %s", stderr)
	}
	end := seconds(total[1])
	first := seconds(stages[0][2])
	var phases []string
	for i, s := range stages {
		next := end
		if i+1 < len(stages) {
			next = seconds(stages[i+1][2])
		}
		phases = append(phases, fmt.Sprintf("%s %.1f", s[1], next-seconds(s[2])))
	}
	return &figures{Wall: end - first, CPU: usage.cpu, Memory: usage.memory, Phases: fmt.Sprintf("preprocessed %.1f; %s", first, strings.Join(phases, ", "))}
}

// measurePeer runs StarkWare's prover.
func measurePeer(peer, params, input, out string) *figures {
	_, usage := measure([]string{"RAYON_NUM_THREADS=2"}, peer, "bench", params, input, out)
	text, err := os.ReadFile(filepath.Join(out, "run.json"))
	check(err)
	var result struct {
		Total  [2]float64             `json:"total_without_shared_wall_cpu_s"`
		Phases []([3]json.RawMessage) `json:"phases_wall_cpu_s"`
	}
	check(json.Unmarshal(text, &result))
	var phases []string
	for _, p := range result.Phases {
		var name string
		check(json.Unmarshal(p[0], &name))
		wall, err := strconv.ParseFloat(string(p[1]), 64)
		check(err)
		phases = append(phases, fmt.Sprintf("%s %.1f", name, wall))
	}
	return &figures{Wall: result.Total[0], CPU: usage.cpu, Memory: usage.memory, Phases: strings.Join(phases, ", ")}
}

// usage is what a process used in all.
type usage struct{ cpu, memory float64 } // seconds, GiB

// measure runs a program and returns its standard error and what it used.
func measure(env []string, name string, args ...string) (string, usage) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		log.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, stderr.Bytes())
	}
	r := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return stderr.String(), usage{cpu.Seconds(), float64(r.Maxrss) / (1 << 20)}
}

// equalJSON reports whether two files hold the same JSON, up to white space.
func equalJSON(a, b string) bool {
	var compact [2]bytes.Buffer
	for i, path := range []string{a, b} {
		text, err := os.ReadFile(path)
		check(err)
		check(json.Compact(&compact[i], text))
	}
	return bytes.Equal(compact[0].Bytes(), compact[1].Bytes())
}

func seconds(text string) float64 {
	d, err := time.ParseDuration(text)
	check(err)
	return d.Seconds()
}

func command(name string, args ...string) {
	cmd := exec.Command(name, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		log.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
