package e2e_test

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"scenecast/freeport"
)

// TestDashboardPortAddress: what a dashboard with a port of its own has to copy names the server's port, or, where a proxy hides which that is, a name to be
// replaced. One on the server's port names what the browser reaches: testDashboardEmpty, and here below a prefix.
func TestDashboardPortAddress(t *testing.T) {
	t.Parallel()
	own := freeport.Addr(t)
	two, one := startDashboard(t, map[string]string{"dashboard.listen": own}), startDashboard(t, nil)
	proxy := func(to, prefix string) string {
		p := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: to})
			r.Out.URL.Path = r.In.URL.Path[len(prefix):]
			r.Out.Host = r.In.Host
		}}
		s := httptest.NewServer(p)
		t.Cleanup(s.Close)
		return s.URL + prefix
	}
	below := proxy(one.addr, "/ops")
	for _, c := range []struct{ dashboard, server string }{
		{"http://" + own, "http://" + two.addr},
		{proxy(own, ""), "https://SERVER"},
		{below, below},
	} {
		d := newTab(t, profile{language: "en"})
		d.open(c.dashboard + "/dashboard/")
		d.wait(`document.querySelector("input[type=password]")`)
		d.login(operatorKey)
		d.wait(`document.querySelector(".empty pre")`)
		d.expect(`[...document.querySelectorAll(".empty pre")].map((each) => /https?:[^ "]+/.exec(each.textContent)[0])`, []string{c.server + "/scenecast.js", c.server + "/v1/push"})
		d.screen("history")
		d.wait(`document.querySelector(".empty pre")?.textContent.startsWith("curl ` + c.server + `/v1/push ")`)
		d.screen("push")
		d.typeInto("main form input", "*")
		d.wait(`document.querySelector("main pre")?.textContent.startsWith("curl '` + c.server + `/v1/push'")`)
	}
}
