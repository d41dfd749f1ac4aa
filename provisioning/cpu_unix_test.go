//go:build unix

package provisioning

import (
	"syscall"
	"time"
)

// cpuTime is the processor's time that this process took so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
