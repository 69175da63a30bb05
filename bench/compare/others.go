package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"scenecast/bench/load"
)

// onGo is a server of the module servers/golang, on a library.
func onGo(name, title, library string, dialect load.Dialect) *peer {
	return &peer{
		name: name, title: title,
		prepare: func(ctx context.Context, at *place) (string, error) {
			dir := at.source("golang")
			if _, err := at.run(ctx, dir, "go", "build", "-trimpath", "-o", at.program(name), "./"+name); err != nil {
				return "", err
			}
			return at.run(ctx, dir, "go", "list", "-m", "-f", "{{.Version}}", library)
		},
		start: func(ctx context.Context, at *place) (*server, error) {
			return at.serve(ctx, load.Options{Dialect: dialect}, "/gc", func(port string) ([]string, error) {
				return []string{at.program(name), port}, nil
			})
		},
	}
}

// onNode is a server of servers/node, on a package of npm.
func onNode(name, title, pack string, dialect load.Dialect) *peer {
	return &peer{
		name: name, title: title,
		prepare: func(ctx context.Context, at *place) (string, error) {
			text, err := os.ReadFile(at.source("node/node_modules/" + pack + "/package.json"))
			if err != nil {
				return "", fmt.Errorf("%s is not installed: scripts/install-compare-peers does that", pack)
			}
			var installed struct{ Version string }
			if err := json.Unmarshal(text, &installed); err != nil {
				return "", err
			}
			node, err := at.run(ctx, at.root, "node", "--version")
			return installed.Version + ", Node " + node, err
		},
		start: func(ctx context.Context, at *place) (*server, error) {
			return at.serve(ctx, load.Options{Dialect: dialect}, "/gc", func(port string) ([]string, error) {
				return []string{"node", "--expose-gc", at.source("node/" + name + ".js"), port}, nil
			})
		},
	}
}

// modulesPath is where nginx was built to look for modules.
var modulesPath = regexp.MustCompile(`--modules-path=(\S+)`)

// nginxVersion is how nginx names itself.
var nginxVersion = regexp.MustCompile(`nginx/(\S+)`)

// onNginx is Nchan with servers/nchan/nginx.conf.
func onNginx() *peer {
	modules := ""
	return &peer{
		name: "nchan", title: "Nchan (nginx)",
		prepare: func(ctx context.Context, at *place) (string, error) {
			built, err := at.run(ctx, at.root, "nginx", "-V")
			if err != nil {
				return "", err
			}
			path, version := modulesPath.FindStringSubmatch(built), nginxVersion.FindStringSubmatch(built)
			if path == nil || version == nil {
				return "", fmt.Errorf("nginx -V names no version or modules path: %.200q", built)
			}
			modules = path[1]
			if _, err := os.Stat(filepath.Join(modules, "ngx_nchan_module.so")); err != nil {
				return "", fmt.Errorf("the module of nginx: %w", err)
			}
			// Debian knows the module's version, nginx does not.
			if out, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-nchan").Output(); err == nil {
				return string(out) + ", nginx " + version[1], nil
			}
			return "nginx " + version[1], nil
		},
		start: func(ctx context.Context, at *place) (*server, error) {
			template, err := os.ReadFile(at.source("nchan/nginx.conf"))
			if err != nil {
				return nil, err
			}
			config := at.program("nginx.conf")
			return at.serve(ctx, load.Options{Dialect: nchan{plain{"/ws"}}}, "", func(port string) ([]string, error) {
				text := strings.NewReplacer("MODULES", modules, "PORT", port, "FILES", strconv.Itoa(at.files),
					"CONNECTIONS", strconv.Itoa(at.files+at.files/8)).Replace(string(template))
				return []string{"nginx", "-p", "./", "-c", config, "-e", "stderr"}, os.WriteFile(config, []byte(text), 0o644)
			})
		},
	}
}
