package doctor

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"scenecast/language"
)

// madeUp is an address that is nobody's (TEST-NET-1, RFC 5737). The check claims to be there, which no proxy should believe.
var madeUp = netip.MustParseAddr("192.0.2.1")

// seen is what GET /v1/address says.
type seen struct {
	Address   netip.Addr `json:"address"`
	Peer      string     `json:"peer"` // host:port; empty: a Unix socket's
	Forwarded []string   `json:"forwarded"`
}

// checkAddress looks whether the server learns where pages come from, and whether they can make that up.
func (f *front) checkAddress(ctx context.Context) {
	const name = "address"
	if f.Key == "" {
		f.r.addOf(name, Skipped, nothing, "whether clients' addresses are passed on takes an API key with the scope read: --api-key, or api_keys in the configuration")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	var local net.Addr
	request, err := http.NewRequestWithContext(localAddress(ctx, &local), http.MethodGet, f.at("/v1/address"), nil)
	if err != nil {
		return
	}
	request.Header.Set("Authorization", "Bearer "+f.Key)
	request.Header.Set("X-Forwarded-For", madeUp.String())
	response, err := f.client.Do(request)
	if err != nil {
		f.r.addOf(name, Failure, adviceFor(err), "GET /v1/address is not answered: %s", inWords(withoutURL(err)))
		return
	}
	defer func() { _ = response.Body.Close() }()
	body := readSome(response.Body)
	var answer seen
	if response.StatusCode != http.StatusOK || json.Unmarshal(body, &answer) != nil {
		f.r.addOf(name, Skipped, nothing, "GET /v1/address is answered %s: it takes an API key with the scope read", response.Status)
		return
	}
	own, _ := netip.ParseAddrPort(local.String())
	status, do, found := judgeAddress(answer, netip.AddrPortFrom(own.Addr().Unmap(), own.Port()))
	f.r.addOf(name, status, do, "%s", found)
}

var sendForwarded = language.Textf("Have the proxy send it. nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; HAProxy: option forwardfor; or a PROXY header (limits.proxy_protocol).")

// judgeAddress compares what the server has seen with the address that the request has gone out from, with X-Forwarded-For: madeUp.
func judgeAddress(s seen, own netip.AddrPort) (status Status, do, found language.Text) {
	var hops []string // in X-Forwarded-For
	for _, hop := range strings.Split(strings.Join(s.Forwarded, ","), ",") {
		if hop = strings.TrimSpace(hop); hop != "" {
			hops = append(hops, hop)
		}
	}
	added := len(hops) > 0 && hops[len(hops)-1] != madeUp.String() // by a proxy
	peer, _ := netip.ParseAddrPort(s.Peer)
	direct := netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port()) == own
	switch {
	case direct:
		return OK, nothing, language.Textf("the server sees clients' addresses by itself, or by PROXY headers: %s", s.Address)
	case s.Address == madeUp && !added:
		return Failure, language.Textf("Have the proxy add the client's address, or replace the header (nginx: $proxy_add_x_forwarded_for or $remote_addr), rather than pass on what clients send."),
			language.Textf("the proxy passes on X-Forwarded-For as clients send it, and the server believes the proxy: whoever wants can be of any address")
	case s.Address == madeUp:
		return OK, nothing, language.Textf("the proxy passes on clients' addresses (%s; this one is in limits.trusted_proxies itself, so what it passes on is believed)", hops[len(hops)-1])
	case !s.Address.IsValid(), s.Address == peer.Addr().Unmap() && !added:
		return Warning, sendForwarded, language.Textf("the proxy does not pass on clients' addresses: all pages count as one address%s", of(s.Address))
	case s.Address == peer.Addr().Unmap() && s.Address == own.Addr() && len(hops) == 1:
		return Skipped, nothing, language.Textf("whether clients' addresses are passed on cannot be told from the proxy's own machine: it replaces X-Forwarded-For by %s; run this from another one", hops[0])
	case s.Address == peer.Addr().Unmap():
		return Warning, language.Textf("Add the proxy's address to limits.trusted_proxies: %s", s.Address),
			language.Textf("the proxy passes on clients' addresses in X-Forwarded-For, and the server does not believe it: all pages count as one address%s", of(s.Address))
	case s.Address == own.Addr():
		return OK, nothing, language.Textf("the proxy passes on clients' addresses: %s", s.Address)
	default:
		return OK, nothing, language.Textf("the server takes this machine for %s, and its own address is %s: as it should be where addresses are translated in between (NAT)", s.Address, own.Addr())
	}
}

func of(a netip.Addr) language.Text {
	if !a.IsValid() {
		return language.Text{}
	}
	return language.Textf(" (%s)", a)
}
