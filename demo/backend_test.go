package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// serveWithAPI serves the demo and, on the same port, an API that answers as it is told, and says what it was asked.
func serveWithAPI(t *testing.T, status int, said string) (url string, asked chan string) {
	t.Helper()
	asked = make(chan string, 10)
	mux := http.NewServeMux()
	mux.Handle("/demo/", Handler(Options{Token: "123456", Key: "secret"}))
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked <- fmt.Sprintln(r.Method, r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("Accept-Language"), string(body))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, said)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL, asked
}

func call(t *testing.T, method, url, body string, header ...string) (status int, said string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("%s: Cache-Control %q", url, got)
	}
	return res.StatusCode, bodyOf(t, res)
}

func TestPlaygroundCounts(t *testing.T) {
	url, asked := serveWithAPI(t, 200, `{"matched":2,"position":"e-7","by_node":[{"node":1,"matched":2}],"sample":[{"id":"1.1"}]}`)
	status, said := call(t, "POST", url+"/demo/count", `{"to":"page == \"home\""}`, "Accept-Language", "en", "Cookie", "scenecast_lang=zh")
	if status != 200 || said != `{"matched":2,"position":"e-7"}`+"\n" {
		t.Errorf("%d %s", status, said)
	}
	if got, want := <-asked, `POST /v1/audience Bearer secret zh-CN {"to":"page == \"home\""}`+"\n"; got != want {
		t.Errorf("the API was asked %s, want %s", got, want)
	}
}

// The playground pushes texts and waits for acknowledgements; nothing else of the API is the visitor's to ask for.
func TestPlaygroundPushes(t *testing.T) {
	url, asked := serveWithAPI(t, 200, `{"id":"a","position":"e-8","matched":3,"queued":2,"dropped":1,"acked":1}`)
	status, said := call(t, "POST", url+"/demo/push", `{"to":"*","message":"<b>","ttl":"5m","retain":"x","event":"other"}`)
	if status != 200 || said != `{"id":"a","matched":3,"queued":2,"acked":1}`+"\n" {
		t.Errorf("%d %s", status, said)
	}
	got := <-asked
	var sent map[string]any
	if err := json.Unmarshal([]byte(got[strings.Index(got, "{"):]), &sent); err != nil || !strings.HasPrefix(got, "POST /v1/push Bearer secret en ") {
		t.Fatalf("the API was asked %s (%v)", got, err)
	}
	if got, want := fmt.Sprint(sent), `map[event:playground message:map[code:200 message:<b>] receipt:acked timeout:50ms to:*]`; got != want {
		t.Errorf("it pushes %s, want %s", got, want)
	}
}

func TestPlaygroundTellsOfItsOwnPushesOnly(t *testing.T) {
	for event, want := range map[string]string{
		"playground": `200 {"id":"a/b","matched":3,"queued":2,"acked":1}`,
		"other":      `404 {"detail":"the playground has made no such push"}`,
	} {
		url, asked := serveWithAPI(t, 200, `{"id":"a/b","event":"`+event+`","message":"secret","tally":{"matched":3,"queued":2,"acked":1}}`)
		status, said := call(t, "GET", url+"/demo/pushes/a%2Fb", "")
		if got := fmt.Sprint(status, " ", strings.TrimSpace(said)); got != want {
			t.Errorf("%s: %s, want %s", event, got, want)
		}
		if got := <-asked; got != "GET /v1/pushes/a/b Bearer secret en \n" {
			t.Errorf("the API was asked %s", got)
		}
	}
}

func TestPlaygroundRefuses(t *testing.T) {
	url, asked := serveWithAPI(t, 400, `{"title":"Bad Request","status":400,"kind":"invalid","detail":"found =","where":"to.column 6","setting":"s"}`)
	for _, c := range []struct {
		path, body string
		header     []string
		want       string
		asked      bool
	}{
		{"count", `{"to":"page = 1"}`, nil, `400 {"detail":"found =","where":"to.column 6"}`, true},
		{"push", `{"to":"page = 1","message":"m"}`, nil, `400 {"detail":"found =","where":"to.column 6"}`, true},
		{"push", `{"to":"*"}`, nil, `400 {"detail":"a message has 1 to 1000 bytes","where":"message"}`, false},
		{"push", `{"to":"*","message":"` + strings.Repeat("x", 1001) + `"}`, nil, `400 {"detail":"a message has 1 to 1000 bytes","where":"message"}`, false},
		{"count", `{"to":1}`, nil, `400 {"detail":"this is not the JSON of the playground: json: cannot unmarshal number into Go struct field .to of type string"}`, false},
		{"count", `{"to":"` + strings.Repeat("x", maxBody) + `"}`, nil, `400 {"detail":"this is not the JSON of the playground: http: request body too large"}`, false},
		{"push", `{"to":"*"}`, []string{"Accept-Language", "zh"}, `400 {"detail":"消息须为 1 到 1000 字节","where":"message"}`, false},
		{"count", `{"to":`, []string{"Accept-Language", "en", "Cookie", "scenecast_lang=zh"}, `400 {"detail":"这不是演练场的 JSON：unexpected EOF"}`, false},
		{"count", `{"to":"*"}`, []string{"Sec-Fetch-Site", "cross-site"}, `403 cross-origin request detected from Sec-Fetch-Site header`, false},
		{"push", `{"to":"*","message":"m"}`, []string{"Origin", "https://example.com"}, `403 cross-origin request detected, and/or browser is out of date: Sec-Fetch-Site is missing, and Origin does not match Host`, false},
	} {
		status, said := call(t, "POST", url+"/demo/"+c.path, c.body, c.header...)
		if got := fmt.Sprint(status, " ", strings.TrimSpace(said)); got != c.want {
			t.Errorf("%s %.60s: %s, want %s", c.path, c.body, got, c.want)
		}
		if c.asked {
			<-asked
		}
	}
	if len(asked) != 0 {
		t.Errorf("the API was asked %s", <-asked)
	}
}

// Without a key there is no playground, and no link to one.
func TestNoPlayground(t *testing.T) {
	for _, c := range []struct{ method, path string }{
		{"GET", "/demo/playground"}, {"POST", "/demo/count"}, {"POST", "/demo/push"}, {"GET", "/demo/pushes/a"},
	} {
		w := httptest.NewRecorder()
		Handler(Options{Token: "123456"}).ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != 404 {
			t.Errorf("%s %s: %d", c.method, c.path, w.Code)
		}
	}
	w := httptest.NewRecorder()
	Handler(Options{Token: "123456"}).ServeHTTP(w, httptest.NewRequest("GET", "/demo/", nil))
	if strings.Contains(w.Body.String(), "playground") {
		t.Error("the index links to the playground")
	}
	if strings.Contains(w.Body.String(), "dashboard") {
		t.Error("the index links to a dashboard that is not served")
	}
	Handler(Options{Dashboard: true}).ServeHTTP(w, httptest.NewRequest("GET", "/demo/", nil))
	if !strings.Contains(w.Body.String(), `href="../dashboard/"`) {
		t.Error("the index does not link to the dashboard")
	}
}
