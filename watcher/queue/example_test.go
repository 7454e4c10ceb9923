package queue_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/starkd/starkd/watcher/queue"
)

// The example puts a job and takes it.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "queue")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	q, err := queue.Open(ctx, queue.Config{Dir: dir})
	if err != nil {
		panic(err)
	}
	defer q.Close()
	job := queue.Job{Name: "7-9-ab12", Input: "jobs/7-9-ab12", Digest: strings.Repeat("0", 64), Size: 5000, FirstBlock: 7, LastBlock: 9, Transactions: 40}
	if err := q.Put(ctx, job); err != nil {
		panic(err)
	}
	lease, err := q.Take(ctx, "worker-1")
	if err != nil {
		panic(err)
	}
	fmt.Println(lease.Job().Name, lease.Try())
	// Here the worker reads the input, makes the proof and stores it.
	fmt.Println(lease.Done(ctx))
	// Output:
	// 7-9-ab12 1
	// <nil>
}
