// Gorilla is a server on gorilla/websocket, written as its chat example is: a goroutine of each connection reads, another
// one writes what comes through a channel. A message is prepared once for all.
package main

import (
	"log"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"scenecast-compare/backend"
)

// queue is how many messages wait for a page that does not read; those over it are dropped.
const queue = 256

type page struct {
	messages chan *websocket.PreparedMessage
}

var (
	upgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}

	mu     sync.RWMutex
	labels = make(map[string]map[*page]struct{}) // "key=value"
)

func main() { backend.Run(http.HandlerFunc(open), publish) }

func open(w http.ResponseWriter, r *http.Request) {
	p := &page{messages: make(chan *websocket.PreparedMessage, queue)}
	query := r.URL.Query()
	mu.Lock() // before the answer: who has it gets messages
	for key, values := range query {
		label := key + "=" + values[0]
		if labels[label] == nil {
			labels[label] = make(map[*page]struct{})
		}
		labels[label][p] = struct{}{}
	}
	mu.Unlock()
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		log.Print(err)
		return
	}
	go write(conn, p)
	go read(conn, p, query)
}

func write(conn *websocket.Conn, p *page) {
	defer conn.Close()
	for m := range p.messages {
		if conn.WritePreparedMessage(m) != nil {
			return
		}
	}
}

func read(conn *websocket.Conn, p *page, query map[string][]string) {
	defer conn.Close()
	for {
		if _, _, err := conn.NextReader(); err != nil {
			break
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for key, values := range query {
		label := key + "=" + values[0]
		if delete(labels[label], p); len(labels[label]) == 0 {
			delete(labels, label)
		}
	}
	close(p.messages)
}

func publish(key, value string, body []byte) (matched int, err error) {
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, body)
	if err != nil {
		return 0, err
	}
	mu.RLock()
	defer mu.RUnlock()
	pages := labels[key+"="+value]
	for p := range pages {
		select {
		case p.messages <- m:
		default:
		}
	}
	return len(pages), nil
}
