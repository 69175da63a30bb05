package server

import (
	"encoding/json"

	"scenecast/handover"
	"scenecast/language"
)

// handoverMessage is what another process, or a command, is told in words, as a record.
func handoverMessage(m language.Message) []byte {
	translatable, _ := json.Marshal(m) // texts: it cannot fail
	return handover.Refusal(m.In(language.English), translatable)
}

// readHandoverMessage reads one; what a process of an older version tells is in English alone.
func readHandoverMessage(record []byte) (m language.Message, err error) {
	why, translatable, err := handover.DecodeRefusal(record)
	if err != nil {
		return m, err
	}
	if json.Unmarshal(translatable, &m) != nil || m.IsZero() {
		m = language.Message{Text: why}
	}
	return m, nil
}
