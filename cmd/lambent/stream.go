package main

import "lambent/internal/stream"

// responseRate is how quickly responses are streamed.
func (o options) responseRate() stream.Rate { return stream.PerSecond(int64(o.streamRateMB) << 20) }
