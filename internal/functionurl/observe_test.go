package functionurl

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lambent/internal/lambda"
)

type heard struct {
	function lambda.Reference
	status   int
	times    int
}

func (h *heard) Answered(f lambda.Reference, status int, took time.Duration) {
	if took >= 0 {
		h.function, h.status, h.times = f, status, h.times+1
	}
}

func TestObserved(t *testing.T) {
	t.Parallel()
	live := lambda.Reference{Name: "f", Qualifier: "live"}
	for name, c := range map[string]struct {
		target string
		err    error
		want   heard
	}{
		"answered":          {Prefix + id + "/", nil, heard{live, 200, 1}},
		"throttled":         {Prefix + id + "/", lambda.Errorf(lambda.Throttled, "Rate Exceeded."), heard{live, 429, 1}},
		"unwell":            {Prefix + id + "/", lambda.Errorf(lambda.NotReady, "starting"), heard{live, 502, 1}},
		"nobody's function": {Prefix + strings.Repeat("a", 32) + "/", nil, heard{}},
	} {
		w, got := newWorld(), &heard{}
		w.err = c.err
		answer := httptest.NewRecorder()
		w.handler().Observed(got).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, c.target, nil))
		if *got != c.want || got.times > 0 && answer.Code != got.status {
			t.Errorf("%s: %+v was told of status %d, want %+v", name, *got, answer.Code, c.want)
		}
	}
}
