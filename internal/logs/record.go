package logs

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"time"

	"lambent/internal/logline"
)

// Position is a place in a stream: bytes from its beginning.
type Position int64

// Record is one message of a stream.
type Record struct {
	Stream    string
	Time      time.Time // when it happened
	Ingested  time.Time // when it was stored
	Message   string
	Position  Position // of this record
	nextStart Position
}

const (
	recordHead     = 4 + 4 + 8 + 8
	recordTail     = 4
	recordOverhead = recordHead + recordTail
	maxMessage     = logline.MaxLength + 1024 // an old-style fault and REPORT have no bound of their own
)

// appendRecord encodes a record. The message is cut at maxMessage.
func appendRecord(dst []byte, at, ingested int64, message []byte) []byte {
	message = message[:min(len(message), maxMessage)]
	begin := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(message)))
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(at))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(ingested))
	dst = append(dst, message...)
	sum := crc32.Checksum(dst[begin+8:], crc32.MakeTable(crc32.Castagnoli))
	binary.LittleEndian.PutUint32(dst[begin+4:], sum)
	return binary.LittleEndian.AppendUint32(dst, uint32(len(message)))
}

// readRecord reads the record at offset off, and tells where it ends. Anything
// but a whole and true record is not ok.
func readRecord(r io.ReaderAt, off int64, buf []byte) (rec Record, end int64, space []byte, ok bool) {
	var head [recordHead]byte
	if _, err := r.ReadAt(head[:], off); err != nil {
		return rec, 0, buf, false
	}
	length := binary.LittleEndian.Uint32(head[:])
	if length == 0 || length > maxMessage {
		return rec, 0, buf, false
	}
	if need := int(length) + recordTail; cap(buf) < need {
		buf = make([]byte, need)
	} else {
		buf = buf[:need]
	}
	if _, err := r.ReadAt(buf, off+recordHead); err != nil {
		return rec, 0, buf, false
	}
	message := buf[:length]
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(crc32.Checksum(head[8:], table), table, message)
	if sum != binary.LittleEndian.Uint32(head[4:]) || binary.LittleEndian.Uint32(buf[length:]) != length {
		return rec, 0, buf, false
	}
	rec.Time = time.UnixMilli(int64(binary.LittleEndian.Uint64(head[8:]))).UTC()
	rec.Ingested = time.UnixMilli(int64(binary.LittleEndian.Uint64(head[16:]))).UTC()
	rec.Message = string(message)
	return rec, off + int64(length) + recordOverhead, buf, true
}

// recordBefore is where the record that ends at off begins, if one seems to.
func recordBefore(r io.ReaderAt, off int64) (int64, bool) {
	var tail [recordTail]byte
	if _, err := r.ReadAt(tail[:], off-recordTail); err != nil {
		return 0, false
	}
	begin := off - int64(binary.LittleEndian.Uint32(tail[:])) - recordOverhead
	return begin, begin >= 0
}

// validEnd is the end of the last whole record of a segment.
func validEnd(r io.ReaderAt, size int64) int64 {
	// Reading through a window saves two system calls a record.
	w := &window{r: r, size: size}
	var buf []byte
	var off int64
	for {
		_, end, space, ok := readRecord(w, off, buf)
		if !ok {
			return off
		}
		off, buf = end, space
	}
}

// window is a ReaderAt that reads ahead, for walks forward.
type window struct {
	r     io.ReaderAt
	size  int64 // reads end here
	block []byte
	start int64
}

const windowBytes = 64 * 1024

// ReadAt fills p or fails with io.EOF.
func (w *window) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > w.size {
		return 0, io.EOF
	}
	if len(p) > windowBytes {
		return w.r.ReadAt(p, off)
	}
	if off < w.start || off+int64(len(p)) > w.start+int64(len(w.block)) {
		if w.block == nil {
			w.block = make([]byte, min(windowBytes, w.size))
		}
		w.block = w.block[:cap(w.block)]
		n, err := w.r.ReadAt(w.block, off)
		w.start, w.block = off, w.block[:n]
		if n < len(p) {
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
	}
	return copy(p, w.block[off-w.start:]), nil
}
