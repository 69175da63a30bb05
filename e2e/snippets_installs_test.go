package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"scenecast/freeport"
)

// repository reads a file of the repository.
func (r *reader) repository(path string) string {
	r.t.Helper()
	content, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		r.t.Error(err)
	}
	return string(content)
}

// checkMake looks the target up.
func (r *reader) checkMake(command string) {
	r.t.Helper()
	target := strings.Fields(command)[1]
	if !regexp.MustCompile(`(?m)^` + target + `:`).MatchString(r.repository("Makefile")) {
		r.t.Errorf("%s: the Makefile has no such target", command)
	}
	for _, given := range regexp.MustCompile(` ([A-Z]+)=`).FindAllStringSubmatch(command, -1) {
		if !regexp.MustCompile(`(?m)^` + target + `:.*\$\(` + given[1] + `\)`).MatchString(r.repository("Makefile")) {
			r.t.Errorf("%s: the Makefile's target does not use %s", command, given[1])
		}
	}
}

// checkNPM looks the scripts of npm up, and that there is a lock file for npm ci.
func (r *reader) checkNPM(command string) {
	r.t.Helper()
	steps := strings.Split(strings.Trim(command, "()"), " && ")
	folder := strings.TrimPrefix(steps[0], "cd ")
	var declared struct{ Scripts map[string]string }
	if err := json.Unmarshal([]byte(r.repository(folder+"/package.json")), &declared); err != nil {
		r.t.Errorf("%s: %v", command, err)
	}
	for _, step := range steps[1:] {
		script, isScript := strings.CutPrefix(strings.Replace(step, "npm test", "npm run test", 1), "npm run ")
		switch {
		case isScript && declared.Scripts[script] == "":
			r.t.Errorf("%s: there is no script %s", command, script)
		case step == "npm ci":
			r.repository(folder + "/package-lock.json")
		case !isScript:
			r.t.Errorf("%s: this test does not know %q", command, step)
		}
	}
}

// copyNginx copies examples/nginx, with ports that are free.
func (r *reader) copyNginx() {
	r.t.Helper()
	addrs := freeport.Addrs(r.t, 2)
	r.addr, r.proxy = addrs[0], addrs[1]
	for _, file := range []string{"nginx.conf", "scenecast.yaml"} {
		content := r.repository("examples/nginx/" + file)
		r.write(file, strings.NewReplacer("127.0.0.1:9502", r.addr, "127.0.0.1:8443", r.proxy).Replace(content))
	}
}

// nginx starts nginx in front of the server, and waits until it listens.
func (r *reader) nginx(command string) {
	r.t.Helper()
	r.background(command)
	r.awaitPort(r.proxy)
}
