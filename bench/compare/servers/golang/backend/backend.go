// Package backend is what the Go servers of the comparison have in common: publishes by HTTP, and collecting garbage.
package backend

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime/debug"
)

// Run serves pages at /ws and publishes at /pub on 127.0.0.1, on the port that the command line names. publish sends the body
// to the pages with a label and says how many they are.
func Run(pages http.Handler, publish func(key, value string, body []byte) (matched int, err error)) {
	if len(os.Args) != 2 {
		log.Fatal("which port?")
	}
	mux := http.NewServeMux()
	mux.Handle("GET /ws", pages)
	mux.HandleFunc("POST /pub", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		matched := 0
		for key, values := range r.URL.Query() {
			if err == nil {
				matched, err = publish(key, values[0], body)
			}
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, `{"matched":%d}`, matched)
	})
	mux.HandleFunc("POST /gc", func(http.ResponseWriter, *http.Request) { debug.FreeOSMemory() })
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], mux))
}
