package lambdaapi

import (
	"bufio"
	"encoding/json"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"lambent/internal/lambda"
)

const (
	dotPattern   = `(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`
	noDotPattern = `(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`
	qualifierRX  = `\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`
)

// recording is one line of testdata/aws/names.tsv.
type recording struct{ title, operation, name, qualifier, code, message string }

func recordings(t *testing.T) []recording {
	t.Helper()
	file, err := os.Open("testdata/aws/names.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var list []recording
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		f := strings.Split(lines.Text(), "\t")
		list = append(list, recording{f[0], f[1], spell(f[2]), spell(f[3]), f[4], fullMessage(f[4], spell(f[5]))})
	}
	return list
}

var times = regexp.MustCompile(`(.)×(\d+)`)

// spell writes out what the table abbreviates.
func spell(s string) string {
	s = strings.NewReplacer("<region>", home.Region, "<acct>", home.Account,
		"pattern(dot)", "Member must satisfy regular expression pattern: "+dotPattern,
		"pattern(no dot)", "Member must satisfy regular expression pattern: "+noDotPattern).Replace(s)
	return times.ReplaceAllStringFunc(s, func(m string) string {
		parts := times.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[2])
		return strings.Repeat(parts[1], n)
	})
}

// fullMessage adds what the table leaves out of every constraint's sentence.
func fullMessage(code, message string) string {
	if !strings.HasPrefix(message, "Value ") {
		return message
	}
	parts := strings.Split(message, " ; ")
	for i, p := range parts {
		for _, path := range []string{"'qualifier'", "'functionName'"} {
			p = strings.Replace(p, path+": ", path+" failed to satisfy constraint: ", 1)
		}
		parts[i] = p
	}
	count := "1 validation error detected: "
	if len(parts) > 1 {
		count = strconv.Itoa(len(parts)) + " validation errors detected: "
	}
	return count + strings.Join(parts, "; ")
}

// TestRecordedNames asks what AWS was asked, and wants its answers (F018 to F030).
func TestRecordedNames(t *testing.T) {
	t.Parallel()
	server := serve(t, newWorld())
	for _, r := range recordings(t) {
		t.Run(r.title+"/"+r.operation, func(t *testing.T) {
			status, code, body := send(t, server, r)
			want := map[string]int{"ResourceNotFoundException": 404}[r.code]
			if want == 0 {
				want = 400
			}
			var got struct{ Message, Type string }
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatalf("answered %q: %v", body, err)
			}
			if status != want || code != r.code || got.Message != r.message {
				t.Errorf("%s with name %q and qualifier %q answered %d %s\n%s\nwant %d %s\n%s", r.operation, r.name, r.qualifier, status, code, got.Message, want, r.code, r.message)
			}
			capital, typed := strings.Contains(string(body), `"Message":`), got.Type == "User"
			if capital != (r.code == "ResourceNotFoundException") || typed != (r.code != "ValidationException") {
				t.Errorf("%s has the members of another exception: %s", r.code, body)
			}
		})
	}
}

func send(t *testing.T, server *httptest.Server, r recording) (status int, code string, body []byte) {
	t.Helper()
	path := functionsPath + "/" + url.PathEscape(r.name)
	query := ""
	if r.qualifier != "" {
		query = "?Qualifier=" + url.QueryEscape(r.qualifier)
	}
	switch r.operation {
	case "create_function":
		text, _ := json.Marshal(map[string]any{"FunctionName": r.name, "Role": role, "Runtime": "python3.13", "Handler": "h.h", "Code": map[string]any{"ZipFile": "UEs="}})
		return do(t, server, "POST", functionsPath, string(text))
	case "get_function":
		return do(t, server, "GET", path+query, "")
	case "delete_function":
		return do(t, server, "DELETE", path+query, "")
	case "invoke":
		return do(t, server, "POST", path+"/invocations"+query, "{}")
	}
	t.Fatalf("no such operation in the table: %s", r.operation)
	return 0, "", nil
}

const functionsPath = "/2015-03-31/functions"

func do(t testing.TB, server *httptest.Server, method, path, body string) (status int, code string, answer []byte) {
	t.Helper()
	response, answer := request(t, server, method, path, body, nil)
	return response.StatusCode, response.Header.Get("x-amzn-errortype"), answer
}

// TestChangesAreForFunctions: a version can't be changed, so it is not the
// function that is changed in its place.
func TestChangesAreForFunctions(t *testing.T) {
	t.Parallel()
	server := serve(t, withFunction())
	for _, c := range []struct{ method, path, body string }{
		{"PUT", functionsPath + "/f:1/code", `{"ZipFile":"UEs="}`},
		{"PUT", functionsPath + "/f:live/configuration", `{}`},
		{"POST", functionsPath + "/f:1/versions", `{}`},
		{"POST", functionsPath, strings.Replace(createBody, `"f"`, `"f:1"`, 1)},
	} {
		status, code, body := do(t, server, c.method, c.path, c.body)
		if status != 400 || code != "InvalidParameterValueException" || !strings.Contains(string(body), "permitted on Lambda functions only") {
			t.Errorf("%s %s answered %d %s %s", c.method, c.path, status, code, body)
		}
	}
	if status, _, body := do(t, server, "PUT", functionsPath+"/f:$LATEST/configuration", `{}`); status != 200 {
		t.Errorf("a change of f:$LATEST answered %d %s", status, body)
	}
}

// nameAlphabet is what names are made of, and what nearly looks like it.
var nameAlphabet = []string{
	"arn:", "aws", "aws-cn", ":lambda:", "lambda", "ec2", "us-east-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "us-isobb-east-1",
	"eusc-de-east-1", "eusc-", "us-east-10", "us--1", "US-east-1", ":", "111111111111", "11111111111", "1111111111111", "function", "function:", "my-f.n_1", "$LATEST", "$LATEST.PUBLISHED", "$LATES",
	"-", "_", ".", "$", "!", "é", "", " ", "\n", "1", "a",
}

// TestMatchersEqualTheirPatterns holds the hand-written matchers to the regular
// expressions that AWS prints.
func TestMatchersEqualTheirPatterns(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`\A(?:` + dotPattern + `)\z`)
	qualifier := regexp.MustCompile(`\A(?:` + qualifierRX + `)\z`)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	fits := 0
	for range 50_000 {
		var b strings.Builder
		for range 1 + random.IntN(9) {
			b.WriteString(nameAlphabet[random.IntN(len(nameAlphabet))])
		}
		s := b.String()
		if want := name.MatchString(s); fitsName(s) != want {
			t.Fatalf("fitsName(%q) is %v, the pattern says %v (seed %d)", s, !want, want, seed)
		} else if want {
			fits++
		}
		if want := qualifier.MatchString(s); fitsQualifier(s) != want {
			t.Fatalf("fitsQualifier(%q) is %v, the pattern says %v (seed %d)", s, !want, want, seed)
		}
	}
	if fits < 250 {
		t.Errorf("only %d of the names fit: the alphabet says too little", fits)
	}
}

func FuzzName(f *testing.F) {
	name := regexp.MustCompile(`\A(?:` + dotPattern + `)\z`)
	for _, s := range []string{"f", "f:1", "arn:aws:lambda:us-east-1:111111111111:function:f:$LATEST", "111111111111:function:f", "us-east-1:f", "arn:aws:lambda:f"} {
		f.Add(s)
	}
	api := &API{Config: Config{Home: home}}
	f.Fuzz(func(t *testing.T, s string) {
		if fitsName(s) != name.MatchString(s) {
			t.Fatalf("fitsName(%q) is %v", s, fitsName(s))
		}
		if ref, err := api.qualified(s, ""); err == nil && fitsName(s) && ref.Name == "" {
			t.Fatalf("%q means a function without a name", s)
		}
	})
}

func TestReferences(t *testing.T) {
	t.Parallel()
	api := &API{Config: Config{Home: home}}
	for _, c := range []struct {
		name, qualifier string
		want            lambda.Reference
		refused         string
	}{
		{"f", "", lambda.Reference{Name: "f"}, ""},
		{"f:1", "", lambda.Reference{Name: "f", Qualifier: "1"}, ""},
		{"f:1", "1", lambda.Reference{Name: "f", Qualifier: "1"}, ""},
		{"f", "live", lambda.Reference{Name: "f", Qualifier: "live"}, ""},
		{"f:1", "2", lambda.Reference{}, "The derived qualifier from the function name does not match the specified qualifier."},
		{"function:f", "", lambda.Reference{Name: "f"}, ""},
		{"111111111111:function:f:live", "", lambda.Reference{Account: home.Account, Name: "f", Qualifier: "live"}, ""},
		{"us-east-1:111111111111:function:f", "", lambda.Reference{Region: home.Region, Account: home.Account, Name: "f"}, ""},
		{"arn:aws:lambda:us-east-1:111111111111:function:f:$LATEST", "$LATEST", lambda.Reference{Region: home.Region, Account: home.Account, Name: "f", Qualifier: "$LATEST"}, ""},
		{"arn:aws:lambda:eu-west-1:111111111111:function:f", "", lambda.Reference{}, "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"},
		{"eu-west-1:111111111111:function:f", "", lambda.Reference{}, "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"},
		{"222222222222:function:f", "", lambda.Reference{}, "Function not found: arn:aws:lambda:us-east-1:222222222222:function:f"},
		{"arn:aws:lambda:f", "", lambda.Reference{}, "arn:aws:lambda:f is not a valid function name or ARN."},
	} {
		got, err := api.qualified(c.name, c.qualifier)
		if c.refused != "" {
			if err == nil || err.Error() != c.refused {
				t.Errorf("%q with %q: error %v, want %q", c.name, c.qualifier, err, c.refused)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%q with %q is %+v (%v), want %+v", c.name, c.qualifier, got, err, c.want)
		}
	}
}
