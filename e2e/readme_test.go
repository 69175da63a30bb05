package e2e_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// What the READMEs show for pages works as it stands there, but for the address and the token that the reader puts in.
func TestReadmeTag(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"../README.md", "../README.zh-CN.md"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tag := regexp.MustCompile("(?s)```html\n(.*?)```").FindStringSubmatch(string(text))
		move := regexp.MustCompile("`(await scenecast\\.set\\(.*?\\))`").FindStringSubmatch(string(text))
		if tag == nil || move == nil {
			t.Fatalf("%s: the tag is %q, and the move to another scene %q", path, tag, move)
		}
		b := serve(t, anyPort)
		html := strings.NewReplacer("localhost:9502", b.addr, "CLIENT_TOKEN", token).Replace(tag[1])
		page := newTab(t, profile{})
		page.open(servePage(t, `<!DOCTYPE html><meta charset="utf-8"><title>T</title>`+html, ""))
		page.wait(`scenecast.state === "open" && e2e.welcomed === 1`)
		page.setSpeed(slow)
		page.run(`e2e.record()`)
		b.push(`page == "home"`, `{"code":200,"message":"hello"}`, 1)
		page.waitFor(`e2e.popupTexts()`, []string{"hello"})
		page.await(`(async () => { ` + move[1] + `; })()`)
		b.push(`page == "home"`, `"for another page"`, 0)
		b.push(`page == "list"`, `"moved"`, 1)
		page.waitFor(`e2e.messages.at(-1)`, "moved")
	}
}
