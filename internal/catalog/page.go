package catalog

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"

	"lambent/internal/lambda"
)

// maxPage is how many entries AWS puts on a page, whatever was asked for.
const maxPage = 50

// place is where an entry stands in its list. A marker is the place of the last
// entry that was given, so that what comes and goes between two pages makes
// nobody see an old entry twice or miss one.
type place struct {
	Name   string
	Number int64
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.Name, q.Name), cmp.Compare(p.Number, q.Number))
}

// page cuts one page out of a list that is sorted by place.
func page[T any](all []T, at func(T) place, marker string, limit int) (items []T, next string, err error) {
	return pageOf(all, at, marker, limit, maxPage)
}

// pageOf is page for a list that has more or fewer entries on a page.
func pageOf[T any](all []T, at func(T) place, marker string, limit, most int) (items []T, next string, err error) {
	if marker != "" {
		after, err := readMarker(marker)
		if err != nil {
			return nil, "", err
		}
		start := slices.IndexFunc(all, func(item T) bool { return at(item).compare(after) > 0 })
		if start < 0 {
			start = len(all)
		}
		all = all[start:]
	}
	if limit <= 0 || limit > most {
		limit = most
	}
	if len(all) <= limit {
		return all, "", nil
	}
	return all[:limit], at(all[limit-1]).marker(), nil
}

func (p place) marker() string {
	text, _ := json.Marshal(p) // a place always encodes
	return base64.RawURLEncoding.EncodeToString(text)
}

func readMarker(marker string) (p place, err error) {
	text, err := base64.RawURLEncoding.DecodeString(marker)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		return place{}, lambda.Errorf(lambda.InvalidParameter, "The Marker is invalid. Use the NextMarker of the page before.")
	}
	return p, nil
}
