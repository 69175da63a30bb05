package server_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestPusherFallback: a page of the Pusher protocol over HTTP requests is a page as others are, by the literal bytes.
func TestPusherFallback(t *testing.T) {
	s := start(t, pusherSettings(", path_prefix: /push"), nil)
	const query = "?protocol=7&client=js&version=8.6.0"
	post := func(path, body string) string {
		t.Helper()
		answer, err := http.Post("http://"+s.addr+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.Status[:3] + " " + string(b)
	}
	expect := func(path, body, want string) {
		t.Helper()
		if got := post(path, body); !regexp.MustCompile("^" + want + "$").MatchString(got) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	for _, base := range []string{"/pusher/app/", "/push/app/", "/push/pusher/app/"} {
		page := base + pusherKey + "/17/k3jd9f2a"
		expect(page+"/xhr"+query+"&t=1&n=1", "", "200 o\n")
		expect(page+"/xhr"+query+"&t=2&n=2", "", `200 a\["\{\\"event\\":\\"pusher:connection_established\\",\\"data\\":\\"\{\\\\\\"socket_id\\\\\\":\\\\\\"\d+\.\d+\\\\\\",\\\\\\"activity_timeout\\\\\\":120\}\\"\}"\]`+"\n")
		expect(page+"/xhr_send?t=3&n=3", `["{\"event\":\"pusher:subscribe\",\"data\":{\"auth\":\"\",\"channel\":\"news\"}}"]`, "204 ")
		expect(page+"/xhr"+query+"&t=4&n=4", "", `200 a\["\{\\"event\\":\\"pusher_internal:subscription_succeeded\\",\\"channel\\":\\"news\\",\\"data\\":\\"\{\}\\"\}"\]`+"\n")
		if code, body := s.push(`{"to":"@channel == \"news\"","event":"shipped","message":{"order":7}}`); code != 200 || !strings.Contains(body, `"matched":1`) {
			t.Errorf("%d %s", code, body)
		}
		expect(page+"/xhr"+query+"&t=5&n=5", "", `200 a\["\{\\"event\\":\\"shipped\\",\\"channel\\":\\"news\\",\\"data\\":\\"\{\\\\\\"order\\\\\\":7\}\\"\}"\]`+"\n")
		s.expectMetrics(map[string]string{"scenecast_sockjs_sessions": "1", "scenecast_sockjs_misrouted_total": "0"})
		if code, body := s.call(http.MethodPost, "/v1/disconnect", apiKey, "", `{"to":"@channel == \"news\"","code":4403}`); code != 200 {
			t.Errorf("%d %s", code, body)
		}
		expect(page+"/xhr"+query+"&t=6&n=6", "", `200 c\[4009,""\]`+"\n")
		s.awaitLeases(0)
	}
	for path, want := range map[string]string{
		"/pusher/app/nobody/1/x/xhr" + query:                                  `200 o\na\["\{\\"event\\":\\"pusher:error\\",.*4001.*"\]\nc\[4001,"no app has the key \\"nobody\\""\]\n`,
		"/pusher/app/" + pusherKey + "/1/x/xhr":                               `200 o\na\[.*\]\nc\[4008,"the parameter protocol is missing; protocol=7 is known"\]\n`,
		"/pusher/app/" + pusherKey + "/1/nobody/xhr_send":                     `404 .*no such session: it has ended, or is another node's.*\n`,
		"/elsewhere/app/" + pusherKey + "/1/x/xhr" + query:                    `404 .*\n`,
		"/pusher/app/" + pusherKey + "/1/x/htmlfile" + query:                  `404 .*\n`,
		"/pusher/app/" + pusherKey + "/" + strings.Repeat("1", 65) + "/x/xhr": `404 .*\n`,
	} {
		expect(path, "", want)
	}
}
