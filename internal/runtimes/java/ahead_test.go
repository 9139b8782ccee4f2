package java

import (
	"bytes"
	"debug/elf"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// TestAheadLooksLikeAFreshStart compares what a function sees of its process.
func TestAheadLooksLikeAFreshStart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		if runtimes.CompareVersions(f.Version, "17") < 0 {
			t.Skip("it is not started ahead")
		}
		j := job(f, "View::all", "{}")
		j.Framed = true
		j.Env = []lambda.Variable{{Name: "MINE", Value: "a=b \n ü"}, {Name: "EMPTY", Value: ""}}
		fresh, ahead := runtimetest.SameAhead(t, j)
		runtimetest.Views(t, fresh.Answers[0].Body, ahead.Answers[0].Body, "random", "uuid")
		t.Logf("first /next after %v afresh, %v ahead", fresh.First, ahead.First)
	})
}

// TestNotAhead lists what must be seen when the virtual machine is executed.
func TestNotAhead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		ahead := func(name string) bool {
			p, err := set.Program(&lambda.Version{Runtime: f.Runtime, MemoryMB: 512, Environment: []lambda.Variable{{Name: name, Value: "1"}}}, t.TempDir(), nil)
			if err != nil {
				t.Fatal(err)
			}
			return p.Ahead != nil
		}
		if old := runtimes.CompareVersions(f.Version, "17") < 0; ahead("MINE") == old {
			t.Errorf("a function with harmless variables is started ahead: %v", !old)
		}
		for _, name := range []string{"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "TZ", "LANG", "LD_PRELOAD", "AWS_LAMBDA_EXEC_WRAPPER"} {
			if ahead(name) {
				t.Errorf("a function that sets %s is started ahead", name)
			}
		}
	})
}

// TestLibrary reads the library as a linker does, for both architectures.
func TestLibrary(t *testing.T) {
	t.Parallel()
	for arch, want := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		library := libraryFor(arch)
		f, err := elf.NewFile(bytes.NewReader(library))
		if err != nil {
			t.Fatalf("%s: %v", arch, err)
		}
		if f.Machine != want || f.Type != elf.ET_DYN || len(f.Progs) != segments {
			t.Errorf("%s: machine %v, type %v, %d segments", arch, f.Machine, f.Type, len(f.Progs))
		}
		for _, name := range []string{"environ", symbolPrefix + "address", symbolPrefix + "variables", symbolPrefix + "enter"} {
			if !bytes.Contains(library, []byte("\x00"+name+"\x00")) {
				t.Errorf("%s: no symbol %s", arch, name)
			}
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_LOAD && (p.Off%p.Align != p.Vaddr%p.Align || p.Off+p.Filesz > uint64(len(library))) {
				t.Errorf("%s: segment %+v", arch, p.ProgHeader)
			}
			if p.Type == elf.PT_GNU_STACK && p.Flags&elf.PF_X != 0 {
				t.Errorf("%s: the stack is executable", arch)
			}
		}
		if !bytes.HasSuffix(bytes.TrimRight(library[:len(library)-19*8], "\x00"), []byte("/dev/null")) {
			t.Errorf("%s: the code does not end in its path", arch)
		}
	}
	if libraryFor("riscv64") != nil {
		t.Error("a library for an architecture without code")
	}
}
