package main

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
)

// photograph makes a picture of mountains above a lake, with the grain of a
// sensor: as hard to compress as what a camera gives. It is the same every time.
func photograph(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	grain := rand.New(rand.NewPCG(1, 2))
	far, near := ridge(width, height, 0.30, 0.16, 11), ridge(width, height, 0.46, 0.12, 23)
	shore := int(0.62 * float64(height))
	for y := range height {
		for x := range width {
			seen := y
			if y > shore { // the lake shows what is above it, drawn out and rippled
				seen = shore - (y-shore)*5/4 + int(6*noise(float64(x)/30, float64(y)/3, 5))
			}
			r, g, b := land(x, seen, height, far[x], near[x])
			if y > shore {
				r, g, b = r*0.62, g*0.70, b*0.78
			}
			n := (grain.Float64() - 0.5) * 36
			img.SetRGBA(x, y, color.RGBA{level(r + n), level(g + n), level(b + n*1.2), 255})
		}
	}
	return img
}

// land is what stands above the shore: near mountains, far ones, or the sky.
func land(x, y, height, far, near int) (r, g, b float64) {
	fx, fy := float64(x), float64(y)
	switch {
	case y > near:
		t := 40 * noise(fx/9, fy/6, 7)
		return 52 + t, 74 + 1.4*t, 40 + 0.7*t
	case y > far:
		t := 46 * noise(fx/25, fy/14, 3)
		return 104 + t, 112 + t, 128 + t
	}
	h := fy / float64(height)
	cloud := math.Max(0, noise(fx/340, fy/120, 9)-0.45) * 210
	return 96 + 190*h + cloud, 150 + 150*h + cloud, 222 + 40*h + cloud/2
}

// ridge is the height of a mountain line at each column.
func ridge(width, height int, level, rough float64, seed uint64) []int {
	line := make([]int, width)
	for x := range line {
		line[x] = int(float64(height) * (level + rough*(noise(float64(x)/260, 0.5, seed)-0.5)*2))
	}
	return line
}

// noise is fractal noise in 0 to 1.
func noise(x, y float64, seed uint64) float64 {
	sum, weight := 0.0, 0.5
	for range 4 {
		sum += weight * smooth(x, y, seed)
		x, y, weight, seed = x*2, y*2, weight/2, seed+1
	}
	return sum / (1 - weight*2)
}

// smooth goes from one point of a grid of random values to the next.
func smooth(x, y float64, seed uint64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	u, v := x-fx, y-fy
	u, v = u*u*(3-2*u), v*v*(3-2*v)
	ix, iy := int64(fx), int64(fy)
	top := point(ix, iy, seed)*(1-u) + point(ix+1, iy, seed)*u
	bottom := point(ix, iy+1, seed)*(1-u) + point(ix+1, iy+1, seed)*u
	return top*(1-v) + bottom*v
}

func point(x, y int64, seed uint64) float64 {
	h := uint64(x)*0x9e3779b97f4a7c15 ^ uint64(y)*0xc2b2ae3d27d4eb4f ^ seed*0x165667b19e3779f9
	h = (h ^ h>>31) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>29) * 0x94d049bb133111eb
	return float64((h^h>>32)>>11) / (1 << 53)
}

func level(v float64) uint8 { return uint8(min(max(v, 0), 255)) }
