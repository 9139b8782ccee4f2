package runtimeapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lambent/internal/lambda"
)

// reservedPort is the Runtime API's own; records sent there would go in circles.
const reservedPort = 9001

// subscriptionAPI is what tells the Telemetry and the Logs API apart.
type subscriptionAPI struct {
	name      string // in messages
	errors    string // prefix of error types
	invalid   string // error type of a bad request
	schemas   []string
	methods   []string // of an HTTP destination; the first is the default
	isLogsAPI bool
}

func telemetryAPI() subscriptionAPI {
	return subscriptionAPI{
		name: "Telemetry", errors: "Telemetry.", invalid: refusedValidation,
		schemas: []string{"2022-07-01", "2022-12-13", "2025-01-29"}, methods: []string{"POST"},
	}
}

func logsAPI() subscriptionAPI {
	return subscriptionAPI{
		name: "Logs", errors: "Logs.", invalid: "Logs.ValidationError", isLogsAPI: true,
		schemas: []string{"2020-08-15", "2021-03-18"}, methods: []string{"POST", "PUT"},
	}
}

func (c *conn) subscribeTelemetry() fate { return c.subscribe(telemetryAPI()) }
func (c *conn) subscribeLogs() fate      { return c.subscribe(logsAPI()) }

func (c *conn) subscribe(api subscriptionAPI) fate {
	if c.srv.cfg.Telemetry == nil {
		return c.fail(http.StatusAccepted, api.errors+"NotSupported", api.name+" API is not supported")
	}
	id, err := c.identifier()
	if err != nil {
		return c.refuse(err)
	}
	body, err := c.readBody(maxDocument)
	if err != nil {
		return c.refuseDocument(err)
	}
	s, problems := parseSubscription(api, body)
	if len(problems) > 0 {
		return c.deny(api.invalid, strings.Join(problems, "; "))
	}
	if err := c.srv.cfg.Telemetry.Subscribe(id, s); err != nil {
		return c.refuse(err)
	}
	return c.reply(http.StatusOK, jsonType, []byte(`"OK"`))
}

// sentSubscription is a subscription as it comes; nil members were left out.
type sentSubscription struct {
	SchemaVersion string   `json:"schemaVersion"`
	Types         []string `json:"types"`
	Buffering     struct {
		MaxItems  *int `json:"maxItems"`
		MaxBytes  *int `json:"maxBytes"`
		TimeoutMS *int `json:"timeoutMs"`
	} `json:"buffering"`
	Destination struct {
		Protocol string `json:"protocol"`
		URI      string `json:"URI"`
		Port     int    `json:"port"`
		Method   string `json:"method"`
		Encoding string `json:"encoding"`
	} `json:"destination"`
}

// parseSubscription reads and checks a subscription and tells all that is wrong
// with it.
func parseSubscription(api subscriptionAPI, body []byte) (s lambda.Subscription, problems []string) {
	var sent sentSubscription
	if err := json.Unmarshal(body, &sent); err != nil {
		return s, []string{"Invalid JSON format"}
	}
	s.LogsAPI, s.SchemaVersion, s.Types = api.isLogsAPI, sent.SchemaVersion, sent.Types
	if s.SchemaVersion != "" && !slices.Contains(api.schemas, s.SchemaVersion) {
		problems = append(problems, "schemaVersion should be one of "+strings.Join(api.schemas, ", "))
	}
	problems = append(problems, checkTypes(s.Types)...)

	var timeoutMS int
	b := sent.Buffering
	for _, n := range []struct {
		name                  string
		sent                  *int
		least, most, standard int
		to                    *int
	}{
		{"maxItems", b.MaxItems, 1_000, 10_000, 10_000, &s.MaxItems},
		{"maxBytes", b.MaxBytes, 262_144, 1_048_576, 262_144, &s.MaxBytes},
		{"timeoutMs", b.TimeoutMS, 25, 30_000, 1_000, &timeoutMS},
	} {
		*n.to = n.standard
		if n.sent == nil {
			continue
		}
		if *n.to = *n.sent; *n.to < n.least || *n.to > n.most {
			problems = append(problems, n.name+" should be between "+strconv.Itoa(n.least)+" and "+strconv.Itoa(n.most))
		}
	}
	s.Timeout = time.Duration(timeoutMS) * time.Millisecond

	d, wrong := parseDestination(api, &sent)
	s.Destination = d
	return s, append(problems, wrong...)
}

func checkTypes(types []string) (problems []string) {
	if len(types) == 0 {
		return []string{"types should not be empty"}
	}
	for _, t := range types {
		switch t {
		case "platform", "function", "extension":
		default:
			problems = append(problems, "type "+strconv.Quote(t)+" is not supported")
		}
	}
	return problems
}

func parseDestination(api subscriptionAPI, sent *sentSubscription) (d lambda.Destination, problems []string) {
	from := sent.Destination
	d.Protocol = from.Protocol
	switch from.Protocol {
	case "HTTP":
		var problem string
		if d.Port, problem = portOf(from.URI); problem != "" {
			return d, []string{problem}
		}
		d.URI, d.Method = from.URI, from.Method
		if d.Method == "" {
			d.Method = api.methods[0]
		}
		if !slices.Contains(api.methods, d.Method) {
			problems = append(problems, "destination method is not supported")
		}
		if from.Encoding != "" && from.Encoding != "JSON" {
			problems = append(problems, "destination encoding is not supported")
		}
	case "TCP":
		d.Port = from.Port
	default:
		return d, []string{"destination protocol should be HTTP or TCP"}
	}
	switch {
	case d.Port < 1 || d.Port > 65535:
		problems = append(problems, "destination port is not valid")
	case d.Port == reservedPort:
		problems = append(problems, "port 9001 is reserved")
	}
	return d, problems
}

// portOf checks an HTTP destination and returns its port. Only the environment
// itself can be meant, by the names that resolve to it.
func portOf(uri string) (int, string) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" {
		return 0, "destination URI is not valid"
	}
	switch u.Hostname() {
	case "sandbox.localdomain", "sandbox":
	default:
		return 0, "destination URI host should be sandbox.localdomain"
	}
	if u.Port() == "" {
		return 0, "URI port is not provided"
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		return 0, "destination URI is not valid"
	}
	return port, ""
}
