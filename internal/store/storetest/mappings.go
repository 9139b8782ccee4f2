package storetest

import (
	"testing"

	"lambent/internal/lambda"
)

func mappingTests() map[string]func(*testing.T, Open) {
	mappings := document[lambda.EventSourceMapping]{
		noun: "event source mappings", key: func(m *lambda.EventSourceMapping) *string { return &m.UUID },
		put: Store.PutMapping, delete: Store.DeleteMapping, each: Store.EachMapping,
		replace: func(m *lambda.EventSourceMapping) {
			m.Function, m.Settings, m.Tags = "replaced", lambda.MappingSettings{}, nil
		},
	}
	return map[string]func(*testing.T, Open){"an event source mapping comes, is replaced and goes": mappings.life}
}
