package e2e_test

import (
	"html/template"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"scenecast/freeport"
)

const (
	welcome   = "打开swoole服务成功"
	heartbeat = "heartbeat"
)

// The tutorial's page: 60 s until a heartbeat and 60 s for the answer, 2 s until the next attempt, all twenty times
// as fast here.
func TestTutorialsPage(t *testing.T) {
	t.Parallel()
	pages := map[string]func(t *testing.T, host string) string{"ours": ownPage}
	if path := os.Getenv("SCENECAST_TUTORIAL_TEXT"); path != "" {
		pages["the tutorial's"] = func(t *testing.T, host string) string { return tutorialPage(t, path, host) }
	}
	for name, html := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, freeport.Addr(t))
			page := newTab(t, profile{speed: 20})
			page.open(servePage(t, html(t, b.addr), ""))
			page.waitLine(welcome, 1)
			b.expectConnections(1)

			// It stays, on one connection, for more than two periods.
			page.waitLine(heartbeat, 3)
			b.expectConnections(1)
			page.expect(`[e2e.sockets, e2e.answers >= 3]`, []any{1, true})

			trigger(t, b, "pushListLogic", 0)
			trigger(t, b, "pushHomeLogic", 1)
			page.waitLine(text1, 1)
			expectLines(page, welcome, text1)
			page.expect(`e2e.sockets`, 1)

			b = b.restart()
			page.waitLine(welcome, 2)
			trigger(t, b, "pushHomeLogic", 1)
			page.waitLine(text1, 2)
			expectLines(page, welcome, text1, welcome, text1)
			b.expectConnections(1)
		})
	}
}

// expectLines says what the page has logged, besides heartbeats.
func expectLines(b *tab, want ...string) {
	b.t.Helper()
	got := slices.DeleteFunc(b.console.lines(), func(line string) bool { return line == heartbeat })
	if !slices.Equal(got, want) {
		b.t.Errorf("the console has %q, want %q", got, want)
	}
}

// trigger runs a trigger as the tutorial's controller does.
func trigger(t *testing.T, b *backend, name string, wantMatched int) {
	t.Helper()
	answer, err := http.Get(b.url("?func=" + name + "&token=" + token + "&page=back"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if want := `"matched":` + strconv.Itoa(wantMatched); answer.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
		t.Errorf("%s: %s %s, want %s", name, answer.Status, body, want)
	}
}

func ownPage(t *testing.T, host string) string {
	t.Helper()
	page, err := template.ParseFiles("testdata/tutorial-home.html")
	if err != nil {
		t.Fatal(err)
	}
	var html strings.Builder
	err = page.Execute(&html, struct {
		Host, Page, Token string
		Period            int // ms
	}{host, "home", token, 60000})
	if err != nil {
		t.Fatal(err)
	}
	return html.String()
}

// tutorialPage is the tutorial's home page, in which nothing but the host is filled in, as Blade would.
func tutorialPage(t *testing.T, path, host string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("SCENECAST_TUTORIAL_TEXT: %v", err)
	}
	const heading, blade = "\n首页\n", `{{$_SERVER["HTTP_HOST"]}}:9502`
	_, after, found := strings.Cut(strings.ReplaceAll(string(text), "\r\n", "\n"), heading)
	if !found {
		t.Fatalf("%s has no heading 首页", path)
	}
	folded, _, _ := strings.Cut(after, "\n")
	html := unfold(folded)
	if !strings.HasPrefix(html, "<!DOCTYPE html>\n") || !strings.HasSuffix(html, "\n</html>") || strings.Count(html, blade) != 1 {
		t.Fatalf("%s: this is not the home page: %s", path, html)
	}
	return strings.Replace(html, blade, host, 1)
}

// unfold gives a program its lines back that was folded into one, as in `1 first line 2 second line`.
func unfold(folded string) string {
	var lines []string
	rest := strings.TrimPrefix(folded, "1")
	for n := 2; ; n++ {
		line, after, found := strings.Cut(rest, " "+strconv.Itoa(n)+" ")
		lines = append(lines, strings.TrimPrefix(line, " "))
		if !found {
			return strings.Join(lines, "\n")
		}
		rest = " " + after // of an empty line, this space is all there is before the next number
	}
}

func TestUnfold(t *testing.T) {
	t.Parallel()
	tests := []struct{ folded, want string }{
		{"1 one", "one"},
		{"1 a = 5; // why 2 b = 3; 3 c 3 4 </html>", "a = 5; // why\nb = 3;\nc 3\n</html>"},
		{"1 a 2 3 b", "a\n\nb"},
		{`1 setTimeout(f, 2000); 2 // 30 3 x`, "setTimeout(f, 2000);\n// 30\nx"},
	}
	for _, tt := range tests {
		if got := unfold(tt.folded); got != tt.want {
			t.Errorf("unfold(%q)\n got %q\nwant %q", tt.folded, got, tt.want)
		}
	}
}
