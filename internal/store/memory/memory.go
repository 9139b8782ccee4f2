// Package memory is a store that forgets everything when its process ends: the
// honest fake for tests of what sits above a store. Its Data outlives the
// Store, so that a test can close one and open the next on the same data.
package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// Data is what a Store keeps. The zero value is empty and ready.
type Data struct {
	mu        sync.Mutex
	functions map[string]functionData
	layers    map[string][]byte // by layer and number
	signings  map[string][]byte // by id
	mappings  map[string][]byte // by UUID
	roles     map[string][]byte // by name
	keys      map[string][]byte // by id
	policies  map[string][]byte // managed ones, by ARN
	queue     queueData
	schedules scheduleData
}

type functionData struct {
	document []byte
	versions map[string][]byte
}

// Store serves Data until it is closed.
type Store struct {
	data   *Data
	mu     sync.Mutex
	closed bool
	claims map[int64]bool // mu of data; events that are given out
}

// Open makes a Store on the data.
func Open(data *Data) *Store { return &Store{data: data} }

// Close makes every later call fail with store.ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// EachFunction implements store.Functions.
func (s *Store) EachFunction(ctx context.Context, visit func(store.Function, []lambda.Version) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	for _, f := range s.data.allFunctions() {
		function, versions, err := f.decode()
		if err != nil {
			return err
		}
		if err := visit(function, versions); err != nil {
			return err
		}
	}
	return nil
}

// PutFunction implements store.Functions.
func (s *Store) PutFunction(ctx context.Context, change store.FunctionChange) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	document, err := json.Marshal(change.Function)
	if err != nil {
		return fmt.Errorf("encode function %s: %w", change.Function.Name, err)
	}
	versions := map[string][]byte{}
	for _, v := range change.Versions {
		if versions[v.Number], err = json.Marshal(v); err != nil {
			return fmt.Errorf("encode version %s of %s: %w", v.Number, change.Function.Name, err)
		}
	}
	s.data.putFunction(change.Function.Name, document, versions, change.Removed)
	return nil
}

// DeleteFunction implements store.Functions.
func (s *Store) DeleteFunction(ctx context.Context, name string) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	delete(s.data.functions, name)
	return nil
}

// EachLayerVersion implements store.Layers.
func (s *Store) EachLayerVersion(ctx context.Context, visit func(lambda.LayerVersion) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	for _, document := range s.data.all(&s.data.layers) {
		var v lambda.LayerVersion
		if err := json.Unmarshal(document, &v); err != nil {
			return fmt.Errorf("decode layer version: %w", err)
		}
		if err := visit(v); err != nil {
			return err
		}
	}
	return nil
}

// PutLayerVersion implements store.Layers.
func (s *Store) PutLayerVersion(ctx context.Context, v lambda.LayerVersion) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	document, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode layer version %s:%d: %w", v.Layer, v.Number, err)
	}
	s.data.put(&s.data.layers, fmt.Sprintf("%s:%d", v.Layer, v.Number), document)
	return nil
}

// EachCodeSigningConfig implements store.Signing.
func (s *Store) EachCodeSigningConfig(ctx context.Context, visit func(lambda.CodeSigningConfig) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	for _, document := range s.data.all(&s.data.signings) {
		var c lambda.CodeSigningConfig
		if err := json.Unmarshal(document, &c); err != nil {
			return fmt.Errorf("decode code signing config: %w", err)
		}
		if err := visit(c); err != nil {
			return err
		}
	}
	return nil
}

// PutCodeSigningConfig implements store.Signing.
func (s *Store) PutCodeSigningConfig(ctx context.Context, c lambda.CodeSigningConfig) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	document, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode code signing config %s: %w", c.ID, err)
	}
	s.data.put(&s.data.signings, c.ID, document)
	return nil
}

// DeleteCodeSigningConfig implements store.Signing.
func (s *Store) DeleteCodeSigningConfig(ctx context.Context, id string) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	delete(s.data.signings, id)
	return nil
}

func (s *Store) ready(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	return ctx.Err()
}

func (d *Data) putFunction(name string, document []byte, versions map[string][]byte, removed []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.functions == nil {
		d.functions = map[string]functionData{}
	}
	f := functionData{document: document, versions: map[string][]byte{}}
	for number, old := range d.functions[name].versions {
		f.versions[number] = old
	}
	for _, number := range removed {
		delete(f.versions, number)
	}
	for number, v := range versions {
		f.versions[number] = v
	}
	d.functions[name] = f
}

// allFunctions copies the references out, so that a visitor may write.
func (d *Data) allFunctions() []functionData {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]functionData, 0, len(d.functions))
	for _, f := range d.functions {
		all = append(all, f)
	}
	return all
}

// all copies the references of a table out, so that a visitor may write.
func (d *Data) all(table *map[string][]byte) [][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([][]byte, 0, len(*table))
	for _, document := range *table {
		all = append(all, document)
	}
	return all
}

func (d *Data) put(table *map[string][]byte, key string, document []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if *table == nil {
		*table = map[string][]byte{}
	}
	(*table)[key] = document
}

func (f functionData) decode() (store.Function, []lambda.Version, error) {
	var function store.Function
	if err := json.Unmarshal(f.document, &function); err != nil {
		return function, nil, fmt.Errorf("decode function: %w", err)
	}
	versions := make([]lambda.Version, 0, len(f.versions))
	for _, document := range f.versions {
		var v lambda.Version
		if err := json.Unmarshal(document, &v); err != nil {
			return function, nil, fmt.Errorf("decode version of %s: %w", function.Name, err)
		}
		versions = append(versions, v)
	}
	return function, versions, nil
}
