package lambdaapi

import (
	"strings"
	"testing"
	"testing/synctest"
)

const provisionedPath = "/2019-09-30/functions/f/provisioned-concurrency"

// shownProvisioned is what a config looks like while nothing is initialised.
func shownProvisioned(arn, n string) string {
	return `{` + arn + `"RequestedProvisionedConcurrentExecutions":` + n + `,"AvailableProvisionedConcurrentExecutions":0,"AllocatedProvisionedConcurrentExecutions":0,` +
		`"Status":"IN_PROGRESS","LastModified":"2000-01-01T00:00:00+0000"}`
}

// answered is the same from Put, whose model has another order.
func answered(n string) string {
	const available, allocated = `"AvailableProvisionedConcurrentExecutions":0,`, `"AllocatedProvisionedConcurrentExecutions":0,`
	return strings.Replace(shownProvisioned("", n), available+allocated, allocated+available, 1)
}

// F014, F016, F163, F164, F168.
func TestProvisionedConcurrencyOnTheWire(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		j.publish("f")
		j.ok(201, "POST", aliasesPath, `{"Name":"live","FunctionVersion":"1"}`, "")
		j.publish("f")
		const none = "No Provisioned Concurrency Config found for this function"
		j.ok(200, "GET", provisionedPath+"?List=ALL", "", `{"ProvisionedConcurrencyConfigs":[]}`)
		j.refused("GET", provisionedPath+"?Qualifier=2", "", "ProvisionedConcurrencyConfigNotFoundException", none)
		j.ok(202, "PUT", provisionedPath+"?Qualifier=2", `{"ProvisionedConcurrentExecutions":2}`, answered("2"))
		j.ok(202, "PUT", provisionedPath+"?Qualifier=live", `{"ProvisionedConcurrentExecutions":1}`, answered("1"))
		j.ok(200, "GET", provisionedPath+"?Qualifier=2", "", shownProvisioned("", "2"))
		first, second := shownProvisioned(`"FunctionArn":"`+functionF+`:2",`, "2"), shownProvisioned(`"FunctionArn":"`+functionF+`:live",`, "1")
		j.ok(200, "GET", provisionedPath+"?List=ALL", "", `{"ProvisionedConcurrencyConfigs":[`+first+`,`+second+`]}`)
		if body := j.send("GET", "/2016-08-19/account-settings", "").Body.String(); !strings.Contains(body, `"UnreservedConcurrentExecutions":997`) {
			t.Errorf("GetAccountSettings: %s", body)
		}
		j.ok(204, "DELETE", provisionedPath+"?Qualifier=2", "", "")
		j.ok(204, "DELETE", provisionedPath+"?Qualifier=2", "", "")
		j.refused("GET", provisionedPath+"?Qualifier=2", "", "ProvisionedConcurrencyConfigNotFoundException", none)
		j.ok(204, "DELETE", functionsPath+"/f/aliases/live", "", "")
		j.refused("GET", provisionedPath+"?Qualifier=live", "", notFoundCode, "Cannot find alias arn: ARN:function:f:live")
		j.ok(200, "GET", provisionedPath+"?List=ALL", "", `{"ProvisionedConcurrencyConfigs":[]}`)
	})
}

// F161, F165, F166, F167, and what else has none.
func TestProvisionedConcurrencyRefusals(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		j.publish("f")
		j.ok(201, "POST", aliasesPath, `{"Name":"live","FunctionVersion":"1"}`, "")
		j.ok(201, "POST", aliasesPath, `{"Name":"latest","FunctionVersion":"$LATEST"}`, "")
		j.publish("f")
		j.ok(201, "POST", aliasesPath, `{"Name":"mixed","FunctionVersion":"2","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}}`, "")
		synctest.Wait()
		const one = `{"ProvisionedConcurrentExecutions":1}`
		put := func(qualifier, body, code, text string) {
			t.Helper()
			j.refused("PUT", provisionedPath+"?Qualifier="+qualifier, body, code, text)
		}
		const unpublished = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
		put("$LATEST", one, invalidParameter, unpublished)
		put("latest", one, invalidParameter, unpublished)
		put("mixed", one, invalidParameter, "Alias with weights can not be used with Provisioned Concurrency")
		put("9", one, notFoundCode, "Function not found: ARN:function:f:9")
		put("none", one, notFoundCode, "Cannot find alias arn: ARN:function:f:none")
		put("1", `{"ProvisionedConcurrentExecutions":0}`, validationCode,
			"1 validation error detected: Value '0' at 'provisionedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 1")
		const latest = "The function resource provided must be an alias or a published version."
		j.refused("GET", provisionedPath+"?Qualifier=$LATEST", "", invalidParameter, latest)
		j.refused("DELETE", provisionedPath+"?Qualifier=$LATEST", "", invalidParameter, latest)
		j.refused("GET", "/2019-09-30/functions/nobody/provisioned-concurrency?List=ALL", "", notFoundCode, "Function not found: ARN:function:nobody")
		j.refused("PUT", "/2019-09-30/functions/nobody/provisioned-concurrency?Qualifier=1", one, notFoundCode, "Function not found: ARN:function:nobody:1")

		j.ok(202, "PUT", provisionedPath+"?Qualifier=live", one, "")
		put("1", one, conflictCode, "Version is pointed by a Provisioned Concurrency alias")
		j.ok(202, "PUT", provisionedPath+"?Qualifier=2", one, "")
		const already = "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
		j.ok(201, "POST", aliasesPath, `{"Name":"second","FunctionVersion":"2"}`, "")
		put("second", one, conflictCode, already)
		j.refused("PUT", aliasesPath+"/live", `{"FunctionVersion":"2"}`, conflictCode, already)
		// One of two aliases of a version, whichever comes first.
		j.ok(201, "POST", aliasesPath, `{"Name":"beside","FunctionVersion":"1"}`, "")
		put("beside", one, conflictCode, already)
		j.ok(202, "PUT", provisionedPath+"?Qualifier=live", one, "")
		j.refused("PUT", aliasesPath+"/live", `{"FunctionVersion":"$LATEST"}`, invalidParameter, unpublished)

		const reserve = "/2017-10-31/functions/f/concurrency"
		untyped(t, j.refused("PUT", reserve, `{"ReservedConcurrentExecutions":1}`, invalidParameter,
			" ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2]."))
		j.ok(200, "PUT", reserve, `{"ReservedConcurrentExecutions":3}`, "")
		put("live", `{"ProvisionedConcurrentExecutions":3}`, invalidParameter, "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function")
		j.ok(202, "PUT", provisionedPath+"?Qualifier=live", `{"ProvisionedConcurrentExecutions":2}`, "")
		j.ok(204, "DELETE", reserve, "", "")
		// Two of f's three stay provisioned beside what version 2 asks for.
		untyped(t, j.refused("PUT", provisionedPath+"?Qualifier=2", `{"ProvisionedConcurrentExecutions":999}`, invalidParameter,
			"Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [998]."))
		untyped(t, j.refused("PUT", provisionedPath+"?Qualifier=2", `{"ProvisionedConcurrentExecutions":899}`, invalidParameter,
			"Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."))
		j.ok(202, "PUT", provisionedPath+"?Qualifier=2", `{"ProvisionedConcurrentExecutions":898}`, "")
		j.create("g")
		j.refused("PUT", "/2017-10-31/functions/g/concurrency", `{"ReservedConcurrentExecutions":1}`, invalidParameter,
			"Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].")
	})
}
