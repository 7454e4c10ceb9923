// Package resident lowers the resident memory of a process.
package resident
