package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"lambent/internal/lambda"
)

// EachLayerVersion implements store.Layers. All rows are read before the first
// visit, so a visitor may write.
func (s *Store) EachLayerVersion(ctx context.Context, visit func(lambda.LayerVersion) error) error {
	all, err := s.layerVersions(ctx)
	if err != nil {
		return fmt.Errorf("read layer versions: %w", err)
	}
	for _, v := range all {
		if err := visit(v); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) layerVersions(ctx context.Context) ([]lambda.LayerVersion, error) {
	rows, err := s.query(ctx, "SELECT document FROM layer_version")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []lambda.LayerVersion
	for rows.Next() {
		var document sql.RawBytes
		if err := rows.Scan(&document); err != nil {
			return nil, err
		}
		var v lambda.LayerVersion
		if err := json.Unmarshal(document, &v); err != nil {
			return nil, fmt.Errorf("decode layer version: %w", err)
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// PutLayerVersion implements store.Layers.
func (s *Store) PutLayerVersion(ctx context.Context, v lambda.LayerVersion) error {
	document, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode layer version %s:%d: %w", v.Layer, v.Number, err)
	}
	err = s.writer.submit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO layer_version (layer, number, document) VALUES (?, ?, ?)
			ON CONFLICT (layer, number) DO UPDATE SET document = excluded.document`, v.Layer, v.Number, string(document))
		return err
	})
	if err != nil {
		return fmt.Errorf("store layer version %s:%d: %w", v.Layer, v.Number, err)
	}
	return nil
}
