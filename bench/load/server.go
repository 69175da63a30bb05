package load

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"scenecast/language"
)

// beginWithin is how long a server of one's own may take to begin.
const beginWithin = 15 * time.Second

// listening is the line of the log that tells where the server is.
var listening = regexp.MustCompile(`msg=listening addr=(\S+)`)

// Server is a server of one's own: a child process with secrets made up for it, on a free port of loopback.
type Server struct {
	*Child
	URL        *url.URL
	Token, Key string
}

// StartServer runs the command, which is the binary or ends in it, with serve. Settings are environment variables, which older
// versions know as well; further ones may be given.
// Where it speaks TLS, it need not be ready yet (AwaitReady). Close ends it.
func StartServer(ctx context.Context, command []string, settings ...string) (*Server, error) {
	s := &Server{Token: rand.Text(), Key: rand.Text()}
	cmd := exec.Command(command[0], append(slices.Clone(command[1:]), "serve")...)
	cmd.Env = append(s.environ(os.Environ()), settings...)
	addr := make(chan string, 1)
	var err error
	s.Child, err = StartChild(cmd, func(line []byte) {
		if m := listening.FindSubmatch(line); m != nil {
			select {
			case addr <- string(m[1]):
			default:
			}
		}
	})
	if err != nil {
		return nil, language.Errorf("a server of its own: %w", err)
	}
	select {
	case a := <-addr:
		s.URL = &url.URL{Scheme: "http", Host: a}
		if slices.ContainsFunc(settings, func(v string) bool { return strings.HasPrefix(v, "SCENECAST_TLS") }) {
			return s, nil // the caller knows whom to trust
		}
		if err = s.AwaitReady(ctx, http.DefaultClient, s.URL.String()); err == nil {
			return s, nil
		}
	case <-s.Ended():
		err = language.Errorf("a server of its own did not start: %s", s.LastWords())
	case <-time.After(beginWithin):
		err = language.Errorf("a server of its own did not start within %v", beginWithin)
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.Close()
	return nil, err
}

// AwaitReady waits until a server, which is this process and at this URL, lets pages in. Its port is open before that, and its log says so.
func (c *Child) AwaitReady(ctx context.Context, client *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(ctx, beginWithin)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
		if err != nil {
			return err
		}
		r.Close = true // no connection is left that would be counted
		if answer, err := client.Do(r); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-c.Ended():
			return language.Errorf("the server did not start: %s", c.LastWords())
		case <-ctx.Done():
			return language.Errorf("the server is not ready: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// environ is the parent's environment without settings of a server, and with those of this one.
func (s *Server) environ(parent []string) []string {
	return append(WithoutSettings(parent),
		"SCENECAST_LISTEN=127.0.0.1:0",
		"SCENECAST_CLIENT_TOKENS="+s.Token,
		"SCENECAST_API_KEYS=[{name: bench, key: "+s.Key+", allow: [push, trigger, read, manage]}]",
		"SCENECAST_LOG_FORMAT=text",
		"SCENECAST_LOG_LEVEL=info",
		"SCENECAST_DRAIN=1s")
}

// WithoutSettings is an environment without those of a server: its own are for whoever has set them.
func WithoutSettings(environ []string) (env []string) {
	for _, v := range environ {
		if !strings.HasPrefix(v, "SCENECAST_") {
			env = append(env, v)
		}
	}
	return env
}
