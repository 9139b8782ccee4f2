package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"lambent/conformance/script"
)

// errNoLogs says that this server does not show logs in a way that we know.
var errNoLogs = errors.New("the server's logs cannot be read")

// logText is all that the function has logged.
func (t *trial) logText() (string, error) {
	text, err := t.lambentLog()
	if errors.Is(err, errNoLogs) {
		return t.cloudWatchLog()
	}
	return text, err
}

func (t *trial) lambentLog() (string, error) {
	target := t.endpoint + "/_lambent/logs?group=" + url.QueryEscape("/aws/lambda/"+t.function)
	resp, err := http.Get(target)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		return "", errNoLogs
	}
	var out strings.Builder
	for d := json.NewDecoder(resp.Body); ; {
		var r struct{ Message string }
		switch err := d.Decode(&r); {
		case errors.Is(err, io.EOF):
			return out.String(), nil
		case err != nil:
			return "", err
		}
		out.WriteString(r.Message)
		if !strings.HasSuffix(r.Message, "\n") {
			out.WriteString("\n")
		}
	}
}

// cloudWatchLog reads the same through FilterLogEvents.
func (t *trial) cloudWatchLog() (string, error) {
	var out strings.Builder
	for token := ""; ; {
		page, err := t.filterLogEvents(token)
		if err != nil {
			return "", err
		}
		for _, e := range page.Events {
			out.WriteString(strings.TrimSuffix(e.Message, "\n") + "\n")
		}
		if token = page.NextToken; token == "" {
			return out.String(), nil
		}
	}
}

type logPage struct {
	Events    []struct{ Message string }
	NextToken string
}

func (t *trial) filterLogEvents(token string) (page logPage, err error) {
	in := map[string]string{"logGroupName": "/aws/lambda/" + t.function}
	if token != "" {
		in["nextToken"] = token
	}
	body, err := json.Marshal(in)
	if err != nil {
		return page, err
	}
	req, err := http.NewRequestWithContext(t.ctx, http.MethodPost, t.endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return page, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "Logs_20140328.FilterLogEvents")
	sum := sha256.Sum256(body)
	key := aws.Credentials{
		AccessKeyID: or(os.Getenv("AWS_ACCESS_KEY_ID"), "test"), SecretAccessKey: or(os.Getenv("AWS_SECRET_ACCESS_KEY"), "test"),
		SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
	}
	if err := v4.NewSigner().SignHTTP(t.ctx, key, req, hex.EncodeToString(sum[:]), "logs", t.region, time.Now()); err != nil {
		return page, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return page, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return page, errNoLogs
	}
	return page, json.NewDecoder(resp.Body).Decode(&page)
}

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}

// logPatience is how long logs may take to be there. It decides nothing when
// things are well.
const logPatience = 30 * time.Second

// awaitLog waits until the log matches and gives it; an error tells that there
// are no logs, or that they never do.
func (t *trial) awaitLog(pattern string) (string, error) {
	want := regexp.MustCompile(pattern)
	for end := time.Now().Add(logPatience); ; time.Sleep(100 * time.Millisecond) {
		text, err := t.logText()
		if err != nil || want.MatchString(text) {
			return text, err
		}
		if time.Now().After(end) {
			return text, fmt.Errorf("never logged %s, but\n%s", pattern, text)
		}
	}
}

// told reads the records that scripts with Tell have printed.
func told(log string) records {
	var all records
	for _, m := range regexp.MustCompile(`(?m)^RECORD (\{.*\})$`).FindAllStringSubmatch(log, -1) {
		var r script.Record
		if json.Unmarshal([]byte(m[1]), &r) == nil {
			all = append(all, r)
		}
	}
	return all
}

// awaitTold waits until the log matches, and gives what was told; ok is false
// when there are no logs, and then the rules are skipped.
func (t *trial) awaitTold(pattern string, section string, rules ...string) (got records, log string, ok bool) {
	log, err := t.awaitLog(pattern)
	if errors.Is(err, errNoLogs) {
		for _, rule := range rules {
			t.skip(section, rule, err.Error())
		}
		return nil, "", false
	}
	if err != nil {
		t.broken = err
	}
	return told(log), log, true
}
