// Package recursion follows chains of invocations, from function to function and
// through queues and topics, and tells when they go in a circle. It is pure: the
// trace header of a request in, the header of the invocation out.
//
// What it remembers travels in the header, as on AWS (docs/environment.md §8.5):
//
//	Root=1-…;Parent=…;Sampled=0;Lineage=5:6e5eb7d9:4
//	                                    │ │        └ how often this function has been met again
//	                                    │ └ a function of the chain
//	                                    └ links of the chain
//
// There is room for one function, and the first of a chain may never be met again:
// it may only have started the circle. So the function that is remembered changes
// at the 2nd, 4th, 8th … link as long as it is not met, as in Brent's way to find
// cycles: sooner or later it is one of the circle.
package recursion

import (
	"strconv"
	"strings"
)

// Limit is how often a function runs in one chain; "about 16 times", says AWS.
const Limit = 16

// These are the largest numbers that the header has room for.
const (
	maxLinks = 32767
	maxMet   = 255
)

const member = "Lineage="

// Follow gives the trace header of an invocation of a function whose request had
// this one. A function is named without a qualifier. Stop is true when the
// function has run Limit times in the chain.
func Follow(trace, function string) (next string, stop bool) {
	hash := hashOf(function)
	begin, end := find(trace)
	if begin == end {
		var b [256]byte
		return string(appendLineage(append(b[:0], trace...), lineage{1, hash, 0})), false
	}
	l, ok := parse(trace[begin+len(member) : end])
	switch {
	case !ok:
		l = lineage{0, hash, 0}
	case l.hash == hash:
		l.met = min(l.met+1, maxMet)
	case l.met == 0 && (l.links+1)&l.links == 0:
		l.hash = hash
	}
	l.links = min(l.links+1, maxLinks)
	before := strings.TrimSuffix(trace[:begin], ";")
	return string(appendLineage([]byte(before+trace[end:]), l)), l.met >= Limit
}

// Forget gives a trace header that remembers no chain.
func Forget(trace string) string {
	begin, end := find(trace)
	return strings.Trim(strings.TrimSuffix(trace[:begin], ";")+trace[end:], ";")
}

// find is where a header has what it remembers; nowhere if begin is end.
func find(trace string) (begin, end int) {
	begin = strings.Index(trace, member)
	if begin < 0 || begin > 0 && trace[begin-1] != ';' {
		return len(trace), len(trace)
	}
	if length := strings.IndexByte(trace[begin:], ';'); length >= 0 {
		return begin, begin + length
	}
	return begin, len(trace)
}

// lineage is what the header remembers.
type lineage struct {
	links int
	hash  [8]byte
	met   int
}

func parse(text string) (l lineage, ok bool) {
	links, rest, first := strings.Cut(text, ":")
	hash, met, second := strings.Cut(rest, ":")
	if !first || !second || len(hash) != len(l.hash) {
		return l, false
	}
	copy(l.hash[:], hash)
	var err error
	if l.links, err = strconv.Atoi(links); err != nil || l.links < 0 || l.links > maxLinks {
		return l, false
	}
	l.met, err = strconv.Atoi(met)
	return l, err == nil && l.met >= 0 && l.met <= maxMet
}

func appendLineage(b []byte, l lineage) []byte {
	if len(b) > 0 {
		b = append(b, ';')
	}
	b = append(b, member...)
	b = strconv.AppendInt(b, int64(l.links), 10)
	b = append(append(append(b, ':'), l.hash[:]...), ':')
	return strconv.AppendInt(b, int64(l.met), 10)
}

// hashOf is FNV-1a in hexadecimal.
func hashOf(s string) (text [8]byte) {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	const digits = "0123456789abcdef"
	for i := range text {
		text[len(text)-1-i] = digits[h&15]
		h >>= 4
	}
	return text
}
