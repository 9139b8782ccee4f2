// Package lambdaapi is the Lambda service as its callers see it: the handlers
// that turn the API's shapes into Lambent's nouns and back. Rules across nouns
// are the catalog's; what is decided here is only what depends on how a caller
// wrote something: names against ARNs and qualifiers, regions, sizes, and which
// members an answer shows.
//
// Invoke does not go through awsapi's general codec: it is the one operation
// that is called a thousand times for every other, and its request is a payload
// with a handful of headers. See invoke.go.
package lambdaapi
