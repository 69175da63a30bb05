package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"scenecast/client"
	"scenecast/config"
	"scenecast/server"
)

// startExample runs a server for an example, until it is stopped.
func startExample(ctx context.Context) (url string, stop func()) {
	c := config.Default()
	c.Listen = "127.0.0.1:0"
	c.ClientTokens = []config.ClientToken{{Token: "CLIENT_TOKEN"}}
	c.APIKeys = []config.APIKey{{Name: "backend", Key: "API_KEY", Allow: config.Scopes{"push", "read", "manage"}}}
	srv, err := server.New(ctx, server.Options{Config: c, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- srv.Run(ctx) }()
	return "http://" + srv.Addr().String(), func() {
		cancel()
		if err := <-ended; err != nil {
			panic(err)
		}
	}
}

// A page is known by its labels; a backend pushes to an audience over them.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	url, stopServer := startExample(ctx)
	defer stopServer()
	connected := make(chan struct{})
	go func() {
		<-connected
		defer stop()
		backend := client.Backend{URL: url, Key: "API_KEY"}
		result, err := backend.Push(ctx, client.PushRequest{
			To:      client.Labels{"order": {"7"}},
			Message: map[string]string{"message": "shipped"},
			Receipt: "acked",
		})
		fmt.Println("shown by", result.Acked, "of", result.Matched, err)
	}()

	page, err := client.NewPage(client.PageOptions{
		URL:         url,
		Token:       "CLIENT_TOKEN",
		Labels:      client.Labels{"page": {"order"}, "order": {"7"}},
		Acknowledge: true,
		OnWelcome:   func(client.Welcome) { close(connected) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = page.Run(ctx, func(push client.Push) error {
		fmt.Printf("%s\n", push.Data)
		return nil
	})
	fmt.Println(err)
	// Output:
	// {"message":"shipped"}
	// shown by 1 of 1 <nil>
	// context canceled
}

// What the server refuses says what is wrong, and where.
func ExampleError() {
	ctx := context.Background()
	url, stop := startExample(ctx)
	defer stop()
	backend := client.Backend{URL: url, Key: "API_KEY"}
	_, err := backend.Push(ctx, client.PushRequest{To: "order = 7", Message: "shipped"})
	var refused *client.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Kind, "at", refused.Where)
	}
	fmt.Println(err)
	// Output:
	// 400 invalid at to.column 7
	// to.column 7: expected ==, !=, in, or .startsWith after order, found =; equality is written ==
}

// A page moves to another scene on the connection that it has, and the backend sees it there.
func ExamplePage_Set() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	url, stopServer := startExample(ctx)
	defer stopServer()
	page, err := client.NewPage(client.PageOptions{URL: url, Token: "CLIENT_TOKEN", Labels: client.Labels{"page": {"home"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error)
	go func() { ended <- page.Run(ctx, func(client.Push) error { return nil }) }()
	if err := page.Set(ctx, client.Labels{"page": {"order"}, "order": {"7"}}); err != nil {
		fmt.Println(err)
	}
	backend := client.Backend{URL: url, Key: "API_KEY"}
	for connection, err := range backend.Connections(ctx, `order == "7"`) {
		fmt.Println(connection.Labels.Get("page"), err)
	}
	stop()
	fmt.Println(<-ended)
	// Output:
	// order <nil>
	// context canceled
}

// TestReadme: the lines of Go in both READMEs are those of Example.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	example := strings.Join(lines, "\n")
	for _, name := range []string{"../README.md", "../README.zh-CN.md"} {
		readme, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(readme), "```go\n")
		if len(blocks) < 2 {
			t.Errorf("%s has no Go", name)
		}
		for _, block := range blocks[1:] {
			code, _, _ := strings.Cut(block, "```")
			for part := range strings.SplitSeq(strings.TrimSpace(code), "\n\n") {
				var trimmed []string
				for line := range strings.Lines(part) {
					trimmed = append(trimmed, strings.TrimSpace(line))
				}
				if !strings.Contains(example, strings.Join(trimmed, "\n")) {
					t.Errorf("%s has Go that is not in example_test.go:\n%s", name, part)
				}
			}
		}
	}
}
