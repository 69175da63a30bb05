package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"scenecast/problem"
	"scenecast/push"
)

// MaxBatch is how many pushes one request may hold.
const MaxBatch = 1000

// batchWindow is how many pushes of a batch may be on their way to outboxes at a time, so that pushes of others that come
// meanwhile need not wait for the whole batch. Receipts do not count: they are waited for when all is submitted.
const batchWindow = 64

// item is a push of a batch, as text that begins in this line of the body.
type item struct {
	text []byte
	line int
}

// submission is a push of a batch that was submitted, or why it was not.
type submission struct {
	pending push.Pending
	err     error
}

// pushArray answers an array of pushes by an array of answers, in the same order. One that is refused is answered by its
// problem document, and the others go on.
func (a *API) pushArray(r *request, body []byte) (any, error) {
	texts, err := parseArray(body)
	if err != nil {
		return nil, err
	}
	items := make([]item, len(texts))
	for i, text := range texts {
		items[i] = item{text, 1}
	}
	if err := checkBatch(r, len(items)); err != nil {
		return nil, err
	}
	answers := make([]any, 0, len(items))
	a.pushBatch(r, items, func(answer any) { answers = append(answers, answer) })
	return answers, nil
}

// pushLines answers lines of JSON by lines of JSON, each as soon as its push and those before it are done. Empty lines have
// no answer.
func (a *API) pushLines(r *request, body []byte) (any, error) {
	var items []item
	line := 0
	for text := range bytes.SplitSeq(body, []byte("\n")) {
		line++
		if text = bytes.TrimRight(text, " \t\r"); len(text) > 0 {
			items = append(items, item{text, line})
		}
	}
	if err := checkBatch(r, len(items)); err != nil {
		return nil, err
	}
	r.w.Header().Set("Content-Type", "application/x-ndjson")
	r.w.Header().Set("Cache-Control", "no-store")
	speak(r.w, r.Request) // there may be problems among the answers
	e := json.NewEncoder(r.w)
	e.SetEscapeHTML(false)
	a.pushBatch(r, items, func(answer any) {
		_ = e.Encode(answer) // fails only when the client has gone: the pushes go on
		_ = http.NewResponseController(r.w).Flush()
	})
	return written{}, nil
}

func checkBatch(r *request, n int) error {
	if via(r.Context()) != "" {
		r.audit = append(r.audit, "pushes", n)
	}
	if n > MaxBatch {
		return problem.New(problem.LimitExceeded, "a batch of %d pushes, and it may have %d", n, MaxBatch)
	}
	if r.Header.Get(push.IdempotencyHeader) != "" {
		return problem.New(problem.Invalid, "is for one push; each push of a batch may have an id").At(push.IdempotencyHeader)
	}
	return nil
}

// pushBatch submits pushes in their order and gives their answers in the same order. Neither a receipt nor a client that
// reads its answers slowly, or has gone, keeps the pushes behind from being submitted.
func (a *API) pushBatch(r *request, items []item, answer func(any)) {
	// What is submitted in the time of one call has its receipts within that of another.
	ctx, cancel := push.CallContext(r.Context(), a.o.Calls, 2*a.o.Timeout)
	defer cancel()
	submissions := make(chan submission, len(items))
	go a.submitBatch(r, items, submissions)
	for s := range submissions {
		answer(a.answerOf(ctx, r, s))
	}
}

// submitBatch submits pushes, at most batchWindow ahead of what is known to be queued. When the call's time ends, the rest is refused.
func (a *API) submitBatch(r *request, items []item, submissions chan<- submission) {
	defer close(submissions)
	var window [batchWindow]push.Pending
	for i, item := range items {
		var s submission
		if earlier := window[i%batchWindow]; earlier != nil {
			_ = earlier.WaitQueued(r.Context()) // an error of the engine's is told in the answer to that push
		}
		if i >= batchWindow && r.Context().Err() != nil {
			s.err = problem.New(problem.Unavailable, "not published: the pushes before it took too long")
		} else {
			s.pending, s.err = a.submitItem(r, item)
		}
		window[i%batchWindow] = s.pending
		submissions <- s
	}
}

func (a *API) submitItem(r *request, item item) (push.Pending, error) {
	body, err := readPush(item.text, item.line)
	if err != nil {
		return nil, err
	}
	return a.o.Pusher.Submit(r.Context(), r.caller, body)
}

// answerOf is the answer to a push of a batch.
func (a *API) answerOf(ctx context.Context, r *request, s submission) any {
	if s.err != nil {
		return a.problemOf(r.Request, s.err)
	}
	result, err := s.pending.Wait(ctx)
	if err != nil {
		return a.problemOf(r.Request, err)
	}
	return newPushResponse(result)
}
