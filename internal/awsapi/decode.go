package awsapi

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// serializationError is a request that says something of a wrong type, or
// nothing that can be read: AWS's SerializationException.
type serializationError struct{ text string }

func (e *serializationError) Error() string { return e.text }

func misread(format string, args ...any) error {
	return &serializationError{fmt.Sprintf(format, args...)}
}

// gather collects what a request says of an operation's input, wherever it
// says it, into one object.
func (op *Operation) gather(r *http.Request, labels map[string]string, query url.Values, body []byte) (*node, error) {
	input := &node{kind: isObject}
	if op.Input.Payload == "" && len(body) > 0 && op.Input.hasBody() {
		tree, err := parseJSON(body)
		if err != nil {
			return nil, &serializationError{err.Error()}
		}
		if tree.kind != isObject {
			return nil, misread("Unexpected value type in payload")
		}
		input = tree
	}
	for _, m := range op.Input.Members {
		value, err := m.gather(op.Input, r.Header, labels, query, body)
		if err != nil {
			return nil, err
		}
		if value != nil {
			input.set(m.Name, value)
		} else if m.Place != InBody {
			input.set(m.Name, &node{kind: isNull}) // a body can't speak for the path
		}
	}
	return input, nil
}

// hasBody tells whether the body's JSON holds any of the shape's members.
func (s *Shape) hasBody() bool {
	for _, m := range s.Members {
		if m.Place == InBody {
			return true
		}
	}
	return false
}

// gather returns the member's value outside of the JSON body, nil when there is none.
func (m Member) gather(in *Shape, header http.Header, labels map[string]string, query url.Values, body []byte) (*node, error) {
	switch {
	case m.Place == InPath:
		return wire(labels[m.Name]), nil
	case m.Place == InHeader:
		if values := header.Values(m.Wire); len(values) > 0 {
			return wire(values[0]), nil
		}
	case m.Place == InQuery:
		values, given := query[m.Wire]
		if !given {
			return nil, nil
		}
		if m.Shape.Type != "list" {
			return wire(values[0]), nil
		}
		list := &node{kind: isArray}
		for _, v := range values {
			list.items = append(list.items, wire(v))
		}
		return list, nil
	case in.Payload == m.Name && len(body) > 0:
		if m.Shape.Type == "blob" {
			return &node{kind: isRaw, text: body}, nil
		}
		tree, err := parseJSON(body)
		if err != nil {
			return nil, &serializationError{err.Error()}
		}
		return tree, nil
	}
	return nil, nil
}

func wire(text string) *node { return &node{kind: isWire, text: []byte(text)} }

// decode puts the value into the field; a missing value leaves it as it is.
func (c *codec) decode(n *node, into reflect.Value) error {
	if n.absent() {
		return nil
	}
	if c.pointer {
		into.Set(reflect.New(c.typ))
		into = into.Elem()
	}
	switch c.shape.Type {
	case "structure":
		return c.decodeStructure(n, into)
	case "list":
		return c.decodeList(n, into)
	case "map":
		return c.decodeMap(n, into)
	case "string":
		return decodeString(n, into)
	case "boolean":
		return decodeBool(n, into)
	case "integer", "long":
		return decodeInteger(n, into)
	case "double":
		return decodeDouble(n, into)
	case "timestamp":
		return decodeTime(n, into)
	}
	return decodeBlob(n, into)
}

func (c *codec) decodeStructure(n *node, into reflect.Value) error {
	if n.kind != isObject {
		return unexpectedKind(n, "structure")
	}
	for _, f := range c.fields {
		if err := f.codec.decode(n.child(f.member.Name), into.Field(f.index)); err != nil {
			return err
		}
	}
	return nil
}

func (c *codec) decodeList(n *node, into reflect.Value) error {
	if n.kind != isArray {
		return unexpectedKind(n, "list")
	}
	list := reflect.MakeSlice(c.typ, len(n.items), len(n.items))
	for i, item := range n.items {
		if err := c.element.decode(item, list.Index(i)); err != nil {
			return err
		}
	}
	into.Set(list)
	return nil
}

func (c *codec) decodeMap(n *node, into reflect.Value) error {
	if n.kind != isObject {
		return unexpectedKind(n, "map")
	}
	m := reflect.MakeMapWithSize(c.typ, len(n.members))
	for _, member := range n.members {
		value := reflect.New(c.typ.Elem()).Elem()
		if err := c.element.decode(member.node, value); err != nil {
			return err
		}
		m.SetMapIndex(reflect.ValueOf(member.name).Convert(c.typ.Key()), value)
	}
	into.Set(m)
	return nil
}

func decodeString(n *node, into reflect.Value) error {
	if n.kind != isString && n.kind != isWire {
		return unexpectedKind(n, "String")
	}
	into.SetString(string(n.text))
	return nil
}

func decodeBool(n *node, into reflect.Value) error {
	if n.kind != isBool && n.kind != isWire {
		return unexpectedKind(n, "Boolean")
	}
	switch strings.ToLower(string(n.text)) {
	case "true":
		into.SetBool(true)
	case "false":
		into.SetBool(false)
	default:
		return unexpectedKind(n, "Boolean")
	}
	return nil
}

func decodeInteger(n *node, into reflect.Value) error {
	name := "Integer"
	if into.Kind() == reflect.Int64 {
		name = "Long"
	}
	if n.kind != isNumber && n.kind != isWire {
		return unexpectedKind(n, name)
	}
	i, err := strconv.ParseInt(string(n.text), 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(string(n.text), 64)
		if ferr != nil || n.kind == isWire || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
			return unexpectedKind(n, name)
		}
		i = int64(f)
	}
	if into.OverflowInt(i) {
		return unexpectedKind(n, name)
	}
	into.SetInt(i)
	return nil
}

func decodeDouble(n *node, into reflect.Value) error {
	if n.kind != isNumber && n.kind != isWire {
		return unexpectedKind(n, "Double")
	}
	f, err := strconv.ParseFloat(string(n.text), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return unexpectedKind(n, "Double")
	}
	into.SetFloat(f)
	return nil
}

// decodeTime reads epoch seconds of a body, and the date-time of a query.
func decodeTime(n *node, into reflect.Value) error {
	if n.kind == isWire || n.kind == isString {
		t, err := time.Parse(time.RFC3339Nano, string(n.text))
		if err != nil {
			return unexpectedKind(n, "Timestamp")
		}
		into.Set(reflect.ValueOf(t))
		return nil
	}
	if n.kind != isNumber {
		return unexpectedKind(n, "Timestamp")
	}
	f, err := strconv.ParseFloat(string(n.text), 64)
	if err != nil || math.Abs(f) > maxEpoch {
		return unexpectedKind(n, "Timestamp")
	}
	into.Set(reflect.ValueOf(time.UnixMilli(int64(math.Round(f * 1000))).UTC()))
	return nil
}

// maxEpoch is the last second of the year 9999: what AWS can print.
const maxEpoch = 253402300799

func decodeBlob(n *node, into reflect.Value) error {
	if n.kind == isRaw {
		if into.Type() == readerType {
			into.Set(reflect.ValueOf(bytes.NewReader(n.text)))
			return nil
		}
		into.SetBytes(n.text)
		return nil
	}
	if n.kind != isString {
		return unexpectedKind(n, "Blob")
	}
	blob := make([]byte, base64.StdEncoding.DecodedLen(len(n.text)))
	size, err := base64.StdEncoding.Decode(blob, n.text)
	if err != nil {
		return misread("Expected a base64 encoded value")
	}
	into.SetBytes(blob[:size])
	return nil
}

// unexpectedKind says it in the words of AWS's own reader.
func unexpectedKind(n *node, want string) error {
	switch n.kind {
	case isArray:
		return misread("Start of list found where not expected")
	case isObject:
		return misread("Start of structure or map found where not expected.")
	}
	found := "STRING_VALUE"
	switch n.kind {
	case isNumber:
		found = "NUMBER_VALUE"
		if strings.ContainsAny(string(n.text), ".eE") {
			found = "DECIMAL_VALUE"
		}
	case isBool:
		found = strings.ToUpper(string(n.text)) + "_VALUE"
	}
	if want == "structure" || want == "list" || want == "map" {
		return misread("Unexpected field type")
	}
	return misread("%s can not be converted to %s %s", found, article(want), want)
}

func article(word string) string {
	if strings.ContainsRune("AEIOU", rune(word[0])) {
		return "an"
	}
	return "a"
}
