package lambda

import (
	"strings"
	"time"
)

// SourceKind is which service a mapping reads from.
type SourceKind string

// The services that a mapping can read from.
const (
	FromSQS        SourceKind = "sqs"
	FromKinesis    SourceKind = "kinesis"
	FromDynamoDB   SourceKind = "dynamodb"
	FromMSK        SourceKind = "msk"
	FromKafka      SourceKind = "kafka" // self-managed
	FromMQ         SourceKind = "mq"
	FromDocumentDB SourceKind = "documentdb"
)

// Streams tells the two kinds that have shards.
func (k SourceKind) Streams() bool { return k == FromKinesis || k == FromDynamoDB }

// HasTopics tells the kinds that speak Kafka.
func (k SourceKind) HasTopics() bool { return k == FromMSK || k == FromKafka }

// The states of a mapping. The first four pass by themselves.
const (
	MappingCreating  = "Creating"
	MappingEnabling  = "Enabling"
	MappingDisabling = "Disabling"
	MappingUpdating  = "Updating"
	MappingDeleting  = "Deleting" // then it is gone
	MappingEnabled   = "Enabled"
	MappingDisabled  = "Disabled"
)

// EventSource is where the records of a mapping come from. It stays as it was
// created.
type EventSource struct {
	Kind             SourceKind
	ARN              string              // empty for FromKafka
	Topics           []string            // of FromMSK and FromKafka
	Queues           []string            // of FromMQ
	Endpoints        map[string][]string // of FromKafka, such as KAFKA_BOOTSTRAP_SERVERS
	StartingPosition string              // "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP", or empty for queues
	StartingTime     *time.Time          // of AT_TIMESTAMP
}

// FIFO tells a first-in-first-out queue.
func (s EventSource) FIFO() bool { return s.Kind == FromSQS && strings.HasSuffix(s.ARN, ".fifo") }

// EventSourceMapping says which source's records a function is invoked with.
type EventSourceMapping struct {
	UUID      string
	Function  string
	Qualifier string // as it was addressed; empty: none (F203)
	Source    EventSource
	Settings  MappingSettings
	Enabled   bool // what the state is to become or to be

	State            string
	StateReason      string
	ProcessingResult string // of the last batch; empty for FromSQS, which has none
	Tags             map[string]string
	LastModified     time.Time
}

// Settled tells a mapping whose state stays as it is.
func (m EventSourceMapping) Settled() bool {
	return m.State == MappingEnabled || m.State == MappingDisabled
}

// MappingSettings is how a mapping reads and invokes. A nil member was not given,
// or does not exist for this kind of source.
type MappingSettings struct {
	BatchSize             *int
	BatchingWindowSeconds *int
	Parallelization       *int
	MaxRecordAgeSeconds   *int // -1: for ever
	MaxRetries            *int // -1: for ever
	Bisect                *bool
	TumblingWindowSeconds *int
	Filters               *[]string // patterns; any of them lets a record pass
	ResponseTypes         *[]string
	Destinations          *Destinations
	Access                *[]SourceAccess
	Scaling               *MappingScaling
	Pollers               *MappingPollers
	Metrics               *[]string
	LogLevel              *string
	KMSKeyARN             *string // seals the filters
	Kafka                 *KafkaSettings
	DocumentDB            *DocumentDBSettings
}

// SourceAccess is one way to be let in by a source.
type SourceAccess struct{ Type, URI string }

// MappingScaling bounds how many invocations a queue's mapping has at a time.
type MappingScaling struct{ MaxConcurrency *int }

// MappingPollers are the pollers that are reserved for a mapping.
type MappingPollers struct {
	Min, Max *int
	Group    string
}

// KafkaSettings are a consumer's in Kafka.
type KafkaSettings struct {
	SelfManaged     bool // the caller used the member for clusters that AWS does not run
	ConsumerGroup   string
	ConsumptionMode string // AWS refuses every value so far
	Registry        *SchemaRegistry
}

// SchemaRegistry is where a Kafka consumer finds the schemas of records.
type SchemaRegistry struct {
	URI          string
	RecordFormat string
	Access       []SourceAccess
	Validate     []string
}

// DocumentDBSettings say what is watched in a DocumentDB cluster.
type DocumentDBSettings struct{ Database, Collection, FullDocument string }

// NewMapping is what a caller asks for.
type NewMapping struct {
	Function Reference
	Source   EventSource // without its kind
	// SelfManaged says that the caller named a cluster of its own.
	SelfManaged bool
	Disabled    bool
	Settings    MappingSettings
	Tags        map[string]string
}

// MappingChange is what a caller changes of a mapping. A nil member stays.
type MappingChange struct {
	Function *Reference
	Enabled  *bool
	Settings MappingSettings
}

// MappingFilter chooses a page of mappings. Empty members match all.
type MappingFilter struct {
	Function  *Reference
	SourceARN string
	Marker    string
	Max       int
}

// EventSourceMappingARN names a mapping.
func (h Home) EventSourceMappingARN(uuid string) string {
	return h.prefix() + "event-source-mapping:" + uuid
}
