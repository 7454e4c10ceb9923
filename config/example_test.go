package config_test

import (
	"fmt"
	"os"

	"github.com/spf13/viper"

	"github.com/starkd/starkd/config"
)

// The example writes a home's app.toml with one value that is not the default, and reads it back.
func Example() {
	home, err := os.MkdirTemp("", "home")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(home)
	c := config.Default()
	c.RPC.Address = "127.0.0.1:6060"
	if err := config.Write(home, c); err != nil {
		panic(err)
	}
	read, err := config.Load(home, viper.New())
	if err != nil {
		panic(err)
	}
	fmt.Println(read.RPC.Address, read.App.DBBackend, read.App.Engine)

	read.App.Engine = "steam"
	fmt.Println(read.Validate())
	// Output:
	// 127.0.0.1:6060 pebbledb native
	// config: app.engine: "steam" is not one of native, vm, both
}
