package memory

import (
	"context"
	"encoding/json"
	"fmt"

	"lambent/internal/lambda"
)

// EachMapping implements store.Mappings.
func (s *Store) EachMapping(ctx context.Context, visit func(lambda.EventSourceMapping) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	for _, document := range s.data.all(&s.data.mappings) {
		var m lambda.EventSourceMapping
		if err := json.Unmarshal(document, &m); err != nil {
			return fmt.Errorf("decode event source mapping: %w", err)
		}
		if err := visit(m); err != nil {
			return err
		}
	}
	return nil
}

// PutMapping implements store.Mappings.
func (s *Store) PutMapping(ctx context.Context, m lambda.EventSourceMapping) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	document, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode event source mapping %s: %w", m.UUID, err)
	}
	s.data.put(&s.data.mappings, m.UUID, document)
	return nil
}

// DeleteMapping implements store.Mappings.
func (s *Store) DeleteMapping(ctx context.Context, uuid string) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	delete(s.data.mappings, uuid)
	return nil
}
