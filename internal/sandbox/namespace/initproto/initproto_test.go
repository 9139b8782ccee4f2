package initproto

import (
	"reflect"
	"testing"
)

func messages() []any {
	return []any{
		&Plan{
			Hostname: "h", NewRoot: "/r", BornInto: true, JoinBy: 3, OOMScore: -5, Leave: true,
			Ops:       []Op{{Code: OpBind, Mode: 0o755, Flags: 1 << 40, FD: 2, Source: "/a", Target: "/b", FSType: "ext4", Data: []byte{0, 255}}, {Data: []byte{}}},
			Child:     Child{SetIDs: true, UID: 1 << 31, GID: 7, Rlimits: []Rlimit{{7, 1024, ^uint64(0)}}, Affinity: []byte{3}, Filter: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
			Rlimits:   []Rlimit{{4, 0, 0}},
			Finishing: &Finishing{Ops: []Op{{Code: OpMoveFD, FD: 1, Target: "/tmp"}}, Affinity: []byte{1}},
		},
		&Finishing{Ops: []Op{{Code: OpDir, Target: "/a"}}, Rlimits: []Rlimit{{8, 64, 64}, {6, 1, 2}}, Affinity: []byte{255, 1}},
		&Command{Path: "/p", Argv: []string{"/p", "", "ü"}, Env: []string{"A=1"}, Dir: "/", FDs: []int{0, 1, 2, 255}},
		&StartedReply{PID: 3, Stage: StageExec, Errno: 13},
		&ExitedNote{PID: 9, Status: 0xff00},
		&SignalRequest{PID: 4, Signal: 15},
		&ListenRequest{Address: [4]byte{169, 254, 100, 1}, Port: 9001},
		&DeviceRequest{Name: "eth0", Address: [4]byte{10, 0, 0, 1}, MTU: 65535},
		&SocketRequest{Family: 10},
		&Measurement{Processes: 2, MemoryBytes: 1 << 40, PeakBytes: 1 << 41, CPUNanos: 1 << 50},
		&Reply{Errno: 2, What: "mount"},
	}
}

// TestRoundTrip: what is decoded is what was encoded, and nothing cut short passes.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, m := range messages() {
		packet := Encode(Done, m)
		got := reflect.New(reflect.TypeOf(m).Elem()).Interface()
		if err := DecodeInto(packet, got); err != nil {
			t.Errorf("%T: %v", m, err)
		}
		// An empty list and none are the same on the wire.
		if again := Encode(Done, got); string(again) != string(packet) {
			t.Errorf("%T: decoded as %+v, want %+v", m, got, m)
		}
		for n := range packet {
			if err := DecodeInto(packet[:n], reflect.New(reflect.TypeOf(m).Elem()).Interface()); err == nil {
				t.Errorf("%T: %d of %d bytes were enough", m, n, len(packet))
			}
		}
	}
}

func TestStagesHaveNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for s := StageFork; s <= StageExec; s++ {
		if seen[s.String()] || s.String() == "start" {
			t.Errorf("stage %d is called %q", s, s)
		}
		seen[s.String()] = true
	}
}

// FuzzDecode: no packet makes a decoder panic or take memory out of proportion.
func FuzzDecode(f *testing.F) {
	for i, m := range messages() {
		f.Add(uint8(i), Encode(Done, m))
	}
	f.Fuzz(func(t *testing.T, which uint8, packet []byte) {
		kinds := messages()
		m := kinds[int(which)%len(kinds)]
		_ = DecodeInto(packet, reflect.New(reflect.TypeOf(m).Elem()).Interface())
	})
}
