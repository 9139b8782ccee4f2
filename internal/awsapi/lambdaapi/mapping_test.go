package lambdaapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const (
	mappingsPath = "/2015-03-31/event-source-mappings"
	queueARN     = "arn:aws:sqs:us-east-1:111111111111:q"
	streamARN    = "arn:aws:kinesis:us-east-1:111111111111:stream/s"
	tableARN     = "arn:aws:dynamodb:us-east-1:111111111111:table/t/stream/2026-01-01T00:00:00.000"
	clusterARN   = "arn:aws:kafka:us-east-1:111111111111:cluster/c/0aa0aaaa-1"
	brokerARN    = "arn:aws:mq:us-east-1:111111111111:broker:b:b-1"
	documentsARN = "arn:aws:rds:us-east-1:111111111111:cluster:d"
)

// mapped makes a mapping and answers its id and what AWS would have shown.
func (j *joined) mapped(body string) (id string, shown map[string]any) {
	j.t.Helper()
	answer := j.ok(202, "POST", mappingsPath, body, "")
	if err := json.Unmarshal(answer.Body.Bytes(), &shown); err != nil {
		j.t.Fatal(err)
	}
	id, _ = shown["UUID"].(string)
	return id, shown
}

func (j *joined) mapping(id string) map[string]any {
	j.t.Helper()
	var shown map[string]any
	if err := json.Unmarshal(j.ok(200, "GET", mappingsPath+"/"+id, "", "").Body.Bytes(), &shown); err != nil {
		j.t.Fatal(err)
	}
	return shown
}

// TestMappingMembers is F200 to F203: what each kind of source shows.
func TestMappingMembers(t *testing.T) {
	const everywhere = `"EventSourceMappingArn":"arn:aws:lambda:us-east-1:111111111111:event-source-mapping:#","FunctionArn":"arn:aws:lambda:us-east-1:111111111111:function:f","State":"Creating","UUID":"#"`
	const stream = `"BatchSize":100,"BisectBatchOnFunctionError":false,"DestinationConfig":{"OnFailure":{}},"FunctionResponseTypes":[],"LastProcessingResult":"No records processed","MaximumBatchingWindowInSeconds":0,` +
		`"MaximumRecordAgeInSeconds":-1,"MaximumRetryAttempts":-1,"ParallelizationFactor":1,"StateTransitionReason":"User action","TumblingWindowInSeconds":0`
	const user = `"StateTransitionReason":"USER_INITIATED"`
	const access = `"SourceAccessConfigurations":[{"Type":"BASIC_AUTH","URI":"arn:aws:secretsmanager:us-east-1:111111111111:secret:s"}]`
	for name, c := range map[string]struct{ asked, shown string }{
		"queue":    {`"EventSourceArn":"` + queueARN + `"`, `"BatchSize":10,"FunctionResponseTypes":[],"MaximumBatchingWindowInSeconds":0,` + user},
		"kinesis":  {`"StartingPosition":"LATEST","EventSourceArn":"` + streamARN + `"`, stream},
		"dynamodb": {`"StartingPosition":"TRIM_HORIZON","EventSourceArn":"` + tableARN + `"`, stream},
		"msk": {`"StartingPosition":"LATEST","Topics":["t1"],"EventSourceArn":"` + clusterARN + `"`,
			`"BatchSize":100,"LastProcessingResult":"No records processed","AmazonManagedKafkaEventSourceConfig":{"ConsumerGroupId":"#"},` + user},
		"kafka": {`"StartingPosition":"LATEST","Topics":["t1"],"SelfManagedEventSource":{"Endpoints":{"KAFKA_BOOTSTRAP_SERVERS":["a:9092"]}},` + access,
			`"BatchSize":100,"LastProcessingResult":"No records processed","SelfManagedKafkaEventSourceConfig":{"ConsumerGroupId":"#"},` + user},
		"broker": {`"Queues":["q"],"EventSourceArn":"` + brokerARN + `",` + access, `"BatchSize":100,"LastProcessingResult":"No records processed",` + user},
		"documents": {`"StartingPosition":"LATEST","DocumentDBEventSourceConfig":{"DatabaseName":"d"},"EventSourceArn":"` + documentsARN + `",` + access,
			`"BatchSize":100,"LastProcessingResult":"No records processed","DocumentDBEventSourceConfig":{"DatabaseName":"d","FullDocument":"Default"},` + user},
	} {
		t.Run(name, func(t *testing.T) {
			inJoined(t, func(t *testing.T, j *joined) {
				id, shown := j.mapped(`{"FunctionName":"f",` + c.asked + `}`)
				var asked, want map[string]any
				for text, into := range map[string]*map[string]any{`{` + c.asked + `}`: &asked, `{` + everywhere + `,` + c.shown + `}`: &want} {
					if err := json.Unmarshal([]byte(strings.ReplaceAll(text, "#", id)), into); err != nil {
						t.Fatal(err)
					}
				}
				for member, value := range asked {
					if _, ok := want[member]; !ok {
						want[member] = value
					}
				}
				if _, ok := shown["LastModified"].(float64); !ok { // F016
					t.Errorf("LastModified is %v, want a number", shown["LastModified"])
				}
				delete(shown, "LastModified")
				if got, want := asJSON(shown), asJSON(want); got != want {
					t.Errorf("made\n%s, want\n%s", got, want)
				}
			})
		})
	}
}

// TestMappingStates is F199 and F214: what passes by itself and what it becomes.
func TestMappingStates(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		j.publish("f")
		id, _ := j.mapped(`{"FunctionName":"f","EventSourceArn":"` + queueARN + `"}`)
		settled := func(want string) {
			t.Helper()
			time.Sleep(time.Second)
			if got := j.mapping(id)["State"]; got != want {
				t.Errorf("settled as %v, want %s", got, want)
			}
		}
		settled("Enabled")
		for _, step := range []struct{ body, passes, rests string }{
			{`{"BatchSize":5}`, "Updating", "Enabled"},
			{`{"FunctionName":"f:1"}`, "Updating", "Enabled"},
			{`{"Enabled":true}`, "Updating", "Enabled"},
			{`{"Enabled":false}`, "Disabling", "Disabled"},
			{`{"BatchSize":6}`, "Updating", "Disabled"},
			{`{"Enabled":true}`, "Enabling", "Enabled"},
		} {
			if answer := j.ok(202, "PUT", mappingsPath+"/"+id, step.body, ""); !strings.Contains(answer.Body.String(), `"State":"`+step.passes+`"`) {
				t.Errorf("%s answered %s, want %s", step.body, answer.Body, step.passes)
			}
			j.refused("PUT", mappingsPath+"/"+id, `{}`, "ResourceInUseException", "Cannot update the event source mapping because it is in use.")
			j.refused("DELETE", mappingsPath+"/"+id, "", "ResourceInUseException", "Cannot delete the event source mapping because it is in use.")
			settled(step.rests)
		}
		if shown := j.mapping(id); shown["FunctionArn"] != home.FunctionARN("f", "1") || shown["BatchSize"] != 6.0 {
			t.Errorf("the mapping is %v", shown)
		}
		if answer := j.ok(202, "DELETE", mappingsPath+"/"+id, "", ""); !strings.Contains(answer.Body.String(), `"State":"Deleting"`) {
			t.Errorf("DELETE answered %s", answer.Body)
		}
		time.Sleep(time.Second)
		j.refused("GET", mappingsPath+"/"+id, "", notFoundCode, "The resource you requested does not exist.")
		if _, shown := j.mapped(`{"FunctionName":"f","Enabled":false,"EventSourceArn":"` + queueARN + `"}`); shown["State"] != "Disabled" {
			t.Errorf("made disabled it is %v, want Disabled at once", shown["State"])
		}
	})
}

// TestMappingRefusals is F205 to F208, F210 and F212, and the texts that AWS has for settings
// that a kind of source does not have.
func TestMappingRefusals(t *testing.T) {
	const secret = `,"SourceAccessConfigurations":[{"Type":"BASIC_AUTH","URI":"arn:aws:secretsmanager:us-east-1:111111111111:secret:s"}]`
	const queue, kinesis, dynamodb = `"EventSourceArn":"` + queueARN + `"`, `"EventSourceArn":"` + streamARN + `"`, `"EventSourceArn":"` + tableARN + `"`
	const latest = `,"StartingPosition":"LATEST"`
	const lacksPosition = "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."
	cases := map[string][2]string{
		``:                                   {invalidParameter, "Unrecognized event source."},
		`"EventSourceArn":"arn:aws:s3:::b"`:  {invalidParameter, "Unrecognized event source, must be kinesis, dynamodb stream or sqs. Unsupported source arn : arn:aws:s3:::b"},
		queue + `,"FunctionName":"nobody"`:   {invalidParameter, "Function does not exist"},
		queue + `,"FunctionName":"f:nobody"`: {invalidParameter, "Function does not exist"},
		queue + `,"FunctionName":"nobody","DestinationConfig":{"OnSuccess":{"Destination":"` + queueARN + `"}}`: {invalidParameter, "Unsupported DestinationConfig parameter for given event source mapping type."},
		kinesis:  {invalidParameter, lacksPosition},
		dynamodb: {invalidParameter, lacksPosition},
		kinesis + `,"StartingPosition":"invalid"`:       {validationCode, "1 validation error detected: Value 'invalid' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]"},
		dynamodb + `,"StartingPosition":"AT_TIMESTAMP"`: {invalidParameter, "Unsupported starting position for arn type: " + tableARN},
		kinesis + `,"StartingPosition":"AT_TIMESTAMP"`:  {invalidParameter, "Need to specify a timestamp"},
		queue + latest:            {invalidParameter, "StartingPosition is not valid for SQS event sources."},
		queue + `,"BatchSize":11`: {invalidParameter, "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"},
		`"EventSourceArn":"` + queueARN + `.fifo","MaximumBatchingWindowInSeconds":1`:                                                {invalidParameter, "Batching window is not supported for FIFO queues"},
		queue + `,"ParallelizationFactor":2`:                                                                                         {invalidParameter, "Unsupported 'parallelizationFactor' parameter for given event source mapping type."},
		queue + `,"MaximumRetryAttempts":2`:                                                                                          {invalidParameter, "Unsupported 'maximumRetryAttempts' parameter for given event source mapping type."},
		kinesis + latest + `,"ScalingConfig":{"MaximumConcurrency":2}`:                                                               {invalidParameter, "Unsupported 'scalingConfig' parameter for given event source mapping type."},
		kinesis + latest + `,"Topics":["t1"]`:                                                                                        {invalidParameter, "Unsupported 'topics' parameter for given event source mapping type."},
		`"EventSourceArn":"` + clusterARN + `"` + latest:                                                                             {invalidParameter, "Required 'topics' parameter is missing."},
		`"EventSourceArn":"` + brokerARN + `"` + secret:                                                                              {invalidParameter, "Required 'queues' parameter is missing."},
		`"SelfManagedEventSource":{"Endpoints":{"KAFKA_BOOTSTRAP_SERVERS":["a:9092"]}},"Topics":["t1"]`:                              {invalidParameter, "Required 'sourceAccessConfigurations' parameter is missing."},
		`"EventSourceArn":"` + clusterARN + `","Topics":["t1"],"SelfManagedKafkaEventSourceConfig":{"ConsumerGroupId":"g"}` + latest: {invalidParameter, "Unsupported 'selfManagedKafkaEventSourceConfig' parameter for given event source mapping type."},
	}
	for _, pattern := range []string{`null`, `"text"`, `plain`, `{"a":"leaf"}`, `{"eventName":["INSERT"=123}`, `{"a":[]}`, `{"a":[{"exists":1}]}`, `{"a":[{"between":[1,2]}]}`, `{"a":[{"numeric":[">"]}]}`, `{} {}`} {
		cases[queue+`,"FilterCriteria":{"Filters":[{"Pattern":`+asJSON(pattern)+`}]}`] = [2]string{invalidParameter, "Invalid filter pattern definition."}
	}
	inJoined(t, func(t *testing.T, j *joined) {
		for _, body := range slices.Sorted(maps.Keys(cases)) {
			want := cases[body]
			if !strings.Contains(body, "FunctionName") {
				body = strings.Trim(`"FunctionName":"f",`+body, ",")
			}
			j.refused("POST", mappingsPath, `{`+body+`}`, want[0], want[1])
		}
		const nobody = mappingsPath + "/01234567-0123-0123-0123-012345678901"
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			j.refused(method, nobody, `{}`, notFoundCode, "The resource you requested does not exist.") // F205
		}
	})
}

// TestMappingTwice is F211.
func TestMappingTwice(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		for body, text := range map[string]string{
			`"EventSourceArn":"` + queueARN + `"`:                                               `An event source mapping with SQS arn (" ` + queueARN + ` ") and function (" f ") already exists. Please update or delete the existing mapping with UUID `,
			`"EventSourceArn":"` + streamARN + `","StartingPosition":"LATEST"`:                  `The event source arn (" ` + streamARN + ` ") and function (" f ") provided mapping already exists. Please update or delete the existing mapping with UUID `,
			`"EventSourceArn":"` + tableARN + `","StartingPosition":"LATEST"`:                   `The event source arn (" ` + tableARN + ` ") and function (" f ") provided mapping already exists. Please update or delete the existing mapping with UUID `,
			`"EventSourceArn":"` + clusterARN + `","StartingPosition":"LATEST","Topics":["t1"]`: `An event source mapping with event source ("` + clusterARN + `"), function ("ARN:function:f"), topics ("t1") already exists. Please update or delete the existing mapping with UUID `,
		} {
			id, _ := j.mapped(`{"FunctionName":"f",` + body + `}`)
			j.refused("POST", mappingsPath, `{"FunctionName":"f",`+body+`}`, conflictCode, text+id)
		}
		j.publish("f") // another version is another function here
		j.mapped(`{"FunctionName":"f:1","EventSourceArn":"` + queueARN + `"}`)
	})
}

// TestMappingFilters is F204: filters come back as they were, and every operator
// that AWS knows is let in.
func TestMappingFilters(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		const criteria = `"FilterCriteria":{"Filters":[{"Pattern":"{ \"a\" : [ \"b\", 1, null, true ] }"},{"Pattern":"{\"dynamodb\":{\"NewImage\":{\"n\":{\"N\":[{\"numeric\":[\">\",1,\"<=\",5]},{\"anything-but\":[\"x\"]},{\"exists\":false},{\"prefix\":\"p\"},{\"suffix\":\"s\"},{\"equals-ignore-case\":\"E\"}]}}},\"$or\":[{\"a\":[1]},{\"b\":[2]}]}"}]}`
		id, _ := j.mapped(`{"FunctionName":"f","EventSourceArn":"` + queueARN + `",` + criteria + `}`)
		time.Sleep(time.Second)
		if got := j.ok(200, "GET", mappingsPath+"/"+id, "", "").Body.String(); !strings.Contains(got, criteria) {
			t.Errorf("the filters came back as %s", got)
		}
		j.ok(202, "PUT", mappingsPath+"/"+id, `{"FilterCriteria":{}}`, "")
		if got := j.mapping(id)["FilterCriteria"]; got != nil {
			t.Errorf("emptied filters are %v", got)
		}
	})
}

// TestListMappings is F086 and F213, and the pages.
func TestListMappings(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		ids := map[string]bool{}
		for i := range 5 {
			id, _ := j.mapped(fmt.Sprintf(`{"FunctionName":"f","EventSourceArn":"%s%d"}`, queueARN, i))
			ids[id] = true
		}
		pages := sdk.NewListEventSourceMappingsPaginator(j.Client, &sdk.ListEventSourceMappingsInput{MaxItems: aws.Int32(2), FunctionName: aws.String("f")})
		var seen []types.EventSourceMappingConfiguration
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil || len(page.EventSourceMappings) > 2 {
				t.Fatalf("a page of %d: %v", len(page.EventSourceMappings), err)
			}
			seen = append(seen, page.EventSourceMappings...)
		}
		for _, m := range seen {
			delete(ids, *m.UUID)
		}
		if len(seen) != 5 || len(ids) != 0 {
			t.Errorf("the pages had %d mappings and left out %v", len(seen), ids)
		}
		const none = `{"EventSourceMappings":[]}`
		j.ok(200, "GET", mappingsPath+"?FunctionName=nobody", "", none)
		j.ok(200, "GET", mappingsPath+"?EventSourceArn="+queueARN, "", none)
		if got := j.ok(200, "GET", mappingsPath+"?EventSourceArn="+queueARN+"3", "", ""); strings.Count(got.Body.String(), "UUID") != 1 {
			t.Errorf("one source has %s", got.Body)
		}
		j.ok(204, "DELETE", functionsPath+"/f", "", "")
		time.Sleep(time.Second)
		if got := j.mapping(*seen[0].UUID); got["State"] != "Enabled" || got["FunctionArn"] != home.FunctionARN("f", "") {
			t.Errorf("without its function a mapping is %v (F086)", got)
		}
	})
}

// TestMappingTags is F114.
func TestMappingTags(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		id, _ := j.mapped(`{"FunctionName":"f","EventSourceArn":"` + queueARN + `","Tags":{"a":"1"}}`)
		path := "/2017-03-31/tags/" + home.EventSourceMappingARN(id)
		j.ok(200, "GET", path, "", `{"Tags":{"a":"1"}}`)
		j.ok(204, "POST", path, `{"Tags":{"b":"2","a":"3"}}`, "")
		j.ok(200, "GET", path, "", `{"Tags":{"a":"3","b":"2"}}`)
		j.ok(204, "DELETE", path+"?tagKeys=a&tagKeys=never", "", "")
		j.ok(200, "GET", path, "", `{"Tags":{"b":"2"}}`)
		for _, elsewhere := range []string{strings.Replace(path, "us-east-1", "eu-west-1", 1), strings.Replace(path, home.Account, "222222222222", 1), strings.Replace(path, "arn:aws:", "arn:aws-cn:", 1)} {
			j.refused("GET", elsewhere, "", notFoundCode, "The resource you requested does not exist.")
		}
		j.refused("GET", "/2017-03-31/tags/"+home.EventSourceMappingARN("01234567-0123-0123-0123-012345678901"), "", notFoundCode, "The resource you requested does not exist.")
	})
}
