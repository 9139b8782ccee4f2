package runtimeapi

import (
	"encoding/json"

	"lambent/internal/lambda"
)

const (
	errorCauseType = "application/vnd.aws.lambda.error.cause+json"
	octetsType     = "application/octet-stream"

	// causePadding is what the names and quotes of a cause's members may take.
	causePadding = 4 << 10
)

// cause is an X-Ray error cause. Members that X-Ray does not know are dropped.
type cause struct {
	Exceptions       []exception `json:"exceptions"`
	WorkingDirectory string      `json:"working_directory"`
	Paths            []string    `json:"paths"`
	Message          string      `json:"message,omitempty"`
}

type exception struct {
	Message string  `json:"message,omitempty"`
	Type    string  `json:"type,omitempty"`
	Stack   []frame `json:"stack,omitempty"`
}

type frame struct {
	Path  string `json:"path,omitempty"`
	Line  int    `json:"line,omitempty"`
	Label string `json:"label,omitempty"`
}

// errorCause reads a cause and makes it fit what X-Ray takes: ever smaller
// parts of its lists, then none of them and short texts. It is empty for what
// is not a cause.
func errorCause(sent []byte) string {
	if len(sent) == 0 {
		return ""
	}
	var whole cause
	if json.Unmarshal(sent, &whole) != nil || whole.empty() {
		return ""
	}
	for _, tenths := range []int{10, 8, 6, 4, 2} {
		if fits, ok := whole.part(tenths).encode(); ok {
			return fits
		}
	}
	return whole.outline()
}

func (c cause) empty() bool {
	return len(c.Exceptions) == 0 && len(c.Paths) == 0 && c.WorkingDirectory == "" && c.Message == ""
}

// part keeps so many tenths of each list.
func (c cause) part(tenths int) cause {
	c.Exceptions = c.Exceptions[:len(c.Exceptions)*tenths/10]
	c.Paths = c.Paths[:len(c.Paths)*tenths/10]
	return c
}

// outline keeps only the texts, cropped until they fit: their escapes may make
// them longer than they are.
func (c cause) outline() string {
	c.Exceptions, c.Paths = nil, nil
	for room := (lambda.MaxErrorCause - causePadding) / 2; ; room /= 2 {
		c.Message, c.WorkingDirectory = crop(c.Message, room), crop(c.WorkingDirectory, room)
		if fits, ok := c.encode(); ok {
			return fits
		}
	}
}

func (c cause) encode() (string, bool) {
	b, err := json.Marshal(c)
	return string(b), err == nil && len(b) <= lambda.MaxErrorCause
}

func crop(s string, room int) string {
	if len(s) <= room {
		return s
	}
	return s[:max(room-len("..."), 0)] + "..."
}

// splitCause takes the cause out of a body of the type that carries both. Such a
// body is made anew from what AWS knows of it, and one that cannot be read is
// replaced by a sentence.
func splitCause(_ *request, a *lambda.Answer) {
	if a.ContentType != errorCauseType {
		return
	}
	var sent struct {
		Message string          `json:"errorMessage"`
		Type    string          `json:"errorType"`
		Stack   []string        `json:"stackTrace,omitempty"`
		Cause   json.RawMessage `json:"errorCause,omitempty"`
	}
	if json.Unmarshal(a.Body, &sent) != nil {
		a.Body, a.ContentType, a.XRayCause = []byte(`"Invalid error body"`), octetsType, ""
		return
	}
	a.XRayCause = errorCause(sent.Cause)
	sent.Cause = nil
	body, err := json.Marshal(sent)
	if err != nil {
		return // a struct of strings that was just read can be written
	}
	a.Body, a.ContentType = body, jsonType
}
