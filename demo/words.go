package demo

import "scenecast/webpage"

// words is every text that the pages show. It is a struct, so that no language can have a key that another has not;
// a test looks for texts that were left empty. What stands in {braces} is filled in by the page or its script.
type words struct {
	IndexTitle, HomeTitle, ListTitle, BackTitle string

	Home, List, Back string // the names of the pages, as links
	NavHome, NavList string // the same in the navigation, which is narrow
	NavBack          string
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
	ToDashboard       string
	Copy, Copied      string
	Selected          string // the text could not be copied, and is selected instead
	SceneIntro        string
	Messages, NoneYet string
	ScriptMissing     string
	NoScript          string

	StateIdle, StateConnecting, StateOpen, StateWaiting, StateClosed, StateRefused string

	StateCut string

	// The playground.
	Playground, PlayIntro, PlayOpen, PlayLead string
	ThisPage, PlayNoneYet                     string
	LabelPage, LabelPlan, LabelNone           string
	LabelsNow                                 string
	LabelsMoved                               string // {id} of the connection
	LabelsPending, LabelsRefused              string // {message}
	Cut, Restore, CutHint                     string
	ByHand, Ack, Acked                        string
	Replayed                                  string // the message was pushed while the page was cut off
	Backend, To, Examples                     string
	MatchesNone, MatchesSingle, MatchesMany   string // {n}
	Message, MessageText, Push                string
	PlayReachedNone                           string
	AckedOf                                   string // {n} of {all}
	ReceiptsHint                              string

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

		Home:    "首页",
		List:    "列表页",
		Back:    "后端页面",
		NavHome: "首页",
		NavList: "列表页",
		NavBack: "后端页面",
		NewTab:  "（在新标签页中打开）",

		IndexIntro:      "后端按一下按钮，只有对应场景的页面会立刻弹出消息。",
		StepOpen:        "在新标签页中打开这两个页面，它们会自动连接服务器并等待消息：",
		StepBack:        "再打开按钮所在的页面：",
		StepPress:       "按“按钮 1”，首页弹出消息；按“按钮 2”，列表页弹出消息。",
		StepMore:        "同一个页面可以打开多次：每一个都会收到消息，后端会知道到达了几个页面。",
		OnEveryPage:     "首页只用了这一个标签",
		FromBackend:     "从你自己的后端触发",
		FromBackendHint: "按钮发出的就是这个请求，任何语言都可以：",
		More:            "更多",
		ToDashboard:     "控制台（登录链接在启动演示的终端里）",
		Docs:            "HTTP API 文档",
		Copy:            "复制",
		Copied:          "已复制",
		Selected:        "请按 Ctrl+C",
		SceneIntro:      "请保持此页面打开。推送给“{scene}”场景的消息会在这里弹出。",
		Messages:        "收到的消息",
		NoneYet:         "还没有消息。请到后端页面按按钮。",
		ScriptMissing:   "无法加载 scenecast.js，因此没有连接。",
		NoScript:        "此页面需要 JavaScript。",

		StateIdle:       "未连接",
		StateConnecting: "正在连接……",
		StateOpen:       "已连接，等待消息",
		StateWaiting:    "连接已断开，稍后自动重连……",
		StateClosed:     "连接已关闭",
		StateRefused:    "服务器拒绝了连接，请检查令牌",

		StateCut: "连接已被你断开",

		Playground:      "演练场",
		PlayIntro:       "换场景而不重连，手写受众并实时看到会到达几个页面，断线后补收消息，以及看着页面逐个确认。",
		PlayOpen:        "打开演练场",
		PlayLead:        "这一页既是页面，也是后端：它会收到自己推送的消息。可以再打开几个同样的页面，也可以同时打开首页和列表页。",
		ThisPage:        "这个页面",
		PlayNoneYet:     "还没有消息。请推送一条。",
		LabelPage:       "场景",
		LabelPlan:       "套餐",
		LabelNone:       "无",
		LabelsNow:       "现在的标签：",
		LabelsMoved:     "标签已更改，连接还是 {id}，没有重连。",
		LabelsPending:   "连接恢复后生效。",
		LabelsRefused:   "服务器拒绝了更改：{message}",
		Cut:             "断开连接",
		Restore:         "恢复连接",
		CutHint:         "断开的只是这个页面的连接。断开时仍可推送；连接恢复后，错过的消息会按顺序补上，每条一次。",
		ByHand:          "由我逐条确认消息",
		Ack:             "确认",
		Acked:           "已确认",
		Replayed:        "断线期间",
		Backend:         "后端",
		To:              "推送给谁（受众）",
		Examples:        "示例：",
		MatchesNone:     "现在没有页面符合",
		MatchesSingle:   "现在有 1 个页面符合",
		MatchesMany:     "现在有 {n} 个页面符合",
		Message:         "消息",
		MessageText:     "订单 7 已发货",
		Push:            "推送",
		PlayReachedNone: "到达 0 个页面。已断开的页面会在恢复连接后收到。",
		AckedOf:         "{all} 个页面中已有 {n} 个确认",
		ReceiptsHint:    "页面把消息交给应用后就会确认；选了逐条确认的页面，要等你按“确认”。",

		BackIntro:     "按钮会让服务器向一个场景推送消息。请先打开首页或列表页。",
		Button1:       "按钮 1",
		Button2:       "按钮 2",
		ToHome:        "推送到首页",
		ToList:        "推送到列表页",
		Answer:        "服务器的回答",
		NoAnswer:      "还没有按过按钮。",
		Sending:       "正在发送……",
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

		Home:    "Home page",
		List:    "List page",
		Back:    "Backend page",
		NavHome: "Home",
		NavList: "List",
		NavBack: "Backend",
		NewTab:  "(opens in a new tab)",

		IndexIntro:      "Press a button in the backend, and exactly the pages of one scene show the message at once.",
		StepOpen:        "Open these two pages in new tabs. They connect by themselves and wait for messages:",
		StepBack:        "Then open the page with the buttons:",
		StepPress:       "Button 1 makes the home page show a message; button 2 does so on the list page.",
		StepMore:        "Open a page several times if you like: each gets the message, and the backend learns how many.",
		OnEveryPage:     "This tag is all that the home page needs",
		FromBackend:     "From your own backend",
		FromBackendHint: "The buttons send this request, and so can any language:",
		More:            "More",
		ToDashboard:     "The dashboard (the link that logs in stands where the demo was started)",
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

		StateCut: "You have cut the connection",

		Playground: "Playground",
		PlayIntro: "Move a page to another scene without reconnecting, type an audience and see at once how many pages match, " +
			"get what was missed after an outage, and watch pages acknowledge.",
		PlayOpen: "Open the playground",
		PlayLead: "This page is a page and a backend at once: it gets what it pushes. Open it several times, or beside the " +
			"home page and the list page.",
		ThisPage:      "This page",
		PlayNoneYet:   "None yet. Push one.",
		LabelPage:     "Scene",
		LabelPlan:     "Plan",
		LabelNone:     "none",
		LabelsNow:     "Its labels now:",
		LabelsMoved:   "The labels have changed on the same connection, {id}.",
		LabelsPending: "They change when the connection is back.",
		LabelsRefused: "The server refused the change: {message}",
		Cut:           "Cut the connection",
		Restore:       "Restore the connection",
		CutHint: "This cuts off the page alone: you can still push. When it is back, it gets what it has missed, in order and " +
			"once.",
		ByHand:          "I acknowledge each message myself",
		Ack:             "Acknowledge",
		Acked:           "acknowledged",
		Replayed:        "replayed",
		Backend:         "The backend",
		To:              "Who gets it (the audience)",
		Examples:        "Examples:",
		MatchesNone:     "No page matches now",
		MatchesSingle:   "1 page matches now",
		MatchesMany:     "{n} pages match now",
		Message:         "Message",
		MessageText:     "Order 7 is on its way",
		Push:            "Push",
		PlayReachedNone: "Reached 0 pages. Those that are cut off get it when they are back.",
		AckedOf:         "{n} of {all} pages have acknowledged",
		ReceiptsHint: "A page acknowledges when its application has the message. One that asks you to do it waits for its " +
			"button.",

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
