// Command conformance proves that a server's execution environments keep the
// rules of AWS's Runtime, Extensions, Telemetry and Logs APIs.
//
//	go run ./conformance -endpoint http://127.0.0.1:3001
//
// It speaks to the server through the AWS API alone: it creates functions of
// the runtime provided.al2023 whose bootstrap, and extensions in layers, are a
// probe (conformance/probe) that makes raw HTTP requests, well and badly
// behaved, and tells what it saw. So it can be pointed at any implementation.
//
// A scenario is one function and what is done with it; a case is one rule that
// it proves. Every case prints its section in docs/environment.md, the rule,
// and ok or what was wrong:
//
//	§3.2 a registration without a name is refused: ok
//
// Rules about what can be seen only after an environment has ended need the
// logs: those of Lambent or, elsewhere, of CloudWatch Logs at the same
// endpoint. Without either such cases are skipped, and say so.
package main
