// Package awsapi speaks the dialect of AWS's REST-JSON services as a server:
// it finds the operation that a request means, decodes the request into the
// SDK's own input type, checks every constraint of the API model at once, and
// encodes the output or the error so that unmodified SDKs understand it.
//
// What it needs to know is split in two. Types come from the SDK, so that no
// shape is copied by hand. A Model, generated from facts (see gen), adds what
// only a server needs: HTTP bindings, constraints, the order of members, and
// the words of AWS's complaints. Adding an operation is adding a handler:
//
//	service := awsapi.NewService(model, awsapi.Options{…})
//	awsapi.Handle(service, "GetFunction", func(ctx context.Context, in *lambda.GetFunctionInput) (*lambda.GetFunctionOutput, error) { … })
//
// Order of judgement, as AWS's recordings show it: size of the request, syntax
// of its body (SerializationException), the model's constraints
// (ValidationException, all of them in one message: F007, F013), and only then
// the handler, whose *lambda.Error becomes an exception by its kind. Anything
// else that a handler returns is ours: the caller reads ServiceException with a
// request id, and our log has the cause under that id, once.
//
// Handlers live in packages named after the service: lambdaapi, sts.
package awsapi

//go:generate go run ./gen -facts gen -o lambdaapi/model.json
