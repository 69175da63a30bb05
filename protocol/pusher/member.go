package pusher

import (
	"slices"
	"strings"

	"scenecast/label"
	"scenecast/protocol/pusher/channel"
)

// membership is a value of channel.MemberLabel.
type membership struct{ channel, user, info string }

func (m membership) value() string { return m.channel + "\n" + m.user + "\n" + m.info }

func readMembership(value string) (m membership) {
	m.channel, value, _ = strings.Cut(value, "\n")
	m.user, m.info, _ = strings.Cut(value, "\n")
	return m
}

// withoutMember are the values of channel.MemberLabel without that of a channel.
func withoutMember(labels label.Set, name channel.Name) []string {
	mine := memberOf(labels, name).value()
	return slices.DeleteFunc(labels.Values(channel.MemberLabel), func(value string) bool { return value == mine })
}

// memberOf is the member that a connection is in a presence channel; zero: it is none.
func memberOf(labels label.Set, name channel.Name) membership {
	for l := range labels.Of(channel.MemberLabel).All() {
		if rest, ok := strings.CutPrefix(l.Value, string(name)); ok && strings.HasPrefix(rest, "\n") {
			return readMembership(l.Value)
		}
	}
	return membership{}
}
