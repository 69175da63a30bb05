// What the site shows where: the groups of the sidebar, with the document of each entry and its text in English and Chinese. Documents are
// named by their path in the repository, without .md. A * stands for all documents of that name which no other entry names; their text is
// their heading.
export const groups = [
  {text: ['Start', '开始'], entries: [
    ['README', 'What it is', '介绍'],
    ['docs/tutorial-*'],
  ]},
  {text: ['Guides', '指南'], entries: [
    ['docs/audiences', 'Audiences', '受众'],
    ['docs/delivery', 'Delivery', '送达'],
    ['docs/presence', 'Presence', '在场信息'],
    ['docs/dashboard', 'The dashboard', '控制台'],
    ['docs/hooks', 'Hooks', 'Hooks'],
    ['docs/security', 'Security', '安全'],
    ['docs/cluster', 'Clusters', '集群'],
    ['docs/operations', 'Operations', '运维'],
    ['docs/capacity', 'Capacity', '容量'],
    ['docs/client', 'Client', '客户端'],
    ['clients/js/README', 'npm package', 'npm 包'],
    ['clients/php/README', 'PHP and Laravel', 'PHP 和 Laravel'],
    ['clients/*'],
    ['docs/pusher', 'Pusher', 'Pusher'],
  ]},
  {text: ['Reference', '参考'], entries: [
    ['docs/api', 'HTTP API', 'HTTP API'],
    ['openapi', 'API reference', 'API 参考'],
    ['docs/protocol', 'Protocol', '协议'],
    ['docs/settings', 'Settings', '设置'],
    ['docs/metrics', 'Metrics', '指标'],
    ['docs/cli', 'Command line', '命令行'],
    ['docs/registry', 'Registry', 'Redis 哈希'],
    ['docs/glossary', 'Glossary (Chinese)', '术语表'],
    ['docs/*'],
  ]},
  {text: ['Internals', '内部'], entries: [
    ['ARCHITECTURE', 'Architecture', '架构'],
    ['docs/performance', 'Performance', '性能'],
    ['bench/compare/README', 'Comparison', '与其他服务器比较'],
    ['bench/*'],
    ['CONTRIBUTING', 'Contributing', '参与开发'],
    ['SECURITY', 'Reporting vulnerabilities', '报告漏洞'],
    ['CHANGELOG', 'Changes', '变更'],
  ]},
  {text: ['Decisions', '设计决策'], collapsed: true, entries: [['docs/adr/*']]},
  {text: ['Examples', '示例'], collapsed: true, entries: [['examples/*']]},
]
