package api

import (
	"encoding/json"

	"scenecast/webpage"
)

// docsSummaries are the summaries of the calls in openapi.json, by operationId, and the descriptions of its tags, by "tag" and their names, in
// the languages that openapi.json itself is not in.
var docsSummaries = map[webpage.Language]map[string]string{
	webpage.Chinese: {
		"tag push":        "向页面发送消息。",
		"tag connections": "查看谁在线，更改标签，断开连接。",
		"tag pages":       "页面打开的地址，以及教程的入口。",
		"tag machinery":   "给服务器周围的系统使用。",

		"push":         "向一个受众发送消息",
		"trigger":      "运行一个命名的触发器",
		"pushes":       "分页列出推送日志",
		"pushOf":       "一条推送的结果",
		"audience":     "统计一个受众，并看其中的几个页面",
		"explain":      "一个受众为什么匹配或不匹配某个连接",
		"connections":  "分页列出连接及其标签",
		"connection":   "查看一个连接",
		"scenes":       "每个场景里有多少个页面",
		"presence":     "谁在一个场景里，或一个键有哪些场景",
		"labels":       "一个标签有哪些值",
		"relabel":      "更改在线连接的标签",
		"disconnect":   "断开一个受众",
		"revoke":       "使页面令牌作废",
		"connect":      "打开页面的 WebSocket，子协议为 scenecast.v1",
		"events":       "打开页面的事件流，供 EventSource 使用",
		"tutorialGet":  "教程的入口：运行触发器，或打开页面的 WebSocket",
		"tutorialPost": "教程的入口：运行触发器",
		"openapi":      "这份 API 描述",
		"docs":         "供人阅读的 API 描述",
		"listNodes":    "集群的节点",
		"stats":        "各节点最近做了什么",
		"self":         "这个 API 密钥是什么，可以做什么",
		"tellAddress":  "这个请求的来源地址",
		"listen":       "监听页面的动态",
		"listHooks":    "接收事件的 hooks",
		"retryHook":    "让失败的 hook 立即被调用",
		"drain":        "排空这个节点的页面",
		"draining":     "这个节点的排空进行到哪里",
		"undrain":      "让这个节点重新接受页面",
		"reload":       "重新读取配置",
		"settings":     "生效的设置，以及重新加载会改变什么",
		"health":       "进程是否在运行",
		"ready":        "这个服务器是否可以接受请求",
		"metrics":      "供 Prometheus 使用的指标",
	},
	webpage.English: {},
}

// summariesIn is docsSummaries in a language, in JSON.
func summariesIn(lang webpage.Language) string {
	text, err := json.Marshal(docsSummaries[lang])
	if err != nil {
		panic(err) // a map of strings
	}
	return string(text)
}
