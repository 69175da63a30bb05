package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// debugServer is what an operator looks into a process with: /healthz, /readyz and /metrics, /debug/top, Go's profiles under
// /debug/pprof/, and POST /debug/gc, which collects garbage and gives unused memory back to the system, so that what is left is what is in use. It
// asks for no key: its address must be one that only operators reach. It answers until the server has stopped.
type debugServer struct {
	http     *http.Server
	listener net.Listener
}

// listenDebug opens the debug port; an empty address opens none.
func listenDebug(ctx context.Context, addr string, inherited *os.File, metrics, health, top http.Handler, log *slog.Logger) (*debugServer, error) {
	if addr == "" {
		return nil, nil
	}
	l, err := listenInherited(ctx, addr, inherited)
	if err != nil {
		return nil, fmt.Errorf("debug.listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.Handle("GET /healthz", health)
	mux.Handle("GET /readyz", health)
	mux.Handle("GET /debug/top", top)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("POST /debug/gc", func(http.ResponseWriter, *http.Request) { debug.FreeOSMemory() })
	log.Info("debug", "addr", l.Addr().String())
	return &debugServer{http: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}, listener: l}, nil
}

// serve answers until the end, which returns when nothing is left.
func (d *debugServer) serve(log *slog.Logger) (end func()) {
	if d == nil {
		return func() {}
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := d.http.Serve(d.listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("debug", "err", err)
		}
	})
	return func() {
		d.close()
		serving.Wait()
	}
}

func (d *debugServer) close() {
	if d != nil {
		_ = d.http.Close()
		_ = d.listener.Close()
	}
}
