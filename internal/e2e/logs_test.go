package e2e

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestStreamOfAnEnvironment is S83 and the formats of the platform's lines (F271
// to F276): what a function writes is in its environment's stream, in order and
// unchanged.
func TestStreamOfAnEnvironment(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		name := s.deploy(t, function{code: `
import logging, os, sys
print("while loading")
def handler(event, context):
    print("METRICS:", '{"value": 1}')
    print("one\rline")
    print("several\nlines")
    sys.stderr.write("to stderr\n")
    logging.getLogger().warning("a warning")
    logging.getLogger().info("not shown")
    os.write(1, b"without an end")
    return 1
`})
		cold, warm := s.call(t, name, `{}`), s.call(t, name, `{}`)
		s.waitLog(t, name, warm.report(t).requestID+"\tDuration")
		streams := s.streams(t, "/aws/lambda/"+name)
		if len(streams) != 1 || !regexp.MustCompile(`^\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$`).MatchString(streams[0].name) {
			t.Fatalf("streams %v", streams)
		}
		id := cold.report(t).requestID
		want := []string{
			`^INIT_START Runtime Version: python:3\.11\.v\d+\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}\n$`,
			`^while loading\n$`,
			`^START RequestId: ` + id + ` Version: \$LATEST\n$`,
			`^METRICS: {"value": 1}\n$`, `^one\rline\n$`, `^several\n$`, `^lines\n$`, `^to stderr\n$`,
			`^\[WARNING\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t` + id + `\ta warning\n?$`,
			`^without an end`, `^END RequestId: ` + id + `\n$`,
			`^REPORT RequestId: ` + id + `\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: \d+\.\d\d ms\t\n$`,
		}
		for _, w := range want {
			if !anyMatches(streams[0].lines, w) {
				t.Errorf("no line %s in\n%q", w, streams[0].lines)
			}
		}
		if strings.Contains(streams[0].text(), "not shown") {
			t.Error("INFO is shown although the root logger begins at WARNING")
		}
	})
}

func anyMatches(lines []string, pattern string) bool {
	want := regexp.MustCompile(pattern)
	for _, line := range lines {
		if want.MatchString(line) {
			return true
		}
	}
	return false
}

// TestJSONLogs is the JSON format with its level filters, for the system's lines
// and the function's.
func TestJSONLogs(t *testing.T) {
	t.Parallel()
	s := start(t)
	code := `
import logging
log = logging.getLogger()
def handler(event, context):
    log.debug("a debug")
    log.info("an info")
    log.error("an error")
    print("plain")
`
	for _, c := range []struct {
		name              string
		system            types.SystemLogLevel
		application       types.ApplicationLogLevel
		wanted, forbidden []string
	}{
		{"defaults", "", "", []string{`"type":"platform.initStart"`, `"type":"platform.start"`, `"type":"platform.report"`, "an info", "an error", "plain"},
			[]string{"platform.runtimeDone", "platform.initReport", "a debug", "REPORT RequestId"}},
		{"all", types.SystemLogLevelDebug, types.ApplicationLogLevelDebug,
			[]string{"platform.initRuntimeDone", "platform.initReport", "platform.runtimeDone", "platform.report", "a debug"}, nil},
		{"little", types.SystemLogLevelWarn, types.ApplicationLogLevelError, []string{"an error"}, []string{"platform.", "an info"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			name := s.deploy(t, function{code: code, logging: &types.LoggingConfig{
				LogFormat: types.LogFormatJson, SystemLogLevel: c.system, ApplicationLogLevel: c.application,
			}})
			r := s.call(t, name, `{}`)
			log := s.waitLog(t, name, "an error")
			if len(c.forbidden) == 0 || strings.Contains(c.wanted[0], "platform") {
				log = s.waitLog(t, name, "platform.report")
			}
			for _, w := range c.wanted {
				if !strings.Contains(log, w) {
					t.Errorf("no %s in\n%s", w, log)
				}
			}
			for _, f := range c.forbidden {
				if strings.Contains(log, f) {
					t.Errorf("%s in\n%s", f, log)
				}
			}
			for line := range strings.Lines(log) {
				if !json.Valid([]byte(line)) && line != "plain\n" {
					t.Errorf("%q is not JSON", line)
				}
			}
			if strings.Contains(log, `"platform.report"`) && !strings.Contains(r.log, `"platform.report"`) {
				t.Errorf("the tail is not in the same format:\n%s", r.log)
			}
		})
	}
}

// TestLogGroupOfTheFunctionsChoice: a named group, with the function's name in
// the stream's.
func TestLogGroupOfTheFunctionsChoice(t *testing.T) {
	t.Parallel()
	s := start(t)
	group := "/my/group-" + functionName(t)
	name := s.deploy(t, function{
		logging: &types.LoggingConfig{LogGroup: aws.String(group)},
		code:    "import os\ndef handler(event, context):\n    return [context.log_group_name, context.log_stream_name, os.environ['AWS_LAMBDA_LOG_GROUP_NAME']]",
	})
	var got []string
	s.call(t, name, `{}`).into(t, &got)
	if got[0] != group || got[2] != group || !regexp.MustCompile(`^\d{4}/\d\d/\d\d/`+name+`\[\$LATEST\]\[?[0-9a-f]{32}\]?$`).MatchString(got[1]) {
		t.Errorf("the function is told %q", got)
	}
	eventually(t, "its stream", func() bool {
		all := s.streams(t, group)
		return len(all) == 1 && all[0].name == got[1]
	})
}

// TestExceptionIsOneRecord is F277: a traceback is one record, with the
// indentation that AWS gives it.
func TestExceptionIsOneRecord(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: "class CustomException(Exception): pass\ndef handler(event, context):\n    raise CustomException('some error occurred')"})
	s.call(t, name, `{}`)
	s.waitLog(t, name, "REPORT")
	want := "^\\[ERROR\\] CustomException: some error occurred\nTraceback \\(most recent call last\\):\n" +
		"\u00a0\u00a0File \"/var/task/index.py\", line 3, in handler\n\u00a0\u00a0\u00a0\u00a0raise CustomException\\('some error occurred'\\)\n?$"
	if lines := s.streams(t, "/aws/lambda/"+name)[0].lines; !anyMatches(lines, want) {
		t.Errorf("no %q in\n%q", want, lines)
	}
}

// TestFloodNeverBlocksTheFunction: whoever writes more than can be kept goes on,
// and what is lost is told.
func TestFloodNeverBlocksTheFunction(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{memory: 1769, timeout: 60, code: `
import os
line = b"x" * 1023 + b"\n"
def handler(event, context):
    for i in range(20): os.write(1, line * 1024)
    return "done"
`})
	if r := s.call(t, name, `{}`); r.payload != `"done"` || len(reports(t, r.log)) != 1 {
		t.Errorf("%s\n%s", r.payload, r.log)
	}
}
