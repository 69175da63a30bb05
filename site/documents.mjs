// The documents of the repository, and the pages of the site that they become. Documents stay where they are, so that they can be read
// without the site; this writes a copy of each into the directory that VitePress reads.
import fs from 'node:fs'
import path from 'node:path'
import {openAPIPage, parseDescription} from './openapi.mjs'
import {sourcePage} from './source.mjs'

export const root = path.resolve(import.meta.dirname, '..')
const chinese = '.zh-CN.md'
const folders = ['.', 'docs', 'docs/adr', 'clients/*', 'examples/*', 'bench/*']
const switchLine = /^\[(English|中文.*)\]\([^)]+\)\n\n/m // the site has a menu for it
const notTranslated = '::: info 英文原文\n本页尚无中文版，以下是英文原文。\n:::\n\n'

// pageOf is the path of a document's page, without its language and ending: docs/api is api, README is overview, clients/js/README is
// clients/js.
function pageOf(document) {
  const named = {README: 'overview', SECURITY: 'reporting-vulnerabilities'}[document]
  if (named) return named
  if (document.startsWith('docs/')) return document.slice('docs/'.length)
  if (document.startsWith('site/')) return document.slice('site/'.length)
  return document.replace(/\/README$/, '').toLowerCase()
}

function expand(folder) {
  if (!folder.endsWith('/*')) return [folder]
  const parent = folder.slice(0, -2)
  return fs.readdirSync(path.join(root, parent)).sort().map(name => `${parent}/${name}`)
    .filter(name => fs.existsSync(path.join(root, name, 'README.md')))
}

// findDocuments returns, by its name (its path without .md), each document's files, the path of its page and its headings.
// A document that is in one language alone has that file for both.
export function findDocuments() {
  const documents = new Map()
  for (const folder of [...folders.flatMap(expand), 'site']) {
    for (const entry of fs.readdirSync(path.join(root, folder)).sort()) {
      if (!entry.endsWith('.md')) continue
      const file = path.posix.join(folder, entry)
      const name = file.endsWith(chinese) ? file.slice(0, -chinese.length) : file.slice(0, -'.md'.length)
      const document = documents.get(name) ?? {name, page: pageOf(name)}
      document[file.endsWith(chinese) ? 'zh' : 'en'] = file
      documents.set(name, document)
    }
  }
  const generated = {name: 'openapi', page: 'openapi', en: 'openapi.md', zh: `openapi${chinese}`}
  documents.set(generated.name, generated)
  for (const document of documents.values()) {
    document.translated = document.zh !== undefined
    document.en ??= document.zh
    document.zh ??= document.en
    document.headings = {en: heading(document.en), zh: heading(document.zh)}
  }
  return documents
}

function heading(file) {
  return /^# (.*)$/m.exec(read(file))?.[1].replaceAll('`', '') ?? file
}

// read is the text of a document. The reference of the API is none of the repository's files.
function read(file) {
  if (/^openapi(\.zh-CN)?\.md$/.test(file)) {
    const language = file.endsWith(chinese) ? 'zh' : 'en'
    const texts = language === 'zh' && JSON.parse(read('api/openapi.zh-CN.json'))
    return openAPIPage(parseDescription(read('api/openapi.json'), texts), language)
  }
  return fs.readFileSync(path.join(root, file), 'utf8')
}

// writePages writes all pages into the directory to, and beside them those of the files that documents link to. It throws when a link leads nowhere.
export function writePages(to) {
  const documents = findDocuments()
  const written = new Set()
  const write = (name, content) => {
    const file = path.join(to, name)
    written.add(file)
    if (fs.existsSync(file) && fs.readFileSync(file).equals(Buffer.from(content))) return // VitePress watches
    fs.mkdirSync(path.dirname(file), {recursive: true})
    fs.writeFileSync(file, content)
  }
  const sources = new Set()
  for (const document of documents.values()) {
    for (const language of ['en', 'zh']) {
      const page = language === 'en' ? document.page : `zh/${document.page}`
      const links = new Links(documents, sources, document, language, page, write)
      const note = language === 'zh' && !document.translated ? notTranslated : ''
      write(`${page}.md`, note + links.replaceAll(read(document[language]).replace(switchLine, '')))
    }
  }
  for (const file of sources) { // a directory's page adds the files in it
    write(`public/source/${file}.html`, sourcePage(root, file, each => sources.add(each)))
  }
  write('public/icon.svg', read('webpage/icon.svg'))
  write('public/hero.svg', read('site/hero.svg'))
  for (const old of fs.readdirSync(to, {recursive: true, withFileTypes: true})) {
    const file = path.join(old.parentPath ?? old.path, old.name)
    if (old.isFile() && !written.has(file)) fs.rmSync(file)
  }
  return documents
}

// Links makes the links of one page.
class Links {
  constructor(documents, sources, document, language, page, write) {
    Object.assign(this, {documents, sources, document, language, page, write})
    this.file = document[language]
  }

  // replaceAll replaces the links of a document, but for those in its code.
  replaceAll(text) {
    return text.split(/(^```.*?^```$|`[^`\n]+`)/ms).map((part, i) => i % 2 ? part :
      part.replace(/\]\(([^)\s]+)\)/g, (_, link) => `](${this.target(link)})`)).join('')
  }

  // target is where the link leads on the site.
  target(link) {
    if (/^([a-z]+:|#)/.test(link) || this.document.name.startsWith('site/')) return link
    const [relative, anchor] = link.split('#')
    const file = path.posix.normalize(path.posix.join(path.posix.dirname(this.file), decodeURI(relative))).replace(/\/$/, '')
    const absolute = path.join(root, file)
    if (!fs.existsSync(absolute)) throw new Error(`${this.file}: the link ${link} leads nowhere`)
    const name = [file.replace(/(\.zh-CN)?\.md$/, ''), `${file}/README`].find(each => this.documents.has(each))
    if (name && (file.endsWith('.md') || !file.includes('.'))) {
      return this.toDocument(this.documents.get(name), file, anchor)
    }
    const up = '../'.repeat(this.page.split('/').length - 1) || './'
    if (/\.(svg|png)$/.test(file)) {
      this.write(`public/${file}`, fs.readFileSync(absolute))
      return `/${file}`
    }
    this.sources.add(file)
    return `${up}source/${file}.html`
  }

  // toDocument prefers the page's own language, unless the link names a heading of the other one or leads to the translation of the page itself.
  toDocument(to, file, anchor) {
    let chinesePage = file.endsWith(chinese)
    if (this.language === 'zh' && to !== this.document && !(to.translated && anchor)) chinesePage = true
    if (!to.translated && this.language === 'zh') chinesePage = true
    return `/${chinesePage ? 'zh/' : ''}${to.page}.md${anchor ? `#${anchor}` : ''}`
  }
}
