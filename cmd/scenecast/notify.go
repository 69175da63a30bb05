package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notify tells systemd the state of the unit (sd_notify(3)). Where NOTIFY_SOCKET is not set it does nothing.
func notify(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("systemd was not told", "state", state, "err", err)
	}
}

// notifyRunning tells systemd that the server is ready, then at each third of the watchdog's time that its loops get on, and when ctx ends
// that it stops. check has until the next third; where it fails, the log has why, and systemd kills the process when the time is over.
func notifyRunning(ctx context.Context, check func(context.Context) error, log *slog.Logger) (stop func()) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("no watchdog", "err", err)
	}
	notify(log, fmt.Sprintf("%s\nMAINPID=%d", daemon.SdNotifyReady, os.Getpid()))
	running, end := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var beat <-chan time.Time // nil: there is no watchdog
		if every > 0 {
			ticker := time.NewTicker(every / 3)
			defer ticker.Stop()
			beat = ticker.C
		}
		for {
			select {
			case <-beat:
				beatOnce(running, check, every/3, log)
			case <-running.Done():
				if ctx.Err() != nil {
					notify(log, daemon.SdNotifyStopping)
				}
				return
			}
		}
	}()
	return func() {
		end()
		<-done
	}
}

// beatOnce tells systemd's watchdog that the server lives, if check says so within this time.
func beatOnce(ctx context.Context, check func(context.Context) error, within time.Duration, log *slog.Logger) {
	inTime, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	switch err := check(inTime); {
	case err == nil:
		notify(log, daemon.SdNotifyWatchdog)
	case ctx.Err() == nil:
		log.Error("systemd's watchdog is not told that the server lives", "err", err)
	}
}

// notifyReload tells systemd that the configuration is being read anew, and when that has ended.
func notifyReload(log *slog.Logger) (ended func()) {
	notify(log, reloadingState())
	return func() { notify(log, daemon.SdNotifyReady) }
}

// reloadingState says that a reload begins now; the clock is for Type=notify-reload.
func reloadingState() string { return daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec() }

// handoverNotifier tells systemd of handovers, as of a reload of the unit. The new process says itself that it is ready (notifyRunning); that it
// is the main one it is told of by the old one as well, whose end would otherwise be that of the unit if it came first.
type handoverNotifier struct{ log *slog.Logger }

// HandoverBegins implements server.Supervisor.
func (n handoverNotifier) HandoverBegins() { notify(n.log, reloadingState()) }

// HandoverFailed implements server.Supervisor.
func (n handoverNotifier) HandoverFailed() { notify(n.log, daemon.SdNotifyReady) }

// HandedOver implements server.Supervisor.
func (n handoverNotifier) HandedOver(pid int) { notify(n.log, fmt.Sprintf("MAINPID=%d", pid)) }
