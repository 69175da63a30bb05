// Pages of the files that documents link to, such as tests: the site leads to nothing that is not on it.
import fs from 'node:fs'
import path from 'node:path'

const escape = text => text.replace(/[&<>"]/g, each => ({'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'})[each])

// sourcePage is the page of a file or directory. With add, the files of a directory get pages as well.
export function sourcePage(root, file, add) {
  const absolute = path.join(root, file)
  let content
  if (fs.statSync(absolute).isDirectory()) {
    const files = fs.readdirSync(absolute, {withFileTypes: true})
      .filter(each => each.isFile() && !each.name.startsWith('.')).map(each => each.name).sort()
    files.forEach(each => add(`${file}/${each}`))
    const base = path.posix.basename(file)
    content = `<ul>\n${files.map(each => `<li><a href="${escape(`${base}/${each}.html`)}">${escape(each)}</a></li>`).join('\n')}\n</ul>`
  } else {
    content = `<pre>${escape(fs.readFileSync(absolute, 'utf8'))}</pre>`
  }
  return `<!doctype html>
<html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>${escape(file)}</title>
<style>:root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif } h1 { font-size: 18px; overflow-wrap: anywhere } pre { tab-size: 4; overflow: auto }</style>
<h1>${escape(file)}</h1>
${content}
</html>
`
}
