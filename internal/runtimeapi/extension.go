package runtimeapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"lambent/internal/lambda"
)

// register is POST /extension/register.
func (c *conn) register() fate {
	name := c.req.text(extensionName)
	if name == "" {
		return c.deny(lambda.RefusedExtensionName, "Empty extension name")
	}
	wantsAccount := listed(c.req.fields[extensionFeature], "accountId")
	body, err := c.readBody(maxDocument)
	if err != nil {
		return c.refuseDocument(err)
	}
	events, refusal := parseRegistration(body)
	if refusal != nil {
		return c.refuse(refusal)
	}
	r, err := c.srv.cfg.Extensions.Register(lambda.Registration{Name: name, Events: events})
	if err != nil {
		return c.refuse(err)
	}
	if !wantsAccount {
		r.Account = ""
	}
	return c.registered(r)
}

func (c *conn) registered(r lambda.Registered) fate {
	body, err := json.Marshal(struct {
		Name    string `json:"functionName"`
		Version string `json:"functionVersion"`
		Handler string `json:"handler"`
		Account string `json:"accountId,omitempty"`
	}{r.FunctionName, r.FunctionVersion, r.Handler, r.Account})
	if err != nil {
		return c.refuse(err)
	}
	c.begin(http.StatusOK)
	c.header("Lambda-Extension-Identifier", r.Identifier)
	return c.finish(jsonType, append(body, '\n'))
}

// parseRegistration reads the body of a registration; events may be missing.
// Which of the events this extension may ask for depends on what it is, and is
// the environment's to say.
func parseRegistration(body []byte) ([]string, error) {
	var sent struct {
		Events            []string `json:"events"`
		ConfigurationKeys []string `json:"configurationKeys"`
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		return nil, &lambda.Refusal{Type: lambda.RefusedRequestFormat, Message: err.Error()}
	}
	if len(sent.ConfigurationKeys) > 0 {
		return nil, &lambda.Refusal{Type: lambda.RefusedRequestFormat, Message: "configurationKeys are deprecated; use environment variables instead"}
	}
	for _, e := range sent.Events {
		if e != "INVOKE" && e != "SHUTDOWN" {
			return nil, &lambda.Refusal{Type: lambda.RefusedExtensionEvent, Message: e + ": invalid event type"}
		}
	}
	return sent.Events, nil
}

// nextEvent is GET /extension/event/next.
func (c *conn) nextEvent() fate {
	id, err := c.identifier()
	if err != nil {
		return c.refuse(err)
	}
	return c.park(func(c *conn) bool {
		e, err := c.srv.cfg.Extensions.NextEvent(c.ctx, id)
		if err != nil {
			return c.ctx.Err() == nil && c.refuse(err) == again
		}
		return c.deliverEvent(e) == again
	})
}

type tracing struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// invokeEvent and shutdownEvent are the wire forms of lambda.ExtensionEvent.
type invokeEvent struct {
	Type        string   `json:"eventType"`
	Deadline    int64    `json:"deadlineMs"`
	RequestID   string   `json:"requestId"`
	FunctionARN string   `json:"invokedFunctionArn"`
	Tracing     *tracing `json:"tracing,omitempty"`
}

type shutdownEvent struct {
	Type     string `json:"eventType"`
	Reason   string `json:"shutdownReason"`
	Deadline int64  `json:"deadlineMs"`
}

func (c *conn) deliverEvent(e lambda.ExtensionEvent) fate {
	identifier, document := "", any(nil)
	if e.Type == "INVOKE" {
		event := invokeEvent{Type: e.Type, Deadline: e.Deadline.UnixMilli(), RequestID: e.RequestID, FunctionARN: e.FunctionARN}
		if e.Trace != "" {
			event.Tracing = &tracing{"X-Amzn-Trace-Id", e.Trace}
		}
		identifier, document = uuid.NewString(), event
	} else {
		document = shutdownEvent{Type: e.Type, Reason: e.ShutdownReason, Deadline: e.Deadline.UnixMilli()}
	}
	body, err := json.Marshal(document)
	if err != nil {
		return c.refuse(err)
	}
	c.begin(http.StatusOK)
	c.header("Lambda-Extension-Event-Identifier", identifier)
	return c.finish(jsonType, body)
}

func (c *conn) extensionInitError() fate { return c.extensionError("init") }
func (c *conn) extensionExitError() fate { return c.extensionError("exit") }

// extensionError is POST /extension/init/error and …/exit/error. The body is for
// people and not looked at.
func (c *conn) extensionError(phase string) fate {
	id, err := c.identifier()
	if err != nil {
		return c.refuse(err)
	}
	if !c.req.has(extensionErrorType) {
		return c.deny(refusedMissingHeader, "Lambda-Extension-Function-Error-Type not found")
	}
	err = c.srv.cfg.Extensions.ExtensionError(id, phase, c.req.text(extensionErrorType))
	var r *lambda.Refusal
	if errors.As(err, &r) && r.Type == lambda.RefusedExtensionUnknown {
		// AWS says it in other words here than at event/next.
		return c.deny(r.Type, "Unknown Lambda-Extension-Identifier")
	}
	if err != nil {
		return c.refuse(err)
	}
	return c.accept()
}

// identifier reads who an extension says it is, in the canonical form of a UUID.
func (c *conn) identifier() (string, error) {
	if !c.req.has(extensionIdentifier) {
		return "", &lambda.Refusal{Type: refusedMissingIdentifier, Message: "Missing Lambda-Extension-Identifier header"}
	}
	id, err := uuid.ParseBytes(c.req.fields[extensionIdentifier])
	if err != nil {
		return "", &lambda.Refusal{Type: refusedIdentifier, Message: "Invalid Lambda-Extension-Identifier"}
	}
	return id.String(), nil
}

// refuseDocument answers a small document that could not be read.
func (c *conn) refuseDocument(err error) fate {
	switch {
	case errors.Is(err, errTooLarge):
		return c.deny(refusedTooLarge, "Exceeded maximum allowed payload size ("+strconv.Itoa(maxDocument)+" bytes).")
	case errors.Is(err, errTruncated):
		return c.truncated()
	}
	return c.refuseBody(err)
}

// listed looks for an exact word in a comma-separated list.
func listed(list []byte, word string) bool {
	for item := range bytes.SplitSeq(list, []byte(",")) {
		if string(bytes.TrimSpace(item)) == word {
			return true
		}
	}
	return false
}
