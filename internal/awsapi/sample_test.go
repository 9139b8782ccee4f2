package awsapi

import (
	"os"
	"reflect"
	"regexp/syntax"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
)

// loadModel reads the committed model of the Lambda service.
func loadModel(t testing.TB) *Model {
	t.Helper()
	text, err := os.ReadFile("lambdaapi/model.json")
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseModel(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sdkOperation is an operation as the SDK's client has it.
type sdkOperation struct {
	name    string
	in, out reflect.Type // structures
}

// sdkOperations finds every operation of the SDK's client by reflection.
func sdkOperations() []sdkOperation {
	var list []sdkOperation
	client := reflect.TypeFor[*sdk.Client]()
	for i := range client.NumMethod() {
		m := client.Method(i)
		if m.Type.NumIn() != 4 || m.Type.NumOut() != 2 || !strings.HasSuffix(m.Type.In(2).Elem().Name(), "Input") {
			continue
		}
		list = append(list, sdkOperation{m.Name, m.Type.In(2).Elem(), m.Type.Out(0).Elem()})
	}
	return list
}

// fill sets every member of a value to something that its constraints allow.
func fill(t testing.TB, c *codec, v reflect.Value) {
	t.Helper()
	if c.pointer {
		v.Set(reflect.New(c.typ))
		v = v.Elem()
	}
	switch c.shape.Type {
	case "structure":
		for _, f := range c.fields {
			fill(t, f.codec, v.Field(f.index))
		}
	case "list":
		n := max(1, least(c.shape))
		v.Set(reflect.MakeSlice(c.typ, n, n))
		for i := range n {
			fill(t, c.element, v.Index(i))
		}
	case "map":
		v.Set(reflect.MakeMap(c.typ))
		value := reflect.New(c.typ.Elem()).Elem()
		fill(t, c.element, value)
		v.SetMapIndex(reflect.ValueOf(sampleText(t, c.shape.Key)).Convert(c.typ.Key()), value)
	case "string":
		v.SetString(sampleText(t, c.shape))
	case "boolean":
		v.SetBool(true)
	case "integer", "long":
		v.SetInt(int64(max(1, least(c.shape))))
	case "double":
		v.SetFloat(max(0.5, float64(least(c.shape))))
	case "timestamp":
		v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
	case "blob":
		if c.typ == readerType {
			v.Set(reflect.ValueOf(strings.NewReader(sampleStream)))
			return
		}
		v.SetBytes([]byte("\x00\xff{}"))
	default:
		t.Fatalf("no sample for %s", c.shape.Type)
	}
}

// sampleStream is what a streaming blob carries.
const sampleStream = "a stream"

func least(s *Shape) int {
	if s.Min == nil {
		return 0
	}
	return int(number(*s.Min))
}

// sampleText makes a text that a string shape allows, from its own pattern.
func sampleText(t testing.TB, s *Shape) string {
	t.Helper()
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	if s.Pattern == "" {
		return strings.Repeat("x", max(1, least(s)))
	}
	pattern := s.Pattern
	if !strings.Contains(pattern, "(?!") && !strings.Contains(pattern, "(?<!") {
		if text, ok := sampleOf(pattern, s); ok {
			return text
		}
	}
	for _, text := range []string{"abc", "name", "arn:aws:lambda:us-east-1:111111111111:function:f"} {
		if s.match()(text) && len(text) >= least(s) {
			return text
		}
	}
	t.Fatalf("no sample for pattern %s of %s", s.Pattern, s.Name)
	return ""
}

// sampleOf walks the pattern and repeats what may be repeated until the text is
// long enough.
func sampleOf(pattern string, s *Shape) (string, bool) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", false
	}
	for repeat := range 200 {
		var b strings.Builder
		writeSample(&b, re, repeat)
		if text := b.String(); utf8.RuneCountInString(text) >= max(1, least(s)) && s.match()(text) {
			return text, true
		}
	}
	return "", false
}

func writeSample(b *strings.Builder, re *syntax.Regexp, repeat int) {
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		r := re.Rune[0]
		for _, want := range []rune{'a', '0'} {
			for i := 0; i+1 < len(re.Rune); i += 2 {
				if re.Rune[i] <= want && want <= re.Rune[i+1] {
					r = want
				}
			}
		}
		b.WriteRune(r)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('x')
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			writeSample(b, sub, repeat)
		}
	case syntax.OpAlternate:
		writeSample(b, re.Sub[len(re.Sub)-1], repeat)
	case syntax.OpStar, syntax.OpQuest, syntax.OpPlus, syntax.OpRepeat:
		low, high := re.Min, re.Max
		switch re.Op {
		case syntax.OpStar:
			low, high = 0, -1
		case syntax.OpQuest:
			low, high = 0, 1
		case syntax.OpPlus:
			low, high = 1, -1
		}
		n := max(low, repeat)
		if high >= 0 {
			n = min(n, high)
		}
		for range n {
			writeSample(b, re.Sub[0], repeat)
		}
	}
}
