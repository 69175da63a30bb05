package demo

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"scenecast/client"
	"scenecast/language"
	"scenecast/webpage"
)

// Bounds of what the playground sends.
const (
	maxBody    = 16 << 10 // bytes of a request: an audience of 4 KiB and a message, in JSON
	maxMessage = 1000     // bytes
)

// playgroundEvent is the name of the messages that the playground pushes. They ask for acknowledgements, so its pages know by the name which ones
// a reader may acknowledge.
const playgroundEvent = "playground"

// firstReceipts is how long a push waits for acknowledgements before it is answered. Later ones are counted, and asked for.
const firstReceipts = 50 * time.Millisecond

// backend is the playground's: it makes calls of the HTTP API with a key that no page sees, as the backend of any site would. Its methods may
// be called concurrently.
type backend struct {
	key  string
	http *http.Client
}

func newBackend(key string) *backend {
	// No proxy, whatever the environment says: the server is this process. No connection is kept, so none is open when the server stops.
	return &backend{key, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

// routes has the playground's calls, which take what a visitor types, and JSON alone.
func (b *backend) routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /demo/count", b.count)
	mux.HandleFunc("POST /demo/push", b.push)
	mux.HandleFunc("GET /demo/pushes/{id}", b.receipts)
}

// api is the server's API, at the address of this server at which the request has come.
func (b *backend) api(r *http.Request) (*client.Backend, error) {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return nil, language.NewError("the request has come over no connection")
	}
	lang := string(webpage.LanguageOf(r))
	return &client.Backend{URL: "http://" + addr.String(), Key: b.key, HTTP: b.http, Language: lang}, nil
}

// counted is how many pages an audience has, and where the log stood then.
type counted struct {
	Matched  int    `json:"matched"`
	Position string `json:"position"`
}

func (b *backend) count(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		To string `json:"to"`
	}
	answer(w, r, &asked, func() (any, error) {
		api, err := b.api(r)
		if err != nil {
			return nil, err
		}
		count, err := api.Count(r.Context(), client.CountRequest{To: asked.To})
		return counted{count.Matched, count.Position}, err
	})
}

// receipts are what has become of a push so far.
type receipts struct {
	ID      string `json:"id"`
	Matched int    `json:"matched"`
	Queued  int    `json:"queued"` // pages that are sent the message, and may acknowledge it
	Acked   int    `json:"acked"`
}

func (b *backend) push(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		To      string `json:"to"`
		Message string `json:"message"`
	}
	answer(w, r, &asked, func() (any, error) {
		if asked.Message == "" || len(asked.Message) > maxMessage {
			return nil, refused(r, http.StatusBadRequest, "message", language.Textf("a message has 1 to %d bytes", maxMessage))
		}
		api, err := b.api(r)
		if err != nil {
			return nil, err
		}
		result, err := api.Push(r.Context(), client.PushRequest{
			To:      asked.To,
			Event:   playgroundEvent,
			Message: map[string]any{"code": 200, "message": asked.Message}, // as the tutorial's pages expect it
			Receipt: "acked",
			Timeout: firstReceipts,
		})
		return receipts{result.ID, result.Matched, result.Queued, result.Acked}, err
	})
}

// receipts tells of a push of the playground, and of no other.
func (b *backend) receipts(w http.ResponseWriter, r *http.Request) {
	answer(w, r, nil, func() (any, error) {
		api, err := b.api(r)
		if err != nil {
			return nil, err
		}
		p, err := api.LoggedPush(r.Context(), r.PathValue("id"))
		if err == nil && (p.Event != playgroundEvent || p.Tally == nil) {
			err = refused(r, http.StatusNotFound, "", language.Textf("the playground has made no such push"))
		}
		if err != nil {
			return nil, err
		}
		return receipts{p.ID, p.Tally.Matched, p.Tally.Queued, p.Tally.Acked}, nil
	})
}

// answer reads the JSON of a request into asked, unless that is nil, and writes what the call returns, or what is wrong.
func answer(w http.ResponseWriter, r *http.Request, asked any, call func() (any, error)) {
	w.Header().Set("Content-Type", "application/json")
	said, err := func() (any, error) {
		if asked != nil {
			if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(asked); err != nil {
				return nil, refused(r, http.StatusBadRequest, "", language.Textf("this is not the JSON of the playground: %v", err))
			}
		}
		return call()
	}()
	if err != nil {
		var problem *client.Error
		if !errors.As(err, &problem) || problem.Status < 400 {
			problem = refused(r, http.StatusServiceUnavailable, "", language.Textf("%v", err))
		}
		webpage.SetLanguage(w, r, webpage.LanguageOf(r))
		w.WriteHeader(problem.Status)
		said = struct {
			Detail string `json:"detail"`
			Where  string `json:"where,omitempty"`
		}{problem.Detail, problem.Where}
	}
	_ = json.NewEncoder(w).Encode(said) // the visitor may have gone
}

// refused is what is wrong, in the language of the page, as the server's API tells it.
func refused(r *http.Request, status int, where string, detail language.Text) *client.Error {
	return &client.Error{Status: status, Where: where, Detail: detail.In(webpage.LanguageOf(r))}
}
