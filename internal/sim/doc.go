// Package sim runs the daemon's engines on simulated sandboxes in virtual time,
// from a seed: functions that crash, hang, leak lines and start slowly, callers
// that give up, sandboxes that cannot be made. Whatever happens, no invocation
// is lost, none is answered twice or with another's answer, and nothing is left
// behind. A failing seed prints itself; `make sim SEED=n` plays it again.
//
// The package holds tests only.
package sim
