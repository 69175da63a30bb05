package e2e_test

import (
	"flag"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var (
	docs        = flag.String("docs", os.Getenv("SCENECAST_DOCS"), "the directory of the built site of the documents; empty: it is not tested")
	screenshots = flag.String("docs-screenshots", "", "the directory in which pictures of the site are written; empty: none are")
)

func docsDir(t *testing.T) string {
	t.Helper()
	if *docs == "" {
		t.Skip("without -docs")
	}
	return *docs
}

// docsPages are the files of the site's pages, relative to its directory.
func docsPages(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(file string, _ os.DirEntry, err error) error {
		if err == nil && filepath.Ext(file) == ".html" {
			relative, _ := filepath.Rel(dir, file)
			files = append(files, filepath.ToSlash(relative))
		}
		return err
	})
	if err != nil || len(files) < 100 {
		t.Fatalf("found %d pages in %s (%v)", len(files), dir, err)
	}
	return files
}

var (
	linkAttribute = regexp.MustCompile(`\s(?:href|src)="([^"]*)"`)
	idAttribute   = regexp.MustCompile(`\sid="([^"]*)"`)
)

// TestDocsLinks: whatever a page of the site links to on the site is there, the heading too.
func TestDocsLinks(t *testing.T) {
	t.Parallel()
	dir := docsDir(t)
	content, ids := make(map[string]string), make(map[string]map[string]bool)
	for _, file := range docsPages(t, dir) {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		content[file], ids[file] = string(text), make(map[string]bool)
		for _, id := range idAttribute.FindAllStringSubmatch(string(text), -1) {
			ids[file][html.UnescapeString(id[1])] = true
		}
	}
	links, anchors := 0, 0
	for file, text := range content {
		for _, attribute := range linkAttribute.FindAllStringSubmatch(text, -1) {
			link := html.UnescapeString(attribute[1])
			to, err := url.Parse(link)
			if err != nil {
				if !strings.HasPrefix(file, "source/") {
					t.Errorf("%s links to %s: %v", file, link, err)
				}
				continue
			}
			if to.Scheme != "" || to.Host != "" {
				continue
			}
			target := file
			switch {
			case strings.HasPrefix(to.Path, "/"):
				target = path.Clean(to.Path[1:])
			case to.Path != "":
				target = path.Join(path.Dir(file), to.Path)
			}
			if info, err := os.Stat(filepath.Join(dir, target)); err == nil && info.IsDir() {
				target = path.Join(target, "index.html")
			}
			links++
			if _, err := os.Stat(filepath.Join(dir, target)); err != nil {
				t.Errorf("%s links to %s, which is not there", file, link)
			} else if to.Fragment != "" {
				anchors++
				if !ids[target][to.Fragment] {
					t.Errorf("%s links to %s, and there is no such heading", file, link)
				}
			}
		}
	}
	if links < 5000 || anchors < 500 {
		t.Errorf("found only %d links, %d of them to headings", links, anchors)
	}
}

// TestDocsLanguages: each page is there in both languages, so that the switch leads nowhere else.
func TestDocsLanguages(t *testing.T) {
	dir := docsDir(t)
	pages := docsPages(t, dir)
	exists := make(map[string]bool)
	for _, file := range pages {
		exists[file] = true
	}
	for _, file := range pages {
		other := "zh/" + file
		if english, isChinese := strings.CutPrefix(file, "zh/"); isChinese {
			other = english
		}
		if !strings.HasPrefix(file, "source/") && file != "404.html" && !exists[other] {
			t.Errorf("there is %s, and not %s", file, other)
		}
	}
}

// TestDocsInBrowser: a reader switches the language, searches in both, and turns the dark colours on.
func TestDocsInBrowser(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(http.FileServer(http.Dir(docsDir(t))))
	t.Cleanup(site.Close)
	b := newTab(t, profile{language: "en"})
	emulateScreen(b, 1280, 800, "light")

	b.open(site.URL + "/pusher.html")
	where := `[location.pathname, document.documentElement.lang]`
	b.expect(where, []string{"/pusher.html", "en"})
	b.run(`document.querySelector('.VPNavBarTranslations a[href="/zh/pusher.html"]').click()`)
	b.waitFor(where, []string{"/zh/pusher.html", "zh-CN"})
	b.wait(`document.querySelector(".vp-doc").textContent.includes("支持 Pusher Channels 协议")`)
	searchDocs(b, "断线", "/zh/")
	b.open(site.URL + "/zh/pusher.html")
	b.run(`document.querySelector('.VPNavBarTranslations a[href="/pusher.html"]').click()`)
	b.waitFor(where, []string{"/pusher.html", "en"})

	b.expect(`document.documentElement.classList.contains("dark")`, false)
	b.run(`document.querySelector(".VPNavBarAppearance .VPSwitchAppearance").click()`)
	b.waitFor(`document.documentElement.classList.contains("dark")`, true)
	searchDocs(b, "idempotency", "/")

	emulateScreen(b, 390, 844, "dark") // on a phone, the switch is in the menu
	b.open(site.URL + "/cli.html")
	b.wait(`document.querySelector("#app").__vue_app__`)
	b.run(`document.querySelector(".VPNavBarHamburger").click()`)
	b.wait(`document.querySelector(".VPNavScreenTranslations")`)
	b.run(`document.querySelector(".VPNavScreenTranslations .title").click()`)
	b.wait(`document.getAnimations().length === 0`)
	picture(b, "menu")
	b.run(`document.querySelector('.VPNavScreenTranslations a[href="/zh/cli.html"]').click()`)
	b.waitFor(where, []string{"/zh/cli.html", "zh-CN"})
}

// searchDocs types into the search field, and waits for results in pages below prefix.
func searchDocs(b *tab, text, prefix string) {
	b.t.Helper()
	b.run(`document.querySelector("#local-search button").click()`)
	b.wait(`document.querySelector(".VPLocalSearchBox input")`)
	b.do(chromedp.SendKeys(".VPLocalSearchBox input", text))
	b.wait(`document.querySelectorAll(".VPLocalSearchBox a.result").length > 0`)
	picture(b, "search"+prefix)
	b.expect(`[...document.querySelectorAll(".VPLocalSearchBox a.result")].map((a) => a.getAttribute("href"))
		.filter((href) => !href.startsWith(`+mustJSON(prefix)+`) || href.startsWith("/zh/") !== `+mustJSON(prefix == "/zh/")+`)`, []string{})
}

func emulateScreen(b *tab, width, height int64, colours string) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 600})
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: colours}}})
}

// picture writes what the tab shows, where -docs-screenshots asks for it.
func picture(b *tab, name string) {
	b.t.Helper()
	if *screenshots == "" {
		return
	}
	shot := call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err := os.WriteFile(filepath.Join(*screenshots, strings.ReplaceAll(name, "/", "-")+".png"), shot.Data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// TestDocsScreens: no page is wider than a laptop's screen or a phone's, and the colours are those that the reader prefers.
func TestDocsScreens(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(http.FileServer(http.Dir(docsDir(t))))
	t.Cleanup(site.Close)
	b := newTab(t, profile{language: "en"})
	for _, file := range []string{"index", "overview", "api", "openapi", "audiences", "operations", "cluster", "cli", "settings", "performance", "adr/0024-live-handover"} {
		for _, prefix := range []string{"", "zh/"} {
			emulateScreen(b, 1280, 900, "light")
			b.open(site.URL + "/" + prefix + file + ".html")
			b.wait(`document.querySelector("#app").__vue_app__`)
			b.waitFor(`document.documentElement.classList.contains("dark")`, false)
			b.waitFor(`document.documentElement.scrollWidth`, 1280)
			picture(b, prefix+file+"-laptop")
			emulateScreen(b, 390, 900, "dark")
			b.waitFor(`[innerWidth, document.documentElement.scrollWidth]`, []int{390, 390})
			b.waitFor(`document.documentElement.classList.contains("dark")`, true)
			picture(b, prefix+file+"-phone")
		}
	}
}

// TestDocsLandingPage: the code on the landing page is that of the README in its language, which is tested.
func TestDocsLandingPage(t *testing.T) {
	t.Parallel()
	blocks := regexp.MustCompile("(?ms)^```[a-z]+\n(.*?)^```$")
	for _, suffix := range []string{".md", ".zh-CN.md"} {
		landing, err := os.ReadFile("../site/index" + suffix)
		if err != nil {
			t.Fatal(err)
		}
		readme, err := os.ReadFile("../README" + suffix)
		if err != nil {
			t.Fatal(err)
		}
		found := blocks.FindAllStringSubmatch(string(landing), -1)
		if len(found) == 0 {
			t.Errorf("site/index%s has no code", suffix)
		}
		for _, block := range found {
			if !strings.Contains(string(readme), block[1]) {
				t.Errorf("README%s has no\n%s", suffix, block[1])
			}
		}
	}
}
