package api

import "scenecast/webpage"

// docsWords is every text of the page around those of openapi.json. What stands in backquotes is code, and what stands in {braces} is filled
// in by the page's script.
type docsWords struct {
	Texts                 string // where the page finds those of openapi.json in its language; empty: they are in it
	Skip, Site, Calls     string
	About, NoScript       string
	Or, AnyJSON           string
	ArrayOf, MapOf        string // {form} is one, or a media type
	Range                 string // {least}, {most}
	MaxLength, MaxItems   string // {n}
	Default               string // {value}
	Required              string
	Path, Query, Header   string // where a parameter is
	Parameters, Body      string // Body: {form}
	Try, Answers, Schemas string
	Copy, CopyLine        string
	Copied, Selected      string // Selected: the text could not be copied, and is selected instead
	Unreadable            string // {message}
	Stop, Comma           string // behind a sentence, and behind a part of one
	Semicolon, Colon      string
	Listed                string // between the parts of a list
}

var docsTranslations = map[webpage.Language]docsWords{
	webpage.Chinese: {
		Texts: "docs/openapi.zh-CN.json",
		Skip:  "跳到各个调用", Site: "站点", Calls: "各个调用",
		About:    "本页用中文显示 openapi.json，该文件本身是英文的。curl 命令从 `$SCENECAST_API_KEY` 取得密钥。",
		NoScript: "此页面需要 JavaScript；openapi.json 不需要。",
		Or:       "或", AnyJSON: "任意 JSON",
		ArrayOf: "array，元素为 {form}", MapOf: "，值为 {form}",
		Range:     "{least} 到 {most}",
		MaxLength: "最多 {n} 个字符", MaxItems: "最多 {n} 项",
		Default:  "默认 {value}",
		Required: "必需",
		Path:     "在路径中", Query: "在查询参数中", Header: "在请求头中",
		Parameters: "参数", Body: "请求体，{form}",
		Try: "试一试", Answers: "应答", Schemas: "数据结构",
		Copy: "复制", CopyLine: "复制 curl 命令",
		Copied: "已复制", Selected: "请按 Ctrl+C",
		Stop: "。", Comma: "，",
		Semicolon: "；", Colon: "：", Listed: "、",
		Unreadable: "无法读取 API 描述：{message}",
	},
	webpage.English: {
		Skip: "Skip to the calls", Site: "Site", Calls: "Calls",
		About:    "This page shows openapi.json. Curl lines take the key from `$SCENECAST_API_KEY`.",
		NoScript: "This page needs JavaScript; openapi.json does not.",
		Or:       "or", AnyJSON: "any JSON",
		ArrayOf: "array of {form}", MapOf: " of {form}",
		Range:     "{least} to {most}",
		MaxLength: "at most {n} characters", MaxItems: "at most {n}",
		Default:  "default {value}",
		Required: "required",
		Path:     "in the path", Query: "in the query", Header: "in the header",
		Parameters: "Parameters", Body: "Body, {form}",
		Try: "Try it", Answers: "Answers", Schemas: "Schemas",
		Copy: "Copy", CopyLine: "Copy the curl line",
		Copied: "Copied", Selected: "Press Ctrl+C",
		Stop: ". ", Comma: ", ",
		Semicolon: "; ", Colon: ": ", Listed: ", ",
		Unreadable: "The description could not be read: {message}",
	},
}
