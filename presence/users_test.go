package presence

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestUsers compares the members of a scene with a map, while they are few, many, and few again.
func TestUsers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var u users
	want := make(map[string]*member)
	most := 0
	for step := range 20_000 {
		user := fmt.Sprint(r.IntN(3 * fewUsers))
		m, hash := u.find(user)
		if m != want[user] {
			t.Fatalf("step %d: %q is %p, want %p", step, user, m, want[user])
		}
		grows := step/2000%2 == 0
		switch {
		case m == nil && (grows || r.IntN(3) == 0):
			m = &member{user: user}
			u.add(m, hash)
			want[user] = m
		case m != nil && (!grows || r.IntN(3) == 0):
			u.remove(m)
			delete(want, user)
		}
		most = max(most, u.len())
		n := 0
		for m := range u.all {
			n++
			if want[m.user] != m {
				t.Fatalf("step %d: %q is among all", step, m.user)
			}
		}
		if n != len(want) || u.len() != n {
			t.Fatalf("step %d: %d members, and %d among all, want %d", step, u.len(), n, len(want))
		}
	}
	if most <= fewUsers {
		t.Errorf("there were %d members at most", most)
	}
}
