package e2e_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"flag"
	"html/template"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
)

var readmePictures = flag.String("readme-pictures", "", "the directory in which the READMEs' pictures are written, which takes port 9502; empty: none are")

// maxPicture is how large a README's picture may be, in bytes.
const maxPicture = 150_000

// framed is a page in a picture.
type framed struct {
	Frame   string // window or phone
	Address string
	Picture template.URL
}

// TestPopupPictures makes the READMEs' pictures: what a push to the home page does to pages in a browser, with the command and its answer.
func TestPopupPictures(t *testing.T) {
	if *readmePictures == "" {
		t.Skip("without -readme-pictures")
	}
	serve(t, "127.0.0.1:9502")
	for file, c := range map[string]struct{ language, message string }{
		"popup.png":    {"en", "Order 7 is on its way"},
		"popup-zh.png": {"zh-CN", "订单 7 已发货"},
	} {
		pages := []struct {
			scene, frame, colours string
			width, height         int64
			tab                   *tab
		}{
			{"home", "window", "light", 430, 424, nil}, {"list", "window", "light", 430, 424, nil}, {"home", "phone", "dark", 340, 652, nil},
		}
		for i, p := range pages {
			pages[i].tab = newTab(t, profile{language: c.language})
			call(pages[i].tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
				Width: p.width, Height: p.height, DeviceScaleFactor: 1.5, Mobile: p.frame == "phone"})
			call(pages[i].tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: p.colours}}})
			pages[i].tab.open("http://localhost:9502/demo/" + p.scene)
			pages[i].tab.wait(`document.querySelector("#state").dataset.state === "open" && e2e.welcomed === 1`)
			pages[i].tab.setSpeed(slow)
		}

		command := "curl http://localhost:9502/v1/push -H \"Authorization: Bearer $API_KEY\" \\\n    -d '" +
			`{"to": {"page": "home"}, "message": {"code": 200, "message": ` + mustJSON(c.message) + `}}'`
		curl := exec.CommandContext(t.Context(), "sh", "-c", command+" --silent --show-error --fail-with-body")
		curl.Env = append(os.Environ(), "API_KEY="+demoKey)
		answer, err := curl.Output()
		if err != nil || !strings.Contains(string(answer), `"matched":2,`) {
			t.Fatalf("%s\n%s (%v)", command, answer, err)
		}

		shown := struct {
			Command, Answer string
			Pages           []framed
		}{Command: command, Answer: strings.TrimSpace(string(answer))}
		for _, p := range pages {
			if p.scene == "home" {
				p.tab.wait(`e2e.popups().length === 1 && e2e.popups().every(e2e.seen) && document.getAnimations().length === 0`)
			} else {
				p.tab.expect(`e2e.popups().length`, 0)
			}
			shot := call(p.tab, page.CaptureScreenshot, page.CaptureScreenshotParams{})
			shown.Pages = append(shown.Pages, framed{p.frame, "localhost:9502/demo/" + p.scene, template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(shot.Data))})
			p.tab.open("about:blank")
		}
		var text bytes.Buffer
		if err := template.Must(template.ParseFiles("testdata/picture.html")).Execute(&text, shown); err != nil {
			t.Fatal(err)
		}
		frame := newTab(t, profile{})
		call(frame, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 1200, Height: 600, DeviceScaleFactor: 1.5})
		frame.open(servePage(t, text.String(), ""))
		frame.wait(`Array.from(document.images).every((i) => i.complete)`)
		var height int64
		if err := json.Unmarshal([]byte(frame.json(`Math.ceil(document.documentElement.getBoundingClientRect().height)`)), &height); err != nil {
			t.Fatal(err)
		}
		call(frame, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 1200, Height: height, DeviceScaleFactor: 1.5})
		shot := call(frame, page.CaptureScreenshot, page.CaptureScreenshotParams{})
		small := fewerColors(t, shot.Data)
		t.Logf("%s: %d bytes", file, len(small))
		if err := os.WriteFile(filepath.Join(*readmePictures, file), small, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// distance is the sum of the squares of how much two colours differ.
func distance(a, b color.RGBA) int {
	r, g, blue := int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B)
	return r*r + g*g + blue*blue
}

// fewerColors is a PNG with 256 of its colours: those that it has most of, and that are not too near to each other. It has no date and no other
// data beside, so it is the same for the same picture.
func fewerColors(t *testing.T, content []byte) []byte {
	t.Helper()
	source, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	bounds := source.Bounds()
	counts := make(map[color.RGBA]int)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, b, _ := source.At(x, y).RGBA()
			counts[color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}]++
		}
	}
	order := func(a, b color.RGBA) int {
		return cmp.Or(counts[b]-counts[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	}
	ordered := slices.SortedFunc(maps.Keys(counts), order)
	var palette color.Palette
	for nearest := 64; len(palette) < min(256, len(ordered)); nearest /= 2 { // so that small spots keep a colour of their own
		for _, c := range ordered {
			if len(palette) < 256 && !slices.ContainsFunc(palette, func(p color.Color) bool { return distance(p.(color.RGBA), c) <= nearest }) {
				palette = append(palette, c)
			}
		}
	}
	small := image.NewPaletted(bounds, palette)
	draw.Draw(small, bounds, source, bounds.Min, draw.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestReadmePictures: the pictures that the READMEs show are there, as small as they should be, and each README has its own.
func TestReadmePictures(t *testing.T) {
	t.Parallel()
	for readme, pictures := range map[string][]string{
		"README.md":       {"docs/images/popup.png", "docs/images/dashboard.png"},
		"README.zh-CN.md": {"docs/images/popup-zh.png", "docs/images/dashboard-zh.png"},
	} {
		text, err := os.ReadFile("../" + readme)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, match := range regexp.MustCompile(`!\[[^\]]{20,}\]\(([^)]+)\)`).FindAllStringSubmatch(string(text), -1) {
			found = append(found, match[1])
		}
		if !slices.Equal(found, pictures) {
			t.Errorf("%s shows %q, want %s", readme, found, pictures)
		}
		for _, picture := range pictures {
			content, err := os.ReadFile("../" + picture)
			if err != nil {
				t.Fatal(err)
			}
			config, err := png.DecodeConfig(bytes.NewReader(content))
			if err != nil || config.Width != 1800 || len(content) > maxPicture {
				t.Errorf("%s has %d bytes, and is %d pixels wide (%v)", picture, len(content), config.Width, err)
			}
		}
	}
}
