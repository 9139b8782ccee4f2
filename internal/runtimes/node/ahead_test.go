package node

import (
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// TestAheadLooksLikeAFreshStart compares what a function sees of its process.
func TestAheadLooksLikeAFreshStart(t *testing.T) {
	t.Parallel()
	const source = `const fs = require("fs");
const { execSync } = require("child_process");
exports.handler = async () => {
  const fds = {};
  for (const fd of fs.readdirSync("/proc/self/fd")) {
    try {
      fds[fd] = fs.readlinkSync("/proc/self/fd/" + fd).split(":")[0];
    } catch {}
  }
  const status = {};
  for (const line of fs.readFileSync("/proc/self/status", "utf8").split("\n")) {
    const [name, value] = line.split(":");
    if (["Umask", "Threads", "SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "Uid", "Gid", "Cpus_allowed"].includes(name)) {
      status[name] = value.trim();
    }
  }
  const env = { ...process.env };
  const task = env.LAMBDA_TASK_ROOT;
  delete env.LAMBDA_TASK_ROOT;
  delete env.AWS_LAMBDA_RUNTIME_API;
  return {
    env, order: Object.keys(env), cwd: process.cwd() === fs.realpathSync(task), argv: process.argv, argv0: process.argv0, execArgv: process.execArgv,
    exec: process.execPath, title: process.title, fds, status, stdin: fs.readFileSync(0, "utf8"), zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    hour: new Date(0).getHours(), child: execSync("echo $TZ $MINE; env | grep -c AHEAD || true").toString(), paths: module.paths.length,
    globals: Object.getOwnPropertyNames(globalThis).sort(), listeners: process.eventNames().map(String).sort(),
    handles: process.getActiveResourcesInfo ? process.getActiveResourcesInfo() : [], heap: require("v8").getHeapStatistics().heap_size_limit,
    random: Math.random(), uuid: require("crypto").randomUUID(),
  };
};
`
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		fresh, ahead := runtimetest.SameAhead(t, runtimetest.Job{
			Set: set, Runtime: f.Runtime, Task: map[string]string{"app.js": source}, Framed: true,
			Env: []lambda.Variable{{Name: "TZ", Value: "Asia/Tokyo"}, {Name: "MINE", Value: "a=b \n ü"}, {Name: "EMPTY", Value: ""}},
		})
		runtimetest.Views(t, fresh.Answers[0].Body, ahead.Answers[0].Body, "random", "uuid")
	})
}

// TestAheadLogs compares log records and errors.
func TestAheadLogs(t *testing.T) {
	t.Parallel()
	const source = `console.log("loaded");
exports.handler = async () => { console.warn("told"); throw new Error("broken"); };
`
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		for _, format := range []string{"Text", "JSON"} {
			fresh, ahead := runtimetest.SameAhead(t, runtimetest.Job{
				Set: set, Runtime: f.Runtime, Task: map[string]string{"app.js": source}, Framed: true,
				Env: []lambda.Variable{{Name: "AWS_LAMBDA_LOG_FORMAT", Value: format}},
			})
			for i, frame := range fresh.Frames {
				if a := ahead.Frames[i]; a.Type != frame.Type {
					t.Errorf("%s: ahead it logs %x %q, want %x %q", format, a.Type, a.Text, frame.Type, frame.Text)
				}
			}
		}
	})
}

// TestNotAhead lists what must be seen when Node.js is executed.
func TestNotAhead(t *testing.T) {
	t.Parallel()
	ahead := func(f runtimes.Found, name string) bool {
		p, err := set.Program(&lambda.Version{Runtime: f.Runtime, MemoryMB: 128, Environment: []lambda.Variable{{Name: name, Value: "1"}}}, t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return p.Ahead != nil
	}
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		if !ahead(f, "MINE") || !ahead(f, "TZ") {
			t.Error("a function with harmless variables is not started ahead")
		}
		for _, name := range []string{"NODE_OPTIONS", "NODE_PATH", "NODE_EXTRA_CA_CERTS", "HOME", "OPENSSL_CONF", "UV_THREADPOOL_SIZE", "LD_PRELOAD", "AWS_LAMBDA_EXEC_WRAPPER"} {
			if ahead(f, name) {
				t.Errorf("a function that sets %s is started ahead", name)
			}
		}
	})
}
