package jwt_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"scenecast/auth"
)

func TestClaims(t *testing.T) {
	exp, iat := unix(time.Hour), unix(-time.Minute)
	token := sign("HS256", "", secret, claims(object{
		"exp": exp, "iat": iat, "jti": "j1", "labels": object{"plan": "pro", "tag": []string{"b", "a"}, "none": nil}, "may_set": []string{"page", "order"},
	}))
	page, err := newVerifier().AuthenticatePage(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	labels, _ := page.Labels.MarshalJSON()
	if string(labels) != `{"@user":"42","plan":"pro","tag":["a","b"]}` {
		t.Errorf("labels %s", labels)
	}
	tk := page.Token
	if tk.ID != "j1" || tk.IssuedAt.Unix() != iat || tk.ExpiresAt.Unix() != exp+10 || tk.Notice != 30*time.Second || strings.Join(tk.MaySet, " ") != "page order" {
		t.Errorf("%+v", tk)
	}
	page, err = newVerifier().AuthenticatePage(t.Context(), sign("HS256", "", secret, claims(object{"sub": nil, "may_set": []string{}})))
	if err != nil || page.Labels.Len() != 0 || page.Token.MaySet == nil {
		t.Errorf("a token of nobody that lets nothing be set: %+v, %v", page, err)
	}
}

// TestNamesOfClaims: a claim counts by its exact name (RFC 7519, 10.1.1), so one that a login has for itself, as a profile's Sub, is no other.
// Of a name that is there twice the last counts, as everywhere (RFC 7519, 4).
func TestNamesOfClaims(t *testing.T) {
	v := newVerifier()
	token := func(header, claims string) string {
		signed := raw(header, claims, "")
		signed = signed[:len(signed)-1]
		signature := must(gojwt.SigningMethodHS256.Sign(signed, []byte(secret)))
		return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	const head = `{"alg":"HS256"}`
	good := fmt.Sprintf(`"sub":"42","iss":"https://login.example","aud":"pages","exp":%d`, unix(time.Hour))
	for _, more := range []string{``, `,"Sub":"1"`, `,"SUB":"1","Iss":"x","Aud":"y","EXP":1`, `,"Labels":{"plan":"pro"},"LABELS":7`, `,"May_Set":["a"],"Jti":"x"`, `,"ſub":"1"`} {
		page, err := v.AuthenticatePage(t.Context(), token(head, "{"+good+more+"}"))
		if err != nil || page.Labels.Len() != 1 || !page.Labels.Contains("@user", "42") || page.Token.MaySet != nil || page.Token.ID != "" {
			t.Errorf("%s: %v %+v, %v", more, page.Labels.Keys(), page.Token, err)
		}
	}
	if page, err := v.AuthenticatePage(t.Context(), token(`{"alg":"none","alg":"HS256"}`, "{"+good+`,"sub":"43"}`)); err != nil || !page.Labels.Contains("@user", "43") {
		t.Errorf("a claim that is there twice: %v, %v", page.Labels.Keys(), err)
	}
	for _, c := range []string{
		token(`{"alg":"HS256","alg":"none"}`, "{"+good+"}"), token(head, "{"+good+`,"exp":1}`), token(head, "{"+good+`,"aud":"api"}`),
		token(`{"ALG":"HS256"}`, "{"+good+"}"), token(head, `{"Exp":99999999999,"sub":"1"}`), token(head, "{"+good+",\"jti\":\"\xff\"}"),
		token(head, "{"+good+"}{}"), token(head, "null"), token(head, "[]"), token(head, `{"x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+","+good+"}"),
	} {
		if _, err := v.AuthenticatePage(t.Context(), c); !errors.Is(err, auth.ErrInvalidToken) {
			t.Errorf("%s: %v", c, err)
		}
	}
}

// TestManyLabels: of each key the last value counts, however many there are.
func TestManyLabels(t *testing.T) {
	v := newVerifier()
	for _, n := range []int{1, 2, 15, 16, 17, 18, 40, 150} {
		var members []string
		for round := range 2 {
			for i := range n {
				members = append(members, fmt.Sprintf(`"k%d":"%d"`, i, round))
			}
		}
		labels := json.RawMessage("{" + strings.Join(members, ",") + "}")
		page, err := v.AuthenticatePage(t.Context(), sign("HS256", "", secret, claims(object{"labels": labels})))
		if err != nil || page.Labels.Len() != n+1 {
			t.Fatalf("%d labels: %d, %v", n, page.Labels.Len(), err)
		}
		for i := range n {
			if key := fmt.Sprintf("k%d", i); !page.Labels.Contains(key, "1") {
				t.Errorf("%d labels: %s is %v", n, key, page.Labels.Values(key))
			}
		}
	}
}
