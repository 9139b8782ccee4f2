// Package lambda holds the nouns of AWS Lambda: functions, versions, layers,
// ARNs, invocations and what came of them. It imports nothing but the standard
// library, does no I/O, and knows neither HTTP nor processes, so that every
// other package can speak of the same things in the same words.
//
// One noun has one file. Facts that come from AWS name their page or recording
// ("F035" and the like refer to docs/recordings.md).
package lambda
