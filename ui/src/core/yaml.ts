/** YAML in and out, where a field stands in it, and three-way merges. Pure; loaded with the pages that need it. */
import { Document, isMap, isSeq, parseDocument, visit, type Node } from 'yaml'

import type { KubeObject } from './kubernetes'
import { isRecord, isSame } from './same'

/** What comes first in an object. */
const FIRST_KEYS = ['apiVersion', 'kind', 'metadata', 'spec', 'data', 'status']

/** An object as people expect to read it: type, metadata, spec, the rest, status last. */
export function toYaml(object: unknown): string {
  const document = new Document(ordered(object))
  visit(document, {
    // Long scripts (cloud-init) as blocks, not as one line with \n in it.
    Scalar: (_, node) => {
      if (typeof node.value === 'string' && node.value.includes('\n')) node.type = 'BLOCK_LITERAL'
    },
  })
  return document.toString({ lineWidth: 0 })
}

/** What people look for first. */
const FIRST_METADATA = ['name', 'namespace', 'generateName', 'labels', 'annotations']

function orderedMetadata(metadata: unknown): unknown {
  if (!isRecord(metadata)) return metadata
  const first = FIRST_METADATA.filter((key) => key in metadata)
  const rest = Object.keys(metadata).filter((key) => !first.includes(key))
  return Object.fromEntries([...first, ...rest].map((key) => [key, metadata[key]]))
}

function ordered(object: unknown): unknown {
  if (!isRecord(object)) return object
  const { status, ...rest } = object
  const first = FIRST_KEYS.filter((key) => key in rest)
  const keys = [...first, ...Object.keys(rest).filter((key) => !first.includes(key))]
  const result = Object.fromEntries(keys.map((key) => [key, key === 'metadata' ? orderedMetadata(rest[key]) : rest[key]]))
  if (status !== undefined) result['status'] = status
  return result
}

/** Without what only the server writes. */
export function editable<T extends KubeObject>(object: T): T {
  const copy = structuredClone(object)
  delete (copy.metadata as { managedFields?: unknown }).managedFields
  return copy
}

export interface Problem {
  from: number
  to: number
  message: string
}

export interface Parsed {
  value: unknown
  problems: Problem[]
  /** Where a field stands; the nearest one above it when it is not there. */
  rangeOf(field: string): { from: number; to: number }
}

export function parseYaml(text: string): Parsed {
  const document = parseDocument(text, { prettyErrors: false })
  const problems = document.errors.map(({ message, pos: [from, to] }) => ({ from, to: Math.max(to, from + 1), message }))
  return {
    value: problems.length === 0 ? document.toJS({ maxAliasCount: 100 }) : undefined,
    problems,
    rangeOf: (field) => rangeOf(document.contents, fieldPath(field)),
  }
}

/** `spec.disks[0].name`, `metadata.annotations[a.b/c]` → steps. */
export function fieldPath(field: string): (string | number)[] {
  const path: (string | number)[] = []
  for (const [, name, index] of field.matchAll(/([^.[\]]+)|\[([^\]]*)\]/g)) {
    if (name !== undefined) path.push(name)
    else if (index !== undefined) path.push(/^\d+$/.test(index) ? Number(index) : index)
  }
  return path
}

function rangeOf(root: unknown, path: (string | number)[]): { from: number; to: number } {
  let node = root
  let range: Node['range'] = (root as Node | null)?.range
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(key) === String(step))
      if (!pair) break
      range = (pair.key as Node).range ?? range
      node = pair.value
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step]
      range = (node as Node | undefined)?.range ?? range
    } else break
  }
  return { from: range?.[0] ?? 0, to: range?.[1] ?? 0 }
}

export interface MergeConflict {
  path: (string | number)[]
  base: unknown
  mine: unknown
  theirs: unknown
}

/**
 * What both sides changed since `base`: what only one side changed is taken from it, what both changed differently is a
 * conflict and stays `mine` until somebody decides. Lists of named things are merged by name, other lists as a whole.
 */
export function merge3(base: unknown, mine: unknown, theirs: unknown): { merged: unknown; conflicts: MergeConflict[] } {
  const conflicts: MergeConflict[] = []
  return { merged: mergeValue(base, mine, theirs, [], conflicts), conflicts }
}

function mergeValue(base: unknown, mine: unknown, theirs: unknown, path: (string | number)[], conflicts: MergeConflict[]): unknown {
  if (isSame(mine, theirs) || isSame(base, theirs)) return mine
  if (isSame(base, mine)) return theirs
  if (isRecord(mine) && isRecord(theirs)) return mergeRecords(isRecord(base) ? base : {}, mine, theirs, path, conflicts)
  const lists = [mine, theirs].map(byName)
  if (lists[0] && lists[1]) {
    const merged = mergeRecords(byName(base) ?? {}, lists[0], lists[1], path, conflicts)
    return Object.values(merged)
  }
  conflicts.push({ path, base, mine, theirs })
  return mine
}

function mergeRecords(
  base: Record<string, unknown>,
  mine: Record<string, unknown>,
  theirs: Record<string, unknown>,
  path: (string | number)[],
  conflicts: MergeConflict[],
): Record<string, unknown> {
  const merged: Record<string, unknown> = {}
  for (const key of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
    const value = mergeValue(base[key], mine[key], theirs[key], [...path, key], conflicts)
    if (value !== undefined) merged[key] = value
  }
  return merged
}

function byName(value: unknown): Record<string, unknown> | undefined {
  if (!Array.isArray(value)) return undefined
  const entries = value.map((item): [unknown, unknown] => [isRecord(item) ? item['name'] : undefined, item])
  const names = entries.map(([name]) => name)
  const isNamed = names.every((name) => typeof name === 'string') && new Set(names).size === names.length
  return isNamed ? Object.fromEntries(entries as [string, unknown][]) : undefined
}
