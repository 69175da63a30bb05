package e2e_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
)

// TestDashboardPictures makes the READMEs' pictures of the dashboard: an audience that is counted before anything is sent.
func TestDashboardPictures(t *testing.T) {
	if *readmePictures == "" {
		t.Skip("without -readme-pictures")
	}
	b := startDashboard(t, nil)
	for i := range 48 {
		labels := url.Values{"page": {"order"}, "order": {fmt.Sprint(5 + i%4)}, "plan": {[]string{"pro", "free", "pro"}[i%3]}, "locale": {[]string{"zh-CN", "en"}[i/5%2]}}
		b.join(labels)
	}
	for file, c := range map[string]struct{ language, message string }{
		"dashboard.png":    {"en", "Order 7 is on its way"},
		"dashboard-zh.png": {"zh-CN", "订单 7 已发货"},
	} {
		d := openDashboard(t, b, profile{language: c.language})
		call(d, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 1200, Height: 680, DeviceScaleFactor: 1.5})
		d.login(operatorKey)
		d.screen("push")
		d.typeInto("main form input", `order == "7" && plan == "pro"`)
		d.typeInto("main form textarea", `{"code": 200, "message": `+mustJSON(c.message)+`}`)
		d.wait(`document.querySelector(".count:not(.stale) h2")?.textContent.startsWith("8 ")`)
		d.run(`document.querySelector("main form textarea").focus({preventScroll: true}); scrollTo(0, 0)`)
		shot := call(d, page.CaptureScreenshot, page.CaptureScreenshotParams{})
		small := fewerColors(t, shot.Data)
		t.Logf("%s: %d bytes", file, len(small))
		if err := os.WriteFile(filepath.Join(*readmePictures, file), small, 0o644); err != nil { //nolint:gosec // a picture is everybody's
			t.Fatal(err)
		}
	}
}
