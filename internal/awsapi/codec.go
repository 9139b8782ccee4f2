package awsapi

import (
	"fmt"
	"io"
	"reflect"
	"time"
)

// codec is how one Go type of the SDK and one shape of the model fit together.
// It is made once, when a handler is registered, so that a request costs no
// search for fields, and so that a type that does not fit is found at start.
type codec struct {
	shape   *Shape
	typ     reflect.Type // without the pointer
	pointer bool
	fields  []field // structure
	element *codec  // list, or the values of a map
}

type field struct {
	member Member
	index  int
	codec  *codec
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	bytesType  = reflect.TypeFor[[]byte]()
	readerType = reflect.TypeFor[io.Reader]() // what the SDK makes of a streaming blob
)

// newCodec fits t to the shape, or says why they do not fit.
func newCodec(t reflect.Type, shape *Shape) (*codec, error) {
	c := &codec{shape: shape, typ: t}
	if t.Kind() == reflect.Pointer {
		c.pointer, c.typ = true, t.Elem()
	}
	var err error
	switch shape.Type {
	case "structure":
		err = c.fitStructure()
	case "list":
		if err = c.want(reflect.Slice); err == nil {
			c.element, err = newCodec(c.typ.Elem(), shape.Element)
		}
	case "map":
		if err = c.want(reflect.Map); err == nil {
			c.element, err = newCodec(c.typ.Elem(), shape.Value)
		}
	case "string":
		err = c.want(reflect.String)
	case "boolean":
		err = c.want(reflect.Bool)
	case "integer":
		err = c.want(reflect.Int32)
	case "long":
		err = c.want(reflect.Int64)
	case "double":
		err = c.want(reflect.Float64)
	case "timestamp":
		if c.typ != timeType {
			err = c.misfit()
		}
	case "blob":
		if c.typ != readerType && c.typ != bytesType {
			err = c.misfit()
		}
	default:
		err = c.misfit()
	}
	return c, err
}

func (c *codec) want(kind reflect.Kind) error {
	if c.typ.Kind() != kind {
		return c.misfit()
	}
	return nil
}

func (c *codec) misfit() error {
	return fmt.Errorf("shape %s is a %s, which %s is not", c.shape.Name, c.shape.Type, c.typ)
}

func (c *codec) fitStructure() error {
	if err := c.want(reflect.Struct); err != nil {
		return err
	}
	for _, m := range c.shape.Members {
		if m.Shape.EventStream {
			continue // the handler writes the stream itself; the SDK's type has no field for it
		}
		f, ok := c.typ.FieldByName(upperFirst(m.Name))
		if !ok {
			return fmt.Errorf("%s has no field for member %s of %s", c.typ, m.Name, c.shape.Name)
		}
		inner, err := newCodec(f.Type, m.Shape)
		if err != nil {
			return fmt.Errorf("member %s of %s: %w", m.Name, c.shape.Name, err)
		}
		c.fields = append(c.fields, field{m, f.Index[0], inner})
	}
	return nil
}

func upperFirst(s string) string {
	if s[0] >= 'a' && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}

// lowerFirst is how AWS's validation names a member (F008).
func lowerFirst(s string) string {
	if s[0] >= 'A' && s[0] <= 'Z' {
		return string(s[0]-'A'+'a') + s[1:]
	}
	return s
}
