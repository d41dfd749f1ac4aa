//go:build unix

package peerbench

import (
	"syscall"
	"time"
)

// cpuTime is what this process has computed so far, in the kernel too.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
