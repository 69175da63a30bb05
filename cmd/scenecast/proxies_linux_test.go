package main_test

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"scenecast/doctor"
	"scenecast/freeport"
)

var caddy = flag.String("caddy", "", "the program Caddy, with which its block of docs/operations.md is tested; empty: it is not")

// documentedBlocks are the blocks of docs/operations.md in a language.
func documentedBlocks(t *testing.T, language string, want int) []string {
	t.Helper()
	return blocksOf(t, "../../docs/operations.md", language, want)
}

// blocksOf are the blocks of a document in a language, of which there must be so many.
func blocksOf(t *testing.T, document, language string, want int) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```\n").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) != want {
		t.Fatalf("%s has %d blocks of %s, not %d", document, len(blocks), language, want)
	}
	return blocks
}

// put replaces texts, each of which must be there.
func put(t *testing.T, block string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(block, pairs[i]) {
			t.Fatalf("%q is not in\n%s", pairs[i], block)
		}
		block = strings.ReplaceAll(block, pairs[i], pairs[i+1])
	}
	return block
}

// startProxy runs a proxy with a configuration until the test ends, and waits until it listens.
func startProxy(t *testing.T, addr, config, name string, arguments ...string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "proxy.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		path = "/usr/sbin/" + name // which is not in everybody's PATH
	}
	words := strings.NewReplacer("FILE", file, "DIR", dir)
	for i := range arguments {
		arguments[i] = words.Replace(arguments[i])
	}
	var said lockedBuffer
	cmd := exec.Command(path, arguments...)
	cmd.Env = []string{"HOME=" + dir}
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (scripts/install-test-tools installs %s)", err, name)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", name, said.String())
		}
	})
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return
		}
		if time.Since(begun) > patience {
			t.Fatalf("%s does not listen:\n%s", name, said.String())
		}
	}
}

// nginx runs nginx with this in its http block, and as few other settings as it can do with.
func nginx(t *testing.T, addr, http string) {
	t.Helper()
	startProxy(t, addr, "pid nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"+
		"client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n"+http+"\n}\n",
		"nginx", "-p", "DIR", "-c", "FILE", "-e", "stderr", "-g", "daemon off; master_process off;")
}

// The credentials of servers behind proxies, and an app of Pusher's.
const (
	proxiedToken = "page-token-behind-a-proxy"
	proxiedKey   = "backend-key-behind-a-proxy"
)

// behind launches a server for a proxy at 127.0.0.1, which pings idle pages soon, and returns where it listens.
func behind(t *testing.T, listen string, env ...string) (addr string) {
	t.Helper()
	d := launch(t, append(env,
		"SCENECAST_LIMITS_TRUSTED_PROXIES=127.0.0.1", "SCENECAST_WEBSOCKET_PING_INTERVAL=1s", "SCENECAST_DRAIN=1s",
		"SCENECAST_PUSHER={id: '1', key: pusher-key, secret: secret-of-the-app}"),
		"serve", "--listen", listen, "--client-token", proxiedToken, "--api-key", proxiedKey)
	addr = line(t, d.stderr, `msg=listening addr=(\S+)`)
	t.Cleanup(d.terminate)
	return addr
}

// examineProxy runs the doctor for a URL, and returns what it says of the proxy, by check.
func examineProxy(t *testing.T, url string, flags ...string) map[string]doctor.Finding {
	t.Helper()
	arguments := append([]string{"doctor", "--json", "--url", url, "--client-token", proxiedToken, "--api-key", proxiedKey, "--timeout", "20s"}, flags...)
	out, errs, code := run(t, "", []string{"SCENECAST_WEBSOCKET_PING_INTERVAL=1s"}, arguments...)
	var report struct {
		Findings []doctor.Finding
		Summary  doctor.Summary
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || (code == 2) != (report.Summary.Failures > 0) || code == 1 {
		t.Fatalf("doctor for %s: exit %d, %v, %s%s", url, code, err, out, errs)
	}
	if strings.Contains(out+errs, proxiedToken) || strings.Contains(out+errs, proxiedKey) {
		t.Errorf("it tells secrets: %s%s", out, errs)
	}
	found := make(map[string]doctor.Finding)
	for _, f := range report.Findings {
		if name, ok := strings.CutPrefix(f.Check, "proxy."); ok {
			found[name] = f
		}
	}
	return found
}

// allIsWell looks whether the doctor finds all well at a URL, and whether pages of each wire can open a WebSocket below it.
func allIsWell(t *testing.T, url, ca string) {
	t.Helper()
	checks, flags := []string{"reach", "websocket", "websocket.idle", "events", "events.idle", "address"}, []string(nil)
	if ca != "" {
		checks, flags = append(checks, "tls", "http2"), []string{"--ca", ca}
	}
	found := examineProxy(t, url, flags...)
	for _, check := range checks {
		if f := found[check]; f.Status != doctor.OK && !strings.Contains(f.Found.String(), "cannot be told from the proxy's own machine") { // fromElsewhere tells it
			t.Errorf("%s: %s: %+v", url, check, found[check])
		}
		delete(found, check)
	}
	if len(found) > 0 {
		t.Errorf("%s: besides, %+v", url, found)
	}
	if got := fromElsewhere(t, url); got != elsewhere {
		t.Errorf("%s: the server takes a client at %s for %s", url, elsewhere, got)
	}
	if ca != "" {
		return // the same proxy passes the same paths on
	}
	for path, begins := range map[string]string{
		"/?page=home&token=" + proxiedToken:           `{"code":200,"message":"打开swoole服务成功"}`,
		"/app/pusher-key?protocol=7&client=js":        `{"event":"pusher:connection_established"`,
		"/v1/connect?page=home&token=" + proxiedToken: `{"type":"welcome"`,
	} {
		var o websocket.DialOptions
		if strings.HasPrefix(path, "/v1/") {
			o.Subprotocols = []string{"scenecast.v1"}
		}
		conn, response, err := websocket.Dial(t.Context(), strings.Replace(url, "http", "ws", 1)+path, &o)
		if err != nil {
			t.Errorf("%s%s: %v, %+v", url, path, err, response)
			continue
		}
		if _, text, err := conn.Read(t.Context()); err != nil || !strings.HasPrefix(string(text), begins) {
			t.Errorf("%s%s: %v, begins with %s", url, path, err, text)
		}
		_ = conn.CloseNow()
	}
}

// elsewhere is where a client is that is not at the proxy's address.
const elsewhere = "127.0.0.5"

// fromElsewhere is the address that the server takes such a client to have.
func fromElsewhere(t *testing.T, url string) string {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(elsewhere)}}
	client := http.Client{Transport: &http.Transport{
		DialContext: dialer.DialContext, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the doctor has looked at the certificate
	}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/address", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+proxiedKey)
	request.Header.Set("X-Forwarded-For", "192.0.2.1") // which nobody is to believe
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ Address string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer.Address
}

// TestProxies runs each block of docs/operations.md with the proxy that it is for. HAProxy in front of nodes that stop is
// TestRollingBehindProxy.
func TestProxies(t *testing.T) {
	cert, key, _ := trusted(t)
	ours := []string{"SCENECAST_TLS_CERT=" + cert, "SCENECAST_TLS_KEY=" + key}
	blocks := documentedBlocks(t, "nginx", 2)
	for name, start := range map[string]func(t *testing.T, addr string) (url, ca string){
		"nginx, prefix": func(t *testing.T, addr string) (string, string) {
			nginx(t, addr, "server { listen "+addr+";\n"+put(t, blocks[0], "127.0.0.1:9502", behind(t, "127.0.0.1:0"))+"}")
			return "http://" + addr + "/push", ""
		},
		"nginx, TLS and Unix socket": func(t *testing.T, addr string) (string, string) {
			socket := filepath.Join(t.TempDir(), "port")
			behind(t, "unix:"+socket)
			nginx(t, addr, put(t, blocks[1], "server unix:/run/scenecast/port;", "server unix:"+socket+";", "listen 443 ", "listen "+addr+" ",
				"push.example.com;", "127.0.0.1;", "/etc/ssl/push.example.com/fullchain.pem", cert, "/etc/ssl/push.example.com/privkey.pem", key))
			return "https://" + addr, cert
		},
		"HAProxy, PROXY protocol": func(t *testing.T, addr string) (string, string) {
			node := behind(t, "127.0.0.1:0", append(ours, "SCENECAST_LIMITS_PROXY_PROTOCOL=required")...)
			startProxy(t, addr, put(t, documentedBlocks(t, "haproxy", 2)[1], "bind :443", "bind "+addr, "10.0.0.1:9502", node,
				"    server b 10.0.0.2:9502\n", "", "    server c 10.0.0.3:9502\n", ""), "haproxy", "-db", "-f", "FILE")
			return "https://" + addr, cert
		},
		"HAProxy": func(t *testing.T, addr string) (string, string) {
			node := behind(t, "127.0.0.1:0")
			startProxy(t, addr, put(t, documentedBlocks(t, "haproxy", 2)[0], "bind :80", "bind "+addr, "10.0.0.1:9502", node,
				"    server b 10.0.0.2:9502\n", "", "    server c 10.0.0.3:9502\n", ""), "haproxy", "-db", "-f", "FILE")
			return "http://" + addr, ""
		},
		"the example": func(t *testing.T, addr string) (string, string) {
			text, err := os.ReadFile("../../examples/nginx/nginx.conf")
			if err != nil {
				t.Fatal(err)
			}
			if out, errs, code := run(t, "../../examples/nginx", nil, "config", "check"); code != 0 || errs != "" {
				t.Errorf("config check: exit %d, %s%s", code, out, errs)
			}
			startProxy(t, addr, put(t, string(text), "127.0.0.1:9502", behind(t, "127.0.0.1:0"), "127.0.0.1:8443", addr, " cert.pem", " "+cert, " key.pem", " "+key),
				"nginx", "-p", "DIR", "-c", "FILE", "-e", "stderr", "-g", "master_process off;")
			return "https://" + addr + "/push", cert
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, ca := start(t, freeport.Addr(t))
			allIsWell(t, url, ca)
		})
	}
}

// TestCaddy runs the block of docs/operations.md. `make test-caddy` runs it.
func TestCaddy(t *testing.T) {
	if *caddy == "" {
		t.Skip("without -caddy")
	}
	addrs, node := freeport.Addrs(t, 2), behind(t, "127.0.0.1:0")
	startProxy(t, addrs[1], "{\n\tadmin off\n}\n"+put(t, documentedBlocks(t, "caddyfile", 1)[0], "127.0.0.1:9502", node,
		"push.example.com", "http://"+addrs[0], "www.example.com", "http://"+addrs[1]), *caddy, "run", "--adapter", "caddyfile", "--config", "FILE")
	allIsWell(t, "http://"+addrs[0], "")
	allIsWell(t, "http://"+addrs[1]+"/push", "")
}

// TestDoctorFindsFaults: what is wrong with a proxy, each below a path of its own.
func TestDoctorFindsFaults(t *testing.T) {
	node, addr, nobody := behind(t, "127.0.0.1:0"), freeport.Addr(t), freeport.Addr(t)
	const upgrade = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection; "
	const forward = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; "
	faults := []struct {
		path, lines, check string
		want               doctor.Status
		says               string
	}{
		{"plain", forward + "proxy_pass http://" + node + "/;", "websocket", doctor.Failure, "426"},
		{"buffered", upgrade + forward + "proxy_ignore_headers X-Accel-Buffering; proxy_pass http://" + node + "/;", "events", doctor.Failure, "it is buffered"},
		{"short", upgrade + forward + "proxy_read_timeout 300ms; proxy_pass http://" + node + "/;", "websocket.idle", doctor.Failure, "was cut after"},
		{"believed", upgrade + "proxy_pass http://" + node + "/;", "address", doctor.Failure, "whoever wants can be of any address"},
		{"unknown", upgrade + "proxy_set_header X-Forwarded-For ''; proxy_pass http://" + node + "/;", "address", doctor.Warning, "all pages count as one address (127.0.0.1)"},
		{"distrusted", upgrade + forward + "proxy_bind 127.0.0.9; proxy_pass http://" + node + "/;", "address", doctor.Warning, "the server does not believe it"},
		{"prefix", upgrade + forward + "proxy_pass http://" + node + ";", "reach", doctor.Failure, "is no Scenecast (404"},
		{"down", upgrade + forward + "proxy_pass http://" + nobody + "/;", "reach", doctor.Failure, "does not reach the server behind it (502"},
	}
	var locations strings.Builder
	for _, f := range faults {
		fmt.Fprintf(&locations, "location /%s/ { %s }\n", f.path, f.lines)
	}
	nginx(t, addr, "server { listen "+addr+";\n"+locations.String()+"}")
	t.Run("faults", func(t *testing.T) {
		for _, f := range faults {
			t.Run(f.path, func(t *testing.T) {
				t.Parallel()
				flags := []string{"--idle=" + fmt.Sprint(f.path == "short")}
				if f.want == doctor.Failure && f.check == "events" {
					flags = append(flags, "--timeout", "1s") // it waits for what does not come
				}
				found := examineProxy(t, "http://"+addr+"/"+f.path, flags...)
				if got := found[f.check]; got.Status != f.want || !strings.Contains(got.Found.String(), f.says) || got.Do.IsZero() {
					t.Errorf("%s is %+v; want %s, %q; of all\n%+v", f.check, got, f.want, f.says, found)
				}
				for check, got := range found {
					isOf := strings.HasPrefix(check, strings.TrimSuffix(f.check, "websocket.idle")) // a short timeout cuts streams as well
					if got.Status == doctor.Failure && !isOf {
						t.Errorf("besides, %+v", got)
					}
				}
			})
		}
	})
}

// TestDoctorExits: the statuses with which the command ends, and that no secret is printed.
func TestDoctorExits(t *testing.T) {
	const secret = "whsec_c2VjcmV0LW9mLXRoZS1ob29rLWluLWJhc2U2NA=="
	hook := "SCENECAST_HOOKS_CONNECT={url: 'http://user:password-of-the-hook@" + freeport.Addr(t) + "/?q=query-of-the-hook', secret: '" + secret + "'}"
	for _, c := range []struct {
		env       []string
		arguments []string
		want      int
		says      string
	}{
		{[]string{hook}, nil, 2, "failure  hooks "},
		{[]string{"SCENECAST_CLIENT_TOKENS=short-token"}, []string{"--strict"}, 1, "warning  config "},
		{[]string{"SCENECAST_CLIENT_TOKENS=short-token"}, nil, 0, "warning  config "},
		{[]string{"SCENECAST_LOG_LEVEL=loud"}, nil, 2, "failure  config "},
		{nil, []string{"--url", "push.example.com"}, 1, "--url: it is no address of a server"},
		{nil, []string{"--timeout", "0s"}, 1, "--timeout: must be more than 0"},
	} {
		out, errs, code := run(t, "", c.env, append([]string{"doctor", "--pages", "100"}, c.arguments...)...)
		if code != c.want || !strings.Contains(out+errs, c.says) {
			t.Errorf("%q %q: exit %d, want %d, %q:\n%s%s", c.env, c.arguments, code, c.want, c.says, out, errs)
		}
		for _, hidden := range []string{secret, "of-the-hook", "short-token"} {
			if strings.Contains(out+errs, hidden) {
				t.Errorf("%q is told:\n%s%s", hidden, out, errs)
			}
		}
	}
}
