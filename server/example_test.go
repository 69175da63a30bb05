package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/coder/websocket"

	"scenecast/audience"
	"scenecast/config"
	"scenecast/push"
	"scenecast/server"
)

// A program that embeds Scenecast registers a trigger written in Go, and pushes without HTTP.
func Example() {
	c := config.Default()
	c.Listen = "127.0.0.1:0"
	c.ClientTokens = []config.ClientToken{{Token: "page-token"}}

	srv, err := server.New(context.Background(), server.Options{
		Config: c,
		Logger: slog.New(slog.DiscardHandler),
		Triggers: map[string]push.Trigger{
			// GET /?func=orderShipped&order=7&token=KEY
			"orderShipped": push.TriggerFunc(func(_ context.Context, args push.Args) (push.Request, error) {
				order, err := args.String("order")
				if err != nil {
					return push.Request{}, err // answered 400, naming the parameter
				}
				to, err := audience.ParseTemplate(`page == "order" && order == $order`)
				if err != nil {
					return push.Request{}, err
				}
				pages, err := to.Bind(map[string]string{"order": order})
				if err != nil {
					return push.Request{}, err
				}
				message, err := json.Marshal(map[string]any{"code": 200, "message": "order " + order + " is on its way"})
				return push.Request{To: pages, Message: message}, err
			}),
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error)
	go func() { ended <- srv.Run(ctx) }()

	page, _, err := websocket.Dial(ctx, "ws://"+srv.Addr().String()+"/?page=home&token=page-token", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, welcome, _ := page.Read(ctx)
	fmt.Printf("%s\n", welcome)

	home, _ := audience.Parse(`page == "home"`)
	result, err := srv.Push(ctx, push.Request{To: home, Message: json.RawMessage(`"hello"`)})
	fmt.Println("matched", result.Tally.Matched, err)
	_, message, _ := page.Read(ctx)
	fmt.Printf("%s\n", message)

	_ = page.Close(websocket.StatusNormalClosure, "")
	stop()
	fmt.Println(<-ended)
	// Output:
	// {"code":200,"message":"打开swoole服务成功"}
	// matched 1 <nil>
	// "hello"
	// <nil>
}
