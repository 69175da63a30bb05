package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestCall: a page asks its backend by the tag's script, and shows the answer, and the refusal.
func TestCall(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call struct {
			Data struct {
				Method string
				Data   struct{ Product int }
				Labels map[string]string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
			t.Error(err)
		}
		if call.Data.Method != "stock" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"message":"no such method"}`))
			return
		}
		_ = json.NewEncoder(w).Encode(fmt.Sprintf("%d of order %s", call.Data.Data.Product, call.Data.Labels["order"]))
	}))
	t.Cleanup(backend.Close)
	b := serveWith(t, anyPort, map[string]string{"client_tokens": `[a]`, "hooks.call": fmt.Sprintf(`{url: %q}`, backend.URL)})
	page := newTab(t, profile{})
	page.open(servePage(t, fmt.Sprintf(`<!DOCTYPE html><title>order 7</title>
		<script src="%s" data-token="a" data-order="7"></script><script src="%s"></script>
		<p id="answer"></p><p id="refusal"></p>
		<script>
		  const show = (id, text) => document.getElementById(id).textContent = text;
		  scenecast.call("stock", {product: 3}).then((answer) => show("answer", answer));
		  scenecast.call("other").catch(({kind, detail}) => show("refusal", kind + ": " + detail));
		</script>`, b.url("/scenecast.js"), b.url("/scenecast-call.js")), ""))
	page.wait(`document.getElementById("answer").textContent === "3 of order 7"`)
	page.wait(`document.getElementById("refusal").textContent === "not_found: no such method"`)
}
