/**
 * Fails when a template holds text of its own: everything a person reads stands in messages.ts files, in three languages.
 *
 * Looks at text between tags and at the attributes that are read out or shown. Names that are the same everywhere
 * (the product's, units of keyboards) are listed below.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'

import { parse } from '@vue/compiler-sfc'

const ALLOWED = new Set(['Grange', 'CPU', 'YAML'])
const READ_ATTRIBUTES = new Set(['aria-label', 'title', 'placeholder', 'alt', 'label', 'legend', 'description'])
const LETTERS = /\p{L}{2,}/u
const ELEMENT = 1
const TEXT = 2
const ATTRIBUTE = 6

const source = new URL('../src', import.meta.url).pathname
const findings = []

function* components(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* components(path)
    else if (entry.name.endsWith('.vue')) yield path
  }
}

function look(node, file) {
  const report = (text) => {
    const words = text.trim()
    if (LETTERS.test(words) && !ALLOWED.has(words)) findings.push(`${relative(process.cwd(), file)}:${node.loc.start.line}: ${words}`)
  }
  if (node.type === TEXT) report(node.content)
  if (node.type !== ELEMENT) return
  for (const prop of node.props) {
    if (prop.type === ATTRIBUTE && READ_ATTRIBUTES.has(prop.name) && prop.value) report(prop.value.content)
    // A style attribute would need 'unsafe-inline'.
    if (prop.type === ATTRIBUTE && prop.name === 'style') findings.push(`${relative(process.cwd(), file)}:${node.loc.start.line}: style attribute`)
  }
  for (const child of node.children) look(child, file)
}

for (const file of components(source)) {
  const { descriptor } = parse(readFileSync(file, 'utf8'), { filename: file })
  for (const node of descriptor.template?.ast?.children ?? []) look(node, file)
}
for (const finding of findings) console.error(finding)
if (findings.length > 0) process.exit(1)
