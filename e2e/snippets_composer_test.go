package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"scenecast/client"
	"scenecast/freeport"
)

// TestComposerSnippets installs the PHP package as the documents say, by Composer, in a project of its own for each block: an application of Laravel where
// the block has commands of artisan, otherwise one that is empty. What is installed pushes to a page.
func TestComposerSnippets(t *testing.T) {
	t.Parallel()
	blocks := 0
	for _, document := range documents(t) {
		for _, s := range snippetsOf(t, document) {
			if s.mark == "other" || !strings.Contains(s.code, "composer require ") {
				continue
			}
			blocks++
			t.Run(fileName(s.place), func(t *testing.T) {
				t.Parallel()
				if strings.Contains(s.code, "php artisan ") {
					installInLaravel(t, s)
				} else {
					installInProject(t, s)
				}
			})
		}
	}
	if blocks != 3 {
		t.Errorf("found %d blocks that install the package, want 3", blocks)
	}
	t.Run("examples/laravel", func(t *testing.T) {
		t.Parallel()
		installExample(t)
	})
}

// newComposer makes a reader whose Composer has no network. It has a checkout of the repository, as far as it is needed, as scenecast beside the
// reader's project, and as laravel/framework Debian's Laravel.
func newComposer(t *testing.T) *reader {
	t.Helper()
	r := newReader(t)
	r.env = []string{
		"COMPOSER_HOME=" + filepath.Join(r.dir, "composer"), "COMPOSER_DISABLE_NETWORK=1", "COMPOSER_NO_INTERACTION=1", "COMPOSER_ALLOW_SUPERUSER=1",
	}
	r.copy("../clients/php/src", "scenecast/clients/php/src")
	r.copy("../clients/php/config", "scenecast/clients/php/config")
	r.write("scenecast/clients/php/composer.json", r.repository("clients/php/composer.json"))
	r.copy("../examples/laravel", "scenecast/examples/laravel")
	for _, name := range []string{"composer", "laravel", "shop"} {
		if err := os.Mkdir(filepath.Join(r.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r.write("laravel/composer.json", `{"name": "laravel/framework", "version": "8.83.26", "autoload": {"files": ["autoload.php"]}}`)
	r.write("laravel/autoload.php", `<?php
		error_reporting(E_ALL & ~E_DEPRECATED); // it is older than its PHP
		require_once '/usr/share/php/Illuminate/autoload.php';
		require_once '/usr/share/php/Illuminate/Foundation/helpers.php';`)
	r.write("composer/config.json", r.json(map[string]any{"repositories": []any{
		map[string]bool{"packagist.org": false}, map[string]string{"type": "path", "url": filepath.Join(r.dir, "laravel")},
	}}))
	return r
}

// copy copies a folder.
func (r *reader) copy(from, to string) {
	r.t.Helper()
	to = filepath.Join(r.dir, to)
	err := os.MkdirAll(filepath.Dir(to), 0o700)
	if err == nil {
		err = os.CopyFS(to, os.DirFS(from))
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) json(value any) string {
	r.t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// inShop runs a command of a block in the reader's project.
func (r *reader) inShop(command string) (printed string) {
	r.t.Helper()
	return r.run("cd shop && " + strings.ReplaceAll(command, " path/to/", " ../"))
}

// installInProject installs the package in an empty project, in which the first PHP of the document then pushes.
func installInProject(t *testing.T, s snippet) {
	r := newComposer(t)
	r.write("shop/composer.json", "{}")
	for _, command := range commandsOf(s) {
		r.inShop(command)
	}
	r.run("scenecast config init")
	r.configured()
	r.serve("scenecast serve")
	page := r.background("scenecast listen --url http://" + r.addr + " --label page=home")
	page.await(t, page.stderr, "^connected at ")
	document, _, _ := strings.Cut(s.place, ":")
	for _, php := range snippetsOf(t, document) {
		if php.language == "php" {
			code := strings.Replace(php.code, "'http://127.0.0.1:9502', 'API_KEY'", "'http://"+r.addr+"', '"+r.secret(backendKey)+"', 60.0", 1)
			r.write("shop/push.php", "<?php\nrequire 'vendor/autoload.php';\n"+code)
			break
		}
	}
	r.inShop("php push.php")
	page.await(t, page.stdout, `^\{"code":200,"message":"hello"\}\n$`)
}

// installInLaravel installs the package in an application that does not know it, and that finds it by itself. What its command scenecast:install tells to
// do is done, and of its commands one is a page that gets what another one pushes.
func installInLaravel(t *testing.T, s snippet) {
	r := newComposer(t)
	r.copy("../examples/laravel", "shop")
	var project map[string]any
	if err := json.Unmarshal([]byte(r.read("shop/composer.json")), &project); err != nil {
		t.Fatal(err)
	}
	delete(project, "repositories")
	delete(project["require"].(map[string]any), "scenecast/scenecast")
	r.write("shop/composer.json", r.json(project))
	const provider = `Scenecast\Laravel\ScenecastServiceProvider::class,`
	if config := r.read("shop/config/app.php"); strings.Contains(config, provider) {
		r.write("shop/config/app.php", strings.Replace(config, provider, "", 1))
	} else {
		t.Errorf("config/app.php has no %s", provider)
	}
	r.write("shop/.env", "SCENECAST_TIMEOUT=60\nSCENECAST_CONNECT_TIMEOUT=60\n") // this machine may be busy
	for _, command := range commandsOf(s) {
		if command == "php artisan scenecast:health" && r.addr == "" {
			t.Errorf("%s: %s comes before scenecast:install", s.place, command)
		}
		if out := r.inShop(command); command == "php artisan scenecast:install" {
			r.serveAsTold(out)
		}
	}
	r.commandLine()
}

// serveAsTold runs a server with the settings that scenecast:install has printed, and says in .env where it is.
func (r *reader) serveAsTold(printed string) {
	r.t.Helper()
	r.read("shop/config/scenecast.php")
	env := r.read("shop/.env")
	settings := regexp.MustCompile(`(?m)^  ([a-z_]+: .*)$`).FindAllStringSubmatch(printed, -1)
	if len(settings) != 2 {
		r.t.Fatalf("scenecast:install prints %s", printed)
	}
	text := ""
	for _, line := range settings {
		text += regexp.MustCompile(`the ([A-Z_]+) of \.env`).ReplaceAllStringFunc(line[1], func(named string) string {
			secret := regexp.MustCompile(`(?m)^` + strings.Fields(named)[1] + `=(\S+)$`).FindStringSubmatch(env)
			if secret == nil {
				r.t.Fatalf("scenecast:install prints %s, and writes %s", printed, env)
			}
			return secret[1]
		}) + "\n"
	}
	r.write("scenecast.yaml", text)
	r.serve("scenecast serve")
	if !strings.Contains(env, "\nSCENECAST_URL=http://127.0.0.1:9502\n") {
		r.t.Errorf("scenecast:install writes %s", env)
	}
	r.write("shop/.env", strings.Replace(env, "127.0.0.1:9502", r.addr, 1))
}

// commandLine runs the commands of artisan that the package's document names.
func (r *reader) commandLine() {
	r.t.Helper()
	_, line, found := strings.Cut(r.repository("clients/php/README.md"), "\n**On the command line**: ")
	line, _, _ = strings.Cut(line, "\n")
	commands := regexp.MustCompile("`(scenecast:([a-z]+).*?)`").FindAllStringSubmatch(line, -1)
	byName := make(map[string]string)
	for _, command := range commands {
		byName[command[2]] = "php artisan " + command[1]
	}
	if !found || len(commands) != 3 || len(byName) != 3 {
		r.t.Fatalf("clients/php/README.md names the commands %q", commands)
	}
	page := r.background("bash -c " + quoted("cd shop && exec "+byName["listen"]))
	key := regexp.MustCompile(`(?m)^SCENECAST_KEY=(\S+)$`).FindStringSubmatch(r.read("shop/.env"))
	backend := client.Backend{URL: "http://" + r.addr, Key: key[1]}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		result, err := backend.Push(r.t.Context(), client.PushRequest{To: client.Labels{"page": {"home"}}, DryRun: true})
		if err != nil {
			r.t.Fatal(err)
		}
		if result.Matched == 1 {
			break
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%s does not connect", page.text)
		}
	}
	if out := r.inShop(byName["push"]); !strings.HasPrefix(out, "1 pages get it ") {
		r.t.Errorf("%s prints %s", byName["push"], out)
	}
	page.await(r.t, page.stdout, `^\{"message":"hello"\}\n$`)
	if out := r.inShop(byName["health"]); strings.Count(out, "ok  ") != 3 || strings.Contains(out, "failed") {
		r.t.Errorf("%s prints %s", byName["health"], out)
	}
}

// quoted is a text as one word of a shell's command.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// installExample has Composer install what examples/laravel needs, which then serves its pages without what it does for Debian's Laravel.
func installExample(t *testing.T) {
	r := newComposer(t)
	if !strings.Contains(r.repository("examples/laravel/README.md"), "`composer install`") {
		t.Error("examples/laravel/README.md does not say `composer install`")
	}
	const folder = "scenecast/examples/laravel"
	r.run("cd " + folder + " && composer install")
	r.read(folder + "/vendor/scenecast/scenecast/composer.json")
	path, addr := filepath.Join(r.dir, folder), freeport.Addr(t)
	environment := []string{"APP_KEY=" + strings.Repeat("k", 32), "SCENECAST_URL=http://push.example.com", "SCENECAST_KEY=" + docsKey, "SCENECAST_JWT_SECRET=" + docsJWTSecret}
	runListening(t, addr, environment, "php", "-d", "display_errors=stderr", "-S", addr, "-t", path+"/public", path+"/server.php")
	for page, want := range map[string]string{"/list": "<h1>", "/package/list": `<script src="http://push.example.com/scenecast.js">`} {
		answer, err := http.Get("http://" + addr + page)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
			t.Errorf("%s is answered %s %s (%v), want %s", page, answer.Status, text, err, want)
		}
	}
}
