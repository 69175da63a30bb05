package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"scenecast/api"
	"scenecast/auth"
	"scenecast/config"
	"scenecast/dashboard"
	"scenecast/problem"
)

// makeDashboard makes the dashboard; nil: there is to be none.
func (s *Server) makeDashboard(backends *api.API) http.Handler {
	if !s.options.Config.Dashboard.Enabled {
		return nil
	}
	calls := s.onceStarted(s.checkAddress(backends.Via("dashboard"), backends.Refuse), backends.Refuse)
	return dashboard.New(dashboard.Options{
		API:         calls,
		FindKey:     s.apps.findKey,
		NamedKeys:   s.apps.namedKeys,
		Code:        s.options.DashboardCode.use,
		CheckClient: s.apps.checkClient,
		Hosts:       s.apps.dashboardHosts,
		Origin:      s.apps.origin,
		Secure:      s.apps.isSecure,
		Refuse:      backends.Refuse,
		Refused:     s.refusals.call,
		Audit:       s.log,
	})
}

// mountDashboard puts the dashboard on the port of pages and backends, unless it has one of its own.
func (s *Server) mountDashboard(mux *http.ServeMux, d http.Handler) {
	if d == nil || s.options.Config.HasDashboardPort() {
		return
	}
	mux.Handle(dashboard.Path, d)
	addSlashes(mux, map[string]http.Handler{dashboard.Path: d})
}

// ownPort is what answers on a port of the dashboard's own, where there is nothing else; nil: there is no dashboard.
func (s *Server) ownPort(d http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	if d == nil {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle(dashboard.Path, d)
	addSlashes(mux, map[string]http.Handler{dashboard.Path: d})
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "dashboard/")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, r, problem.New(problem.NotFound, "there is nothing at this path; the dashboard is at %s", dashboard.Path))
	})
	return s.answering(mux, refuse)
}

// DashboardURL is where a browser on this machine finds the dashboard; empty: there is none, or only on a socket in the file system.
func (s *Server) DashboardURL() string {
	c, addr, secure := s.options.Config, s.Addr(), s.tls != nil
	switch {
	case !c.Dashboard.Enabled:
		return ""
	case s.dashboard != nil:
		addr = s.dashboard.listener.Addr()
	}
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return ""
	}
	host, scheme := tcp.IP.String(), "http"
	if tcp.IP.IsUnspecified() || tcp.IP.IsLoopback() {
		host = "localhost"
	}
	if secure {
		scheme = "https"
		for _, name := range s.apps.dashboardHosts() { // which the certificate is for, as a rule
			if !strings.HasPrefix(name, "*") {
				host = name
				break
			}
		}
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(tcp.Port)) + dashboard.Path
}

// ports are those of the server and of the dashboard; nil: they are one, or there is no dashboard.
func (s *Server) ports() *api.Ports {
	if s.dashboard == nil {
		return nil
	}
	ports := new(api.Ports)
	if addr, ok := s.Addr().(*net.TCPAddr); ok {
		ports.Server = addr.Port
	}
	if addr, ok := s.dashboard.listener.Addr().(*net.TCPAddr); ok {
		ports.Dashboard = addr.Port
	}
	return ports
}

// DashboardCode stands for the secret of an API key in a login, once, until it expires: a program puts it into a link that it prints.
type DashboardCode struct {
	Code, Secret string
	Expires      time.Time

	mu   sync.Mutex
	used bool
}

// use is the secret for which a code stands. A nil code stands for none.
func (c *DashboardCode) use(code string) (secret string, ok bool) {
	if c == nil || auth.DigestOf(code) != auth.DigestOf(c.Code) || !time.Now().Before(c.Expires) {
		return "", false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.used {
		return "", false
	}
	c.used = true
	return c.Secret, true
}

// dashboardServer is a port of the dashboard's own.
type dashboardServer struct {
	http     *http.Server
	listener net.Listener
	secure   bool
	serving  sync.WaitGroup
	unread   sync.Map // net.Conn: those of which no request has been read yet
}

// listenDashboard opens the port; nil: there is none.
func listenDashboard(
	ctx context.Context, c config.Config, inherited *os.File, handler http.Handler, secure *serverTLS, log *slog.Logger,
) (*dashboardServer, error) {
	if !c.HasDashboardPort() {
		return nil, nil
	}
	l, err := listenInherited(ctx, c.Dashboard.Listen, inherited)
	if err != nil {
		return nil, fmt.Errorf("dashboard.listen: %w", err)
	}
	d := &dashboardServer{listener: l, secure: secure != nil}
	d.http = &http.Server{
		Handler:                      handler,
		TLSConfig:                    secure.listenerConfig(),
		ReadHeaderTimeout:            time.Duration(c.HTTP.HeadTimeout),
		ReadTimeout:                  time.Duration(c.HTTP.BodyTimeout),
		IdleTimeout:                  time.Duration(c.HTTP.IdleTimeout),
		MaxHeaderBytes:               int(c.HTTP.MaxHead),
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateNew {
				d.unread.Store(c, nil)
			} else {
				d.unread.Delete(c)
			}
		},
	}
	return d, nil
}

// serve answers until the end.
func (d *dashboardServer) serve(log *slog.Logger) {
	if d == nil {
		return
	}
	d.serving.Go(func() {
		err := error(nil)
		if d.secure {
			err = d.http.ServeTLS(d.listener, "", "")
		} else {
			err = d.http.Serve(d.listener)
		}
		if !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			log.Error("dashboard", "err", err)
		}
	})
}

// leave accepts nothing any more, because another process does, and closes connections between two requests.
func (d *dashboardServer) leave() {
	if d != nil {
		d.http.SetKeepAlivesEnabled(false)
		_ = d.listener.Close()
	}
}

// shutdown accepts nothing any more, and waits for what is being answered.
func (d *dashboardServer) shutdown(ctx context.Context) {
	if d == nil {
		return
	}
	_ = d.listener.Close()
	d.serving.Wait()
	d.awaitRead(ctx)
	if d.http.Shutdown(ctx) != nil {
		_ = d.http.Close()
	}
}

// awaitRead waits until a request of each connection was read: http.Server drops, without an answer, what it reads after Shutdown was called. A browser may open
// connections that it does not use, so it waits a second at most.
func (d *dashboardServer) awaitRead(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for empty := false; !empty && ctx.Err() == nil; {
		empty = true
		d.unread.Range(func(any, any) bool { empty = false; return false })
		time.Sleep(10 * time.Millisecond) // also behind the last one, of which net/http looks once more whether it shuts down
	}
}

func (d *dashboardServer) close() {
	if d != nil {
		_ = d.http.Close()
		_ = d.listener.Close()
		d.serving.Wait()
	}
}
