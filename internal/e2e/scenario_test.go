package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	encoder "image/jpeg"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"lambent/internal/usernet"
)

// The scenarios that the source documents name: S88 to S96.

// TestBatchStopsInTime is S91: a batch loop looks at the remaining time and
// gives a continuation token.
func TestBatchStopsInTime(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{timeout: 60, code: `
import time
def handler(event, context):
    done = event.get("from", 0)
    while context.get_remaining_time_in_millis() >= 55000 and done < 1000:
        time.sleep(0.05)
        done += 1
    return {"continue": done, "left": context.get_remaining_time_in_millis()}
`})
	var first, second struct {
		Continue int
		Left     int
	}
	s.call(t, name, `{}`).into(t, &first)
	if first.Continue == 0 || first.Continue >= 1000 || first.Left >= 55000 || first.Left <= 0 {
		t.Errorf("first batch: %+v", first)
	}
	s.call(t, name, `{"from": 998}`).into(t, &second)
	if second.Continue != 1000 {
		t.Errorf("last batch: %+v", second)
	}
}

// TestEnvironmentCountsItsInvocations is S92 and S34: a function can tell its
// environment's identity, age and count from globals.
func TestEnvironmentCountsItsInvocations(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: `
import time, uuid
born, ident, count = time.time(), str(uuid.uuid4()), 0
def handler(event, context):
    global count
    count += 1
    return {"id": ident, "number": count, "age": time.time() - born, "cold": count == 1}
`})
	type answer struct {
		ID     string
		Number int
		Age    float64
		Cold   bool
	}
	var last answer
	for i := 1; i <= 4; i++ {
		var now answer
		r := s.call(t, name, `{}`)
		r.into(t, &now)
		if now.Number != i || now.Cold != (i == 1) || r.cold() != (i == 1) || now.Age <= last.Age && i > 1 || last.ID != "" && now.ID != last.ID {
			t.Errorf("invocation %d: %+v after %+v\n%s", i, now, last, r.log)
		}
		last = now
	}
}

// TestBackgroundThreadStandsStill is S93, S25 and S26: a thread that prints
// makes no progress between invocations and goes on during the next one.
func TestBackgroundThreadStandsStill(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{timeout: 10, code: `
import threading, time
ticks = 0
def tick():
    global ticks
    while True:
        time.sleep(0.1)
        ticks += 1
        print("tick", ticks)
thread = threading.Thread(target=tick, daemon=True)
def handler(event, context):
    if not thread.is_alive():
        thread.start()
    before = ticks
    time.sleep(event["sleep"])
    return {"before": before, "after": ticks}
`})
	var first, second struct{ Before, After int }
	s.call(t, name, `{"sleep": 0.55}`).into(t, &first)
	time.Sleep(rest)
	r := s.call(t, name, `{"sleep": 0.55}`)
	r.into(t, &second)
	if first.After < 2 || second.Before > first.After+int(rest/(100*time.Millisecond))/2 || second.After <= second.Before {
		t.Errorf("ticks: %+v, after %v of rest %+v", first, rest, second)
	}
	if !strings.Contains(r.log, "tick ") {
		t.Errorf("the thread did not go on in the second invocation:\n%s", r.log)
	}
}

// TestCrashKeepsTmp is S95, S4, S19 and S20: after a crash the globals are new
// and /tmp is what it was.
func TestCrashKeepsTmp(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: `
import os, tempfile
count = 0
note = os.path.join(tempfile.gettempdir(), "note")
def handler(event, context):
    global count
    count += 1
    if event.get("crash"):
        open(note, "w").write("still here")
        os._exit(3)
    return {"count": count, "note": os.path.exists(note) and open(note).read()}
`})
	var first, after struct {
		Count int
		Note  any
	}
	s.call(t, name, `{}`).into(t, &first)
	if first.Count != 1 || first.Note != false {
		t.Errorf("first: %+v", first)
	}
	crash := s.call(t, name, `{"crash": true}`)
	if crash.fault != "Unhandled" || !strings.Contains(crash.payload, `"errorType":"Runtime.ExitError"`) ||
		!strings.Contains(crash.payload, "Error: Runtime exited with error: exit status 3") {
		t.Errorf("crash: %+v", crash)
	}
	r := s.call(t, name, `{}`)
	r.into(t, &after)
	if after.Count != 1 || after.Note != "still here" {
		t.Errorf("after the crash: %+v", after)
	}
	if r.cold() {
		t.Errorf("an Init inside the invocation is no Init Duration:\n%s", r.log)
	}
}

// TestSlowInit is S96 and S6: an Init of twelve seconds is cut off at ten, and
// runs again inside the invocation when the function's timeout allows.
func TestSlowInit(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{timeout: 30, code: `
import time
time.sleep(12)
def handler(event, context):
    return "ready"
`})
	r := s.call(t, name, `{}`)
	if r.payload != `"ready"` || r.fault != "" {
		t.Errorf("got %+v", r)
	}
	if rep := r.report(t); rep.init != 0 || rep.duration < 12000 || rep.status != "" {
		t.Errorf("%s", rep.whole)
	}
	log := s.waitLog(t, name, "REPORT RequestId")
	if !regexp.MustCompile(`(?m)^INIT_REPORT Init Duration: 1\d{4}\.\d\d ms\tPhase: init\tStatus: timeout$`).MatchString(log) {
		t.Errorf("no INIT_REPORT of the first try:\n%s", log)
	}
}

// TestImagesAreResized is S88 and S10: a function with a library from a layer
// downloads several megabytes to /tmp, works on them, and finds them again in a
// warm start.
func TestImagesAreResized(t *testing.T) {
	t.Parallel()
	files, runtime := pillow(t)
	s := start(t, "--network", "host") // the pictures are on this host's loopback
	picture := jpeg(t)
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(picture) // a caller that hung up tells it
	}))
	defer source.Close()
	layer := s.layer(t, "pillow", files)
	name := s.deploy(t, function{runtime: runtime, memory: 1024, timeout: 60, layers: []string{layer}, env: map[string]string{"SOURCE": strings.Replace(source.URL, "127.0.0.1", usernet.Gateway.String(), 1)}, code: `
import os, urllib.request
from PIL import Image
def handler(event, context):
    there = os.path.exists("/tmp/picture.jpg")
    if not there: urllib.request.urlretrieve(os.environ["SOURCE"], "/tmp/picture.jpg")
    image = Image.open("/tmp/picture.jpg")
    image.thumbnail((64, 64))
    image.save("/tmp/small.png")
    return {"there": there, "bytes": os.path.getsize("/tmp/picture.jpg"), "size": image.size, "module": Image.__file__}
`})
	for i := range 2 {
		var got struct {
			There  bool
			Bytes  int
			Size   [2]int
			Module string
		}
		s.call(t, name, `{}`).into(t, &got)
		if got.There != (i == 1) || got.Bytes != len(picture) || got.Size != [2]int{64, 48} || !strings.HasPrefix(got.Module, "/opt/python/PIL/") {
			t.Errorf("call %d: %+v of %d bytes", i, got, len(picture))
		}
	}
}

// pillow reads the layer that scripts/prepare-tests.sh made, and tells its runtime.
func pillow(t *testing.T) (files map[string]string, runtime string) {
	t.Helper()
	folder := prepared(t, "layers/pillow")
	name, err := os.ReadFile(filepath.Join(folder, "runtime"))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]string{}
	err = filepath.WalkDir(filepath.Join(folder, "python"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".pyc") {
			return err
		}
		text, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, folder+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, strings.TrimSpace(string(name))
}

// prepared is a folder under build, without which the test is skipped.
func prepared(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../build", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("scripts/prepare-tests.sh did not install %s: %v", name, err)
	}
	return path
}

// jpeg is a picture of 4 to 3 and several megabytes, noise so that it stays large.
func jpeg(t *testing.T) []byte {
	t.Helper()
	noise := rand.New(rand.NewPCG(1, 2))
	picture := image.NewRGBA(image.Rect(0, 0, 1600, 1200))
	for i := range picture.Pix {
		picture.Pix[i] = byte(noise.Uint32())
	}
	var out bytes.Buffer
	if err := encoder.Encode(&out, picture, &encoder.Options{Quality: 97}); err != nil {
		t.Fatal(err)
	}
	if out.Len() < 2<<20 {
		t.Fatalf("the picture has only %d bytes", out.Len())
	}
	return out.Bytes()
}

// TestConnectionIsKeptAndMadeAgain is S90 and S81: a connection in a global is
// used by later invocations, and made again when it was closed meanwhile.
func TestConnectionIsKeptAndMadeAgain(t *testing.T) {
	t.Parallel()
	s := start(t, "--network", "host")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	accepted := make(chan net.Conn, 8)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			accepted <- c
			go func() {
				for line := bufio.NewScanner(c); line.Scan(); {
					fmt.Fprintln(c, "row for", line.Text())
				}
			}()
		}
	}()
	name := s.deploy(t, function{timeout: 20, env: map[string]string{"HOST": usernet.Gateway.String(), "PORT": fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)}, code: `
import os, socket
connection, made = None, 0
def query(text):
    global connection, made
    if connection is None:
        connection, made = socket.create_connection((os.environ["HOST"], int(os.environ["PORT"]))).makefile("rw"), made + 1
    connection.write(text + "\n")
    connection.flush()
    return connection.readline()
def handler(event, context):
    global connection
    try:
        row = query(event)
    except OSError:
        row = ""
    if not row:
        connection = None
        row = query(event)
    return [row.strip(), made]
`})
	for i, c := range []struct{ event, want string }{{"a", `["row for a", 1]`}, {"b", `["row for b", 1]`}, {"c", `["row for c", 2]`}} {
		if i == 2 {
			select {
			case c := <-accepted:
				c.Close()
			default:
				t.Fatal("the function made no connection")
			}
		}
		if r := s.call(t, name, `"`+c.event+`"`); r.payload != c.want {
			t.Errorf("call %d: %+v", i, r)
		}
	}
}
