package main

import (
	_ "github.com/cometbft/cometbft-db"
	_ "github.com/cometbft/cometbft/abci/server"
	_ "github.com/cometbft/cometbft/light"
	_ "github.com/cometbft/cometbft/light/provider/http"
	_ "github.com/cometbft/cometbft/light/store/db"
	_ "github.com/cometbft/cometbft/node"
	_ "github.com/consensys/gnark-crypto/ecc/stark-curve/ecdsa"
	_ "github.com/decred/dcrd/dcrec/secp256k1/v4"
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/gorilla/websocket"
	_ "github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/rogpeppe/go-internal/testscript"
	_ "github.com/spf13/cobra"
	_ "github.com/spf13/viper"
	_ "gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/memblob"
	_ "golang.org/x/crypto/blake2s"
	_ "golang.org/x/crypto/sha3"
	_ "pgregory.net/rapid"
)
