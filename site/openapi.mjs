// The reference of the HTTP API as pages of the site, made of api/openapi.json.
import {tags, words} from './openapi-words.mjs'

// parseDescription is the description with its texts translated, where texts are there: an object by the English text (api/openapi.zh-CN.json). It
// throws where one is missing.
export function parseDescription(json, texts) {
  return JSON.parse(json, (key, value) =>
    texts && (key === 'summary' || key === 'description') && typeof value === 'string' ? translated(texts, value) : value)
}

// openAPIPage is the page of a description in the same language, as Markdown.
export function openAPIPage(description, language) {
  return new Page(description, language).render()
}

// cell is text within a table, or within a line.
const cell = text => String(text).split(/(`[^`]*`)/).map((part, i) => i % 2 ? part :
  part.replace(/[&<>]/g, each => ({'&': '&amp;', '<': '&lt;', '>': '&gt;'})[each]).replace(/[*_[\]]/g, '\\$&').replaceAll('{{', '{&#123;')).join('').replaceAll('|', '\\|').replaceAll('\n', ' ')

const code = text => '`' + String(text).replaceAll('|', '\\|') + '`'

class Page {
  constructor(description, language) {
    Object.assign(this, {description, words: words[language], chinese: language === 'zh'})
  }

  render() {
    const {info, paths, components} = this.description
    const lines = [`# ${this.words.title}`, '', this.words.introduction, '']
    lines.push(cell(info.description), '', cell(components.securitySchemes.apiKey.description), '')
    for (const tag of this.description.tags) {
      lines.push(`## ${this.chinese ? translated(tags, tag.name) : tag.name[0].toUpperCase() + tag.name.slice(1)}`, '',
        cell(tag.description), '')
      for (const [path, methods] of Object.entries(paths)) {
        for (const [method, operation] of Object.entries(methods)) {
          if (operation.tags?.[0] === tag.name) lines.push(...this.operation(method, path, operation))
        }
      }
    }
    lines.push(`## ${this.words.schemas}`, '')
    for (const [name, schema] of Object.entries(components.schemas)) lines.push(`### ${name}`, '', ...this.schema(schema))
    return lines.join('\n').replace(/\n{3,}/g, '\n\n') + '\n'
  }

  // resolve follows a reference. What stands beside it counts more.
  resolve(value) {
    if (!value?.$ref) return value
    const {$ref, ...beside} = value
    const target = $ref.replace(/^#\//, '').split('/').reduce((at, name) => at[name], this.description)
    if (target === undefined) throw new Error(`api/openapi.json refers to ${$ref}, which is not there`)
    return {...this.resolve(target), ...beside}
  }

  operation(method, path, operation) {
    const lines = [`### ${method.toUpperCase()} ${path.replace(/[{}]/g, '\\$&')}`, '',
      `**${cell(operation.summary)}**`, '']
    if (operation.description) lines.push(cell(operation.description), '')
    const scopes = operation.security?.flatMap(each => each.apiKey ?? []) ?? []
    if (scopes.length) lines.push(`${this.words.scope}${scopes.map(code).join(this.words.listed)}`, '')
    else if (operation.security?.length === 0) lines.push(this.words.noKey, '')
    const parameters = (operation.parameters ?? []).map(each => this.resolve(each))
    if (parameters.length) {
      lines.push(`**${this.words.parameters}**`, '', `| ${this.words.parameterHeads.join(' | ')} |`, '|---|---|---|---|')
      for (const {name, in: place, schema, required, description = ''} of parameters) {
        lines.push(`| ${code(name)}${required ? this.words.required : ''} | ${place} | ${this.type(schema)} | ${cell(description)} |`)
      }
      lines.push('')
    }
    if (operation.requestBody) lines.push(`**${this.words.body}**`, '', ...this.content(this.resolve(operation.requestBody).content))
    lines.push(`**${this.words.responses}**`, '', `| ${this.words.responseHeads.join(' | ')} |`, '|---|---|---|')
    const responses = Object.entries(operation.responses).map(([status, response]) => [status, this.resolve(response)])
    for (const [status, {description = '', content = {}}] of responses) {
      const types = Object.entries(content).map(([type, {schema}]) => `${code(type)}${this.words.colon}${this.type(schema)}`)
      lines.push(`| ${status} | ${cell(description)} | ${types.join('<br>')} |`)
    }
    lines.push('')
    for (const [status, {content = {}}] of responses.filter(([status]) => status < 300)) {
      lines.push(...this.examples(content, `${this.words.example} ${status}`))
    }
    return lines
  }

  content(content) {
    const types = Object.entries(content).map(([type, {schema}]) => `- ${code(type)}${this.words.colon}${this.type(schema)}`)
    return [...types, '', ...this.examples(content, this.words.example)]
  }

  // examples are those of all media types, one behind the other.
  examples(content, title) {
    return Object.entries(content).flatMap(([type, {example, examples}]) => {
      const all = example === undefined ? Object.values(examples ?? {}) : [{value: example}]
      return all.flatMap(({summary, value}) => {
        const [language, text] = typeof value === 'string' ? ['text', value] : ['json', JSON.stringify(value, null, 2)]
        const fence = /json$/.test(type) ? 'json' : language
        return [`${title}${summary ? this.words.colon + cell(summary) : ''}`, '', '```' + fence, text.trimEnd(), '```', '']
      })
    })
  }

  schema(schema) {
    const lines = []
    if (schema.description) lines.push(cell(schema.description), '')
    if (!schema.properties) return [...lines, `${this.words.type}${this.type(schema)}`, '', ...this.schemaExamples(schema)]
    lines.push(`| ${this.words.fieldHeads.join(' | ')} |`, '|---|---|---|')
    for (const [name, property] of Object.entries(schema.properties)) {
      const described = property.$ref && !property.description ? this.resolve(property).description : property.description
      lines.push(`| ${code(name)}${schema.required?.includes(name) ? this.words.required : ''} | ${this.type(property)} | ${cell(described ?? '')} |`)
    }
    return [...lines, '', ...this.schemaExamples(schema)]
  }

  schemaExamples(schema) {
    return (schema.examples ?? []).flatMap(each => ['```json', JSON.stringify(each, null, 2), '```', ''])
  }

  // type is a schema on one line: its type or the schemas of this page that it is made of, and what bounds it.
  type(schema) {
    if (!schema) return ''
    if (schema.$ref) {
      const name = schema.$ref.split('/').at(-1)
      return schema.$ref.startsWith('#/components/schemas/') ? `[${name}](#${name.toLowerCase()})` : this.type(this.resolve(schema))
    }
    if (schema.oneOf) return schema.oneOf.map(each => this.type(each)).join(this.words.or)
    if (schema.const !== undefined) return code(JSON.stringify(schema.const))
    if (schema.enum) return schema.enum.map(each => code(JSON.stringify(each))).join(this.words.listed)
    let text = [schema.type ?? this.words.any].flat().join(this.words.or)
    if (schema.type === 'array') text = this.words.arrayOf(this.type(schema.items))
    if (typeof schema.additionalProperties === 'object') text = this.words.objectOf(this.type(schema.additionalProperties))
    const bounds = ['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'default', 'pattern']
      .filter(name => schema[name] !== undefined).map(name => `${name} ${code(schema[name])}`)
    return bounds.length ? text + this.words.bounded(bounds.join(this.words.listed)) : text
  }
}

function translated(table, name) {
  if (!table[name]) throw new Error(`api/openapi.json has ${name}, and there are no words in Chinese for it`)
  return table[name]
}
