package scenecast_test

import (
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/audience"
)

// TestFingerprint: what a caller asks for is in it, with its borders; what the server gives is not.
func TestFingerprint(t *testing.T) {
	base := func() scenecast.Push {
		return scenecast.Push{ID: "1", App: "app", To: audience.Everybody(), Message: scenecast.Message{Data: []byte(`{"a":1}`)}}
	}
	first := base()
	same := base()
	same.ID, same.IdempotencyKey, same.At = "2", "key", time.Now()
	same.Position = scenecast.Position{Epoch: 1, Seq: 1}
	if first.Fingerprint() != same.Fingerprint() {
		t.Error("a retry has another fingerprint")
	}
	home, err := audience.Parse(`page == "home"`)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[32]byte]string{first.Fingerprint(): "nothing"}
	for name, change := range map[string]func(p *scenecast.Push){
		"app":                   func(p *scenecast.Push) { p.App = "other" },
		"to":                    func(p *scenecast.Push) { p.To = home },
		"event":                 func(p *scenecast.Push) { p.Message.Event = "ab" },
		"message":               func(p *scenecast.Push) { p.Message.Data = []byte(`{"a":2}`) },
		"spelling of a message": func(p *scenecast.Push) { p.Message.Data = []byte(`{"a": 1}`) },
		"ttl":                   func(p *scenecast.Push) { p.TTL = 1 },
		"coalesce":              func(p *scenecast.Push) { p.Coalesce = "ab" },
		"retain":                func(p *scenecast.Push) { p.Retain = "ab" },
		"event and coalesce":    func(p *scenecast.Push) { p.Message.Event, p.Coalesce = "a", "b" },
		"coalesce and retain":   func(p *scenecast.Push) { p.Coalesce, p.Retain = "a", "b" },
		"receipt":               func(p *scenecast.Push) { p.Receipt = 1 },
		"timeout":               func(p *scenecast.Push) { p.Timeout = 1 },
	} {
		p := base()
		change(&p)
		if other, taken := seen[p.Fingerprint()]; taken {
			t.Errorf("another %s has the fingerprint of another %s", name, other)
		}
		seen[p.Fingerprint()] = name
	}
}

func TestReceipt(t *testing.T) {
	for receipt, want := range map[scenecast.Receipt]string{
		scenecast.ReceiptQueued: "queued", scenecast.ReceiptWritten: "written", scenecast.ReceiptAcked: "acked",
	} {
		if got := receipt.String(); got != want {
			t.Errorf("the receipt %d is %s, want %s", receipt, got, want)
		}
	}
}

func TestGapError(t *testing.T) {
	err := &scenecast.GapError{Reason: scenecast.GapRetention, Newest: scenecast.Position{Epoch: 36, Seq: 7}}
	if got := err.Error(); !strings.Contains(got, "retention") || !strings.Contains(got, "10-7") {
		t.Errorf("the error does not say why, or from where on: %s", got)
	}
}
