// What Chinese text needs that text with spaces between its words does not.

// tokenize makes the terms of the search: of Chinese, each two neighbouring characters. VitePress sends it to the browser as text, so it uses nothing
// from outside.
export function tokenize(text) {
  return text.split(/[\n\r\p{Z}\p{P}]+/u).flatMap(word => word.split(/(\p{Script=Han}+)/u)).flatMap(word => {
    if (!/^\p{Script=Han}{2,}$/u.test(word)) return word ? [word] : []
    const characters = [...word]
    return characters.slice(1).map((character, i) => characters[i] + character)
  })
}

const wide = '[\\p{Script=Han}\\u3001-\\u301f\\uff01-\\uff5e]'
const wideEnd = new RegExp(`${wide}$`, 'u')
const wideStart = new RegExp(`^${wide}`, 'u')
const punctuationEnd = /[\u3001-\u301f\uff01-\uff5e]$/u

// joinLines is a plugin of markdown-it: where a line of a document ends within Chinese text, browsers would show a space.
export function joinLines(md) {
  md.core.ruler.push('join_lines', state => {
    for (const {children} of state.tokens) {
      children?.forEach((token, i) => {
        if (token.type !== 'softbreak') return
        const before = children[i - 1]?.content ?? '', after = children[i + 1]?.content ?? ''
        if (!punctuationEnd.test(before) && !(wideEnd.test(before) && wideStart.test(after))) return
        token.type = 'text'
        token.content = ''
      })
    }
  })
}
