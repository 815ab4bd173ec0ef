/** Single values inside of a chart's YAML: read and changed without losing comments or what we do not know. Pure. */
import { Document, isMap, parseDocument } from 'yaml'

import type { ValueField } from './addon-model'

/** The text of a value; booleans as they are. `undefined` when the whole is no YAML. */
export function readValue(yaml: string, { path, kind }: Pick<ValueField, 'path' | 'kind'>): string | boolean | undefined {
  const document = parse(yaml)
  if (!document) return undefined
  const value: unknown = document.getIn(path)
  if (kind === 'boolean') return value === true
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

/** The YAML with the value changed; an empty text takes it away. */
export function writeValue(yaml: string, { path, kind }: Pick<ValueField, 'path' | 'kind'>, value: string | boolean): string {
  const document = parse(yaml)
  if (!document) return yaml
  if (kind !== 'boolean' && value === '') {
    if (!document.hasIn(path)) return yaml
    document.deleteIn(path)
  } else {
    ensureMaps(document, path)
    document.setIn(path, value)
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: false })
}

/** A value where a map has to be gives way to one. */
function ensureMaps(document: Document, path: readonly string[]): void {
  if (!isMap(document.contents)) document.contents = document.createNode({}) as never
  for (let depth = 1; depth < path.length; depth++) {
    const part = path.slice(0, depth)
    if (document.hasIn(part) && !isMap(document.getIn(part))) document.setIn(part, document.createNode({}))
  }
}

function parse(yaml: string): Document | undefined {
  const document = parseDocument(yaml)
  const isUsable = document.errors.length === 0 && (document.contents === null || isMap(document.contents))
  return isUsable ? (document as unknown as Document) : undefined
}

/** Why the text is not a chart's values, or nothing. */
export function yamlProblem(yaml: string): string | null {
  const document = parseDocument(yaml, { prettyErrors: false })
  const [error] = document.errors
  if (error) return error.message
  return document.contents === null || isMap(document.contents) ? null : ''
}
