package demo

import "scenecast/webpage"

// words is every text that the pages show. It is a struct, so that no language can have a key that another has not;
// a test looks for texts that were left empty. What stands in {braces} is filled in by the page or its script.
type words struct {
	IndexTitle, HomeTitle, ListTitle, BackTitle string

	Home, List, Back string // the names of the pages, as links
	NewTab           string // said after a link that opens one

	IndexIntro        string
	StepOpen          string
	StepBack          string
	StepPress         string
	StepMore          string
	OnEveryPage       string
	FromBackend       string
	FromBackendHint   string
	More, Docs        string
	Copy, Copied      string
	Selected          string // the text could not be copied, and is selected instead
	SceneIntro        string
	Messages, NoneYet string
	ScriptMissing     string
	NoScript          string

	StateIdle, StateConnecting, StateOpen, StateWaiting, StateClosed, StateRefused string

	BackIntro        string
	Button1, Button2 string
	ToHome, ToList   string
	Answer           string
	NoAnswer         string // no button has been pressed yet
	Sending          string
	ReachedNone      string
	ReachedSingle    string // {n} is 1
	ReachedMany      string // {n} is the number of pages
	Refused          string // {status}, {message}
	Unreadable       string // {status}
	Unreachable      string
}

var translations = map[webpage.Language]words{
	webpage.Chinese: {
		IndexTitle: "Scenecast 演示",
		HomeTitle:  "首页",
		ListTitle:  "列表页",
		BackTitle:  "后端页面",

		Home:   "首页",
		List:   "列表页",
		Back:   "后端页面",
		NewTab: "（在新标签页中打开）",

		IndexIntro:      "后端按一下按钮，只有对应场景的页面会立刻弹出消息。",
		StepOpen:        "在新标签页中打开这两个页面，它们会自动连接服务器并等待消息：",
		StepBack:        "再打开按钮所在的页面：",
		StepPress:       "按“按钮 1”，首页弹出消息；按“按钮 2”，列表页弹出消息。",
		StepMore:        "同一个页面可以打开多次：每一个都会收到消息，后端会知道到达了几个页面。",
		OnEveryPage:     "首页只用了这一个标签",
		FromBackend:     "从您自己的后端触发",
		FromBackendHint: "按钮发出的就是这个请求，任何语言都可以：",
		More:            "更多",
		Docs:            "HTTP API 文档（英文）",
		Copy:            "复制",
		Copied:          "已复制",
		Selected:        "请按 Ctrl+C",
		SceneIntro:      "请保持此页面打开。推送给“{scene}”场景的消息会在这里弹出。",
		Messages:        "收到的消息",
		NoneYet:         "还没有消息。请到后端页面按按钮。",
		ScriptMissing:   "无法加载 scenecast.js，因此没有连接。",
		NoScript:        "此页面需要 JavaScript。",

		StateIdle:       "未连接",
		StateConnecting: "正在连接…",
		StateOpen:       "已连接，等待消息",
		StateWaiting:    "连接已断开，稍后自动重连…",
		StateClosed:     "连接已关闭",
		StateRefused:    "服务器拒绝了连接，请检查 token",

		BackIntro:     "按钮会让服务器向一个场景推送消息。请先打开首页或列表页。",
		Button1:       "按钮 1",
		Button2:       "按钮 2",
		ToHome:        "推送到首页",
		ToList:        "推送到列表页",
		Answer:        "服务器的回答",
		NoAnswer:      "还没有按过按钮。",
		Sending:       "正在发送…",
		ReachedNone:   "到达 0 个页面：没有打开的页面属于这个场景。",
		ReachedSingle: "到达 1 个页面。",
		ReachedMany:   "到达 {n} 个页面。",
		Refused:       "服务器拒绝了请求（{status}）：{message}",
		Unreadable:    "服务器的回答无法识别（HTTP {status}）。",
		Unreachable:   "无法连接服务器，请检查它是否在运行。",
	},
	webpage.English: {
		IndexTitle: "Scenecast demo",
		HomeTitle:  "Home page",
		ListTitle:  "List page",
		BackTitle:  "Backend page",

		Home:   "Home page",
		List:   "List page",
		Back:   "Backend page",
		NewTab: "(opens in a new tab)",

		IndexIntro:      "Press a button in the backend, and exactly the pages of one scene show the message at once.",
		StepOpen:        "Open these two pages in new tabs. They connect by themselves and wait for messages:",
		StepBack:        "Then open the page with the buttons:",
		StepPress:       "Button 1 makes the home page show a message; button 2 does so on the list page.",
		StepMore:        "Open a page several times if you like: each gets the message, and the backend learns how many.",
		OnEveryPage:     "This tag is all that the home page needs",
		FromBackend:     "From your own backend",
		FromBackendHint: "The buttons send this request, and so can any language:",
		More:            "More",
		Docs:            "The HTTP API",
		Copy:            "Copy",
		Copied:          "Copied",
		Selected:        "Press Ctrl+C",
		SceneIntro:      "Keep this page open. Messages for the scene “{scene}” pop up here.",
		Messages:        "Messages received",
		NoneYet:         "None yet. Press a button on the backend page.",
		ScriptMissing:   "Not connected, because scenecast.js could not be loaded.",
		NoScript:        "This page needs JavaScript.",

		StateIdle:       "Not connected",
		StateConnecting: "Connecting…",
		StateOpen:       "Connected, waiting for messages",
		StateWaiting:    "Disconnected, reconnecting shortly…",
		StateClosed:     "Connection closed",
		StateRefused:    "The server refused the connection; check the token",

		BackIntro:     "The buttons make the server push to one scene. Open the home page or the list page first.",
		Button1:       "Button 1",
		Button2:       "Button 2",
		ToHome:        "pushes to the home page",
		ToList:        "pushes to the list page",
		Answer:        "The server’s answer",
		NoAnswer:      "No button has been pressed yet.",
		Sending:       "Sending…",
		ReachedNone:   "Reached 0 pages: no open page belongs to this scene.",
		ReachedSingle: "Reached 1 page.",
		ReachedMany:   "Reached {n} pages.",
		Refused:       "The server refused the request ({status}): {message}",
		Unreadable:    "The server’s answer makes no sense (HTTP {status}).",
		Unreachable:   "The server cannot be reached. Is it running?",
	},
}
