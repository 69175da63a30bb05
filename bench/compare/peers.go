package main

import (
	"context"
	"strings"

	"scenecast/bench/load"
	"scenecast/freeport"
)

// peers are all servers that can be compared, in the order of the table.
func peers() []*peer {
	return []*peer{
		scenecastOf(peerScenecast, "Scenecast", ""),
		floor(peerFloor, "C floor"),
		floor(peerCoalescing, "C floor, coalescing", "coalesce"),
		onNginx(),
		onNode("ws", "ws (Node)", "ws", plain{"/ws"}),
		onNode("socketio", "Socket.IO (Node)", "socket.io", socketIO{plain{"/socket.io/"}}),
		onGo("centrifuge", "centrifuge (Go)", "github.com/centrifugal/centrifuge", centrifuge{plain{"/ws"}}),
		onGo("gorilla", "gorilla/websocket (Go)", "github.com/gorilla/websocket", plain{"/ws"}),
	}
}

// scenecastOf is the server of this binary; an empty path has it built from the tree.
func scenecastOf(name, title, binary string) *peer {
	p := &peer{name: name, title: title}
	debug := false // there is a setting debug.listen
	p.prepare = func(ctx context.Context, at *place) (string, error) {
		fromTree := binary == ""
		if fromTree {
			binary = at.program("scenecast")
			if _, err := at.run(ctx, at.root, "go", "build", "-trimpath", "-o", binary, "./cmd/scenecast"); err != nil {
				return "", err
			}
		}
		settings, err := at.run(ctx, at.built, binary, "config", "print")
		if debug = strings.Contains(settings, "\ndebug:"); !debug {
			p.note = "its memory holds garbage: this version has no debug.listen to have it collected"
		}
		if err != nil {
			return "", err
		}
		if !fromTree {
			return at.run(ctx, at.built, binary, "version")
		}
		return at.run(ctx, at.root, "git", "describe", "--tags", "--always", "--dirty")
	}
	p.start = func(ctx context.Context, at *place) (*server, error) {
		var settings []string
		collect := ""
		var port *freeport.Port
		if debug {
			var err error
			if port, err = freeport.Reserve(); err != nil {
				return nil, err
			}
			settings = []string{"SCENECAST_DEBUG_LISTEN=" + port.Addr()}
			collect = "http://" + port.Addr() + "/debug/gc"
		}
		s, err := load.StartServer(ctx, at.cores.OnServersCore(binary), settings...)
		if err != nil {
			if port != nil {
				port.Release()
			}
			return nil, err
		}
		return &server{Child: s.Child, url: s.URL, options: load.Options{Token: s.Token, Key: s.Key}, collect: collect, port: port}, nil
	}
	return p
}

// floor is servers/floor, with these arguments behind the port.
func floor(name, title string, args ...string) *peer {
	return &peer{
		name: name, title: title,
		prepare: func(ctx context.Context, at *place) (string, error) {
			if _, err := at.run(ctx, at.source("floor"), "gcc", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror",
				"-o", at.program("floor"), "floor.c"); err != nil {
				return "", err
			}
			version, err := at.run(ctx, at.root, "gcc", "-dumpfullversion")
			return "epoll, one send() per connection, gcc " + version, err
		},
		start: func(ctx context.Context, at *place) (*server, error) {
			return at.serve(ctx, load.Options{Dialect: plain{page: "/"}}, "", func(port string) ([]string, error) {
				return append([]string{at.program("floor"), port}, args...), nil
			})
		},
	}
}
