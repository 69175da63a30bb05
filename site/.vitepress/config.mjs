import fs from 'node:fs'
import path from 'node:path'
import {defineConfig} from 'vitepress'
import {joinLines, tokenize} from '../chinese.mjs'
import {root, writePages} from '../documents.mjs'
import {groups} from '../outline.mjs'

const pages = path.join(root, 'site/.pages')
const documents = writePages(pages)

// sidebar is groups in a language.
function sidebar(language) {
  const prefix = language === 'zh' ? '/zh/' : '/'
  const named = new Set(groups.flatMap(group => group.entries.map(([name]) => name)))
  const matches = pattern => [...documents.values()].filter(({name}) => {
    const [start, end] = pattern.split('*')
    const rest = name.replace(/\/README$/, '').slice(start.length)
    return name.startsWith(start) && rest.endsWith(end) && !rest.includes('/') && !named.has(name) &&
      !(pattern === 'docs/*' && name.startsWith('docs/tutorial-'))
  })
  const entry = ([name, ...texts]) => {
    if (name.includes('*')) return matches(name).map(each => ({text: each.headings[language], link: prefix + each.page}))
    const [document, anchor] = name.split('#')
    const to = documents.get(document)
    if (!to) return [] // not written yet
    const translated = anchor && language === 'zh' && to.translated ? chineseAnchor(to, anchor) : anchor
    return {text: texts[language === 'zh' ? 1 : 0], link: prefix + to.page + (translated ? `#${translated}` : '')}
  }
  return groups.map(({text, collapsed, entries}) => ({
    text: text[language === 'zh' ? 1 : 0], collapsed: collapsed ?? false, items: entries.flatMap(entry),
  })).filter(({items}) => items.length > 0)
}

// chineseAnchor is the anchor of the heading that has the place of the English one.
function chineseAnchor(document, anchor) {
  const [english, translation] = ['en', 'zh'].map(language =>
    fs.readFileSync(path.join(root, document[language]), 'utf8').replace(/^```.*?^```$/gms, '')
      .match(/^#+ .*$/gm).map(line => slugify(line.replace(/^#+ /, ''))))
  return translation[english.indexOf(anchor)]
}

// slugify makes the anchors that forges make, so that links to headings work in both places.
function slugify(text) {
  return text.trim().toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
}

// watchDocuments writes the pages anew when a document changes (make docs-dev).
function watchDocuments(server) {
  const files = new Set(['api/openapi.json', 'api/summaries.zh-CN.json', ...[...documents.values()].flatMap(({en, zh}) => [en, zh])].map(file => path.join(root, file)))
  server.watcher.add([...files])
  server.watcher.on('change', file => {
    if (!files.has(path.resolve(file))) return
    try {
      writePages(pages)
    } catch (error) {
      server.config.logger.error(error.message)
    }
  })
}

// leaveApplication is a plugin of markdown-it: links to pages of files lead out of the application.
function leaveApplication(md) {
  md.core.ruler.push('leave_application', state => {
    for (const {children} of state.tokens) {
      for (const token of children ?? []) {
        if (token.type === 'link_open' && /^[./]+source\//.test(token.attrGet('href'))) token.attrSet('target', '_self')
      }
    }
  })
}

export default defineConfig({
  title: 'Scenecast',
  srcDir: pages,
  outDir: path.join(root, 'bin/docs'),
  cacheDir: path.join(root, 'bin/docs-cache'),
  base: process.env.DOCS_BASE ?? '/',
  ignoreDeadLinks: [/^https?:\/\/localhost[:/]/],
  metaChunk: true,
  vite: {
    build: {chunkSizeWarningLimit: 1000}, // the search indexes, which are loaded when somebody searches
    plugins: [{name: 'documents', configureServer: watchDocuments}],
  },
  head: [['link', {rel: 'icon', type: 'image/svg+xml', href: (process.env.DOCS_BASE ?? '/') + 'icon.svg'}]],
  markdown: {
    anchor: {slugify},
    languages: ['transcript', 'haproxy', 'caddyfile'].map(name => ({
      name, scopeName: `source.${name}`, patterns: [{match: '(^|\\s)#.*$', name: 'comment.line'}],
    })),
    attrs: {disable: true}, // braces in documents are what they look like
    config: md => md.use(joinLines).use(leaveApplication),
  },
  themeConfig: {
    logo: '/icon.svg',
    outline: [2, 3],
    search: {
      provider: 'local',
      options: {
        miniSearch: {options: {tokenize}},
        locales: {zh: {translations: {
          button: {buttonText: '搜索', buttonAriaLabel: '搜索'},
          modal: {
            displayDetails: '显示详细列表', resetButtonTitle: '清除', backButtonTitle: '关闭', noResultsText: '没有结果：',
            footer: {selectText: '选择', navigateText: '切换', closeText: '关闭'},
          },
        }}},
      },
    },
  },
  locales: {
    root: {
      label: 'English', lang: 'en',
      description: 'A push server that you run yourself: one HTTP call, and exactly the right pages show the message at once.',
      themeConfig: {
        nav: [
          {text: 'Guides', link: '/audiences'}, {text: 'API', link: '/api'}, {text: 'Architecture', link: '/architecture'},
        ],
        sidebar: sidebar('en'),
      },
    },
    zh: {
      label: '简体中文', lang: 'zh-CN',
      description: '自己部署的推送服务器：后端发出一次 HTTP 请求，恰好该收到的那些页面立即显示消息。',
      themeConfig: {
        nav: [
          {text: '指南', link: '/zh/audiences'}, {text: 'API', link: '/zh/api'}, {text: '架构', link: '/zh/architecture'},
        ],
        sidebar: sidebar('zh'),
        outline: {level: [2, 3], label: '本页内容'},
        docFooter: {prev: '上一页', next: '下一页'},
        sidebarMenuLabel: '目录', returnToTopLabel: '回到顶部', langMenuLabel: '切换语言', skipToContentLabel: '跳到正文',
        darkModeSwitchLabel: '外观', lightModeSwitchTitle: '切换到浅色', darkModeSwitchTitle: '切换到深色',
        notFound: {title: '没有这个页面', quote: '请检查地址，或使用搜索。', linkText: '回到首页', linkLabel: '回到首页'},
      },
    },
  },
})
