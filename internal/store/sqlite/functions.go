package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// EachFunction implements store.Functions. One statement reads everything, so
// that what is visited belongs together, and all rows are read before the first
// visit, so that a visitor may write.
func (s *Store) EachFunction(ctx context.Context, visit func(store.Function, []lambda.Version) error) error {
	all, err := s.functions(ctx)
	if err != nil {
		return fmt.Errorf("read functions: %w", err)
	}
	for _, f := range all {
		if err := visit(f.function, f.versions); err != nil {
			return err
		}
	}
	return nil
}

type functionRows struct {
	function store.Function
	versions []lambda.Version
}

func (s *Store) functions(ctx context.Context) ([]functionRows, error) {
	rows, err := s.query(ctx, `SELECT function.name, function.document, version.document
		FROM function LEFT JOIN version ON version.function = function.name ORDER BY function.name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []functionRows
	for rows.Next() {
		var name string
		var function, version sql.RawBytes
		if err := rows.Scan(&name, &function, &version); err != nil {
			return nil, err
		}
		if len(all) == 0 || all[len(all)-1].function.Name != name {
			all = append(all, functionRows{})
			if err := json.Unmarshal(function, &all[len(all)-1].function); err != nil {
				return nil, fmt.Errorf("decode function %s: %w", name, err)
			}
		}
		if version == nil {
			continue
		}
		var v lambda.Version
		if err := json.Unmarshal(version, &v); err != nil {
			return nil, fmt.Errorf("decode version of %s: %w", name, err)
		}
		all[len(all)-1].versions = append(all[len(all)-1].versions, v)
	}
	return all, rows.Err()
}

// PutFunction implements store.Functions.
func (s *Store) PutFunction(ctx context.Context, change store.FunctionChange) error {
	name := change.Function.Name
	// Encoded before the writer sees it: it serves everybody.
	function, err := json.Marshal(change.Function)
	if err != nil {
		return fmt.Errorf("encode function %s: %w", name, err)
	}
	versions := make([][]byte, len(change.Versions))
	for i, v := range change.Versions {
		if versions[i], err = json.Marshal(v); err != nil {
			return fmt.Errorf("encode version %s of %s: %w", v.Number, name, err)
		}
	}
	err = s.writer.submit(ctx, func(ctx context.Context, tx *transaction) error {
		if err := upsertFunction(ctx, tx, name, function); err != nil {
			return err
		}
		for _, number := range change.Removed {
			if _, err := tx.exec(ctx, "DELETE FROM version WHERE function = ? AND number = ?", name, number); err != nil {
				return err
			}
		}
		for i, v := range change.Versions {
			if err := upsertVersion(ctx, tx, name, v.Number, versions[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store function %s: %w", name, err)
	}
	return nil
}

func upsertFunction(ctx context.Context, tx *transaction, name string, document []byte) error {
	_, err := tx.exec(ctx, `INSERT INTO function (name, document) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET document = excluded.document`, name, string(document))
	return err
}

func upsertVersion(ctx context.Context, tx *transaction, function, number string, document []byte) error {
	_, err := tx.exec(ctx, `INSERT INTO version (function, number, document) VALUES (?, ?, ?)
		ON CONFLICT (function, number) DO UPDATE SET document = excluded.document`, function, number, string(document))
	return err
}

// DeleteFunction implements store.Functions; the versions go by the foreign key.
func (s *Store) DeleteFunction(ctx context.Context, name string) error {
	err := s.writer.submit(ctx, func(ctx context.Context, tx *transaction) error {
		_, err := tx.exec(ctx, "DELETE FROM function WHERE name = ?", name)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete function %s: %w", name, err)
	}
	return nil
}
