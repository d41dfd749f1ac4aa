//go:build !unix

package peerbench

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }
