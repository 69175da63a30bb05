package main

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"syscall"

	"scenecast/config"
)

// explainPort says of a port that cannot be opened which setting asks for it, where that came from, and what else to do.
func explainPort(err error, l *config.Loaded) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "listen" {
		return err
	}
	setting, addr, flag := "listen", l.Listen, "--listen or "
	if strings.HasPrefix(err.Error(), "debug.listen: ") {
		setting, addr, flag = "debug.listen", l.Debug.Listen, ""
	}
	if strings.HasPrefix(err.Error(), "dashboard.listen: ") {
		setting, addr, flag = "dashboard.listen", l.Dashboard.Listen, "--dashboard-listen or "
	}
	if setting == "listen" && l.UnixSocket() != "" {
		return fmt.Errorf("%s: %s: %s: %w", l.Place(setting), setting, addr, op.Err)
	}
	_, port, _ := net.SplitHostPort(addr) // it has been checked
	why := op.Err.Error()
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = fmt.Sprintf("port %s is taken, perhaps by another scenecast; %s shows by whom", port, whoListens(port))
	case errors.Is(err, syscall.EACCES):
		why = fmt.Sprintf("this user may not listen on port %s; ports from 1024 on are for everybody", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		why = "this machine has no such address; :" + port + " is every address that it has"
	}
	return fmt.Errorf("%s: %s: %s: %s. %s%s gives another address", l.Place(setting), setting, addr, why, flag, config.Variable(setting))
}

// whoListens is a command that names the process behind a port.
func whoListens(port string) string {
	if runtime.GOOS == "linux" {
		return "`ss -ltnp sport = :" + port + "`"
	}
	return "`lsof -nP -iTCP:" + port + " -sTCP:LISTEN`"
}
