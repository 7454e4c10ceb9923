// Command starkd-cairo is starkd with the command cairo alone. It starts in a few MB and milliseconds; starkd reads tens of MB of its own code
// before it runs a program (docs/decisions/design.md).
package main

import (
	"github.com/starkd/starkd/internal/cairocli"
	"github.com/starkd/starkd/internal/cli"
)

// version is set by the linker (Makefile, .goreleaser.yml).
var version = "dev"

func main() {
	root := cli.Root("starkd-cairo", "Run Cairo 0 programs and write their traces", cairocli.New(nil))
	root.Version = version
	cli.Main(root)
}
