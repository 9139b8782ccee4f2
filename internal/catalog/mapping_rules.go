package catalog

import (
	"fmt"
	"slices"
	"strings"

	"lambent/internal/lambda"
)

// The rules for what a mapping may be. Texts that are no fact of the recordings
// are those that AWS gives for a member of the same sort.

// checkSource finds out what a mapping is to read from, and whether what goes
// with it is there.
func (c *Catalog) checkSource(n lambda.NewMapping) (lambda.EventSource, error) {
	source := n.Source
	if n.SelfManaged {
		source.Kind = lambda.FromKafka
	} else if source.Kind = sourceKind(source.ARN); source.Kind == "" {
		return source, unrecognized(source.ARN)
	}
	if err := checkOnSuccess(source.Kind, n.Settings); err != nil {
		return source, err
	}
	if (n.SelfManaged || source.Kind == lambda.FromMQ || source.Kind == lambda.FromDocumentDB) && n.Settings.Access == nil {
		return source, badMapping("Required 'sourceAccessConfigurations' parameter is missing.")
	}
	if err := checkParts(source); err != nil {
		return source, err
	}
	if source.Kind == lambda.FromDocumentDB && (n.Settings.DocumentDB == nil || n.Settings.DocumentDB.Database == "") {
		return source, badMapping("Required 'databaseName' parameter is missing.")
	}
	return source, checkStart(source)
}

func unrecognized(arn string) error {
	if arn == "" {
		return badMapping("Unrecognized event source.") // F206
	}
	return badMapping("Unrecognized event source, must be kinesis, dynamodb stream or sqs. Unsupported source arn : %s", arn)
}

// sourceKind tells what an ARN names, or nothing.
func sourceKind(arn string) lambda.SourceKind {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return ""
	}
	resource := parts[5]
	switch parts[2] {
	case "sqs":
		return lambda.FromSQS
	case "kinesis":
		return lambda.FromKinesis
	case "dynamodb":
		if strings.HasPrefix(resource, "table/") && strings.Contains(resource, "/stream/") {
			return lambda.FromDynamoDB
		}
	case "kafka":
		return lambda.FromMSK
	case "mq":
		return lambda.FromMQ
	case "rds":
		if strings.HasPrefix(resource, "cluster:") {
			return lambda.FromDocumentDB // whose clusters have ARNs of RDS
		}
	}
	return ""
}

// checkParts wants topics from Kafka, queues from brokers, and none of them
// elsewhere.
func checkParts(s lambda.EventSource) error {
	for _, part := range []struct {
		name   string
		given  bool
		wanted bool
	}{
		{"topics", len(s.Topics) > 0, s.Kind.HasTopics()},
		{"queues", len(s.Queues) > 0, s.Kind == lambda.FromMQ},
		{"selfManagedEventSource", len(s.Endpoints) > 0, s.Kind == lambda.FromKafka},
	} {
		if part.wanted && !part.given {
			return badMapping("Required '%s' parameter is missing.", part.name)
		}
		if part.given && !part.wanted {
			return unsupported(part.name)
		}
	}
	return nil
}

func unsupported(name string) error {
	return badMapping("Unsupported '%s' parameter for given event source mapping type.", name)
}

// checkStart wants to know where streams are read from (F208).
func checkStart(s lambda.EventSource) error {
	switch {
	case s.Kind == lambda.FromSQS || s.Kind == lambda.FromMQ:
		if s.StartingPosition != "" || s.StartingTime != nil {
			return badMapping("StartingPosition is not valid for %s event sources.", strings.ToUpper(string(s.Kind)))
		}
	case s.StartingPosition == "":
		return badMapping("1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.")
	case s.StartingPosition == "AT_TIMESTAMP" && s.Kind == lambda.FromDynamoDB:
		return badMapping("Unsupported starting position for arn type: %s", s.ARN)
	case s.StartingPosition == "AT_TIMESTAMP" && s.StartingTime == nil:
		return badMapping("Need to specify a timestamp")
	case s.StartingPosition != "AT_TIMESTAMP" && s.StartingTime != nil:
		return badMapping("StartingPositionTimestamp is not valid for starting position %s.", s.StartingPosition)
	}
	return nil
}

// checkMapping judges a mapping as it is to be; given is what the caller said of
// it just now.
func (c *Catalog) checkMapping(m lambda.EventSourceMapping, given lambda.MappingSettings) error {
	kind := m.Source.Kind
	if err := checkOnSuccess(kind, given); err != nil {
		return err
	}
	for _, member := range members(given) {
		if member.given && !slices.Contains(member.kinds, kind) {
			return unsupported(member.name)
		}
	}
	if k := given.Kafka; k != nil && k.ConsumptionMode != "" {
		return badMapping("Unsupported 'ConsumptionMode' parameter for given event source mapping type")
	}
	if err := checkBatch(m); err != nil {
		return err
	}
	if m.Settings.Filters != nil {
		for _, pattern := range *m.Settings.Filters {
			if err := checkPattern(pattern); err != nil {
				return badMapping("Invalid filter pattern definition.") // F212
			}
		}
	}
	if f := c.function(m.Function); f == nil || f.version(m.Qualifier) == nil {
		return badMapping("Function does not exist") // F206
	}
	return nil
}

// checkOnSuccess: no mapping tells anybody of what went well (F207).
func checkOnSuccess(kind lambda.SourceKind, given lambda.MappingSettings) error {
	d := given.Destinations
	if d == nil {
		return nil
	}
	if d.OnSuccess != nil || kind == lambda.FromSQS || kind == lambda.FromMQ || kind == lambda.FromDocumentDB {
		return badMapping("Unsupported DestinationConfig parameter for given event source mapping type.")
	}
	return nil
}

// member is a setting that only some kinds of sources have.
type member struct {
	name  string
	given bool
	kinds []lambda.SourceKind
}

func members(s lambda.MappingSettings) []member {
	const sqs, kinesis, dynamodb, msk, kafka, mq, docdb = lambda.FromSQS, lambda.FromKinesis, lambda.FromDynamoDB,
		lambda.FromMSK, lambda.FromKafka, lambda.FromMQ, lambda.FromDocumentDB
	kinds := func(list ...lambda.SourceKind) []lambda.SourceKind { return list }
	streams := kinds(kinesis, dynamodb)
	// Kafka has these with provisioned pollers.
	errors := kinds(kinesis, dynamodb, msk, kafka)
	return []member{
		{"parallelizationFactor", s.Parallelization != nil, streams},
		{"tumblingWindowInSeconds", s.TumblingWindowSeconds != nil, streams},
		{"maximumRecordAgeInSeconds", s.MaxRecordAgeSeconds != nil, errors},
		{"maximumRetryAttempts", s.MaxRetries != nil, errors},
		{"bisectBatchOnFunctionError", s.Bisect != nil, errors},
		{"functionResponseTypes", s.ResponseTypes != nil, append(kinds(sqs), errors...)},
		{"scalingConfig", s.Scaling != nil, kinds(sqs)},
		{"provisionedPollerConfig", s.Pollers != nil, kinds(sqs, msk, kafka)},
		{"loggingConfig", s.LogLevel != nil, kinds(msk, kafka)},
		{"sourceAccessConfigurations", s.Access != nil, kinds(msk, kafka, mq, docdb)},
		{"documentDBEventSourceConfig", s.DocumentDB != nil, kinds(docdb)},
		{"amazonManagedKafkaEventSourceConfig", s.Kafka != nil && !s.Kafka.SelfManaged, kinds(msk)},
		{"selfManagedKafkaEventSourceConfig", s.Kafka != nil && s.Kafka.SelfManaged, kinds(kafka)},
	}
}

// checkBatch: batches of more than ten messages need a window, which queues that
// keep an order do not have (F210).
func checkBatch(m lambda.EventSourceMapping) error {
	if m.Source.Kind != lambda.FromSQS {
		return nil
	}
	window := deref(m.Settings.BatchingWindowSeconds)
	if window == 0 && deref(m.Settings.BatchSize) > 10 {
		return badMapping("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
	}
	if window > 0 && m.Source.FIFO() {
		return badMapping("Batching window is not supported for FIFO queues")
	}
	return nil
}

// checkTwin refuses a second mapping of the same source and function (F211).
func (c *Catalog) checkTwin(m lambda.EventSourceMapping) error {
	for _, have := range *c.mappings.Load() {
		if have.Function != m.Function || have.Qualifier != m.Qualifier || !sameSource(have.Source, m.Source) {
			continue
		}
		switch {
		case m.Source.Kind == lambda.FromSQS:
			return lambda.Errorf(lambda.Conflict, "An event source mapping with SQS arn (\" %s \") and function (\" %s \") already exists. "+
				"Please update or delete the existing mapping with UUID %s", m.Source.ARN, m.Function, have.UUID)
		case m.Source.Kind.HasTopics():
			return lambda.Errorf(lambda.Conflict, "An event source mapping with event source (\"%s\"), function (\"%s\"), topics (\"%s\") already exists. "+
				"Please update or delete the existing mapping with UUID %s", sourceNames(m.Source),
				c.config.Home.FunctionARN(m.Function, m.Qualifier), strings.Join(m.Source.Topics, ","), have.UUID)
		}
		return lambda.Errorf(lambda.Conflict, "The event source arn (\" %s \") and function (\" %s \") provided mapping already exists. "+
			"Please update or delete the existing mapping with UUID %s", m.Source.ARN, m.Function, have.UUID)
	}
	return nil
}

func sourceNames(s lambda.EventSource) string {
	if s.ARN != "" {
		return s.ARN
	}
	return strings.Join(s.Endpoints["KAFKA_BOOTSTRAP_SERVERS"], ",")
}

func sameSource(a, b lambda.EventSource) bool {
	if a.Kind != b.Kind || a.ARN != b.ARN || fmt.Sprint(a.Queues) != fmt.Sprint(b.Queues) {
		return false
	}
	if a.Kind.HasTopics() && !overlap(a.Topics, b.Topics) {
		return false
	}
	const servers = "KAFKA_BOOTSTRAP_SERVERS"
	return a.Kind != lambda.FromKafka || overlap(a.Endpoints[servers], b.Endpoints[servers])
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// userAction is how AWS words that a caller caused a state (F202).
func userAction(kind lambda.SourceKind) string {
	if kind.Streams() {
		return "User action"
	}
	return "USER_INITIATED"
}

func deref(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}
