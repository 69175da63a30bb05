package pusher

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub"
	"scenecast/label"
	"scenecast/presence"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/channel"
	"scenecast/websocket"
)

// Keys are what package presence keeps of an app: the members of presence channels by channel.MemberLabel, which users are online by
// scenecast.LabelUser, and, where somebody is told of it, which channels are occupied, and by how many, by channel.Label. The events are
// those of which webhooks are told.
func Keys(a *app.App, events []string) []presence.Key {
	keys := []presence.Key{
		{Name: channel.MemberLabel, Linger: a.Linger, MaxMembers: a.MaxMembers, Told: &toldMembers},
		{Name: scenecast.LabelUser, Linger: a.Linger, Told: &toldUsers},
	}
	switch {
	case a.SubscriptionCounts:
		keys = append(keys, presence.Key{Name: channel.Label, Linger: a.Linger, Told: &toldCounts})
	case slices.Contains(events, app.SubscriptionCount):
		keys = append(keys, presence.Key{Name: channel.Label, Linger: a.Linger, Told: &countedChannels})
	case slices.Contains(events, app.ChannelOccupied) || slices.Contains(events, app.ChannelVacated):
		keys = append(keys, presence.Key{Name: channel.Label, Linger: a.Linger, Told: &toldChannels})
	}
	return keys
}

// onWire keeps pages of other wires from what only this one knows.
const onWire = " && " + scenecast.LabelProtocol + ` == "pusher"`

var (
	toSubscribers = mustTemplate(channel.Label + " == $scene" + onWire)
	toFollowers   = mustTemplate(LabelWatchlist + " == $scene" + onWire)
	toNobody      = mustTemplate(channel.Label + " == $scene && " + scenecast.LabelProtocol + ` == ""`)
)

func bind(t audience.Template) func(scene string) (audience.Expr, error) {
	return func(scene string) (audience.Expr, error) { return t.Bind(map[string]string{"scene": scene}) }
}

// The tellings. A reload compares them by their addresses.
var (
	toldMembers = presence.Told{
		Read: func(value string) (string, string, label.Set) {
			m := readMembership(value)
			return m.channel, m.user, label.New(label.Label{Key: labelInfo, Value: m.info})
		},
		Audience: bind(toSubscribers),
		Members:  true,
		Entered:  entered,
		Full:     full,
	}
	toldUsers = presence.Told{
		Read:     readAnonymous,
		Audience: bind(toFollowers),
		Occupied: true,
		Follows:  LabelWatchlist,
		Statuses: tellStatuses,
	}
	toldCounts      = presence.Told{Read: readAnonymous, Audience: bind(toSubscribers), Counts: countEvery}
	countedChannels = presence.Told{Read: readAnonymous, Audience: bind(toNobody), Counts: countEvery}
	toldChannels    = presence.Told{Read: readAnonymous, Audience: bind(toSubscribers)}
)

// labelInfo is the label that a member shows: what its backend says of it.
const labelInfo = "user_info"

func readAnonymous(value string) (scene, user string, shows label.Set) { return value, "", label.Set{} }

// Counts of channels with many subscribers are told rarely.
const (
	manySubscribers = 100
	countsOfMany    = 5 * time.Second
)

func countEvery(subscribers int) time.Duration {
	if subscribers >= manySubscribers {
		return countsOfMany
	}
	return 0
}

// entered subscribes a page to a presence channel, with who is there.
func entered(c hub.Watcher, scene string, snapshot *hub.Notice) {
	name := channel.Name(scene)
	p, ok := c.Protocol().(*Protocol)
	labels := c.Labels()
	if !ok || memberOf(labels, name).channel == "" || isSubscribed(labels, name) {
		return // it has left the channel meanwhile
	}
	c.Notify(snapshot)
	h, _ := takeHistory(labels, name)
	var position []byte // the notice, which is of many pages, has none
	if p.positions && h.rewind == 0 {
		position = withData(eventPosition, name, emptyObject)
	}
	p.enterChannel(c, name, h, position)
}

// full tells a page that there is no room in a presence channel.
func full(c hub.Watcher, scene string) {
	name, labels := channel.Name(scene), c.Labels()
	if memberOf(labels, name).channel == "" {
		return
	}
	change := label.Change{channel.MemberLabel: withoutMember(labels, name)}
	forget(change, labels, name)
	c.Relabel(change)
	refuseSubscription(c, name, limitError(app.SettingMembers, "the channel has as many members as it may"))
}

// encodePresence is what pages are told of who is there.
func encodePresence(n *scenecast.PresenceNotice) []byte {
	name := channel.Name(n.Value)
	switch {
	case n.Kind == scenecast.PresenceSnapshot && n.Key == channel.MemberLabel:
		return websocket.TextFrame(withData(eventSubscribed, name, membersText(n)))
	case n.Kind == scenecast.PresenceJoined && n.Key == channel.MemberLabel:
		return memberFrames(eventMemberAdded, n)
	case n.Kind == scenecast.PresenceLeft && n.Key == channel.MemberLabel:
		return memberFrames(eventMemberRemoved, n)
	case n.Kind == scenecast.PresenceCount && n.Key == channel.Label && !name.Presence():
		return websocket.TextFrame(withData(eventSubscriptions, name, `{"subscription_count":`+strconv.Itoa(n.Anonymous)+`}`))
	case n.Kind == scenecast.PresenceOccupied && n.Key == scenecast.LabelUser:
		return websocket.TextFrame(watchlistEvents([]string{n.Value}, nil))
	case n.Kind == scenecast.PresenceVacated && n.Key == scenecast.LabelUser:
		return websocket.TextFrame(watchlistEvents(nil, []string{n.Value}))
	}
	return nil
}

// membersText is who is in a presence channel, as JSON.
func membersText(n *scenecast.PresenceNotice) string {
	size := envelopeBytes
	for i := range n.Members {
		size += 2*len(n.Members[i].User) + len(infoOf(&n.Members[i])) + 16
	}
	b := append(make([]byte, 0, size), `{"presence":{"ids":[`...)
	for i := range n.Members {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, n.Members[i].User)
	}
	b = append(b, `],"hash":{`...)
	for i := range n.Members {
		m := &n.Members[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, m.User), ':')
		if info := infoOf(m); info != "" {
			b = append(b, info...)
		} else {
			b = append(b, "null"...)
		}
	}
	b = append(b, `},"count":`...)
	return string(append(strconv.AppendInt(b, int64(n.Count), 10), '}', '}'))
}

func infoOf(m *scenecast.PresenceMember) string {
	for l := range m.Labels.Of(labelInfo).All() {
		return l.Value
	}
	return ""
}

// memberFrames is a frame for each member.
func memberFrames(event string, n *scenecast.PresenceNotice) (frames []byte) {
	for i := range n.Members {
		data := appendString([]byte(`{"user_id":`), n.Members[i].User)
		if info := infoOf(&n.Members[i]); info != "" && event == eventMemberAdded {
			data = append(append(data, `,"user_info":`...), info...)
		}
		frames = append(frames, websocket.TextFrame(withData(event, channel.Name(n.Value), string(append(data, '}'))))...)
	}
	return frames
}

// watchlistEvents tells who of a watchlist has come and gone.
func watchlistEvents(online, offline []string) []byte {
	type event struct {
		Name    string   `json:"name"`
		UserIDs []string `json:"user_ids"`
	}
	var events struct {
		Events []event `json:"events"`
	}
	if len(online) > 0 {
		events.Events = append(events.Events, event{"online", online})
	}
	if len(offline) > 0 {
		events.Events = append(events.Events, event{"offline", offline})
	}
	return withData(eventWatchlist, noChannel, text(events))
}

func tellStatuses(c hub.Watcher, online, offline []string) { send(c, watchlistEvents(online, offline)) }

// channelData is what a backend says of a member.
type channelData struct {
	UserID memberID        `json:"user_id"`
	Info   json.RawMessage `json:"user_info"`
}

// enter has a page enter a presence channel. It is subscribed when it is known who is there.
func enter(c scenecast.Conn, known *app.App, labels label.Set, f *fields) {
	m, err := membershipOf(known, labels, f)
	if err != nil {
		refuseSubscription(c, f.channel, err)
		return
	}
	change := label.Change{channel.MemberLabel: append(labels.Values(channel.MemberLabel), m.value())}
	if h := historyOf(known, f); !h.isZero() {
		_, others := takeHistory(labels, f.channel)
		change[labelHistory] = append(others, h.value(f.channel))
	}
	c.Relabel(change)
}

func membershipOf(known *app.App, labels label.Set, f *fields) (m membership, _ *subscriptionError) {
	m.channel = string(f.channel)
	if f.channelData == "" {
		for l := range labels.Of(scenecast.LabelUser).All() {
			m.user = l.Value
		}
		for l := range labels.Of(LabelUserInfo).All() {
			m.info = l.Value
		}
		if m.user == "" {
			return m, authError("channel_data is missing, and the connection has not signed in")
		}
		return m, nil
	}
	var data channelData
	if json.Unmarshal([]byte(f.channelData), &data) != nil {
		return m, authError("channel_data: %v", errNoObject)
	}
	if err := data.UserID.check(); err != nil {
		return m, authError("channel_data: user_id: %v", err)
	}
	if len(data.Info) > known.MaxUserInfo {
		return m, limitError(app.SettingUserInfo, "the user_info has %d bytes, and may have %d", len(data.Info), known.MaxUserInfo)
	}
	m.user = string(data.UserID)
	if string(data.Info) != "null" {
		m.info = string(data.Info)
	}
	return m, nil
}
