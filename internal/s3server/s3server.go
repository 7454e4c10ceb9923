// Package s3server starts a real server of Amazon's S3 protocol for tests: versitygw (Apache-2.0), on a folder.
package s3server

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Credentials of the server.
const (
	accessKey = "starkd-test"
	secretKey = "only-for-tests"
)

// Start starts a server with an empty bucket, which ends with the test, and returns the bucket's URL for gocloud.dev/blob. It sets AWS's
// environment variables to the credentials. It skips the test if versitygw is not on PATH.
func Start(t *testing.T) string {
	t.Helper()
	command, err := exec.LookPath("versitygw")
	if err != nil {
		t.Skip("versitygw is not on PATH")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", accessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
	dir := t.TempDir()
	for _, name := range []string{"data", "data/bucket", "attributes"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// The kernel chooses a free port; another process could take it before the server does, so try again then.
	for range 3 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		if run(t, command, address, dir) {
			return fmt.Sprintf("s3://bucket?region=us-east-1&use_path_style=true&endpoint=http://%s", address)
		}
	}
	t.Fatal("versitygw did not start")
	return ""
}

// run starts the server and reports whether it answers.
func run(t *testing.T, command, address, dir string) bool {
	server := exec.Command(command, "--access", accessKey, "--secret", secretKey, "--port", address, "--quiet",
		"posix", "--sidecar", filepath.Join(dir, "attributes"), filepath.Join(dir, "data"))
	server.Stdout, server.Stderr = t.Output(), t.Output()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = server.Wait() // it is killed
		close(ended)
	}()
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may have ended
		<-ended
	})
	for range 200 {
		select {
		case <-ended:
			return false
		case <-time.After(50 * time.Millisecond):
		}
		response, err := http.Get("http://" + address + "/bucket")
		if err != nil {
			continue
		}
		response.Body.Close()
		return response.StatusCode == http.StatusForbidden // a request without credentials
	}
	return false
}
