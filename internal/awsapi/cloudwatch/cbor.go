package cloudwatch

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"

	"github.com/aws/smithy-go/encoding/cbor"

	"lambent/internal/awsapi"
)

// inCBOR is Smithy's RPC v2 with CBOR.
type inCBOR struct{}

// epoch is CBOR's tag of a time in seconds.
const epoch = 1

func (inCBOR) read(w http.ResponseWriter, r *http.Request) (named string, input any, err error) {
	body, err := awsapi.ReadBody(w, r, maxBody)
	if err != nil || len(body) == 0 {
		return "", map[string]any{}, err
	}
	value, err := cbor.Decode(body)
	if err != nil {
		return "", nil, fmt.Errorf("decode cbor: %w", err)
	}
	input, err = fromCBOR(value)
	return "", input, err
}

func fromCBOR(v cbor.Value) (any, error) {
	switch v := v.(type) {
	case cbor.Uint:
		return uint64(v), nil
	case cbor.NegInt:
		return cbor.AsInt64(v)
	case cbor.String:
		return string(v), nil
	case cbor.Bool:
		return bool(v), nil
	case cbor.Float32:
		return finite(float64(v))
	case cbor.Float64:
		return finite(float64(v))
	case *cbor.Tag:
		if v.ID == epoch {
			return fromCBOR(v.Value)
		}
	case *cbor.Nil, *cbor.Undefined:
		return nil, nil
	case cbor.List:
		all := make([]any, len(v))
		for i, item := range v {
			var err error
			if all[i], err = fromCBOR(item); err != nil {
				return nil, err
			}
		}
		return all, nil
	case cbor.Map:
		all := make(map[string]any, len(v))
		for name, item := range v {
			var err error
			if all[name], err = fromCBOR(item); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
	return nil, fmt.Errorf("cbor: a %T has no place in a request", v)
}

func finite(f float64) (any, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("cbor: %v is no number for a request", f)
	}
	return f, nil
}

func (inCBOR) write(w http.ResponseWriter, _ string, status int, answer any) {
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	if status >= http.StatusBadRequest {
		if members, ok := answer.(map[string]any); ok {
			name, _ := members["__type"].(string)
			tellQueryError(w.Header(), name, status)
		}
	}
	send(w, status, "application/cbor", cbor.Encode(toCBOR("", answer)))
}

func toCBOR(member string, v any) cbor.Value {
	switch v := v.(type) {
	case string:
		return cbor.String(v)
	case bool:
		return cbor.Bool(v)
	case json.Number:
		f, _ := v.Float64() // it is ours
		if isTime(member) {
			return &cbor.Tag{ID: epoch, Value: cbor.Float64(f)}
		}
		return cbor.Float64(f)
	case []any:
		all := make(cbor.List, len(v))
		for i, item := range v {
			all[i] = toCBOR(member, item)
		}
		return all
	case map[string]any:
		all := make(cbor.Map, len(v))
		for name, item := range v {
			all[name] = toCBOR(name, item)
		}
		return all
	}
	return &cbor.Nil{}
}
