package ownapi

import "net/http"

// Stock is what waits of one kind of program that is started ahead.
type Stock struct {
	Program  string `json:"program"` // "" for bare sandboxes
	Ready    int    `json:"ready"`
	Coming   int    `json:"coming"` // being made
	Wanted   int    `json:"wanted"` // how many there should be
	MemoryMB int    `json:"memoryMb"`

	// What cold starts found since the stock is there.
	Taken   int `json:"taken"`
	Booting int `json:"booting"` // of these: one that had not come to its end
	Bare    int `json:"bare"`    // a sandbox without the program
	Nothing int `json:"nothing"`
}

// Ahead tells what is started ahead; it may be nil.
type Ahead interface {
	Stocks() []Stock
}

func (h *Handler) ahead(w http.ResponseWriter, _ *http.Request) {
	stocks := []Stock{}
	if h.Ahead != nil {
		stocks = append(stocks, h.Ahead.Stocks()...)
	}
	answer(w, stocks)
}
