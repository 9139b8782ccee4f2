package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"lambent/internal/admission"
	"lambent/internal/lambda"
)

// ratesOfAWS are AWS's own for the operations that change and show things, in
// requests a second ("Lambda quotas" of the developer guide). The star is for all
// that have no rate of their own, together.
const ratesOfAWS = "GetFunction=100,GetPolicy=15,*=15"

// apiRates are how many requests for operations are let in. A nil *apiRates lets in
// all.
type apiRates struct {
	rates map[string]admission.Rate
	began time.Time

	mu     sync.Mutex
	meters map[string]admission.Meter // mu
}

// parseAPIRates reads the flag: nothing, aws, or a list like ratesOfAWS.
func parseAPIRates(text string) (*apiRates, error) {
	switch text {
	case "":
		return nil, nil
	case "aws":
		text = ratesOfAWS
	}
	r := &apiRates{rates: map[string]admission.Rate{}, began: time.Now(), meters: map[string]admission.Meter{}}
	for _, item := range strings.Split(text, ",") {
		operation, number, ok := strings.Cut(item, "=")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n < 1 || operation == "" {
			return nil, fmt.Errorf("--api-rate %q: want aws, or operations and their requests a second, such as %s", item, ratesOfAWS)
		}
		r.rates[operation] = admission.Rate{Count: n, Per: time.Second}
	}
	return r, nil
}

// admit answers nil, or AWS's refusal of one request too many.
func (r *apiRates) admit(operation string) error {
	if r == nil {
		return nil
	}
	rate, ok := r.rates[operation]
	if !ok {
		operation = "*"
		if rate, ok = r.rates[operation]; !ok {
			return nil
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	meter := r.meters[operation]
	if !rate.Take(&meter, time.Since(r.began)) {
		return &lambda.Error{Kind: lambda.Throttled, Message: "Rate exceeded", Reason: "CallerRateLimitExceeded"}
	}
	r.meters[operation] = meter
	return nil
}
