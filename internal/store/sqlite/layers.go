package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"lambent/internal/lambda"
)

func layerTable() documents {
	return documents{noun: "layer version", each: "SELECT document FROM layer_version"}
}

// EachLayerVersion implements store.Layers.
func (s *Store) EachLayerVersion(ctx context.Context, visit func(lambda.LayerVersion) error) error {
	return eachDocument(ctx, s, layerTable(), visit)
}

// PutLayerVersion implements store.Layers.
func (s *Store) PutLayerVersion(ctx context.Context, v lambda.LayerVersion) error {
	document, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode layer version %s:%d: %w", v.Layer, v.Number, err)
	}
	err = s.writer.submit(ctx, func(ctx context.Context, tx *transaction) error {
		_, err := tx.exec(ctx, `INSERT INTO layer_version (layer, number, document) VALUES (?, ?, ?)
			ON CONFLICT (layer, number) DO UPDATE SET document = excluded.document`, v.Layer, v.Number, string(document))
		return err
	})
	if err != nil {
		return fmt.Errorf("store layer version %s:%d: %w", v.Layer, v.Number, err)
	}
	return nil
}
