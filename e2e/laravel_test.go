package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// laravelExample runs examples/laravel on an address of its own, with other views in the place of its own where a folder is given. The port of the
// application is 80 where this process may have it: the tutorial's pages know of no other.
func laravelExample(t *testing.T, views string) (url string) {
	t.Helper()
	host := fmt.Sprintf("127.80.%d.%d", os.Getpid()>>8&255, os.Getpid()&255)
	if views != "" {
		host = strings.Replace(host, ".80.", ".81.", 1)
	}
	listen := host + ":80"
	if l, err := net.Listen("tcp", listen); err != nil {
		if views != "" {
			t.Skipf("the tutorial's pages need the port 80: %v", err)
		}
		listen = host + ":8000"
	} else {
		l.Close()
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("make", "-s", "-C", root, "build").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	example := exec.Command(filepath.Join(root, "examples", "laravel", "run"))
	example.Env = append(os.Environ(), "EXAMPLE_LISTEN="+listen, "EXAMPLE_VIEWS="+views, "EXAMPLE_STORAGE="+t.TempDir())
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	example.Stdout, example.Stderr = log, log
	example.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := example.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-example.Process.Pid, syscall.SIGTERM)
		_ = example.Wait()
		if text, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("the example's log:\n%s", text)
		}
	})
	for _, address := range []string{"http://" + host + ":9502/readyz", "http://" + listen + "/home"} {
		for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
			answer, err := http.Get(address)
			if err == nil {
				answer.Body.Close()
				if answer.StatusCode == http.StatusOK {
					break
				}
				err = fmt.Errorf("%s", answer.Status)
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %v", address, err)
			}
		}
	}
	return "http://" + strings.TrimSuffix(listen, ":80")
}

// TestLaravelExample: on a real Laravel, each button reaches its page and no other: by the tutorial's way, and by the package.
func TestLaravelExample(t *testing.T) {
	t.Parallel()
	url := laravelExample(t, "")
	t.Run("as in the tutorial", func(t *testing.T) { clickTutorial(t, url) })
	t.Run("by the package", func(t *testing.T) {
		home, list, back := newTab(t, profile{}), newTab(t, profile{}), newTab(t, profile{})
		for page, tab := range map[string]*tab{"home": home, "list": list, "back": back} {
			tab.open(url + "/package/" + page)
		}
		for _, tab := range []*tab{home, list} {
			tab.wait(`scenecast.state === "open"`)
		}
		for _, step := range []struct {
			page     string
			gets     *tab
			getsNone *tab
		}{{"home", home, list}, {"list", list, home}} {
			back.run(fmt.Sprintf(`document.querySelector('button[value=%s]').click()`, step.page))
			back.wait(`document.querySelector("output").value === '{"reached":1}'`)
			back.run(`document.querySelector("output").value = ""`)
			step.gets.wait(fmt.Sprintf(`e2e.popups().some((p) => p.textContent.includes("后端按了按钮：%s"))`, step.page))
		}
		home.expect(`e2e.popups().length`, 1)
		list.expect(`e2e.popups().length`, 1)
	})
}

// TestLaravelExampleWithTheTutorialsViews: the three views of the tutorial, to the letter.
func TestLaravelExampleWithTheTutorialsViews(t *testing.T) {
	path := os.Getenv("SCENECAST_TUTORIAL_TEXT")
	if path == "" {
		t.Skip("SCENECAST_TUTORIAL_TEXT names the tutorial's text")
	}
	t.Parallel()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	views := t.TempDir()
	for name, heading := range map[string]string{"back": "\n后端控制页\n", "home": "\n首页\n", "list": "\n列表页面\n"} {
		_, after, found := strings.Cut(strings.ReplaceAll(string(text), "\r\n", "\n"), heading)
		folded, _, _ := strings.Cut(after, "\n")
		view := unfold(folded)
		if !found || !strings.HasPrefix(view, "<!DOCTYPE html>\n") || !strings.HasSuffix(view, "\n</html>") {
			t.Fatalf("%s: no view behind %q: %s", path, heading, view)
		}
		if err := os.WriteFile(filepath.Join(views, name+".blade.php"), []byte(view), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	clickTutorial(t, laravelExample(t, views))
}

// clickTutorial clicks on the buttons of the back page, and looks at what the pages log.
func clickTutorial(t *testing.T, url string) {
	home, list, back := newTab(t, profile{}), newTab(t, profile{}), newTab(t, profile{})
	home.open(url + "/home")
	list.open(url + "/list")
	home.waitLine(welcome, 1)
	list.waitLine(welcome, 1)
	back.open(url + "/back")
	back.wait(`typeof $ === "function"`)
	back.run(`document.querySelector('[data-func=pushHomeLogic]').click()`)
	home.waitLine("后端按了按钮1", 1)
	back.run(`document.querySelector('[data-func=pushListLogic]').click()`)
	list.waitLine("后端按了按钮2", 1)
	expectLines(home, welcome, "后端按了按钮1")
	expectLines(list, welcome, "后端按了按钮2")
}
