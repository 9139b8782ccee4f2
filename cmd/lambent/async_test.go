package main

import (
	"maps"
	"testing"
	"time"

	"lambent/internal/retry"
)

func TestAWSEndpoints(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		given []string
		s3    string
		want  map[string]string
	}{
		{nil, "", map[string]string{}},
		{nil, "http://s3:9000", map[string]string{"s3": "http://s3:9000"}},
		{[]string{"http://127.0.0.1:5000"}, "", map[string]string{"": "http://127.0.0.1:5000"}},
		{[]string{"http://127.0.0.1:5000/?a=b"}, "", map[string]string{"": "http://127.0.0.1:5000/?a=b"}},
		{[]string{"aws", "sqs=https://queue.local"}, "", map[string]string{"": "aws", "sqs": "https://queue.local"}},
		{[]string{"s3=aws"}, "http://s3:9000", map[string]string{"s3": "aws"}},
	} {
		got, err := awsEndpoints(c.given, c.s3)
		if err != nil || !maps.Equal(got, c.want) {
			t.Errorf("%q: %v, %v; want %v", c.given, got, err, c.want)
		}
	}
	for _, wrong := range []string{"", "localhost:5000", "ftp://host", "kafka=http://host", "sqs=", "http://"} {
		if got, err := awsEndpoints([]string{wrong}, ""); err == nil {
			t.Errorf("%q: %v, want an error", wrong, got)
		}
	}
}

func TestAsyncDelays(t *testing.T) {
	t.Parallel()
	if got := asyncDelays(time.Minute); got != retry.AWS() {
		t.Errorf("a minute: %+v, want AWS's own %+v", got, retry.AWS())
	}
	want := retry.Delays{Fault: 6 * time.Second, First: 100 * time.Millisecond, Longest: 30 * time.Second}
	if got := asyncDelays(6 * time.Second); got != want {
		t.Errorf("six seconds: %+v, want %+v", got, want)
	}
	if got := asyncDelays(time.Millisecond); got.First < time.Millisecond {
		t.Errorf("a millisecond: first %v, which is a busy loop", got.First)
	}
}
