package awsapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

const at = "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: "

// TestJSONProblems are the sentences of AWS's reader. The first four are
// recorded (F243, and reports of users); the others are its source code's.
func TestJSONProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, problem, place string }{
		{"z\x87", "Invalid UTF-8 start byte 0x87", "1, column: 3]"},
		{"\x99", "Unexpected character ((CTRL-CHAR, code 153)): expected a valid value " + anyValue, "1, column: 1]"},
		{"test data", "Unrecognized token 'test': was expecting " + anyValue, "1, column: 6]"},
		{"0D", "Unexpected character ('D' (code 68)): Expected space separating root-level values", "1, column: 2]"},
		{"é", "Invalid UTF-8 start byte 0xa9", "1, column: 3]"},
		{"{", "Unexpected end-of-input: expected close marker for Object (start marker at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1])", "1, column: 2]"},
		{"[1,", "Unexpected end-of-input within/between Array entries", "1, column: 4]"},
		{`{"a"`, "Unexpected end-of-input within/between Object entries", "1, column: 5]"},
		{`{"a":`, "Unexpected end-of-input within/between Object entries", "1, column: 6]"},
		{`{"a":1`, "Unexpected end-of-input: expected close marker for Object (start marker at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1])", "1, column: 7]"},
		{"{a:1}", "Unexpected character ('a' (code 97)): was expecting double-quote to start field name", "1, column: 2]"},
		{"{'a':1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", "1, column: 2]"},
		{`{"a" 1}`, "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value", "1, column: 6]"},
		{`{"a":1 "b":2}`, `Unexpected character ('"' (code 34)): was expecting comma to separate Object entries`, "1, column: 8]"},
		{"[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", "1, column: 4]"},
		{"[1,]", "Unexpected character (']' (code 93)): expected a value", "1, column: 4]"},
		{`{"a":1,}`, "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", "1, column: 8]"},
		{"\n\r\n [}", "Unexpected close marker '}': expected ']' (for Array starting at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 3, column: 2])", "3, column: 3]"},
		{"'a'", "Unexpected character (''' (code 39)): expected a valid value " + anyValue, "1, column: 1]"},
		{"nul", "Unrecognized token 'nul': was expecting " + anyValue, "1, column: 4]"},
		{"truex", "Unrecognized token 'truex': was expecting " + anyValue, "1, column: 6]"},
		{"01", "Invalid numeric value: Leading zeroes not allowed", "1, column: 2]"},
		{"-a", "Unexpected character ('a' (code 97)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value", "1, column: 2]"},
		{"1.x", "Unexpected character ('x' (code 120)) in numeric value: Decimal point not followed by a digit", "1, column: 3]"},
		{"1ex", "Unexpected character ('x' (code 120)) in numeric value: Exponent indicator not followed by a digit", "1, column: 3]"},
		{"\"a\nb\"", "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value", "1, column: 3]"},
		{`"\x"`, "Unrecognized character escape 'x' (code 120)", "1, column: 3]"},
		{`"\u12g4"`, "Unexpected character ('g' (code 103)): expected a hex-digit for character escape sequence", "1, column: 6]"},
		{"\"\xc3(\"", "Invalid UTF-8 middle byte 0x28", "1, column: 4]"},
		{"\"\xff\"", "Invalid UTF-8 start byte 0xff", "1, column: 3]"},
		{"\x00{}", `Illegal character ((CTRL-CHAR, code 0)): only regular white space (\r, \n, \t) is allowed between tokens`, "1, column: 1]"},
		{"  ", "No content to map due to end-of-input", "1, column: 3]"},
		{"{} {}", "Trailing token found after value", "1, column: 5]"},
		{"{}x", "Unrecognized token 'x': was expecting " + anyValue, "1, column: 4]"},
		{strings.Repeat("[", 1001), "Document nesting depth (1001) exceeds the maximum allowed (1000, from `StreamReadConstraints.getMaxNestingDepth()`)", "1, column: 1002]"},
		{strings.Repeat("x", 300), "Unrecognized token '" + strings.Repeat("x", 256) + "...': was expecting " + anyValue, ""},
	} {
		err := CheckJSON([]byte(c.text))
		var problem *SyntaxError
		if !errors.As(err, &problem) {
			t.Errorf("%q passed", c.text)
			continue
		}
		if problem.Problem != c.problem || c.place != "" && err.Error() != c.problem+at+c.place {
			t.Errorf("%q:\n%v\nwant\n%s", c.text, err, c.problem+at+c.place)
		}
	}
}

// TestPlain: eight bytes at a time up to the first that means something, whichever
// it is and wherever it stands, and no further.
func TestPlain(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		special := c < ' ' || c == '"' || c == '\\' || c >= 0x80
		for at := range 24 {
			text := bytes.Repeat([]byte("a "), 12)
			text[at] = byte(c)
			want := len(text)
			if special {
				want = at / 8 * 8
			}
			if got := plain(text); got != want {
				t.Errorf("%#x at %d: %d bytes are plain, want %d", c, at, got, want)
			}
		}
	}
}

// BenchmarkCheckJSON judges 6 MB of text, as an edge does before it hands them on.
func BenchmarkCheckJSON(b *testing.B) {
	text := []byte(`{"data":"` + strings.Repeat("All work and no play makes Jack a dull boy. ", 6<<20/44) + `"}`)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if err := CheckJSON(text); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzCheckJSON holds the scanner to encoding/json, where the two may not differ,
// and the tree that is read after it.
func FuzzCheckJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e-3,true,null,"x\u00e9\n"]}`, `[]`, ` "é" `, `[[[]]]`, `{"a":{"b":{}}}`, "-0", "1e5", `"\ud800"`, "[1,]", `{"a":1,"a":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := CheckJSON(text)
		depth := bytes.Count(text, []byte("[")) + bytes.Count(text, []byte("{"))
		if err == nil && !json.Valid(text) {
			t.Fatalf("%q passed, and is not JSON", text)
		}
		if err != nil && json.Valid(text) && validForm(text) && depth < maxNesting {
			t.Fatalf("%q is JSON, and failed: %v", text, err)
		}
		if err != nil {
			return
		}
		tree, err := parseJSON(text)
		if err != nil || tree == nil {
			t.Fatalf("%q passed, and can't be read: %v", text, err)
		}
		var want any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&want); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if got := tree.plain(); !equalJSON(got, want) {
			t.Fatalf("%q was read as %#v, want %#v", text, got, want)
		}
	})
}

// validForm tells whether every byte sequence has the form of UTF-8: encoding/json
// reads any bytes inside a string, AWS's reader only these.
func validForm(text []byte) bool { return bytes.Equal(bytes.ToValidUTF8(text, []byte("?")), text) }

// plain turns nodes into what encoding/json makes of a text.
func (n *node) plain() any {
	switch n.kind {
	case isBool:
		return string(n.text) == "true"
	case isNumber:
		return json.Number(n.text)
	case isString:
		return string(n.text)
	case isArray:
		list := make([]any, len(n.items))
		for i, item := range n.items {
			list[i] = item.plain()
		}
		return list
	case isObject:
		m := map[string]any{}
		for _, member := range n.members {
			m[member.name] = member.node.plain()
		}
		return m
	}
	return nil
}

func equalJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// TestCheckJSONAllocatesOnce is not parallel: other tests' allocations would count.
func TestCheckJSONAllocatesOnce(t *testing.T) {
	text := []byte(`{"key1":"value1","key2":[1,2,{"a":null}]}`)
	if n := testing.AllocsPerRun(100, func() {
		if err := CheckJSON(text); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("a good text costs %v allocations, want 1", n)
	}
}

// TestRepeatedNames: the last value wins, at the first one's place, in small
// objects and in large ones.
func TestRepeatedNames(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"z":1`)
	for range 50 {
		b.WriteString(`,"a":2,"b":3`)
	}
	for i := range 60 {
		b.WriteString(`,"n` + strings.Repeat("i", i) + `":0`)
	}
	b.WriteString(`,"z":9}`)
	n, err := parseJSON([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if len(n.members) != 63 || n.members[0].name != "z" || string(n.child("z").text) != "9" || n.members[1].name != "a" {
		t.Errorf("%d members, first %q = %s", len(n.members), n.members[0].name, n.child("z").text)
	}
}

// FuzzRequest throws bodies at an operation with every kind of member: whatever
// comes, the answer is an AWS error or the handler is reached, and nobody panics.
func FuzzRequest(f *testing.F) {
	service := everything(f)
	for _, s := range []string{
		`{"FunctionName":"f","Role":"arn:aws:iam::111111111111:role/r","Code":{"ZipFile":"UEs="},"Timeout":3,"Layers":["x",null],"Environment":{"Variables":{"A1":null}}}`,
		`{"Code":null,"Tags":{"a":1}}`, `[]`, `{"VpcConfig":{"SubnetIds":[{}]}}`, `{"Publish":"true"}`, `{"Timeout":1e400}`, `{"Timeout":-0.0}`,
	} {
		f.Add("/2015-03-31/functions", s)
	}
	f.Add("/2015-03-31/event-source-mappings", `{"FunctionName":"f","StartingPositionTimestamp":1e300,"SelfManagedEventSource":{"Endpoints":{"KAFKA_BOOTSTRAP_SERVERS":["a"]}}}`)
	f.Add("/2015-03-31/functions/f/aliases?x=%zz", `{"Name":"a","RoutingConfig":{"AdditionalVersionWeights":{"":null}}}`)
	f.Fuzz(func(t *testing.T, path, body string) {
		if !strings.HasPrefix(path, "/2015-03-31/") || strings.ContainsAny(path, " \t\r\n\x00#") || !printableASCII(path) || badEscape(path) {
			t.Skip("not a request line")
		}
		got := ask(service, "POST", path, body)
		switch got.Code {
		case 400, 404, 413, 501:
		default:
			t.Fatalf("POST %s %q answered %d %s", path, body, got.Code, got.Body)
		}
		if !json.Valid(got.Body.Bytes()) {
			t.Fatalf("POST %s %q answered %q, which is not JSON", path, body, got.Body)
		}
	})
}

func printableASCII(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// badEscape: net/http itself refuses such a path.
func badEscape(target string) bool {
	path, _, _ := strings.Cut(target, "?")
	for i := range len(path) {
		if path[i] == '%' && (i+2 >= len(path) || !isHex(path[i+1]) || !isHex(path[i+2])) {
			return true
		}
	}
	return false
}

func isHex(c byte) bool { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
