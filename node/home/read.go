package home

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	cmtconfig "github.com/cometbft/cometbft/config"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/privval"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/viper"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/hint"
)

// Genesis reads the genesis file of the home dir and checks its app_state, so that an error is reported before anything starts.
func Genesis(dir string) (*cmttypes.GenesisDoc, error) {
	path := filepath.Join(dir, "config", "genesis.json")
	// Of two members with one name CometBFT takes the last. Duplicates are an error, so that all readers see the same genesis.
	if data, err := os.ReadFile(path); err == nil {
		if err := json.Unmarshal(data, new(jsontext.Value)); err != nil {
			return nil, hint.With(fmt.Errorf("%s: %w", path, err), "every node of a chain has the same genesis.json; starkd init makes a valid one")
		}
	}
	genesis, err := cmttypes.GenesisDocFromFile(path)
	if err != nil {
		return nil, hint.With(err, "a home has the genesis.json of its chain in config/: starkd init or starkd testnet makes a new chain; to join a chain, copy its genesis.json")
	}
	if _, err := app.ParseGenesis(genesis.ChainID, genesis.AppState); err != nil {
		return nil, hint.With(fmt.Errorf("%s: app_state: %w", path, err), "every node of a chain has the same genesis.json; starkd init makes a valid one")
	}
	return genesis, nil
}

// Comet reads CometBFT's settings, config/config.toml of the home dir.
func Comet(dir string) (*cmtconfig.Config, error) {
	path := filepath.Join(dir, "config", "config.toml")
	v := viper.New()
	v.SetConfigFile(path)
	if err := v.ReadInConfig(); err != nil {
		if _, ok := errors.AsType[*fs.PathError](err); !ok { // such an error names the path
			err = fmt.Errorf("%s: %w", path, err)
		}
		return nil, hint.With(err, "starkd init or starkd testnet makes a home")
	}
	c := cmtconfig.DefaultConfig()
	advice := "the comments in the file and CometBFT's documentation explain each field; starkd init makes a valid file"
	if err := v.UnmarshalExact(c); err != nil {
		return nil, hint.With(fmt.Errorf("%s: %s", path, config.DecodeFaults(v, err)), "%s", advice)
	}
	c.SetRoot(dir)
	if err := c.ValidateBasic(); err != nil {
		return nil, hint.With(fmt.Errorf("%s: %w", path, err), "%s", advice)
	}
	return c, nil
}

// CheckSecret returns an error if other users than the owner of a file with a private key can read or write it. It checks nothing on
// Windows, which has no permission bits.
func CheckSecret(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return hint.With(fmt.Errorf("%s: mode %04o gives other users access to a private key", path, mode), "chmod 600 %s", path)
	}
	return nil
}

// Signer reads the key of the validator and the record of its signatures. It returns nil if config.toml names a remote signer.
func Signer(c *cmtconfig.Config) (cmttypes.PrivValidator, error) {
	if c.PrivValidatorListenAddr != "" {
		return nil, nil
	}
	keyFile, stateFile := c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()
	advice := "starkd init and starkd testnet make the keys of a new validator; restore lost keys from a copy"
	if err := CheckSecret(keyFile); err != nil {
		return nil, adviseFile(err, advice)
	}
	// CometBFT's own function ends the process if it cannot read a file.
	var key privval.FilePVKey
	if err := readCometJSON(keyFile, &key); err != nil {
		return nil, adviseFile(err, advice)
	}
	if key.PrivKey == nil || key.PubKey == nil || len(key.Address) == 0 {
		return nil, hint.With(fmt.Errorf("%s: priv_key, pub_key or address is missing", keyFile), "%s", advice)
	}
	if key.PubKey = key.PrivKey.PubKey(); !bytes.Equal(key.PubKey.Address(), key.Address) {
		return nil, hint.With(fmt.Errorf("%s: address %s is not that of the key, %s", keyFile, key.Address, key.PubKey.Address()), "%s", advice)
	}
	var state privval.FilePVLastSignState
	if err := readCometJSON(stateFile, &state); err != nil {
		return nil, adviseFile(err, "that file records what this validator has signed: restore the newest copy; without it the validator may sign twice")
	}
	return privval.LoadFilePV(keyFile, stateFile), nil
}

// readCometJSON reads a JSON file in CometBFT's encoding.
func readCometJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := cmtjson.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// adviseFile adds advice to an error that has none.
func adviseFile(err error, advice string) error {
	if _, hinted := hint.Of(err); hinted {
		return err
	}
	return hint.With(err, "%s", advice)
}

// Sweep removes temporary files from the home dir. CometBFT leaves them if the process ends during an atomic write. The home must not be
// in use.
func Sweep(dir string) error {
	for _, sub := range []string{"config", "data"} {
		left, err := filepath.Glob(filepath.Join(dir, sub, "write-file-atomic-*"))
		if err != nil {
			return err
		}
		for _, path := range left {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
