package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
)

// However many pop-ups there are, and however long, whoever holds a phone can still use the page's navigation, see the newest
// pop-up whole, and close it.
func TestPopupsLeaveTheNavigationFree(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	for _, size := range [][2]int64{{390, 844}, {844, 390}, {1280, 800}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			t.Parallel()
			page := openScene(t, b, "home", profile{language: "zh-CN"})
			call(page, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
				Width: size[0], Height: size[1], DeviceScaleFactor: 1, Mobile: size[0] < 1000,
			})
			page.awaitMedia(fmt.Sprintf("(width: %dpx) and (height: %dpx)", size[0], size[1]))
			for i := range 5 {
				page.run(fmt.Sprintf(`scenecast.popup("%d %s")`, i, strings.Repeat("a text of several lines, ", 10)))
			}
			page.run(`scenecast.popup("newest")`)
			page.wait(`e2e.popups().length === 5 && e2e.seen(e2e.popups()[4])`)
			page.expect(`Array.from(document.querySelectorAll("header a, header button"), (link) => {
				const box = link.getBoundingClientRect();
				return link.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2));
			}).filter((free) => !free).length`, 0)
			page.expect(`document.querySelectorAll("header a").length > 2`, true)
			page.run(`e2e.popups()[4].querySelector("button").click()`)
			page.wait(`e2e.popups().length === 4`)
		})
	}
}
