package e2e_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

const jwtSecret = "signs the tokens of pages in a browser"

// signed is a JSON Web Token (RFC 7515, by HS256) of user 42, which ends in so long.
func signed(in time.Duration) string { return signedBy(jwtSecret, `{"sub":"42"}`, in) }

// signedBy has these claims, and is signed by another secret.
func signedBy(secret, claims string, in time.Duration) string {
	encode := base64.RawURLEncoding.EncodeToString
	claims = fmt.Sprintf(`%s,"exp":%d}`, strings.TrimSuffix(claims, "}"), time.Now().Add(in).Unix())
	text := encode([]byte(`{"alg":"HS256"}`)) + "." + encode([]byte(claims))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

// TestTokenIsRefreshed: while pushes run, the token of a page ends, and the script replaces it on the open connection: no push is lost.
func TestTokenIsRefreshed(t *testing.T) {
	t.Parallel()
	b := serveWith(t, anyPort, map[string]string{"jwt.keys": fmt.Sprintf("[{key: %q}]", jwtSecret), "jwt.leeway": "0"})
	page := newTab(t, profile{})
	page.open(servePage(t, fmt.Sprintf(`<!DOCTYPE html><script src="%s"></script><script>
		const got = [], closed = [];
		let asked = 0;
		scenecast.on("message", (data) => got.push(data));
		scenecast.on("close", ({ code }) => closed.push(code));
	</script>`, b.url("/scenecast.js")), ""))
	// The page is told at half of the first token's time, and asks for another one at once: it has the other half, however busy the
	// machine is.
	const life = 16 * time.Second
	end := time.Now().Add(life + time.Second)
	tokens, _ := json.Marshal([]string{signed(life), signed(time.Hour), signed(time.Hour)})
	page.run(fmt.Sprintf(`Math.random = () => 0; scenecast.connect({ token: async () => %s[asked++] })`, tokens))
	page.wait(`e2e.welcomed === 1`) // it connects when it has its token, which may be after the page has loaded
	b.expectConnections(1)
	var want []int
	for n := 0; time.Now().Before(end); n++ { // until the first token has ended
		b.push(`@user == "42"`, fmt.Sprint(n), 1)
		want = append(want, n)
		time.Sleep(20 * time.Millisecond)
	}
	page.waitFor(`got`, want)
	page.expect(`[asked, closed.length]`, []int{2, 0})
}
