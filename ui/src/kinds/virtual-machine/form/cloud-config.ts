/**
 * Cloud-config texts: what the form's check marks put into them and take out. Pure.
 *
 * The text is the truth: whether the guest agent is installed and which keys are let in is read from it, and changing
 * either edits it in place, comments and all, so that what people see is what the machine gets.
 */
import { isMap, isSeq, parseDocument, type Document, type YAMLSeq } from 'yaml'

const HEADER = '#cloud-config'
const AGENT = 'qemu-guest-agent'
const AGENT_COMMAND = ['systemctl', 'enable', '--now', `${AGENT}.service`]

export const DEFAULT_USER_DATA = `${HEADER}
package_update: true
packages:
  - ${AGENT}
runcmd:
  - - systemctl
    - enable
    - --now
    - ${AGENT}.service
`

/** Other beginnings that cloud-init takes: scripts, includes, archives, templates. */
const OTHER_FORMATS = /^(#!|#include|#cloud-boothook|#part-handler|#cloud-config-archive|## template:|Content-Type:|MIME-Version:)/i

/** Whether the form may edit the text: it is a cloud-config, or nothing yet. */
export function isCloudConfig(text: string): boolean {
  return text.trim() === '' || (text.trimStart().startsWith(HEADER) && !/^\s*#cloud-config-archive/.test(text) && parse(text) !== null)
}

export type UserDataProblem = { kind: 'header' } | { kind: 'yaml'; message: string; line: number }

/** What cloud-init would stumble over. */
export function userDataProblem(text: string): UserDataProblem | null {
  if (text.trim() === '' || OTHER_FORMATS.test(text.trimStart())) return null
  if (!text.trimStart().startsWith(HEADER)) return { kind: 'header' }
  return yamlProblem(text)
}

export function yamlProblem(text: string): UserDataProblem | null {
  const [error] = parseDocument(text).errors
  return error ? { kind: 'yaml', message: error.message.split('\n')[0] ?? '', line: error.linePos?.[0].line ?? 1 } : null
}

function parse(text: string): Document | null {
  const document = parseDocument(text)
  if (document.errors.length > 0) return null
  return document.contents === null || isMap(document.contents) ? document : null
}

function stringsAt(document: Document, key: string): string[] {
  const list = document.get(key)
  return isSeq(list) ? list.items.flatMap((item) => (typeof (item as { value?: unknown }).value === 'string' ? [(item as { value: string }).value] : [])) : []
}

export function hasAgent(text: string): boolean {
  const document = parse(text)
  return document !== null && stringsAt(document, 'packages').includes(AGENT)
}

export function withAgent(text: string, wanted: boolean): string {
  return edit(text, (document) => {
    if (!wanted) {
      removeItems(document, 'packages', (value) => value === AGENT)
      removeItems(document, 'runcmd', isAgentCommand)
      return
    }
    if (!document.has('package_update')) document.set('package_update', true)
    addItem(document, 'packages', AGENT)
    const commands = listOf(document, 'runcmd')
    if (!commands.items.some((item) => isAgentCommand(document.createNode(item).toJSON()))) commands.add(document.createNode(AGENT_COMMAND))
  })
}

const isAgentCommand = (value: unknown): boolean =>
  (Array.isArray(value) ? value.join(' ') : String(value)).includes(AGENT) && (Array.isArray(value) ? value.join(' ') : String(value)).includes('systemctl')

export function keysIn(text: string): string[] {
  const document = parse(text)
  return document ? stringsAt(document, 'ssh_authorized_keys') : []
}

/** Lets keys in and others no longer; those typed by hand stay. */
export function withKeys(text: string, add: readonly string[], remove: readonly string[]): string {
  const gone = new Set(remove.filter((key) => !add.includes(key)).map(comparable))
  return edit(text, (document) => {
    removeItems(document, 'ssh_authorized_keys', (value) => typeof value === 'string' && gone.has(comparable(value)))
    const present = new Set(stringsAt(document, 'ssh_authorized_keys').map(comparable))
    for (const key of add) if (!present.has(comparable(key))) addItem(document, 'ssh_authorized_keys', key.trim())
  })
}

/** The key itself; its comment does not matter. */
const comparable = (key: string): string => key.trim().split(/\s+/, 2).join(' ')

function edit(text: string, change: (document: Document) => void): string {
  const document = isCloudConfig(text) ? parse(text.trim() === '' ? `${HEADER}\n` : text) : null
  if (!document) return text
  const before = document.toString({ lineWidth: 0 })
  change(document)
  const after = document.toString({ lineWidth: 0 })
  // Untouched texts keep their own layout.
  if (after === before) return text
  return withHeader(after)
}

/** A document without content keeps its comment; one that gets its first content may lose the header's place. */
function withHeader(text: string): string {
  const rest = text
    .split('\n')
    .filter((line) => line.trim() !== HEADER && line !== 'null')
    .join('\n')
    .replace(/^\n+/, '')
  return `${HEADER}\n${rest}`
}

function listOf(document: Document, key: string): YAMLSeq {
  const present = document.get(key)
  if (isSeq(present)) return present
  const list = document.createNode([])
  list.flow = false
  document.set(key, list)
  return list
}

function addItem(document: Document, key: string, value: string): void {
  const list = listOf(document, key)
  if (!stringsAt(document, key).includes(value)) list.add(document.createNode(value))
}

function removeItems(document: Document, key: string, isGone: (value: unknown) => boolean): void {
  const list = document.get(key)
  if (!isSeq(list)) return
  list.items = list.items.filter((item) => !isGone(document.createNode(item).toJSON()))
  if (list.items.length === 0) document.delete(key)
}
