package server

import (
	"fmt"
	"io"
	"testing"

	"scenecast/handover"
	"scenecast/language"
)

// TestHandoverMessage: what a process tells another one in a handover is told there in the language of who reads it; what an older version
// tells stays English.
func TestHandoverMessage(t *testing.T) {
	refused := language.Errorf("page %d: %w", 7, language.NewError("the engine cannot be reached or is overloaded; nothing was published, so try again"))
	for _, c := range []struct {
		record           []byte
		english, chinese string
	}{
		{handoverMessage(language.MessageOf(refused)), "page 7: the engine cannot be reached or is overloaded; nothing was published, so try again",
			"页面 7：引擎无法连接或已过载；什么也没有发布，请重试"},
		{handoverMessage(language.MessageOf(fmt.Errorf("read: %w", io.EOF))), "read: EOF", "read: EOF"},
		{handover.Refusal("no such page", nil), "no such page", "no such page"},
		{handover.Refusal("no such page", []byte(`{"id":`)), "no such page", "no such page"},
		{handover.Refusal("no such page", []byte(`{}`)), "no such page", "no such page"},
	} {
		m, err := readHandoverMessage(c.record)
		if english, chinese := m.In(language.English), m.In(language.Chinese); err != nil || english != c.english || chinese != c.chinese {
			t.Errorf("%q: %q, %q, %v, want %q, %q", c.record, english, chinese, err, c.english, c.chinese)
		}
	}
	whole := handoverMessage(language.MessageOf(refused))
	if m, err := readHandoverMessage(whole[:len(whole)-1]); err == nil {
		t.Errorf("a record that is cut short tells %q", m)
	}
}
