package e2e_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"scenecast/client"
)

// goPlace says what makes a program of a block, and what that prints.
type goPlace struct {
	place
	before, after string
	want          string
}

var goPlaces = []goPlace{{
	place: in("README.md", "client.Backend"),
	before: `package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"scenecast/client"
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	if err := run(ctx, stop, os.Args[1]); !errors.Is(err, context.Canceled) {
		fmt.Println(err)
	}
}

func run(ctx context.Context, stop func(), url string) error {
	pushes := func() { // to the page, when it is connected
		backend := client.Backend{URL: url, Key: "API_KEY"}
		_, err := backend.Push(ctx, client.PushRequest{To: "*", Message: "to everybody", Receipt: "acked"})
		if err != nil {
			fmt.Println(err)
		}
		stop()
	}
	page, err := client.NewPage(client.PageOptions{
		URL: url, Token: "CLIENT_TOKEN", Acknowledge: true, OnWelcome: func(client.Welcome) { go pushes() },
	})
	if err != nil {
		return err
	}
`,
	after: `
	return err
}
`,
	want: "shown by 1 of 1 <nil>\n\"to everybody\"\n",
}}

// checkGo compiles each block, by the module as it is, and runs it against a server.
func checkGo(t *testing.T, all []snippet) {
	b := serveWith(t, anyPort, map[string]string{
		"api_keys": "[{name: all, key: " + docsKey + "}]", "client_tokens": "[CLIENT_TOKEN]", "push.max_timeout": patience.String(),
	})
	inPlace(t, all, goPlaces, func(s snippet, p goPlace) {
		file := filepath.Join(t.TempDir(), "main.go")
		writeFile(t, file, p.before+s.code+p.after)
		program := exec.CommandContext(t.Context(), "go", "run", file, b.url(""))
		var errs strings.Builder
		program.Stderr = &errs
		b.listen(t, "CLIENT_TOKEN", client.Labels{"order": {"7"}})
		got, err := program.Output()
		if err != nil || string(got) != p.want {
			t.Errorf("%s prints\n%s%s(%v), want\n%s", s.place, got, &errs, err, p.want)
		}
	})
}
