package main

import (
	"github.com/spf13/cobra"

	"github.com/starkd/starkd/node"
)

func newProveWorkerCommand() *cobra.Command {
	var c node.WorkerConfig
	cmd := &cobra.Command{
		Use:   "prove-worker --queue URL --store URL",
		Short: "Prove jobs of a watcher's queue",
		Long: `Prove jobs of a watcher's queue. A worker takes a job, reads its input from the proof store, makes the proofs and stores them. It keeps nothing, so
workers can be started and killed at any time: the job of a lost worker is given to another one. A job that fails again and again is set aside.

The watcher's queue must be one that others can reach (watch.queue in its app.toml), such as embedded://127.0.0.1:4222, which a worker on the same
machine reaches at nats://127.0.0.1:4222. The store is that of the watcher (watch.store): a folder on the same machine, or an object store.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.Queue == "" || c.Store == "" {
				return usagef("--queue and --store are needed")
			}
			c.Log = cmd.ErrOrStderr()
			return node.RunWorker(cmd.Context(), c)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.Queue, "queue", "", "URL of the watcher's queue: nats://HOST:PORT")
	flags.StringVar(&c.Store, "store", "", "URL of the watcher's proof store, such as file:///PATH or s3://BUCKET")
	flags.StringVar(&c.Name, "name", "", "name of the worker, unlike that of others (default: from the host and the process)")
	return cmd
}
