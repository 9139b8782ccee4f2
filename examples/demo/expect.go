package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math"
)

// addPhotograph gives the thumbnail function its calls: a photograph with the
// first, and only its name with the second.
func addPhotograph(f *function, say *story) error {
	photo := photograph(3000, 2000)
	var file bytes.Buffer
	if err := jpeg.Encode(&file, photo, &jpeg.Options{Quality: 96}); err != nil {
		return err
	}
	if n := file.Len(); n < 3_000_000 || base64.StdEncoding.EncodedLen(n) > 6_000_000 {
		return fmt.Errorf("the photograph is %d bytes: not several megabytes that fit into an invocation", n)
	}
	say.line("           and a photograph to make small: 3000x2000, %s", size(file.Len()))
	f.calls = [2]*call{
		{
			event: map[string]any{"name": "lake.jpg", "width": 320, "image": file.Bytes()},
			check: checkThumbnail{photo, file.Len(), image.Pt(320, 213), false}.check,
		},
		{
			event: map[string]any{"name": "lake.jpg", "width": 150},
			check: checkThumbnail{photo, file.Len(), image.Pt(150, 100), true}.check,
		},
	}
	return nil
}

// checkThumbnail is what an answer of the thumbnail function must be.
type checkThumbnail struct {
	photo image.Image
	bytes int
	size  image.Point
	kept  bool // the original was in /tmp
}

// colorTolerance is how far average colors may be apart after making small and
// two compressions, of 255.
const colorTolerance = 4

func (c checkThumbnail) check(answer []byte) (string, error) {
	var got struct {
		Thumbnail []byte
		Original  [2]int
		Bytes     int
		Kept      bool
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return "", fmt.Errorf("read %.100q: %w", answer, err)
	}
	small, err := jpeg.Decode(bytes.NewReader(got.Thumbnail))
	if err != nil {
		return "", fmt.Errorf("decode the thumbnail: %w", err)
	}
	if small.Bounds().Size() != c.size || got.Bytes != c.bytes || got.Kept != c.kept || got.Original != [2]int{3000, 2000} {
		return "", fmt.Errorf("thumbnail %v of %v, %d bytes, kept %v; want %v of %d bytes, kept %v",
			small.Bounds().Size(), got.Original, got.Bytes, got.Kept, c.size, c.bytes, c.kept)
	}
	if d := distance(average(small), average(c.photo)); d > colorTolerance {
		return "", fmt.Errorf("the thumbnail shows something else: its average color is %.1f away", d)
	}
	where := "given"
	if c.kept {
		where = "found in /tmp"
	}
	return fmt.Sprintf("a thumbnail of %dx%d, the photograph was %s", c.size.X, c.size.Y, where), nil
}

func average(img image.Image) (rgb [3]float64) {
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, b, _ := img.At(x, y).RGBA()
			rgb[0], rgb[1], rgb[2] = rgb[0]+float64(r>>8), rgb[1]+float64(g>>8), rgb[2]+float64(b>>8)
		}
	}
	for i := range rgb {
		rgb[i] /= float64(b.Dx() * b.Dy())
	}
	return rgb
}

func distance(a, b [3]float64) (most float64) {
	for i := range a {
		most = max(most, math.Abs(a[i]-b[i]))
	}
	return most
}

// ordersCalls add up prices that binary fractions get wrong.
func ordersCalls() (calls [2]*call) {
	table := "customer,price,quantity\nAda,0.10,3\n\"Lovelace, Ltd\",19.99,7\nAda,1234567.89,2\n"
	for i := range calls {
		calls[i] = &call{event: map[string]any{"csv": table}, check: func(answer []byte) (string, error) {
			want := fmt.Sprintf(`{"rows":3,"totals":{"Ada":"2469136.08","Lovelace, Ltd":"139.93"},"invocations":%d}`, i+1)
			if string(answer) != want {
				return "", fmt.Errorf("got %s, want %s", answer, want)
			}
			return "3 orders added up, invocation " + fmt.Sprint(i+1) + " of its environment", nil
		}}
	}
	return calls
}

// markdownCalls render what plain Markdown lacks.
func markdownCalls() (calls [2]*call) {
	text := "# Lambent\n\n| phase | billed |\n| --- | --- |\n| Init | ~~no~~ yes |\n"
	for i := range calls {
		calls[i] = &call{event: map[string]any{"markdown": text}, check: func(answer []byte) (string, error) {
			var got struct {
				HTML        string
				Invocations int
			}
			if err := json.Unmarshal(answer, &got); err != nil {
				return "", fmt.Errorf("read %s: %w", answer, err)
			}
			for _, want := range []string{"<h1>Lambent</h1>", "<table>", "<td><del>no</del> yes</td>"} {
				if !bytes.Contains([]byte(got.HTML), []byte(want)) {
					return "", fmt.Errorf("%s is not in %s", want, got.HTML)
				}
			}
			if got.Invocations != i+1 {
				return "", errors.New("it answers from another environment: invocation " + fmt.Sprint(got.Invocations))
			}
			return "a table in HTML, invocation " + fmt.Sprint(i+1) + " of its environment", nil
		}}
	}
	return calls
}
