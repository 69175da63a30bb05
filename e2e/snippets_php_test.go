package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"scenecast/client"
	"scenecast/freeport"
)

// phpPlace says how a block of PHP, or of Blade, is run, and what it prints. One that is not in a route, a page or a view is a part of its document's
// script, in which all of them run in their order.
type phpPlace struct {
	place
	as            string
	before, after string
	want          string // a regular expression of what it prints
}

const (
	asView  = "a view: each line of it is one"
	asRoute = "a route of Laravel, which the server calls"
	asHook  = "a page that the server calls"
)

const (
	docsHookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	docsJWTSecret  = "a secret that the server has as well, of 32 bytes" // of clients/php/README.md
	pushed         = `\{"id":".*","matched":1,"queued":1,.*\}\n`
)

var phpPlaces = []phpPlace{
	{place: in("README.md", "Http::withToken"), before: "use Illuminate\\Support\\Facades\\Http;\n$order = (object) ['id' => 7];\n", want: pushed},
	{place: in("clients/php/README.md", "new Scenecast('http://127"), want: "1 pages look at order 7\n"},
	{place: in("clients/php/README.md", "catch (RequestFailed"), want: `invalid to\.column 6  .*equality is written == \(at to\.column 6\)\n`},
	{place: in("clients/php/README.md", "PageToken::hs256"), after: "echo \"$token\\n\";", want: `(ey[^\n]+)\n`},
	{
		place: in("clients/php/README.md", "@scenecast"), as: asView,
		want: "(<script.*</script>)\n(<script.*</script>)\n",
	},
	{place: in("clients/php/README.md", `Laravel\Facades\Scenecast`)},
	{
		place:  in("clients/php/README.md", "broadcastOn"),
		before: "class OrderShipped implements \\Illuminate\\Contracts\\Broadcasting\\ShouldBroadcastNow {\npublic int $order = 7;\n",
		after:  "}\nevent(new OrderShipped());\n",
	},
	{place: in("clients/php/README.md", "new FakeTransport")},
	{place: in("clients/php/README.md", "new Webhook("), as: asHook},
	{place: by("docs/hooks.md", "hash_hmac", "server/hooksphp_test.go TestPHPReceiver")},
	{place: in("docs/hooks.md", "Route::post"), as: asRoute, before: "use Illuminate\\Http\\Request;\nuse Illuminate\\Support\\Facades\\Route;\n"},
	{
		place:  in("docs/pusher.md", "'useTLS'"),
		before: "require '../e2e/pusher/laravel/Pusher.php';\n$connection = [\n",
		after: "];\n(new \\Pusher\\Pusher('" + docsPusherKey + "', '" + pusherSecret + "', '1', $connection['options']))->trigger('orders.7', 'shipped', ['order' => 7]);\n" +
			"echo json_encode($connection['options']), \"\\n\";\n",
		want: `\{"host":"127.0.0.1","port":"\d+","scheme":"http","useTLS":false\}\n`,
	},
	{place: by("docs/registry.md", "hgetall", "server/registry_test.go TestRegistryDocument")},
}

// phpRun runs the PHP of the documents.
type phpRun struct {
	t       *testing.T
	backend *backend
	folder  string
	scripts map[string][]phpBlock // of a document
}

// phpBlock is a block, and how it is run.
type phpBlock struct {
	snippet
	phpPlace
}

// checkPHP runs the blocks of each document by PHP, in one script, against a server; those that the server calls by PHP's own web server; and opens views in
// a browser. Laravel is Debian's.
func checkPHP(t *testing.T, all []snippet) {
	r := &phpRun{t: t, folder: t.TempDir(), scripts: make(map[string][]phpBlock)}
	inPlace(t, all, phpPlaces, func(s snippet, p phpPlace) {
		document := p.document
		if p.as == asRoute || p.as == asHook {
			document = p.as
		}
		r.scripts[document] = append(r.scripts[document], phpBlock{s, p})
	})
	if t.Failed() {
		return
	}
	r.backend = serveWith(t, anyPort, map[string]string{
		"api_keys":             "[{name: all, key: " + docsKey + "}]",
		"client_tokens":        "[CLIENT_TOKEN, {token: token-of-42, user: '42'}]",
		"jwt.keys":             fmt.Sprintf("[{key: %q}]", docsJWTSecret),
		"pusher":               fmt.Sprintf(`{id: "1", key: %s, secret: %s}`, docsPusherKey, pusherSecret),
		"http.allowed_origins": "*",
	})
	home := r.backend.listen(t, "CLIENT_TOKEN", client.Labels{"page": {"home"}})
	mail := r.backend.listen(t, "token-of-42", client.Labels{})
	order := r.backend.listen(t, "CLIENT_TOKEN", client.Labels{"page": {"order"}, "order": {"7"}, "plan": {"pro"}})
	channel := r.backend.listen(t, signedBy(docsJWTSecret, `{"labels":{"@channel":["private-orders.7","orders.7"]}}`, time.Hour), client.Labels{})

	r.runScript("README.md")
	order.expect(`{"code":200,"message":"Order 7 is on its way"}`)
	r.runScript("docs/pusher.md")
	channel.expect(`{"order":7}`)
	printed := r.runScript("clients/php/README.md")
	home.expect(`{"code":200,"message":"hello"}`)
	mail.expect(`"you have mail"`)
	order.expect(`{"order":7}`)
	home.expect(`{"message":"hello"}`)
	order.expect(`{"order":7}`)
	channel.expect(`{"order":7}`)

	r.backend.listen(t, printed["PageToken::hs256"][1], client.Labels{"page": {"token"}})
	r.backend.push(`@user == "42" && plan == "pro" && page == "token"`, `"to the token"`, 1)
	r.open(printed["@scenecast"][1], `page == "order" && order == "7" && @user == "42"`, []string{"hello"})
	r.open(printed["@scenecast"][2], `page == "home" && @channel == "private-orders.7" && @user == "42"`, nil)
	r.serve()
}

// source is a block's code as it runs, with the lines `use` first, as PHP wants them.
func (r *phpRun) source(b phpBlock) string {
	code := strings.TrimPrefix(b.code, "<?php\n")
	if r.backend != nil { // which may be slower than a web server's would be
		code = strings.ReplaceAll(code, `'http://127.0.0.1:9502', 'API_KEY'`, `'`+r.backend.url("")+`', 'API_KEY', 60.0`)
		code = strings.ReplaceAll(code, "localhost:9502", r.backend.addr)
	}
	uses, rest := "", ""
	for line := range strings.Lines(b.before + code + b.after) {
		if strings.HasPrefix(line, "use ") {
			uses += line
		} else {
			rest += line
		}
	}
	return uses + rest
}

// runScript runs a document's blocks, each in a namespace of its own, and returns what each has printed, by the words of its place.
func (r *phpRun) runScript(document string) map[string][]string {
	r.t.Helper()
	const begins = "--- "
	harness, err := filepath.Abs("snippets/laravel.php")
	if err != nil {
		r.t.Fatal(err)
	}
	text := fmt.Sprintf("<?php\nnamespace { require %q; }\n", harness)
	for i, b := range r.scripts[document] {
		code := r.source(b)
		if b.as == asView {
			code = ""
			for n, line := range strings.Split(strings.TrimSpace(b.code), "\n") {
				name := fmt.Sprintf("view-%d-%d", i, n)
				writeFile(r.t, filepath.Join(r.folder, name+".blade.php"), line)
				code += fmt.Sprintf("echo view('%s', ['order' => (object) ['id' => 7], 'nonce' => 'n']), \"\\n\";\n", name)
			}
		}
		text += fmt.Sprintf("namespace Block%d {\n%s\n}\nnamespace { echo \"%s\\n\"; }\n", i, code, begins)
	}
	file := filepath.Join(r.folder, fileName(document)+".php")
	writeFile(r.t, file, text)
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	php := exec.CommandContext(ctx, "php", "-d", "display_errors=stderr", "-d", "zend.assertions=1", file)
	host, port, _ := net.SplitHostPort(r.backend.addr)
	php.Env = append(r.environment(), "PUSHER_HOST="+host, "PUSHER_PORT="+port, "PUSHER_SCHEME=http")
	var errs strings.Builder
	php.Stderr = &errs
	out, err := php.Output()
	parts := strings.Split(string(out), begins+"\n")
	if err != nil || errs.Len() > 0 || len(parts) != len(r.scripts[document])+1 {
		r.t.Fatalf("%s: %v (`make test` installs PHP and Laravel)\n%s%s", document, err, &errs, out)
	}
	printed := make(map[string][]string)
	for i, b := range r.scripts[document] {
		if printed[b.words] = regexp.MustCompile("^" + b.want + "$").FindStringSubmatch(parts[i]); printed[b.words] == nil {
			r.t.Fatalf("%s prints\n%s, want %s", b.snippet.place, parts[i], b.want)
		}
	}
	return printed
}

func (r *phpRun) environment() []string {
	environment := append(os.Environ(), "TUTORIAL_FOLDER="+r.folder, "BLOCKS="+r.folder)
	if r.backend != nil {
		environment = append(environment, "SCENECAST_URL="+r.backend.url(""), "SCENECAST_KEY="+docsKey, "SCENECAST_JWT_SECRET="+docsJWTSecret)
	}
	return environment
}

// open opens a page with what a view has printed: it connects, with its labels and its user, and shows pop-ups where it says so.
func (r *phpRun) open(html, to string, popups []string) {
	r.t.Helper()
	page := newTab(r.t, profile{})
	page.open(servePage(r.t, `<!DOCTYPE html><meta charset="utf-8"><title>view</title>`+html, ""))
	page.wait(`scenecast.state === "open" && scenecast.id !== null`)
	page.setSpeed(slow)
	page.run(`e2e.record()`)
	r.backend.push(to, `{"code":200,"message":"hello"}`, 1)
	page.waitFor(`e2e.messages`, []map[string]any{{"code": 200, "message": "hello"}})
	if popups != nil {
		page.waitFor(`e2e.popupTexts()`, popups)
	}
}

// serve runs the blocks that the server calls: Laravel's route decides who comes in, and the other one takes the events and nothing else.
func (r *phpRun) serve() {
	r.t.Helper()
	addr := freeport.Addr(r.t)
	const path = "/api/scenecast/connect"
	if text, err := os.ReadFile("../docs/hooks.md"); err != nil || !strings.Contains(string(text), "`https://shop.example.com"+path+"`") {
		r.t.Errorf("docs/hooks.md does not name %s (%v)", path, err)
	}
	r = &phpRun{t: r.t, folder: r.t.TempDir(), scripts: r.scripts}
	route, hook := r.scripts[asRoute][0], r.scripts[asHook][0]
	writeFile(r.t, filepath.Join(r.folder, "routes.php"), "<?php\n"+r.source(route))
	writeFile(r.t, filepath.Join(r.folder, "events.php"), "<?php\n"+r.source(hook))
	web, err := filepath.Abs("snippets/web.php")
	if err != nil {
		r.t.Fatal(err)
	}
	runListening(r.t, addr, r.environment(), "php", "-d", "display_errors=stderr", "-S", addr, web)
	b := serveWith(r.t, anyPort, map[string]string{
		"client_tokens":        "[CLIENT_TOKEN]",
		"http.allowed_origins": "[https://shop.example.com]",
		"hooks.connect":        fmt.Sprintf("{url: %q, secret: %s, headers: [Cookie], timeout: 1m}", "http://"+addr+path, docsHookSecret),
		"hooks.events":         fmt.Sprintf("[{name: php, url: %q, secret: %s, max_wait: 1ms, timeout: 1m}]", "http://"+addr+"/events", docsHookSecret),
	})
	for cookie, want := range map[string]int{"theme=dark; session=of-ann": http.StatusOK, "theme=dark": http.StatusForbidden} {
		request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, b.url("/v1/events?token=CLIENT_TOKEN&page=home"), nil)
		if err != nil {
			r.t.Fatal(err)
		}
		request.Header.Set("Cookie", cookie)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() { _ = answer.Body.Close() })
		if answer.StatusCode != want {
			text, _ := io.ReadAll(answer.Body)
			r.t.Fatalf("%s: the page with the cookie %q is answered %s %s, want %d", route.snippet.place, cookie, answer.Status, text, want)
		}
		if want != http.StatusOK {
			if text, _ := io.ReadAll(answer.Body); !strings.Contains(string(text), "sign in first") {
				r.t.Errorf("%s: the page is refused by %s", route.snippet.place, text)
			}
		}
	}
	b.push(`@user == "42" && plan == "pro" && page == "home"`, `"hello"`, 1)
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		printed, _ := os.ReadFile(filepath.Join(r.folder, "printed"))
		if regexp.MustCompile(`^\S+ connected\n`).Match(printed) {
			break
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%s prints %q", hook.snippet.place, printed)
		}
	}
	forged, err := http.Post("http://"+addr+"/events", "application/json", strings.NewReader(`{"data":{"events":[{"id":"x","type":"forged"}]}}`))
	if err != nil {
		r.t.Fatal(err)
	}
	defer forged.Body.Close()
	if forged.StatusCode != http.StatusUnauthorized {
		r.t.Errorf("%s answers %s to what nobody has signed", hook.snippet.place, forged.Status)
	}
}
