package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/conformance/script"
)

// scenario is one function and what is done with it.
type scenario struct {
	name     string
	function function
	play     func(t *trial)
}

// proof is one case: a rule, and what came of it.
type proof struct {
	section, rule string
	problem       string // empty: the rule was kept
	skipped       string // why it could not be tried
}

func (p proof) String() string {
	switch {
	case p.skipped != "":
		return fmt.Sprintf("§%s %s: skipped: %s", p.section, p.rule, p.skipped)
	case p.problem != "":
		return fmt.Sprintf("§%s %s: FAILED: %s", p.section, p.rule, p.problem)
	}
	return fmt.Sprintf("§%s %s: ok", p.section, p.rule)
}

// result is what a scenario proved.
type result struct {
	scenario string
	cases    []proof
}

// runAll runs the scenarios, several at once, and gives their results in order.
func (t *target) runAll(ctx context.Context, all []scenario, only *regexp.Regexp) []result {
	var chosen []scenario
	for _, s := range all {
		if only.MatchString(s.name) {
			chosen = append(chosen, s)
		}
	}
	results := make([]result, len(chosen))
	places := make(chan struct{}, max(t.parallel, 1))
	var wg sync.WaitGroup
	for i, s := range chosen {
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			results[i] = t.run(ctx, s)
		})
	}
	wg.Wait()
	return results
}

// run plays one scenario.
func (t *target) run(ctx context.Context, s scenario) result {
	tr := &trial{target: t, ctx: ctx, function: t.prefix + "-" + s.name}
	if err := t.create(ctx, tr.function, s.function); err != nil {
		return result{s.name, []proof{{section: "0", rule: s.name + " is deployed", problem: err.Error()}}}
	}
	s.play(tr)
	if tr.broken != nil {
		tr.cases = append(tr.cases, proof{section: "0", rule: s.name + " runs to its end", problem: tr.broken.Error()})
	}
	return result{s.name, tr.cases}
}

// trial is a scenario in progress.
type trial struct {
	*target
	ctx      context.Context
	function string
	cases    []proof
	broken   error // why cases may fail that are not to blame
}

// prove notes whether a rule was kept.
func (t *trial) prove(section, rule string, kept bool, format string, args ...any) {
	p := proof{section: section, rule: rule}
	if !kept {
		p.problem = fmt.Sprintf(format, args...)
	}
	t.cases = append(t.cases, p)
}

func (t *trial) skip(section, rule, why string) {
	t.cases = append(t.cases, proof{section: section, rule: rule, skipped: why})
}

// answer is what a caller got.
type answer struct {
	payload string
	fault   string // X-Amz-Function-Error
	log     string // the tail
	took    time.Duration
	err     error
}

// records are those of the steps that the event asked for.
func (a answer) records() records {
	var got script.Answer
	_ = json.Unmarshal([]byte(a.payload), &got) // an answer of another shape has none
	return got.Records
}

// header is that of the event.
func (a answer) header() map[string]string {
	var got script.Answer
	_ = json.Unmarshal([]byte(a.payload), &got)
	return got.Header
}

// errorType and errorMessage are the members of a failure's payload.
func (a answer) failure() (errorType, errorMessage string) {
	var got struct{ ErrorType, ErrorMessage string }
	_ = json.Unmarshal([]byte(a.payload), &got)
	return got.ErrorType, got.ErrorMessage
}

func (a answer) String() string {
	return fmt.Sprintf("payload %.500s, fault %q, after %v, error %v", a.payload, a.fault, a.took.Round(time.Millisecond), a.err)
}

// call is how an invocation is made.
type call struct {
	payload   any // string: as it is; else as JSON
	qualifier string
	client    string // client context, JSON
	early     bool   // no log tail, so that the answer comes at once
}

func (t *trial) invoke(c call) answer {
	payload, ok := c.payload.(string)
	if !ok {
		text, err := json.Marshal(c.payload)
		if err != nil {
			t.broken = err
			return answer{err: err}
		}
		payload = string(text)
	}
	in := &lambda.InvokeInput{FunctionName: &t.function, Payload: []byte(payload)}
	if !c.early {
		in.LogType = types.LogTypeTail
	}
	if c.qualifier != "" {
		in.Qualifier = &c.qualifier
	}
	if c.client != "" {
		in.ClientContext = aws.String(base64.StdEncoding.EncodeToString([]byte(c.client)))
	}
	began := time.Now()
	out, err := t.client.Invoke(t.ctx, in)
	a := answer{took: time.Since(began), err: err}
	if err != nil {
		t.broken = fmt.Errorf("invoke %s: %w", t.function, err)
		return a
	}
	log, _ := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult)) // the server's own
	a.payload, a.fault, a.log = string(out.Payload), aws.ToString(out.FunctionError), string(log)
	return a
}

// do has the runtime take these steps in an invocation.
func (t *trial) do(steps ...script.Step) answer {
	return t.invoke(call{payload: script.Event{Steps: steps}})
}

// collect reads what all processes of the environment have noted.
func (t *trial) collect() records {
	a := t.invoke(call{payload: script.Event{Collect: true}})
	if a.fault != "" {
		t.broken = fmt.Errorf("collect: %s", a)
	}
	return a.records()
}

// await collects again and again until the records are as wanted. It is for
// what comes by itself, and gives what there was in the end.
func (t *trial) await(is func(records) bool) records {
	var all records
	for range 40 {
		all = t.collect()
		if t.broken != nil || is(all) {
			return all
		}
		time.Sleep(100 * time.Millisecond)
	}
	return all
}

// records are the notes of an environment, in the order of their time.
type records []script.Record

func (r records) sorted() records {
	out := append(records(nil), r...)
	sort.SliceStable(out, func(i, j int) bool { return out[i].At < out[j].At })
	return out
}

// all finds the records of a label.
func (r records) all(label string) records {
	var found records
	for _, one := range r {
		if one.Label == label {
			found = append(found, one)
		}
	}
	return found
}

// of narrows to one process.
func (r records) of(process string) records {
	var found records
	for _, one := range r {
		if one.Process == process {
			found = append(found, one)
		}
	}
	return found
}

// one is the first record of a label; without any it says so.
func (r records) one(label string) script.Record {
	if all := r.all(label); len(all) > 0 {
		return all[0]
	}
	return script.Record{Label: label, Error: "no such record"}
}

// labels tells the order of what happened.
func (r records) labels() string {
	var out []string
	for _, one := range r.sorted() {
		out = append(out, one.Process+" "+one.Label)
	}
	return strings.Join(out, ", ")
}

// timeOf is when a label was noted first, in Unix microseconds; 0 is never.
func (r records) timeOf(process, label string) int64 { return r.of(process).one(label).At }

// before tells whether one thing was noted before another; both must be.
func (r records) before(first, second [2]string) bool {
	a, b := r.timeOf(first[0], first[1]), r.timeOf(second[0], second[1])
	return a != 0 && b != 0 && a < b
}
