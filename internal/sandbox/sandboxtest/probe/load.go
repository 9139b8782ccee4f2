package main

import (
	"os"
	"runtime"
	"time"

	"lambent/internal/sandbox/sandboxtest/finding"
)

func loadVerbs() map[string]verb {
	return map[string]verb{
		"spin":     spin,
		"allocate": allocate,
	}
}

// spin burns every processor for so many milliseconds of wall time, having said
// that it begins, and never ends by itself when that is 0.
func spin(args []string) finding.Finding {
	end := time.Now().Add(time.Duration(number(args[0])) * time.Millisecond)
	for range runtime.NumCPU() {
		go func() {
			//lint:ignore SA5002 burning the processor is what this is for
			for {
			}
		}()
	}
	tell(finding.Finding{Did: true})
	for number(args[0]) == 0 || time.Now().Before(end) {
		time.Sleep(time.Millisecond)
	}
	os.Exit(0)
	return finding.Finding{}
}

// allocate uses so many MiB, says so, and keeps them.
func allocate(args []string) finding.Finding {
	var kept [][]byte
	for range number(args[0]) {
		block := make([]byte, 1<<20)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		kept = append(kept, block)
	}
	tell(finding.Finding{Did: true, Number: int64(len(kept))})
	time.Sleep(time.Hour)
	runtime.KeepAlive(kept)
	return finding.Finding{}
}
