package revocation_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
	"scenecast/revocation"
)

func to(text string) audience.Expr {
	e, err := audience.Parse(text)
	if err != nil {
		panic(err)
	}
	return e
}

func labels(user, plan string) label.Set {
	return label.New(label.Label{Key: "@user", Value: user}, label.Label{Key: "plan", Value: plan})
}

// TestRevoked compares the list with a plain list of revocations, over random ones.
func TestRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(3, 4))
		var list revocation.List
		var model []scenecast.Revocation
		pick := func(of ...string) string { return of[random.IntN(len(of))] }
		for step := range 4000 {
			now := time.Now()
			if random.IntN(10) == 0 {
				r := scenecast.Revocation{App: pick("a", "b"), Until: now.Add(time.Duration(random.IntN(100)) * time.Second)}
				switch random.IntN(3) {
				case 0:
					r.TokenID = pick("1", "2", "3")
				case 1:
					r.User, r.Before = pick("u", "v"), now.Add(-time.Duration(random.IntN(20))*time.Second)
				default:
					r.To, r.Before = to(pick(`plan == "pro"`, `plan == "free"`)), now.Add(-time.Duration(random.IntN(20))*time.Second)
				}
				if random.IntN(4) == 0 {
					r.Within = to(pick(`plan == "pro"`, `@user == "u"`))
				}
				list.Add(r, now)
				model = append(model, r)
			}
			app, of := pick("a", "b"), labels(pick("u", "v", "w"), pick("pro", "free", "none"))
			token := scenecast.Token{ID: pick("", "1", "2", "3", "4"), ExpiresAt: now.Add(time.Minute)}
			if random.IntN(4) > 0 {
				token.IssuedAt = now.Add(-time.Duration(random.IntN(40)) * time.Second)
			}
			want := false
			for _, r := range model {
				want = want || r.App == app && now.Before(r.Until) && r.Matches(of, token)
			}
			// Of two revocations of the same tokens the list keeps the later times of both: it may refuse for longer, and never shorter.
			got := list.Revoked(app, of, token)
			if want && !got {
				t.Fatalf("step %d: %s %v %+v is not revoked", step, app, of, token)
			}
			if got && !want && !relaxed(model, app, of, token) {
				t.Fatalf("step %d: %s %v %+v is revoked", step, app, of, token)
			}
			time.Sleep(time.Duration(random.IntN(1000)) * time.Millisecond)
		}
		time.Sleep(200 * time.Second)
		if list.Expire(); list.Len() != 0 {
			t.Errorf("%d revocations are kept when their tokens have ended", list.Len())
		}
	})
}

// relaxed reports whether a token is revoked where revocations of the same tokens have the later times of each other.
func relaxed(model []scenecast.Revocation, app string, of label.Set, token scenecast.Token) bool {
	for _, r := range model {
		for _, other := range model {
			if other.App == r.App && other.TokenID == r.TokenID && other.User == r.User && other.To.String() == r.To.String() && other.Within.String() == r.Within.String() {
				r.Before, r.Until = maxTime(r.Before, other.Before), maxTime(r.Until, other.Until)
			}
		}
		if r.App == app && time.Now().Before(r.Until) && r.Matches(of, token) {
			return true
		}
	}
	return false
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// TestStaticTokens: a token of the configuration, which says nothing of itself, is never revoked.
func TestStaticTokens(t *testing.T) {
	var list revocation.List
	list.Add(scenecast.Revocation{App: "a", User: "u", Before: time.Now(), Until: time.Now().Add(time.Hour)}, time.Now())
	if list.Revoked("a", labels("u", "pro"), scenecast.Token{Credential: scenecast.NewCredential("x")}) {
		t.Error("a static token is revoked")
	}
}

// TestBounds: as many may be in force as are allowed, and one of tokens that are revoked already is always one more that is none.
func TestBounds(t *testing.T) {
	var list revocation.List
	until := time.Now().Add(time.Hour)
	for i := range revocation.MaxByAudience {
		list.Add(scenecast.Revocation{App: "a", To: to(fmt.Sprintf(`plan == "%d"`, i)), Until: until}, time.Time{})
	}
	next := scenecast.Revocation{App: "a", To: to(`plan == "x"`), Until: until}
	if list.HasRoom(next) || !list.HasRoom(scenecast.Revocation{App: "a", To: to(`plan == "7"`)}) || !list.HasRoom(scenecast.Revocation{App: "a", User: "u"}) {
		t.Error("the bound of audiences is not kept")
	}
	for i := list.Len(); i < revocation.MaxRevocations; i++ {
		list.Add(scenecast.Revocation{App: "a", User: fmt.Sprint(i), Until: until}, time.Time{})
	}
	if list.HasRoom(scenecast.Revocation{App: "a", User: "new"}) || !list.HasRoom(scenecast.Revocation{App: "a", User: "9999"}) {
		t.Error("the bound of all is not kept")
	}
}

// TestSharesOfBounds: an app, and who is confined to an audience, has room of its own, which nobody else takes; it is free again when the
// tokens have ended.
func TestSharesOfBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var list revocation.List
		until := time.Now().Add(time.Hour)
		add := func(n int, of func(i int) scenecast.Revocation) {
			for i := range n {
				r := of(i)
				r.App, r.Until = "a", until
				list.Add(r, time.Time{})
			}
		}
		seven, eight := to(`tenant == "7"`), to(`tenant == "8"`)
		add(revocation.MaxConfinedByAudience, func(i int) scenecast.Revocation {
			return scenecast.Revocation{To: to(fmt.Sprintf(`plan == "%d"`, i)), Within: seven}
		})
		rooms := func(want string, of scenecast.Revocation) {
			t.Helper()
			got := ""
			for _, who := range []struct {
				name, app string
				within    audience.Expr
			}{{"seven ", "a", seven}, {"eight ", "a", eight}, {"all ", "a", audience.Expr{}}, {"other ", "b", audience.Expr{}}} {
				if of.App, of.Within = who.app, who.within; list.HasRoom(of) {
					got += who.name
				}
			}
			if got != want {
				t.Errorf("room for %+v: %s, want %s", of, got, want)
			}
		}
		rooms("eight all other ", scenecast.Revocation{To: to(`plan == "x"`)})
		rooms("seven eight all other ", scenecast.Revocation{User: "u"})
		add(revocation.MaxConfined-revocation.MaxConfinedByAudience, func(i int) scenecast.Revocation {
			return scenecast.Revocation{User: fmt.Sprint(i), Within: seven}
		})
		rooms("eight all other ", scenecast.Revocation{User: "u"})
		add(revocation.MaxRevocations, func(i int) scenecast.Revocation { return scenecast.Revocation{TokenID: fmt.Sprint(i)} })
		rooms("eight other ", scenecast.Revocation{User: "u"})
		time.Sleep(2 * time.Hour)
		rooms("seven eight all other ", scenecast.Revocation{To: to(`plan == "x"`)})
		if list.Expire(); list.Len() != 0 {
			t.Errorf("%d are left", list.Len())
		}
	})
}

// log is a log that takes pushes, of which one with a key happens once.
type log struct {
	mu     sync.Mutex
	keys   map[string]bool
	lists  []*revocation.List // of the nodes that read it
	pushes int
}

func (l *log) Submit(p scenecast.Push) (scenecast.Pending, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys[p.IdempotencyKey] {
		return nil, nil
	}
	l.keys[p.IdempotencyKey] = true
	l.pushes++
	var r scenecast.Revocation
	if err := r.UnmarshalJSON(p.Message.Data); err != nil {
		return nil, err
	}
	for _, list := range l.lists {
		list.Add(r, time.Now())
	}
	return nil, nil
}

// TestKeeper: revocations are in the log again before that has forgotten them, by one of the nodes each time, and in a file.
func TestKeeper(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		shared := &log{keys: make(map[string]bool)}
		var keepers []*revocation.Keeper
		for i := range 3 {
			k := &revocation.Keeper{
				Revocations: new(revocation.List), Submit: shared.Submit, Retention: 5 * time.Minute,
				Dir: filepath.Join(dir, fmt.Sprint(i)), Log: slog.New(slog.DiscardHandler),
			}
			if err := k.Load(); err != nil {
				t.Fatal(err)
			}
			shared.lists = append(shared.lists, k.Revocations)
			k.Start()
			keepers = append(keepers, k)
		}
		r := scenecast.Revocation{App: "a", To: to(`plan == "pro"`), Within: to(`tenant == "7"`), Before: time.Now().UTC(), Until: time.Now().Add(time.Hour).UTC()}
		p, _ := r.Push("id", "key")
		if _, err := shared.Submit(p); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		// Each time between a half and five eighths of the retention later.
		if shared.pushes < 9 || shared.pushes > 14 {
			t.Errorf("%d pushes in half an hour", shared.pushes)
		}
		for _, k := range keepers {
			k.Close()
		}
		again := &revocation.Keeper{Revocations: new(revocation.List), Dir: keepers[1].Dir}
		if err := again.Load(); err != nil || again.Revocations.Len() != 1 {
			t.Fatalf("the file has %d revocations, %v", again.Revocations.Len(), err)
		}
		of := label.New(label.Label{Key: "plan", Value: "pro"}, label.Label{Key: "tenant", Value: "7"})
		if !again.Revocations.Revoked("a", of, scenecast.Token{ID: "x"}) {
			t.Error("a revocation of the file is not in force")
		}
		time.Sleep(time.Hour)
		if last := shared.pushes; last > 30 {
			t.Errorf("a revocation was published %d times, also when its tokens had ended", last)
		}
	})
}

// TestDamagedFile: a server does not start without the revocations that it had.
func TestDamagedFile(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "{", `[{"app":"a"}]`, `[{"app":"a","to":"plan =="}]`} {
		if err := os.WriteFile(filepath.Join(dir, "revocations.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		k := &revocation.Keeper{Revocations: new(revocation.List), Dir: dir}
		if err := k.Load(); err == nil || !strings.Contains(err.Error(), "revocations.json is damaged") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzRevocation: what one node writes others read as the same, and nothing else is read.
func FuzzRevocation(f *testing.F) {
	r := scenecast.Revocation{App: "a", User: "u", Within: to(`tenant == "7"`), Before: time.Unix(1, 0).UTC(), Until: time.Unix(2, 0).UTC()}
	text, _ := r.MarshalJSON()
	f.Add(text)
	f.Add([]byte(`{"app":"a","jti":"x","until":"2026-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r, again scenecast.Revocation
		if r.UnmarshalJSON(text) != nil {
			return
		}
		first, err := r.MarshalJSON()
		if err != nil {
			return // a year that cannot be written
		}
		if err := again.UnmarshalJSON(first); err != nil {
			t.Fatalf("%s becomes %s: %v", text, first, err)
		}
		if second, _ := again.MarshalJSON(); string(second) != string(first) {
			t.Errorf("%s becomes %s", first, second)
		}
	})
}

func BenchmarkRevoked(b *testing.B) {
	var list revocation.List
	for i := range revocation.MaxRevocations - revocation.MaxByAudience {
		list.Add(scenecast.Revocation{App: "a", User: fmt.Sprint(i), Before: time.Now(), Until: time.Now().Add(time.Hour)}, time.Time{})
	}
	for i := range revocation.MaxByAudience {
		list.Add(scenecast.Revocation{App: "a", To: to(fmt.Sprintf(`plan == "%d"`, i)), Before: time.Now(), Until: time.Now().Add(time.Hour)}, time.Time{})
	}
	of, token := labels("other", "pro"), scenecast.Token{ID: "x", IssuedAt: time.Now()}
	for b.Loop() {
		if list.Revoked("a", of, token) {
			b.Fatal("revoked")
		}
	}
}
