package catalog

import "lambent/internal/lambda"

// withDefaults fills in what this kind of source has and a caller left out (F200,
// F201).
func withDefaults(m lambda.EventSourceMapping, given lambda.MappingSettings) lambda.MappingSettings {
	kind := m.Source.Kind
	s := lambda.MappingSettings{BatchSize: number(100)}
	if kind == lambda.FromSQS {
		s.BatchSize, s.BatchingWindowSeconds, s.ResponseTypes = number(10), number(0), &[]string{}
	}
	if kind.Streams() {
		off := false
		s.BatchingWindowSeconds, s.ResponseTypes = number(0), &[]string{}
		s.Parallelization, s.TumblingWindowSeconds = number(1), number(0)
		s.MaxRecordAgeSeconds, s.MaxRetries = number(-1), number(-1)
		s.Bisect, s.Destinations = &off, &lambda.Destinations{}
	}
	if kind.HasTopics() {
		s.Kafka = &lambda.KafkaSettings{ConsumerGroup: m.UUID, SelfManaged: kind == lambda.FromKafka}
	}
	s = merged(s, given)
	if k := s.Kafka; k != nil && k.ConsumerGroup == "" {
		named := *k
		named.ConsumerGroup = m.UUID
		s.Kafka = &named
	}
	if d := s.DocumentDB; d != nil && d.FullDocument == "" {
		full := *d
		full.FullDocument = "Default"
		s.DocumentDB = &full
	}
	return s
}

func number(n int) *int { return &n }

// merged is what was there with what was given now. Something empty that was
// given takes away what was there.
func merged(have, given lambda.MappingSettings) lambda.MappingSettings {
	over(&have.BatchSize, given.BatchSize)
	over(&have.BatchingWindowSeconds, given.BatchingWindowSeconds)
	over(&have.Parallelization, given.Parallelization)
	over(&have.MaxRecordAgeSeconds, given.MaxRecordAgeSeconds)
	over(&have.MaxRetries, given.MaxRetries)
	over(&have.Bisect, given.Bisect)
	over(&have.TumblingWindowSeconds, given.TumblingWindowSeconds)
	over(&have.Filters, given.Filters)
	over(&have.ResponseTypes, given.ResponseTypes)
	over(&have.Destinations, given.Destinations)
	over(&have.Access, given.Access)
	over(&have.Scaling, given.Scaling)
	over(&have.Pollers, given.Pollers)
	over(&have.Metrics, given.Metrics)
	over(&have.LogLevel, given.LogLevel)
	over(&have.KMSKeyARN, given.KMSKeyARN)
	over(&have.DocumentDB, given.DocumentDB)
	if k := given.Kafka; k != nil {
		next := *k
		if next.ConsumerGroup == "" && have.Kafka != nil {
			next.ConsumerGroup = have.Kafka.ConsumerGroup
		}
		have.Kafka = &next
	}
	if s := have.Scaling; s != nil && s.MaxConcurrency == nil {
		have.Scaling = nil
	}
	if p := have.Pollers; p != nil && *p == (lambda.MappingPollers{}) {
		have.Pollers = nil
	}
	if f := have.Filters; f != nil && len(*f) == 0 {
		have.Filters = nil
	}
	if m := have.Metrics; m != nil && len(*m) == 0 {
		have.Metrics = nil
	}
	if k := have.KMSKeyARN; k != nil && *k == "" {
		have.KMSKeyARN = nil
	}
	return have
}

func over[T any](have **T, given *T) {
	if given != nil {
		*have = given
	}
}
