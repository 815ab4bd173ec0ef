/**
 * The types of the management API's own kinds, written from their definitions in crds/: `node scripts/types.mjs`. With
 * `--check`, as `npm run check` calls it, nothing is written, and what is not up to date fails.
 *
 * Kinds of imported clusters are not among them: clusters differ, so the console takes nothing of those for granted and
 * says in each kind's own file what it looks at.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const definitions = fileURLToPath(new URL('../../crds', import.meta.url))
const target = fileURLToPath(new URL('../src/api', import.meta.url))
const HEAD = '// Written by scripts/types.mjs from crds/; `npm run types` writes it anew.\n'
const PLAIN = /^[A-Za-z_$][\w$]*$/

const indented = (text) => text.replaceAll(/^(?=.)/gm, '  ')
const comment = (text) => (text ? `/** ${text.trim().replaceAll(/\s+/g, ' ').replaceAll('*/', '*\\/')} */\n` : '')

function typeOf(schema) {
  const type = bareTypeOf(schema)
  return schema.nullable && type !== 'unknown' ? `${type} | null` : type
}

function bareTypeOf(schema) {
  if (schema['x-kubernetes-int-or-string']) return 'number | string'
  if (schema.enum) return schema.enum.filter((value) => value !== null).map((value) => JSON.stringify(value)).join(' | ')
  switch (schema.type) {
    case 'string':
      return 'string'
    case 'boolean':
      return 'boolean'
    case 'integer':
    case 'number':
      return 'number'
    case 'array': {
      const item = typeOf(schema.items ?? {})
      return /[ |{]/.test(item) ? `(${item})[]` : `${item}[]`
    }
    case 'object':
      if (schema.properties) return fields(schema)
      return `Record<string, ${schema.additionalProperties ? typeOf(schema.additionalProperties) : 'unknown'}>`
    default:
      return 'unknown'
  }
}

function fields({ properties, required = [] }) {
  const lines = Object.entries(properties).map(([name, schema]) => {
    const key = PLAIN.test(name) ? name : JSON.stringify(name)
    return `${comment(schema.description)}${key}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}\n`
  })
  return `{\n${indented(lines.join(''))}}`
}

/** A kind: its address, and what its objects hold beside metadata. */
function kind({ spec: { group, names, versions } }) {
  const { name, schema } = versions.find(({ storage }) => storage)
  const { description, properties } = schema.openAPIV3Schema
  const own = Object.fromEntries(Object.entries(properties).filter(([field]) => !['apiVersion', 'kind', 'metadata'].includes(field)))
  const constant = names.kind.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()
  const address = `{ group: '${group}', version: '${name}', resource: '${names.plural}' }`
  return `${comment(description)}export interface ${names.kind} extends KubeObject ${fields({ properties: own, required: schema.openAPIV3Schema.required })}\n\nexport const ${constant}: Gvr = ${address}\n`
}

const files = new Map()
for (const file of readdirSync(definitions).toSorted()) {
  const definition = parse(readFileSync(`${definitions}/${file}`, 'utf8'))
  const path = `${target}/${definition.spec.group}.ts`
  const before = files.get(path) ?? `${HEAD}import type { Gvr, KubeObject } from '@/core/kubernetes'\n`
  files.set(path, `${before}\n${kind(definition)}`)
}

if (process.argv.includes('--check')) {
  const stale = [...files].filter(([path, text]) => !existsSync(path) || readFileSync(path, 'utf8') !== text).map(([path]) => path)
  const unknown = existsSync(target) ? readdirSync(target).map((file) => `${target}/${file}`).filter((path) => !files.has(path)) : []
  if (stale.length + unknown.length > 0) {
    console.error(`not what crds/ says; npm run types mends it:\n${[...stale, ...unknown].join('\n')}`)
    process.exit(1)
  }
} else {
  mkdirSync(target, { recursive: true })
  for (const [path, text] of files) writeFileSync(path, text)
}
