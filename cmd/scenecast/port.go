package main

import (
	"errors"
	"net"
	"runtime"
	"strings"
	"syscall"

	"scenecast/config"
	"scenecast/language"
)

// explainPort says of a port that cannot be opened which setting asks for it, where that came from, and what else to do.
func explainPort(err error, l *config.Loaded) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "listen" {
		return err
	}
	setting, addr, flag := "listen", l.Listen, language.Textf("--listen or %s", config.Variable("listen"))
	if strings.HasPrefix(err.Error(), "debug.listen: ") {
		setting, addr, flag = "debug.listen", l.Debug.Listen, language.Textf("%s", config.Variable("debug.listen"))
	}
	if strings.HasPrefix(err.Error(), "dashboard.listen: ") {
		setting, addr, flag = "dashboard.listen", l.Dashboard.Listen, language.Textf("--dashboard-listen or %s", config.Variable("dashboard.listen"))
	}
	if setting == "listen" && l.UnixSocket() != "" {
		return language.Errorf("%s: %s: %s: %w", l.Place(setting), setting, addr, op.Err)
	}
	_, port, _ := net.SplitHostPort(addr) // it has been checked
	why := language.Textf("%v", op.Err)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = language.Textf("port %s is taken, perhaps by another scenecast; %s shows by whom", port, whoListens(port))
	case errors.Is(err, syscall.EACCES):
		why = language.Textf("this user may not listen on port %s; ports from 1024 on are for everybody", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		why = language.Textf("this machine has no such address; :%s is every address that it has", port)
	}
	return language.Errorf("%s: %s: %s: %s. %s gives another address", l.Place(setting), setting, addr, why, flag)
}

// whoListens is a command that names the process behind a port.
func whoListens(port string) string {
	if runtime.GOOS == "linux" {
		return "`ss -ltnp sport = :" + port + "`"
	}
	return "`lsof -nP -iTCP:" + port + " -sTCP:LISTEN`"
}
