package logs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

const (
	maxEscaped    = 200 // bytes of a file name; file systems take 255
	hashedPrefix  = "~" // begins the escape of a name too long to be one
	segmentSuffix = ".log"
	nameFile      = "name" // in the folder of a stream with a hashed name
	groupFile     = "group.json"
)

// escape makes a file name of a group's or stream's name. Lower-case letters,
// digits and a few signs stand for themselves, "!x" for the letter X (file
// systems may not tell case apart) and "%2F" for a byte. Names that become too
// long are hashed and stand in a file of their own.
func escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("-_[]$#+=", c) >= 0, c == '.' && i > 0:
			b.WriteByte(c)
		case 'A' <= c && c <= 'Z':
			b.WriteByte('!')
			b.WriteByte(c + 'a' - 'A')
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if b.Len() > maxEscaped {
		sum := sha256.Sum256([]byte(name))
		return hashedPrefix + hex.EncodeToString(sum[:])
	}
	return b.String()
}

// unescape is the name that an escape stands for; false for a hashed one and for
// what no escape looks like.
func unescape(file string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(file); i++ {
		switch c := file[i]; c {
		case '!':
			if i++; i >= len(file) || file[i] < 'a' || file[i] > 'z' {
				return "", false
			}
			b.WriteByte(file[i] - ('a' - 'A'))
		case '%':
			if i+2 >= len(file) {
				return "", false
			}
			v, err := strconv.ParseUint(file[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			b.WriteByte(byte(v))
			i += 2
		default:
			b.WriteByte(c)
		}
	}
	name := b.String()
	return name, file != "" && escape(name) == file
}

// segmentName is the file of the segment that begins at base.
func segmentName(base Position) string { return fmt.Sprintf("%020d%s", base, segmentSuffix) }

// parseSegment is the position that a segment's file name tells.
func parseSegment(file string) (Position, bool) {
	digits, ok := strings.CutSuffix(file, segmentSuffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	base, err := strconv.ParseInt(digits, 10, 64)
	return Position(base), err == nil && base >= 0
}
