package runtimeapi

import (
	"bytes"
	"strings"
)

const unknownRelease = "Unknown"

// noteRelease remembers who the runtime says it is. The first word counts, and
// features may be added once, later: some clients send them with one call only.
func (s *Server) noteRelease(r *request) {
	known := s.Release()
	if known != "" && (!r.has(runtimeFeatures) || strings.HasSuffix(known, ")")) {
		return
	}
	if now := release(known, r); now != known {
		s.release.Store(&now)
	}
}

func release(known string, r *request) string {
	name := known
	if name == "" {
		name = firstWord(r.fields[userAgent])
	}
	features := cropFeatures(r.fields[runtimeFeatures], maxRelease-len(" ()")-max(len(name), len(unknownRelease)))
	if features == "" {
		return name
	}
	if name == "" {
		name = unknownRelease
	}
	return name + " (" + features + ")"
}

func firstWord(b []byte) string {
	words := bytes.Fields(b)
	if len(words) == 0 {
		return ""
	}
	return string(words[0][:min(len(words[0]), maxRelease)])
}

// cropFeatures keeps the features that fit, without parentheses of their own.
func cropFeatures(list []byte, room int) string {
	var kept []string
	for feature := range strings.FieldsSeq(strings.NewReplacer("(", "", ")", "").Replace(string(list))) {
		if need := len(feature) + min(len(kept), 1); need <= room {
			kept, room = append(kept, feature), room-need
		}
	}
	return strings.Join(kept, " ")
}
