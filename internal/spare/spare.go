// Package spare keeps large buffers that have served, for those who need one next.
// A fresh one of 6 MB costs the kernel 1,500 pages to clear and the daemon a
// collection of its garbage, which together take longer than to copy 6 MB.
package spare

import "sync"

// Large is from how many bytes on a buffer is worth keeping.
const Large = 1 << 20

// Buffers are what there is. The zero value is ready; nil keeps nothing. What nobody
// takes for a few minutes goes to the garbage collector.
type Buffers struct{ kept sync.Pool } // of *[]byte

// Take gives a buffer of n bytes, which is its capacity too. It holds what it held
// before: whoever takes it writes each byte before it is read.
func (b *Buffers) Take(n int) []byte {
	if b == nil || n < Large {
		return make([]byte, n)
	}
	if kept, _ := b.kept.Get().(*[]byte); kept != nil && cap(*kept) >= n {
		return (*kept)[:n:n]
	}
	return make([]byte, n)
}

// Give keeps a buffer, which from then on is nobody's: its giver has held the only
// reference to it, and uses it no more.
func (b *Buffers) Give(p []byte) {
	if b != nil && cap(p) >= Large {
		b.kept.Put(&p)
	}
}
