package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"lambent/internal/catalog/catalogtest"
)

// TestModel takes random steps through the API of a real server, which runs real
// functions and is killed now and then; the answers are those of a plain model,
// and nothing is lost. The catalog's test of the same name takes many more.
func TestModel(t *testing.T) {
	t.Parallel()
	const steps, between = 120, 20
	dir := dataDir(t)
	s := launch(t, native, dir)
	defer func() { s.kill() }()
	model, random := catalogtest.New(), rand.New(rand.NewPCG(1, 4))
	for n := range steps {
		step := model.Draw(random)
		want := model.Do(step)
		if got := s.take(t, step); got != want {
			t.Fatalf("%+v\nanswered %+v\nwant     %+v\n%s", step, got, want, s.said)
		}
		if n%between == between-1 {
			s.kill()
			s = launch(t, native, dir)
			if got := s.everything(t); !slices.Equal(got, model.Everything()) {
				t.Fatalf("killed after %+v: there is\n%s\nwant\n%s", step, strings.Join(got, "\n"), strings.Join(model.Everything(), "\n"))
			}
		}
	}
}

// labelledCode tells which package it is of, and which handler ran.
func labelledCode(t *testing.T, label string) []byte {
	return zipOf(t, map[string]string{"app.py": fmt.Sprintf(
		"def first(event, context):\n    return [%[1]q, 'app.first', context.function_version]\ndef second(event, context):\n    return [%[1]q, 'app.second', context.function_version]\n", label)})
}

// rested waits until no version of any function is on its way.
func (s *server) rested(t *testing.T) (all []types.FunctionConfiguration) {
	t.Helper()
	eventually(t, "functions at rest", func() bool {
		all = nil
		pages := lambda.NewListFunctionsPaginator(s.client(), &lambda.ListFunctionsInput{FunctionVersion: types.FunctionVersionAll})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, page.Functions...)
		}
		for _, f := range all { // lists have no states (F087)
			now, err := s.client().GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: f.FunctionName, Qualifier: f.Version})
			if err != nil || now.State != types.StateActive || now.LastUpdateStatus != types.LastUpdateStatusSuccessful {
				return false
			}
		}
		return true
	})
	return all
}

// take takes one step.
func (s *server) take(t *testing.T, step catalogtest.Step) catalogtest.Answer {
	t.Helper()
	s.rested(t)
	ctx, client, name, qualifier := t.Context(), s.client(), &step.Function, &step.Qualifier
	switch step.Act {
	case catalogtest.Create:
		f, err := client.CreateFunction(ctx, &lambda.CreateFunctionInput{
			FunctionName: name, Runtime: "python3.11", Handler: &step.Handler, Description: &step.Description, Publish: step.Publish, MemorySize: aws.Int32(1769),
			Role: aws.String("arn:aws:iam::000000000000:role/r"), Code: &types.FunctionCode{ZipFile: labelledCode(t, step.Code)},
		})
		if err != nil {
			return refusal(t, err)
		}
		return s.made(t, f.Version, f.CodeSha256, f.Handler, f.Description)
	case catalogtest.UpdateCode:
		f, err := client.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: name, ZipFile: labelledCode(t, step.Code), Publish: step.Publish})
		if err != nil {
			return refusal(t, err)
		}
		return s.made(t, f.Version, f.CodeSha256, f.Handler, f.Description)
	case catalogtest.Configure:
		f, err := client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: name, Handler: &step.Handler, Description: &step.Description})
		if err != nil {
			return refusal(t, err)
		}
		return s.made(t, f.Version, f.CodeSha256, f.Handler, f.Description)
	case catalogtest.Publish:
		in := &lambda.PublishVersionInput{FunctionName: name}
		if step.Description != "" {
			in.Description = &step.Description
		}
		f, err := client.PublishVersion(ctx, in)
		if err != nil {
			return refusal(t, err)
		}
		return s.made(t, f.Version, f.CodeSha256, f.Handler, f.Description)
	case catalogtest.CreateAlias:
		a, err := client.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: name, Name: qualifier, FunctionVersion: &step.Target})
		if err != nil {
			return refusal(t, err)
		}
		return catalogtest.Answer{Version: *a.FunctionVersion}
	case catalogtest.UpdateAlias:
		a, err := client.UpdateAlias(ctx, &lambda.UpdateAliasInput{FunctionName: name, Name: qualifier, FunctionVersion: &step.Target})
		if err != nil {
			return refusal(t, err)
		}
		return catalogtest.Answer{Version: *a.FunctionVersion}
	}
	return s.takeRest(t, step)
}

// takeRest is take for what makes nothing.
func (s *server) takeRest(t *testing.T, step catalogtest.Step) catalogtest.Answer {
	t.Helper()
	var qualifier *string
	if step.Qualifier != "" {
		qualifier = &step.Qualifier
	}
	var err error
	switch step.Act {
	case catalogtest.DeleteAlias:
		_, err = s.client().DeleteAlias(t.Context(), &lambda.DeleteAliasInput{FunctionName: &step.Function, Name: qualifier})
	case catalogtest.Delete:
		_, err = s.client().DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: &step.Function, Qualifier: qualifier})
	case catalogtest.Invoke:
		var out *lambda.InvokeOutput
		if out, err = s.client().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &step.Function, Qualifier: qualifier}); err == nil {
			var said []string
			if err := json.Unmarshal(out.Payload, &said); err != nil || len(said) != 3 || said[2] != aws.ToString(out.ExecutedVersion) {
				t.Fatalf("%+v answered %s of version %s", step, out.Payload, aws.ToString(out.ExecutedVersion))
			}
			return catalogtest.Answer{Version: said[2], Code: said[0], Handler: said[1]}
		}
	}
	if err != nil {
		return refusal(t, err)
	}
	return catalogtest.Answer{}
}

func digest(zip []byte) string {
	sum := sha256.Sum256(zip)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (s *server) made(t *testing.T, version, sum, handler, description *string) catalogtest.Answer {
	a := catalogtest.Answer{Version: *version, Handler: *handler, Description: *description}
	for _, label := range catalogtest.Labels() {
		if digest(labelledCode(t, label)) == *sum {
			a.Code = label
		}
	}
	return a
}

func refusal(t *testing.T, err error) catalogtest.Answer {
	t.Helper()
	var refused smithy.APIError
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	return catalogtest.Answer{Refused: strings.ReplaceAll(refused.ErrorMessage(), "arn:aws:lambda:us-east-1:000000000000:", "ARN:")}
}

func (s *server) everything(t *testing.T) (lines []string) {
	t.Helper()
	for _, f := range s.rested(t) {
		lines = append(lines, catalogtest.Line(*f.FunctionName, s.made(t, f.Version, f.CodeSha256, f.Handler, f.Description)))
		if *f.Version != "$LATEST" {
			continue
		}
		aliases, err := s.client().ListAliases(t.Context(), &lambda.ListAliasesInput{FunctionName: f.FunctionName})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range aliases.Aliases {
			lines = append(lines, catalogtest.AliasLine(*f.FunctionName, *a.Name, *a.FunctionVersion))
		}
	}
	slices.Sort(lines)
	return lines
}
