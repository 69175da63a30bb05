// Centrifuge is a server on the centrifuge library, the core of Centrifugo: a page is subscribed to a channel for each of
// its labels when it connects, by the server.
package main

import (
	"context"
	"log"
	"net/http"
	"net/url"

	"github.com/centrifugal/centrifuge"

	"scenecast-compare/backend"
)

// query is the key of a page's labels in its context.
type query struct{}

func main() {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		log.Fatal(err)
	}
	node.OnConnecting(func(ctx context.Context, _ centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		channels := make(map[string]centrifuge.SubscribeOptions)
		for key, values := range ctx.Value(query{}).(url.Values) {
			channels[key+":"+values[0]] = centrifuge.SubscribeOptions{}
		}
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{}, Subscriptions: channels}, nil
	})
	node.OnConnect(func(*centrifuge.Client) {})
	if err := node.Run(); err != nil {
		log.Fatal(err)
	}
	sockets := centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{})
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sockets.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), query{}, r.URL.Query())))
	})
	backend.Run(pages, func(key, value string, body []byte) (matched int, err error) {
		channel := key + ":" + value
		_, err = node.Publish(channel, body)
		return node.Hub().NumSubscribers(channel), err
	})
}
