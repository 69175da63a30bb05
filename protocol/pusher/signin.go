package pusher

import (
	"encoding/json"
	"errors"
	"strings"

	"scenecast"
	"scenecast/label"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/channel"
)

// The labels that a sign-in gives a connection, besides scenecast.LabelUser.
const (
	LabelUserInfo  = "@user_info" // JSON that its backend says of the user; only where it does
	LabelWatchlist = "@watchlist" // users whose coming and going the page is told of
)

// userData is what a backend says of a user who signs in.
type userData struct {
	ID        memberID        `json:"id"`
	Info      json.RawMessage `json:"user_info"`
	Watchlist []memberID      `json:"watchlist"`
}

// memberID is the ID of a user: a text, or a number, which is the text of its digits.
type memberID string

// UnmarshalJSON implements json.Unmarshaler.
func (m *memberID) UnmarshalJSON(b []byte) error {
	if !isString(b) {
		var number json.Number
		err := json.Unmarshal(b, &number)
		*m = memberID(number)
		return err
	}
	return json.Unmarshal(b, (*string)(m))
}

var (
	errNoUser   = errors.New("the user has no id, which is a text or a number")
	errUser     = errors.New("the id of the user has more than 200 bytes, or characters that control something")
	errNoObject = errors.New("it is no JSON object, or what it says of the user has another form")
)

func (m memberID) check() error {
	switch {
	case m == "":
		return errNoUser
	case len(m) > channel.MaxUserID || strings.ContainsFunc(string(m), func(r rune) bool { return r < ' ' || r == '\x7f' }):
		return errUser
	}
	return nil
}

// signIn has a page sign in as a user.
func signIn(c scenecast.Conn, known *app.App, data json.RawMessage) {
	f, ok := readFields(data)
	if !ok || f.userData == "" {
		fail(c, 0, "pusher:signin takes data with auth and user_data, which are texts")
		return
	}
	if !known.Keys.VerifySignIn(f.auth, c.ID().String(), f.userData) {
		fail(c, codeUnauthorized, "auth is not key:signature, where the signature is the HMAC-SHA256, in hexadecimal, of <socket_id>::user::<user_data> with the secret of the key")
		return
	}
	var user userData
	if json.Unmarshal([]byte(f.userData), &user) != nil {
		fail(c, codeUnauthorized, "user_data: "+errNoObject.Error())
		return
	}
	if err := user.ID.check(); err != nil {
		fail(c, codeUnauthorized, "user_data: "+err.Error())
		return
	}
	if len(user.Info) > known.MaxUserInfo {
		fail(c, codeUnauthorized, "user_data: the user_info is larger than it may be (setting: "+app.SettingUserInfo+")")
		return
	}
	if is := c.Labels().Values(scenecast.LabelUser); len(is) > 0 && is[0] != string(user.ID) {
		fail(c, codeUnauthorized, "the connection has signed in as another user")
		return
	}
	watchlist, all := user.watched(known.MaxWatchlist)
	change := label.Change{scenecast.LabelUser: {string(user.ID)}, LabelUserInfo: nil, LabelWatchlist: watchlist}
	if user.hasInfo() {
		change[LabelUserInfo] = []string{string(user.Info)}
	}
	send(c, withData(eventSigninSuccess, noChannel, text(struct {
		UserData string `json:"user_data"`
	}{f.userData})))
	if !all {
		fail(c, codeWatchlist, "the watchlist has more users than it may, and the first ones count (setting: pusher.max_watchlist)")
	}
	c.Relabel(change)
}

func (u *userData) hasInfo() bool { return len(u.Info) > 0 && string(u.Info) != "null" }

// watched are the users of the watchlist, each once, as many as there may be; and whether those are all.
func (u *userData) watched(most int) (users []string, all bool) {
	seen := make(map[memberID]bool)
	for _, id := range u.Watchlist {
		switch {
		case seen[id] || id.check() != nil:
		case len(users) == most:
			return users, false
		default:
			seen[id] = true
			users = append(users, string(id))
		}
	}
	return users, true
}
