package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"scenecast/client"
	"scenecast/config"
	"scenecast/server"
)

// A page is known by its labels; a backend pushes to an audience over them.
func Example() {
	c := config.Default()
	c.Listen = "127.0.0.1:0"
	c.ClientTokens = []config.ClientToken{{Token: "page-token"}}
	c.APIKeys = []config.APIKey{{Name: "backend", Key: "backend-key", Allow: config.Scopes{"push"}}}
	srv, err := server.New(context.Background(), server.Options{Config: c, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error)
	go func() { ended <- srv.Run(ctx) }()
	url := "http://" + srv.Addr().String()

	backend := client.Backend{URL: url, Key: "backend-key"}
	page, err := client.NewPage(client.PageOptions{
		URL:    url,
		Token:  "page-token",
		Labels: map[string][]string{"page": {"order"}, "order": {"7"}},
		OnWelcome: func(client.Welcome) {
			result, err := backend.Push(ctx, client.PushRequest{
				To:      client.Audience(`page == "order" && order == "7"`),
				Message: json.RawMessage(`"shipped"`),
			})
			fmt.Println("matched", result.Matched, err)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = page.Run(ctx, func(push client.Push) error {
		fmt.Printf("%s\n", push.Data)
		stop()
		return nil
	})
	fmt.Println(err, <-ended)
	// Output:
	// matched 1 <nil>
	// "shipped"
	// context canceled <nil>
}
