package lifecycle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"lambent/internal/event"
	"lambent/internal/lambda"
)

// runtimeNext: the runtime is ready for an event, or done with the last one.
func (m *machine) runtimeNext() error {
	switch m.Phase {
	case Initializing, Idle, Busy:
	case Creating, Resetting, Blank, Stopping, Gone:
		return nil // it waits for its end; AWS never answers it
	}
	switch m.Runtime.State {
	case RuntimeStarted:
		m.Runtime.State = RuntimeReady
		m.publish(event.Ready{})
		m.initReady()
	case RuntimeReady:
		// It waits already; a new connection takes the old one's place.
	case RuntimeRunning:
		m.do(Offer{m.Current.Invocation}) // AWS gives the same event again
	case RuntimeResponding:
		m.Runtime.Early = true
	case RuntimeResponded:
		m.runtimeDone()
	case RuntimeAbsent, RuntimeInitFailed:
		return m.refuseRuntime("Ready")
	}
	return nil
}

// runtimeDone: the runtime asked for more after its answer.
func (m *machine) runtimeDone() {
	m.Runtime.State, m.Runtime.Early = RuntimeReady, false
	c := m.current()
	c.RuntimeEnd = m.now
	m.do(Drain{})
	m.publishRuntimeDone(c, event.Success, "")
	m.invokeReady()
}

func (m *machine) refuseRuntime(to string) error {
	return &lambda.Refusal{Type: lambda.RefusedTransition, Message: fmt.Sprintf(
		"State transition from %s to %s failed for runtime. Error: State transition is not allowed", m.Runtime.State, to)}
}

// CheckAnswer tells whether the runtime may answer for the ids now. It is the
// check that AWS makes before it reads a body.
func (s State) CheckAnswer(requestID, attemptID string) error {
	if err := s.checkID(requestID); err != nil {
		return err
	}
	if s.Runtime.State == RuntimeResponding {
		m := machine{State: s}
		return m.refuseRuntime("InvocationResponse")
	}
	if attemptID != "" && attemptID != s.Current.Invocation.AttemptID {
		return &lambda.Refusal{Type: lambda.RefusedInvocationID, Message: "Invalid invocation ID"}
	}
	return nil
}

// checkID tells whether the runtime owes an answer, or the rest of one, for the id.
func (s State) checkID(requestID string) error {
	owes := s.Runtime.State == RuntimeRunning || s.Runtime.State == RuntimeResponding
	if s.Phase != Busy || !owes || s.Current.Invocation.RequestID != requestID {
		return &lambda.Refusal{Type: lambda.RefusedRequestID, Message: "Invalid request ID"}
	}
	return nil
}

// runtimeResponds: from here on there is no other answer, and no error but those
// that end the response.
func (m *machine) runtimeResponds(e RuntimeResponds) error {
	if err := m.CheckAnswer(e.RequestID, ""); err != nil {
		return err
	}
	m.Runtime.State = RuntimeResponding
	return nil
}

// runtimeAnswer settles the invocation. The caller has its answer now, unless
// it wants the log tail, which ends with the report.
func (m *machine) runtimeAnswer(e RuntimeAnswer) error {
	if err := m.checkID(e.RequestID); err != nil {
		return err
	}
	m.Runtime.State = RuntimeResponded
	c := m.current()
	answer := e.Answer
	c.Answer = &answer
	var result lambda.Result
	switch {
	case answer.TooLarge:
		text := fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", limitOf(answer))
		result = m.result(encodeFault("errorMessage", text, "errorType", "Function.ResponseSizeTooLarge"), "", "Function.ResponseSizeTooLarge")
	case answer.Failed:
		result = m.result(answer.Body, answer.ContentType, normalise(answer.ErrorType))
	default:
		result = lambda.Result{Payload: answer.Body, ContentType: answer.ContentType, Version: m.Config.Version}
	}
	m.settle(c, result)
	if m.Runtime.Early {
		m.runtimeDone()
	}
	return nil
}

func limitOf(a lambda.Answer) int {
	if a.Streamed {
		return lambda.MaxStreamedResponse
	}
	return lambda.MaxResponsePayload
}

// result is the Result of a function's fault.
func (m *machine) result(body []byte, contentType, errorType string) lambda.Result {
	return lambda.Result{Payload: body, ContentType: contentType, Fault: &lambda.Fault{Type: errorType}, Version: m.Config.Version}
}

// settle answers the caller, once; with a log tail only when the report is out.
func (m *machine) settle(c *Current, r lambda.Result) {
	if c.Settled {
		return
	}
	if c.Invocation.Tail {
		if c.Result == nil {
			c.Result = &r
		}
		return
	}
	c.Settled = true
	m.do(Settle{r, m.back(c)})
}

// How soon an environment is back: after an answer when the runtime asks for
// more, which it does at once unless it gets no processor, because the function
// has little memory or the host has much to do; with extensions at work when
// they are done, which may take long; after a failure when its processes are gone.
const (
	backFromRuntime    = time.Second
	backFromExtensions = 50 * time.Millisecond
	backFromKill       = 500 * time.Millisecond
)

func (m *machine) back(c *Current) time.Duration {
	if c.Resets {
		return m.window() + backFromKill
	}
	for _, x := range m.Extensions {
		if x.State == ExtensionRunning {
			return backFromExtensions
		}
	}
	return backFromRuntime
}

// runtimeBroken: the answer cannot be used, and the runtime cannot be trusted.
func (m *machine) runtimeBroken(e RuntimeBroken) {
	if m.checkID(e.RequestID) != nil {
		return
	}
	m.fail(failure{event.Error, e.ErrorType, e.ErrorType})
}

// invokeReady ends the invocation when the runtime and every INVOKE extension
// have called Next.
func (m *machine) invokeReady() {
	if m.Runtime.State != RuntimeReady {
		return
	}
	for _, x := range m.Extensions {
		if x.State == ExtensionRunning {
			return
		}
	}
	c := m.current()
	m.disarm(DeadlineTimer)
	if len(m.Extensions) > 0 {
		m.do(Drain{}) // the extensions may have written since the runtime was done
	}
	m.report(c, failure{status: event.Success})
	m.Current = nil
	m.do(Attribute{})
	m.Phase = Idle
	m.rest()
}

// deadline: the function's time is up, in the middle of Init or of the invocation.
func (m *machine) deadline() {
	late := failure{status: event.Timeout, errorType: "Sandbox.Timedout"}
	switch m.Phase {
	case Initializing:
		m.initFailed(failure{status: event.Timeout, errorType: "Runtime.Unknown"})
	case Busy:
		m.do(Drain{})
		m.fail(late)
	case Resetting: // the invocation waited for the last processes to go
		c := m.current()
		m.publishStart(c)
		m.failCurrent(c, late)
	case Creating, Idle, Blank, Stopping, Gone:
	}
}

// failure is how an environment fails an invocation or an Init: a status, AWS's
// error type, and the sentence after "Error: ".
type failure struct {
	status    event.Status
	errorType string
	text      string
}

// fail ends the invocation in progress with a failure of the environment, and
// resets it.
func (m *machine) fail(f failure) {
	m.failCurrent(m.current(), f)
	m.reset(endingReason(f.status))
}

func (m *machine) failCurrent(c *Current, f failure) {
	m.disarm(DeadlineTimer)
	c.Resets = true
	if f.status == event.Timeout {
		f.errorType = "Sandbox.Timedout"
		f.text = fmt.Sprintf("Task timed out after %.2f seconds", m.Config.Timeout.Seconds())
	}
	m.settle(c, m.faultResult(c, f))
	if c.RuntimeEnd.IsZero() {
		m.publishRuntimeDone(c, reported(f), f.errorType)
	}
	m.report(c, f)
	m.Current = nil
	m.do(Attribute{})
}

// faultResult is what the caller gets: the runtime's own words about its Init
// when it said any, else the platform's.
func (m *machine) faultResult(c *Current, f failure) lambda.Result {
	if own := m.Runtime.Fault; own != nil && f.status != event.Timeout {
		return m.result(own.Body, own.ContentType, f.errorType)
	}
	body := encodeFault("errorType", f.errorType, "errorMessage", "RequestId: "+c.Invocation.RequestID+" Error: "+f.text)
	return m.result(body, "", f.errorType)
}

// reported is the status that telemetry and REPORT show for a failure.
func reported(f failure) event.Status {
	if f.status != event.Timeout && strings.HasPrefix(f.errorType, "Sandbox.") {
		return event.Failure
	}
	return f.status
}

// publishRuntimeDone tells that the runtime is done with the event, well or not.
func (m *machine) publishRuntimeDone(c *Current, status event.Status, errorType string) {
	done := event.RuntimeDone{
		RequestID: c.Invocation.RequestID, Status: status, ErrorType: errorType,
		Duration: m.now.Sub(c.Assigned), Trace: c.Invocation.Trace, Tenant: c.Invocation.Tenant,
	}
	if a := c.Answer; a != nil && !a.FirstByte.IsZero() {
		done.ProducedBytes = a.Produced
		done.Spans = []event.Span{
			{Name: "responseLatency", Start: c.Offered, Duration: a.FirstByte.Sub(c.Offered)},
			{Name: "responseDuration", Start: a.FirstByte, Duration: a.LastByte.Sub(a.FirstByte)},
			{Name: "runtimeOverhead", Start: a.LastByte, Duration: m.now.Sub(a.LastByte)},
		}
	}
	m.publish(done)
}

// report is the invocation's last word; with it goes an answer that waited for
// the log tail. Duration runs from the assignment, so an Init inside the
// invocation counts.
func (m *machine) report(c *Current, f failure) {
	duration := m.now.Sub(c.Assigned)
	init := m.Init.Billable
	m.Init.Billable = 0
	total := duration
	if m.Config.BillsInit {
		total += init
	}
	r := event.Report{
		RequestID: c.Invocation.RequestID, Status: reported(f), ErrorType: f.errorType, FaultText: f.text,
		Duration: duration, Billed: billed(total), MemorySize: m.Config.MemoryMB, Init: init,
		Trace: c.Invocation.Trace, Tenant: c.Invocation.Tenant, FunctionARN: c.Invocation.FunctionARN,
		Failed: f.status != event.Success || c.Answer != nil && (c.Answer.Failed || c.Answer.TooLarge),
	}
	if len(m.Extensions) > 0 && !c.RuntimeEnd.IsZero() {
		r.Spans = []event.Span{{Name: "extensionOverhead", Start: c.RuntimeEnd, Duration: m.now.Sub(c.RuntimeEnd)}}
	}
	m.publish(r)
	if c.Result != nil && !c.Settled {
		c.Settled = true
		m.do(Settle{*c.Result, m.back(c)})
	}
}

var errorTypePattern = regexp.MustCompile(`(Runtime|Function)\.[A-Z][a-zA-Z]+`)

// normalise is what telemetry shows of the error type that a runtime sent.
func normalise(errorType string) string {
	switch {
	case errorTypePattern.MatchString(errorType):
		return errorType
	case strings.HasPrefix(errorType, "Function."):
		return "Function.Unknown"
	}
	return "Runtime.Unknown"
}

// encodeFault writes a JSON object of string members in the order given, which
// AWS keeps.
func encodeFault(pairs ...string) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for i, s := range pairs {
		out.WriteByte("{:,:"[min(i, 2+i%2)])
		_ = enc.Encode(s) // a string always encodes
		out.Truncate(out.Len() - 1)
	}
	out.WriteByte('}')
	return out.Bytes()
}
