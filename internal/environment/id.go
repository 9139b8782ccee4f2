package environment

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"lambent/internal/event"
	"lambent/internal/lambda"
)

// NewID makes a random lower-case UUID, the shape of AWS's request ids (F001).
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[:8], b[:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:], b[10:])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// NewOrigin names an environment and its log stream (AWS: "Sending Lambda
// function logs to CloudWatch Logs"): in a group of its own the stream is
// YYYY/MM/DD/[version]hex, in a shared one the function's name is in it too.
func NewOrigin(id string, v *lambda.Version, initType string, at time.Time) *event.Origin {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	stream := at.UTC().Format("2006/01/02/")
	if v.Logging.Group != "/aws/lambda/"+v.Function {
		stream += v.Function
	}
	stream += "[" + v.Number + "]" + hex.EncodeToString(b[:])
	return &event.Origin{
		Environment: id, Account: v.Account, Region: v.Region, Function: v.Function, Version: v.Number,
		MemoryMB: v.MemoryMB, InitType: initType,
		LogGroup: v.Logging.Group, LogStream: stream, LogFormat: v.Logging.Format,
		ApplicationLevel: v.Logging.ApplicationLevel, SystemLevel: v.Logging.SystemLevel,
	}
}
