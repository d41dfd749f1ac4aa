// Package memory keeps everything in the process: for tests and demos, and as the
// reference of what the contracts of package store mean.
//
//	st := memory.New()
//
// A transaction holds the whole store, so that others wait until it ends. Using the
// store itself, rather than the transaction, inside [Store.InTx] therefore waits for
// ever.
//
// # Security
//
// Nothing is written to disk, and nothing survives the process.
//
// # Compatibility
//
// The store passes storetest and has every optional interface of package store.
package memory
