//go:build !linux

package main

import "time"

// Other systems' accounts are not read: their columns stay empty.
func cpuOf([]int) time.Duration   { return 0 }
func family(root int) []int       { return []int{root} }
func memoryOf(int) (int64, int64) { return 0, 0 }
func peakMemory(int) int64        { return 0 }
func resetPeak(int)               {}
func usedMemory() int64           { return 0 }
