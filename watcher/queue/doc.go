// Package queue hands jobs from watchers to provers through NATS JetStream.
//
// A job is a message of some hundred bytes: its name, and where its input is. Inputs and proofs are objects in a store that watchers and
// provers share (package watcher/proofstore). The name says what is proved, so a job that is put twice is one job.
//
// The jobs are a stream with work-queue retention and file storage, with one subject for each name: the stream refuses a second message for a
// name that is waiting or running. A worker takes one job at a time, as a Lease, and says every few seconds that it works on it. If it falls
// silent, the job is given to another worker. A job that failed Config.MaxTries times, or lost Config.MaxLost workers, is set aside with its error.
//
// A worker that was cut off, or whose lease the server has forgotten in a crash, goes on while its job is given to another one. Workers hear each other's
// reports, and give back a job that another one has. Reports can be lost too, so that a job can run twice. Proofs are therefore stored with a conditional
// write under the job's name, before Lease.Done: the first one counts.
//
// By default the server is part of the process (package nats-server). It writes each message to the disk before it confirms it.
package queue
