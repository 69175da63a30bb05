package sockjs

import (
	"context"
	"errors"
	"io"
	"net/http"

	"scenecast/problem"
)

// serveSend answers /xhr_send: 204 when the messages have been handled, as far as the page is open.
func (s *Sessions) serveSend(w http.ResponseWriter, r *http.Request, a Address) error {
	found := s.get(a.Key)
	if found == nil {
		return s.forward(w, r, a)
	}
	select {
	case <-found.admitted:
	case <-r.Context().Done():
		return nil
	}
	n := number(r)
	if err := found.order.acquire(r.Context(), n); err != nil {
		return err
	}
	defer found.order.release(n)
	messages, err := s.readMessages(w, r)
	if err != nil {
		return err
	}
	if err := found.put(r.Context(), messages); err != nil {
		return err
	}
	noContent(w)
	return nil
}

func noContent(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.WriteHeader(http.StatusNoContent)
}

func (s *Sessions) readMessages(w http.ResponseWriter, r *http.Request) ([]string, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.options.MaxBody)))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, problem.New(problem.TooLarge, "the body has more than %d bytes", tooLarge.Limit).DecidedBy(s.options.MaxBodySetting)
	}
	if err != nil {
		return nil, problem.New(problem.Invalid, "the body cannot be read: %v", err)
	}
	messages, err := parseMessages(body)
	if err != nil {
		return nil, problem.New(problem.Invalid, "%v", err)
	}
	return messages, nil
}

// put has the loop read the messages, and returns when it has handled them.
func (s *session) put(ctx context.Context, messages []string) error {
	if len(messages) == 0 {
		s.answerBeat()
		return nil
	}
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return errEnded
	}
	for _, m := range messages {
		s.in = appendMasked(s.in, opText, m)
	}
	if s.drained == nil {
		s.drained = make(chan struct{})
	}
	drained := s.drained
	signal(s.readable)
	s.mu.Unlock()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
