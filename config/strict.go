package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/viper"
)

// fields returns the type of every field of a configuration struct by its key, such as "rpc.address". section is "" or ends in a dot.
func fields(t reflect.Type, section string) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		key := section + f.Tag.Get("mapstructure")
		if f.Type.Kind() == reflect.Struct {
			maps.Copy(all, fields(f.Type, key+"."))
		} else {
			all[key] = f.Type
		}
	}
	return all
}

// development lists the STARKD_ variables of this project's tests and scripts, without the prefix. They set nothing in a Config. A
// name that ends in "_" stands for every name that begins with it.
var development = []string{
	"ABCI", "ACCOUNTS", "BENCH", "BENCH_", "CHAOS_", "CI_TOOLS", "CLASSES", "CORELIB", "CASES", "CORPUS", "ENGINE", "FULL", "MUTANT", "MUTANTS", "OLD_CLASSES", "OS_", "RPC", "SCREENSHOTS", "SEED",
	"SIERRA_COMPILE", "STARKNETJS", "STONE", "STWO_", "TALLY_", "TEST", "TEST_",
}

// checkEnvironment returns an error that lists the STARKD_ variables that set nothing. A misspelt one would be ignored silently.
func checkEnvironment(all map[string]reflect.Type) error {
	known := map[string]bool{}
	for key := range all {
		known[strings.ToUpper(strings.ReplaceAll(key, ".", "_"))] = true
	}
	var faults []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		rest, ours := strings.CutPrefix(name, "STARKD_")
		isDevelopment := func(d string) bool { return rest == d || strings.HasSuffix(d, "_") && strings.HasPrefix(rest, d) }
		if ours && !known[rest] && !slices.ContainsFunc(development, isDevelopment) {
			faults = append(faults, name)
		}
	}
	if len(faults) > 0 {
		slices.Sort(faults)
		return fmt.Errorf("config: environment: %s: no such setting", strings.Join(faults, ", "))
	}
	return nil
}

// mayBeZero are the settings whose default is empty or 0. Validate checks them.
var mayBeZero = []string{"app.proof_lag_max", "watch.store"}

// checkValues returns an error that lists every value that decoding would change: zeros and empty values, which would become the
// default silently, and negative sizes, fractions, and booleans for numbers.
func checkValues(v *viper.Viper, all map[string]reflect.Type) error {
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !v.IsSet(key) {
			continue
		}
		if err := checkValue(all[key], v.Get(key)); err != nil && !slices.Contains(mayBeZero, key) {
			faults = append(faults, fmt.Errorf("%s: %w", key, err))
		}
	}
	return errors.Join(faults...)
}

// checkValue checks one value, as viper read it, for a field of type t.
func checkValue(t reflect.Type, value any) error {
	got := reflect.ValueOf(value)
	switch {
	case !got.IsValid():
		return nil
	case t == reflect.TypeFor[time.Duration]():
		if text, ok := value.(string); !ok {
			return fmt.Errorf("%v is not a duration such as \"30s\"", value)
		} else if d, err := time.ParseDuration(text); err == nil && d <= 0 {
			return fmt.Errorf("%q is not above 0; remove the line for the default", text)
		}
	case t.Kind() == reflect.String:
		if text, ok := value.(string); !ok {
			return fmt.Errorf("%v is not a string in quotes", value)
		} else if text == "" {
			return errors.New("is empty; remove the line for the default")
		}
	case t.Kind() == reflect.Slice:
		if got.Kind() == reflect.Slice && got.Len() == 0 {
			return errors.New("is empty; remove the line for the default")
		}
	default: // numbers; those from the environment and flags are strings, which decoding checks
		switch got.Kind() {
		case reflect.String:
			if strings.Trim(got.String(), "+-0") == "" && got.String() != "" {
				return fmt.Errorf("%q is not above 0; unset it for the default", got.String())
			}
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			if cmp.Compare(got.Int(), 1) < 0 {
				return fmt.Errorf("%d is not above 0; remove the line for the default", got.Int())
			}
		default:
			return fmt.Errorf("%v is not a whole number", value)
		}
	}
	return nil
}
