package sqlite

import (
	"context"

	"lambent/internal/lambda"
)

func mappingTable() documents {
	return documents{
		noun: "event source mapping",
		each: "SELECT document FROM event_source_mapping",
		put: `INSERT INTO event_source_mapping (uuid, document) VALUES (?, ?)
			ON CONFLICT (uuid) DO UPDATE SET document = excluded.document`,
		deletion: "DELETE FROM event_source_mapping WHERE uuid = ?",
	}
}

// EachMapping implements store.Mappings.
func (s *Store) EachMapping(ctx context.Context, visit func(lambda.EventSourceMapping) error) error {
	return eachDocument(ctx, s, mappingTable(), visit)
}

// PutMapping implements store.Mappings.
func (s *Store) PutMapping(ctx context.Context, m lambda.EventSourceMapping) error {
	return s.putDocument(ctx, mappingTable(), m.UUID, m)
}

// DeleteMapping implements store.Mappings.
func (s *Store) DeleteMapping(ctx context.Context, uuid string) error {
	return s.deleteDocument(ctx, mappingTable(), uuid)
}
