package landing

import "scenecast/webpage"

// words is every text that the page shows; what stands in backquotes is code.
type words struct {
	Heading, Intro          string
	Demo, OpenDemo          string
	PageConnects, PageHint  string
	BackendPushes, PushHint string
	More                    string
	Docs, OpenAPI           string
	DemoPages               string
	Copy, Copied, Selected  string // Selected: the text could not be copied, and is selected instead
}

var translations = map[webpage.Language]words{
	webpage.Chinese: {
		Heading: "Scenecast 正在运行",
		Intro:   "这是一个推送服务器：后端发出一次 HTTP 请求，正好对应的页面立即显示消息。",

		Demo:     "演示",
		OpenDemo: "打开演示",

		PageConnects: "页面只用一个标签就能连接",
		PageHint: "把 `CLIENT_TOKEN` 换成配置项 `client_tokens` 中的一个令牌。`data-page` 以及其他任何 `data-…` 都是页面的标签，" +
			"推送按标签找到页面；`data-popup` 表示弹出消息。",

		BackendPushes: "后端只用一次请求就能推送",
		PushHint:      "把 `API_KEY` 换成配置项 `api_keys` 中的一个密钥。应答会说明到达了多少个页面。",

		More:      "更多",
		Docs:      "HTTP API 文档，每个请求都有可复制的 curl 命令",
		OpenAPI:   "供程序使用的 API 描述（OpenAPI 3.1）",
		DemoPages: "演示：教程里的三个页面，可以直接点击",

		Copy:     "复制",
		Copied:   "已复制",
		Selected: "请按 Ctrl+C",
	},
	webpage.English: {
		Heading: "Scenecast is running",
		Intro:   "This is a push server: a web backend makes one HTTP call, and exactly the right pages show the message at once.",

		Demo:     "Demo",
		OpenDemo: "Open the demo",

		PageConnects: "A page connects with one tag",
		PageHint: "For `CLIENT_TOKEN` put a token of the setting `client_tokens`. `data-page`, and any other `data-…`, is a label " +
			"by which pushes find the page; `data-popup` shows pop-ups.",

		BackendPushes: "A backend pushes with one call",
		PushHint:      "For `API_KEY` put a key of the setting `api_keys`. The answer says how many pages were reached.",

		More:      "More",
		Docs:      "The HTTP API: every call, with curl lines to copy",
		OpenAPI:   "The API’s description for programs (OpenAPI 3.1)",
		DemoPages: "The demo: the tutorial’s three pages, ready to click on",

		Copy:     "Copy",
		Copied:   "Copied",
		Selected: "Press Ctrl+C",
	},
}
