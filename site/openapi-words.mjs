// What openapi.mjs says around the description. The description's own texts in Chinese are api/openapi.zh-CN.json.
export const words = {
  en: {
    title: 'API reference',
    introduction: 'Every call of the HTTP API, made of [openapi.json](api/openapi.json), which a running server has at `/v1/openapi.json`, and shows at `/v1/docs`, where calls can be tried. The [HTTP API](docs/api.md) explains them one after the other.',
    scope: 'Scope of the API key: ', noKey: 'Needs no API key.',
    parameters: 'Parameters', parameterHeads: ['name', 'in', 'type', 'description'],
    body: 'Request body', responses: 'Answers', responseHeads: ['status', 'description', 'body'],
    fieldHeads: ['field', 'type', 'description'], required: ' (required)',
    example: 'Example', schemas: 'Schemas', type: 'Type: ', or: ' or ', any: 'any JSON',
    arrayOf: item => `array of ${item}`, objectOf: value => `object of ${value}`,
    colon: ': ', listed: ', ', bounded: bounds => ` (${bounds})`,
  },
  zh: {
    title: 'API 参考',
    introduction: 'HTTP API 的全部调用，由 [openapi.json](api/openapi.json) 生成；运行中的服务器在 `/v1/openapi.json` 提供这个文件，在 `/v1/docs` 可以阅读并试用各个调用。[HTTP API](docs/api.zh-CN.md) 逐一讲解它们。',
    scope: 'API 密钥的权限：', noKey: '不需要 API 密钥。',
    parameters: '参数', parameterHeads: ['名称', '位置', '类型', '说明'],
    body: '请求正文', responses: '应答', responseHeads: ['状态', '说明', '正文'],
    fieldHeads: ['字段', '类型', '说明'], required: '（必需）',
    example: '示例', schemas: '数据结构', type: '类型：', or: ' 或 ', any: '任意 JSON',
    arrayOf: item => `${item} 的数组`, objectOf: value => `值为 ${value} 的对象`,
    colon: '：', listed: '、', bounded: bounds => `（${bounds}）`,
  },
}

// tags are the names of the description's tags in Chinese.
export const tags = {
  push: '推送',
  connections: '连接',
  pages: '页面',
  machinery: '运行',
}
