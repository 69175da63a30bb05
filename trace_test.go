package scenecast_test

import (
	"strings"
	"testing"

	"scenecast"
)

// FuzzTraceContext: only what String makes is read, and it comes back.
func FuzzTraceContext(f *testing.F) {
	const text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	if c, err := scenecast.ParseTraceContext(text); err != nil || c.String() != text || c.TraceID[0] != 0x4b || c.SpanID[7] != 0xb7 {
		f.Errorf("%+v, %v", c, err)
	}
	for _, wrong := range []string{
		"", text + "0", text[:54], "01" + text[2:], text[:53] + "00", text[:53] + "03", strings.ToUpper(text), strings.Replace(text, "4736-", "4736_", 1),
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
	} {
		if c, err := scenecast.ParseTraceContext(wrong); err == nil || c != (scenecast.TraceContext{}) {
			f.Errorf("%s is read as %v, %v", wrong, c, err)
		}
		f.Add(wrong)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := scenecast.ParseTraceContext(text); err == nil && c.String() != text {
			t.Errorf("%q is read as %v", text, c)
		}
	})
}
