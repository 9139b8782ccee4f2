package awsapi

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"reflect"
	"sort"
	"strconv"
	"time"
	"unicode/utf8"
)

// answer is an encoded success.
type answer struct {
	status int
	body   []byte // nil: none
}

// encode writes an output's headers and returns its status and body. Nil is
// absent, empty is empty: the difference is AWS's too (F040, F041, F117).
func (op *Operation) encode(c *codec, out reflect.Value, header http.Header) answer {
	a := answer{status: op.Status}
	if c.pointer {
		out = out.Elem()
	}
	for _, f := range c.fields {
		value := out.Field(f.index)
		switch {
		case f.member.Place == InStatus:
			if code := int(value.Int()); code != 0 {
				a.status = code
			}
		case f.member.Place == InHeader:
			if text, ok := f.codec.headerText(value); ok {
				header.Set(f.member.Wire, text)
			}
		case op.Output.Payload == f.member.Name:
			a.body = f.codec.payload(value)
		}
	}
	if op.Output.Payload == "" && op.Output.hasBody() {
		a.body = c.appendStructure(nil, out)
	}
	if a.body != nil && op.Output.Payload == "" {
		header.Set("Content-Type", contentJSON)
	}
	return a
}

func (c *codec) headerText(value reflect.Value) (string, bool) {
	value, ok := c.present(value)
	if !ok {
		return "", false
	}
	return value.String(), true
}

func (c *codec) payload(value reflect.Value) []byte {
	value, ok := c.present(value)
	if !ok {
		return nil
	}
	if c.shape.Type == "blob" {
		return value.Bytes()
	}
	return c.append(nil, value)
}

// present unwraps a pointer and tells whether there is a value to write.
// Numbers and booleans without a pointer are always there: AWS writes a zero
// CodeSize.
func (c *codec) present(value reflect.Value) (reflect.Value, bool) {
	if c.pointer {
		if value.IsNil() {
			return value, false
		}
		return value.Elem(), true
	}
	switch value.Kind() {
	case reflect.Slice, reflect.Map:
		return value, !value.IsNil()
	case reflect.String: // an enum
		return value, value.Len() > 0
	}
	return value, true
}

func (c *codec) append(b []byte, value reflect.Value) []byte {
	switch c.shape.Type {
	case "structure":
		return c.appendStructure(b, value)
	case "list":
		return c.appendList(b, value)
	case "map":
		return c.appendMap(b, value)
	case "boolean":
		return strconv.AppendBool(b, value.Bool())
	case "integer", "long":
		return strconv.AppendInt(b, value.Int(), 10)
	case "double":
		return appendDouble(b, value.Float())
	case "timestamp":
		return appendTime(b, value.Interface().(time.Time))
	case "blob":
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, value.Bytes())
		return append(b, '"')
	}
	return appendString(b, value.String())
}

func (c *codec) appendStructure(b []byte, value reflect.Value) []byte {
	b = append(b, '{')
	first := true
	for _, f := range c.fields {
		if f.member.Place != InBody {
			continue
		}
		inner, ok := f.codec.present(value.Field(f.index))
		if !ok {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendString(b, f.member.Name)
		b = append(b, ':')
		b = f.codec.append(b, inner)
	}
	return append(b, '}')
}

func (c *codec) appendList(b []byte, value reflect.Value) []byte {
	b = append(b, '[')
	for i := range value.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		b = c.element.appendElement(b, value.Index(i))
	}
	return append(b, ']')
}

// appendMap writes the keys in order: AWS shows tags sorted (F108), and a
// stable answer is easier to compare.
func (c *codec) appendMap(b []byte, value reflect.Value) []byte {
	keys := value.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	b = append(b, '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, key.String())
		b = append(b, ':')
		b = c.element.appendElement(b, value.MapIndex(key))
	}
	return append(b, '}')
}

// appendElement writes an element, which unlike a member can't be left out.
func (c *codec) appendElement(b []byte, value reflect.Value) []byte {
	if c.pointer {
		if value.IsNil() {
			return append(b, "null"...)
		}
		value = value.Elem()
	}
	return c.append(b, value)
}

func appendDouble(b []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.AppendFloat(b, f, 'f', 1, 64)
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

// appendTime writes epoch seconds, with milliseconds when there are any (F016).
func appendTime(b []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	if ms%1000 == 0 {
		return strconv.AppendInt(b, ms/1000, 10)
	}
	return strconv.AppendFloat(b, float64(ms)/1000, 'f', 3, 64)
}

// appendString writes a JSON string without the HTML escapes of encoding/json.
func appendString(b []byte, s string) []byte {
	plain := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	return appendEscaped(b, s)
}

func appendEscaped(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s { // invalid UTF-8 comes as U+FFFD
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\r':
			b = append(b, '\\', 'r')
		case r == '\t':
			b = append(b, '\\', 't')
		case r < ' ':
			escaped, _ := json.Marshal(string(r)) // can't fail for a string
			b = append(b, escaped[1:len(escaped)-1]...)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
