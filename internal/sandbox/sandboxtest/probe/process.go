package main

import (
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lambent/internal/sandbox/sandboxtest/finding"
)

func processVerbs() map[string]verb {
	return map[string]verb{
		"exit":     func(a []string) finding.Finding { os.Exit(number(a[0])); panic("unreachable") },
		"die":      die,
		"describe": describe,
		"fds":      descriptors,
		"stdin":    stdin,
		"print":    print,
		"flood":    flood,
		"burst":    burst,
		"hold":     hold,
		"hide":     hide,
		"leave":    leave,
		"pair":     pair,
		"churn":    churn,
		"crowd":    crowd,
		"bomb":     bomb,
		"signal":   func(a []string) finding.Finding { return outcome(unix.Kill(number(a[0]), unix.Signal(number(a[1])))) },
		"limits":   limits,
		"sleep":    func([]string) finding.Finding { time.Sleep(time.Hour); return finding.Finding{} },
	}
}

// die ends by a signal.
func die(args []string) finding.Finding {
	unix.Kill(os.Getpid(), unix.Signal(number(args[0])))
	time.Sleep(time.Hour)
	return finding.Finding{}
}

// describe tells the environment, the arguments, the folder and the group.
func describe(args []string) finding.Finding {
	dir, err := os.Getwd()
	f := outcome(err)
	f.Text = dir
	f.List = append(append([]string{}, os.Environ()...), args...)
	if unix.Getpgrp() == os.Getpid() {
		f.Number = 1
	}
	return f
}

// descriptors lists what is open and what it is, where that can be told.
func descriptors([]string) finding.Finding {
	f := finding.Finding{Did: true}
	for fd := range 1024 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			link, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
			f.List = append(f.List, strconv.Itoa(fd)+" "+link)
		}
	}
	return f
}

func stdin([]string) finding.Finding {
	b, err := io.ReadAll(os.Stdin)
	f := outcome(err)
	f.Number = int64(len(b))
	return f
}

// print writes each text to a descriptor: "1=out" "2=err" "5=extra".
func print(args []string) finding.Finding {
	for _, a := range args {
		fd, text, _ := strings.Cut(a, "=")
		if _, err := unix.Write(number(fd), []byte(text)); err != nil {
			return outcome(err)
		}
	}
	os.Exit(0)
	return finding.Finding{}
}

// flood writes so many lines, numbered.
func flood(args []string) finding.Finding {
	for i := range number(args[0]) {
		io.WriteString(os.Stdout, strconv.Itoa(i)+"\n")
	}
	os.Exit(0)
	return finding.Finding{}
}

// burst writes so many bytes in one go, says so by another way, and stays.
func burst(args []string) finding.Finding {
	for done := 0; done < number(args[1]); {
		n, err := unix.Write(1, []byte(strings.Repeat("x", min(4096, number(args[1])-done))))
		if err != nil {
			return outcome(err)
		}
		done += n
	}
	hold(args[:1])
	return finding.Finding{}
}

// hold connects to an address and sends a beat every millisecond, so that who
// listens knows whether this process runs, stands still or is gone. The word
// "stubborn" after the address makes it ignore every signal that can be ignored,
// and the end of the connection.
func hold(args []string) finding.Finding {
	c, f := connect(args[0])
	if !f.Did {
		return f
	}
	words := " " + strings.Join(args[1:], " ") + " "
	stubborn := strings.Contains(words, " stubborn ")
	if stubborn {
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTSTP)
	}
	for {
		if _, err := c.Write([]byte{'.'}); err != nil && !stubborn {
			os.Exit(3)
		}
		time.Sleep(time.Millisecond)
	}
}

// hide leaves a process behind that holds an address: "session" leaves the
// session, "orphan" does so as a grandchild, "bare" also clears its environment
// and leaves its folder and its output.
func hide(args []string) finding.Finding {
	how, address := args[0], args[1]
	if how == "orphan" || how == "bare" {
		err := again("leave", how, address).Run()
		return outcome(err)
	}
	return leave([]string{how, address})
}

// leave starts the hidden process and does not wait for it.
func leave(args []string) finding.Finding {
	cmd := again("hold", args[1], "stubborn")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if args[0] == "bare" {
		cmd.Env, cmd.Dir, cmd.Stderr = []string{}, "/", nil
	}
	return outcome(cmd.Start())
}

// again is this program with another verb.
func again(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Stderr = os.Stderr
	return cmd
}

// pair holds an address together with a child of the same group.
func pair(args []string) finding.Finding {
	if err := again("hold", args[0]).Start(); err != nil {
		return outcome(err)
	}
	return hold(args)
}

// churn forks without end, so that there is always a process that nobody has
// seen yet; each tells the address that it lived.
func churn(args []string) finding.Finding {
	c, f := connect(args[0])
	if !f.Did {
		return f
	}
	for {
		c.Write([]byte{'.'})
		if err := again("exit", "0").Run(); err != nil {
			time.Sleep(time.Millisecond)
		}
	}
}

// crowd starts so many children that stay, and counts those it could start.
func crowd(args []string) finding.Finding {
	f := finding.Finding{Did: true}
	for range number(args[0]) {
		if err := again("sleep").Start(); err != nil {
			f.Error = err.Error()
			break
		}
		f.Number++
	}
	tell(f)
	time.Sleep(time.Hour)
	return f
}

// bomb doubles itself for ever.
func bomb([]string) finding.Finding {
	for {
		again("bomb").Start()
	}
}

// limits tells the limits of open files and of core files.
func limits([]string) finding.Finding {
	var files, core unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return outcome(err)
	}
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err != nil {
		return outcome(err)
	}
	return finding.Finding{Did: true, List: []string{
		"files " + strconv.Itoa(int(files.Max)), "core " + strconv.Itoa(int(core.Max))}}
}
