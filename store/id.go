package store

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"time"
)

// idClock keeps the IDs of one process ascending when several fall into one
// millisecond. It holds no configuration, so it may be shared by the process.
var idClock struct {
	sync.Mutex
	last uint64
}

// NewID returns a UUID version 7 (RFC 9562 section 5.7) for a record made at now:
// 48 bits of milliseconds, 12 bits that keep the IDs of this process in the order
// of their making, and 62 random bits. It is safe for concurrent use.
func NewID(now time.Time) string {
	var b [16]byte
	if _, err := rand.Read(b[8:]); err != nil {
		panic("store: no randomness: " + err.Error()) // crypto/rand never fails on supported systems
	}
	// Milliseconds in the upper bits, the fraction of a millisecond (in 1/4096) below.
	nanos := uint64(now.UnixNano())
	tick := nanos/1e6<<12 | (nanos%1e6)*4096/1e6
	idClock.Lock()
	// A clock that stands still or went back a little continues from the last ID; one
	// that was set back by more than a minute (or a test's) starts anew.
	const minute = uint64(60_000) << 12
	if tick <= idClock.last && idClock.last-tick < minute {
		tick = idClock.last + 1
	}
	idClock.last = tick
	idClock.Unlock()

	binary.BigEndian.PutUint64(b[:8], tick>>12<<16|0x7000|tick&0xfff)
	b[8] = b[8]&0x3f | 0x80

	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
